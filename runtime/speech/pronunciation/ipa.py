"""The International Phonetic Alphabet in our phones."""

from __future__ import annotations

import re

# IPA as espeak-ng and the Montreal aligner write it; longer symbols first.
_IPA: list[tuple[str, str]] = [
    ("ts.h", "t sh"),
    ("ts.", "t sh"),
    ("tɕh", "t sj"),
    ("tɕ", "t sj"),
    ("dʑ", "d sj"),
    ("tsh", "t s"),
    ("s.", "sh"),
    ("i.", "iz"),
    ("i̪", "iz"),
    ("tʃ", "t sh"),
    ("dʒ", "d zh"),
    ("tʂ", "t sh"),
    ("dʐ", "d zh"),
    ("dz", "d z"),
    ("ts", "t s"),
    ("pf", "p f"),
    ("onɡ", "ou ng"),
    ("əl", "ax l"),
    ("χ", "x"),
    ("ç", "h"),
    ("ɕ", "sj"),
    ("ʑ", "sj"),
    ("ʂ", "sh"),
    ("ʐ", "r"),
    ("ɹ", "r"),
    ("ɻ", "r"),
    ("ɾ", "rr"),
    ("ɽ", "rr"),
    ("r", "rr"),
    ("ʁ", "x"),
    ("ʀ", "x"),
    ("β", "bh"),
    ("ɣ", "g"),
    ("ɡ", "g"),
    ("c", "k"),
    ("ɟ", "g"),
    ("q", "k"),
    ("ŋ", "ng"),
    ("ɲ", "n"),
    ("ɴ", "ng"),
    ("ɱ", "m"),
    ("ʎ", "l"),
    ("ɫ", "l"),
    ("ɬ", "l"),
    ("ɭ", "l"),
    ("ʝ", "j"),
    ("θ", "th"),
    ("ð", "dh"),
    ("ʃ", "sh"),
    ("ʒ", "zh"),
    ("ʍ", "w"),
    ("ɥ", "y"),
    ("ɰ", "w"),
    ("ʋ", "v"),
    ("ɸ", "h"),
    ("ʔ", "h"),
    ("ɦ", "h"),
    ("ħ", "h"),
    ("ʈ", "t"),
    ("ɖ", "d"),
    ("ɳ", "n"),
    ("ɪ", "ih"),
    ("ᵻ", "ih"),
    ("ɨ", "ih"),
    ("ɯ", "ih"),
    ("i", "i"),
    ("ɛ", "eh"),
    ("e", "e"),
    ("æ", "ae"),
    ("ä", "a"),
    ("a", "a"),
    ("ɑ", "a"),
    ("ɐ", "ah"),
    ("ʌ", "ah"),
    ("ə", "ax"),
    ("ɘ", "ax"),
    ("ɵ", "uh"),
    ("ɤ", "ah"),
    ("ɚ", "er"),
    ("ɝ", "er"),
    ("ɜ", "er"),
    ("ɒ", "o"),
    ("ɔ", "o"),
    ("o", "ou"),
    ("ʊ", "uh"),
    ("u", "u"),
    ("ʉ", "u"),
    ("y", "y"),
    ("ʏ", "y"),
    ("ø", "oe"),
    ("œ", "oe"),
    *((letter, letter) for letter in "pbmfvtdnlkgxhszwj"),
]
_IPA_IGNORED = re.compile(r"[ːˑˈˌ:ˤˠʲ̩̯̃̊̚͡'0-9-]")


def from_ipa(symbol: str, language: str) -> list[str]:
    """Our phones for one IPA symbol or diphthong; silence for an empty one."""
    text = _IPA_IGNORED.sub("", symbol)
    if language.startswith("en") and text == "r":
        return ["r"]
    if len(text) > 1 and text.endswith(("h", "ʰ")) and text not in {"ts.h", "tɕh", "tsh"}:
        text = text[:-1]  # aspirated ph, th, kh
    if language == "de":
        text = text.replace("ɜ", "ɐ")
    phones: list[str] = []
    while text:
        for spelled, ours in _IPA:
            if text.startswith(spelled):
                phones += ours.split()
                text = text[len(spelled) :]
                break
        else:
            text = text[1:]
    return phones or ["sil"]
