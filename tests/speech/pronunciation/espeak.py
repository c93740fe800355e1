"""espeak-ng's phones of a text, as an independent opinion, and how far ours are from them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

from runtime.speech.pronunciation.ipa import from_ipa
from runtime.speech.script import ScriptWord

_TONAL = ("cmn", "yue")
# espeak-ng's names for Cantonese sounds that are not IPA.
_JYUTPING = {"eo": "ɵ", "oe": "œ", "yu": "y", "z": "ts", "c": "ts", "onɡ": "ʊŋ", "j": "j"}
_LANGUAGE_SWITCH = re.compile(r"\([a-z-]+\)")


def espeak_phones(script: str, voice: str) -> list[str]:
    """The phones that espeak-ng says for a text; its tones and stress are left out."""
    command = ["espeak-ng", "-q", "--ipa", "--sep=_", "-v", voice, script]
    spoken = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    phones: list[str] = []
    for symbol in re.split(r"[_\s-]+", _LANGUAGE_SWITCH.sub(" ", spoken)):
        symbol = symbol.strip("ˈˌː") if symbol not in {"ˈ", "ˌ"} else ""
        if voice.startswith(_TONAL):
            symbol = re.sub("[ɜ0-9-]", "", symbol)
        if voice.startswith("yue"):
            symbol = re.sub("eo|oe|yu|onɡ|z|c", lambda found: _JYUTPING[found[0]], symbol)
        if symbol:
            phones += [phone for phone in from_ipa(symbol, voice.split("-")[0]) if phone != "sil"]
    return phones


def distance(words: Sequence[ScriptWord], heard: Sequence[str], usual_only: bool = False) -> float:
    """Phones to insert, drop or replace, over the phones heard; of each word's variants the nearest counts."""
    costs = list(range(len(heard) + 1))
    for word in words:
        variants = word.pronunciations[:1] if usual_only else word.pronunciations
        costs = [
            min(column)
            for column in zip(*(_extended(costs, phones, heard) for phones in variants), strict=True)
        ]
    return costs[-1] / max(1, len(heard))


def _extended(costs: list[int], phones: Sequence[str], heard: Sequence[str]) -> list[int]:
    """The edit distances to every prefix of `heard`, `phones` further."""
    for phone in phones:
        row = [costs[0] + 1]
        for place, other in enumerate(heard, start=1):
            row.append(min(costs[place - 1] + (phone != other), costs[place] + 1, row[-1] + 1))
        costs = row
    return costs
