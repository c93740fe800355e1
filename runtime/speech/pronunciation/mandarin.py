"""Mandarin: pinyin of the phrase dictionary, other readings of characters that have several."""

from __future__ import annotations

import itertools
from functools import cache, lru_cache

from runtime.speech.pronunciation.han import HanLanguage
from runtime.speech.pronunciation.language import Phones, Spoken, distinct, phrase

# Pinyin's b, d, g are unvoiced, yet often heard as voiced.
_INITIALS = {
    "b": "b|p", "p": "p", "m": "m", "f": "f", "d": "d|t", "t": "t", "n": "n", "l": "l", "g": "g|k", "k": "k",
    "h": "x", "zh": "t sh", "ch": "t sh", "sh": "sh", "r": "r", "z": "t s", "c": "t s", "s": "s", "j": "t sj",
    "q": "t sj", "x": "sj", "": "",
}  # fmt: skip
_FINALS = {
    "a": "a", "o": "o|ou", "e": "ah|ou|ax", "ê": "eh", "i": "i|j i", "u": "u|w u", "v": "y", "ai": "a ih|a i",
    "ei": "e ih|e i", "ao": "a uh|a u", "ou": "ou uh|ou u", "an": "a n", "en": "ax n", "ang": "a ng",
    "eng": "ah ng|ax ng", "ong": "u ng|ou ng|uh ng", "er": "a er|er", "ia": "i a|j a", "ie": "i eh|j eh",
    "iao": "i a uh|j a u", "iou": "i ou|i ou u|j ou uh", "ian": "i eh n|j eh n", "in": "i n|j i n",
    "iang": "i a ng|j a ng", "ing": "i ng|i ax ng", "iong": "i u ng|y u ng|j u ng", "ua": "w a|u a",
    "uo": "w o|u ou", "uai": "w a ih|u a i", "uei": "w e ih|w e i|u e i", "uan": "w a n|u a n",
    "uen": "w ax n|u ax n", "uang": "w a ng|u a ng", "ueng": "w ah ng|w ax ng", "ve": "y eh",
    "van": "y eh n|y ae n|y a n", "vn": "y n", "io": "j o", "m": "m", "n": "n", "ng": "ng",
}  # fmt: skip
_LIKELY = 3  # readings of a character; the dictionary lists rare ones behind them
_APICAL = {"zh", "ch", "sh", "r", "z", "c", "s"}


class Mandarin(HanLanguage):
    """The rules of Mandarin."""

    code = "zh"

    def speak(self, run: str, stop: bool = False, following: str = "") -> list[Spoken]:
        """The dictionary's phrases, and single characters between them; see `Language.speak`."""
        from pypinyin.seg.mmseg import seg

        spoken, start = [], 0
        for piece in seg.cut(run):
            spoken.append(Spoken(start, start + len(piece), _piece(piece)))
            start += len(piece)
        return spoken


@lru_cache(maxsize=50_000)
def _piece(piece: str) -> tuple[Phones, ...]:
    """A phrase as the dictionary has it; a single character with all its readings."""
    from pypinyin import Style, pinyin

    syllables = pinyin(piece, style=Style.NORMAL, heteronym=True, errors="ignore", v_to_u=False)
    return phrase([_character(readings) for readings in syllables])


def _character(readings: list[str]) -> tuple[Phones, ...]:
    """Its first reading and the others, each as it is usually said; then the first one's further variants."""
    syllables = [variants for reading in readings[:_LIKELY] if (variants := syllable(reading))]
    usual = [variants[0] for variants in syllables]
    return distinct([*usual, *(phones for variants in syllables for phones in variants[1:])])


@cache
def syllable(pinyin: str) -> list[Phones]:
    """A toneless syllable in our phones, with variants; empty for what is no syllable."""
    from pypinyin.contrib.tone_convert import to_finals, to_initials

    initial = to_initials(pinyin, strict=True)
    final = to_finals(pinyin, strict=True).replace("ü", "v")
    if initial in _APICAL and final in {"i", "-i"}:
        finals = ["iz"]
    else:
        finals = _FINALS.get(final, "").split("|")
    heads = _INITIALS[initial].split("|")
    pairs = dict.fromkeys([(heads[0], finals[0]), *itertools.product(heads, finals)])
    return [(*head.split(), *tail.split()) for head, tail in pairs if tail]


def language() -> Mandarin:
    """The rules of Mandarin."""
    return Mandarin()
