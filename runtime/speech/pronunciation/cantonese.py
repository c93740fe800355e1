"""Cantonese: Jyutping of ToJyutping's dictionary, other readings as variants."""

from __future__ import annotations

import itertools
import re
from functools import cache

from runtime.speech.pronunciation.han import HanLanguage
from runtime.speech.pronunciation.language import Phones, Spoken, distinct

_INITIALS = {
    "b": "b|p", "p": "p", "m": "m", "f": "f", "d": "d|t", "t": "t", "n": "n|l", "l": "l", "g": "g|k", "k": "k",
    "ng": "ng|-", "h": "h", "gw": "g w|k w|g", "kw": "k w|k", "w": "w", "z": "t s|t sh|d z", "c": "t s|t sh",
    "s": "s|sh", "j": "j", "": "",
}  # fmt: skip
_NUCLEI = {
    "aai": "a ih|a i", "aau": "a uh|a u", "aa": "a", "ai": "ah ih|a i", "au": "ah uh|a u", "a": "ah|a",
    "eoi": "oe y|oe i|uh i", "eo": "oe|uh", "oe": "oe", "ei": "e ih|e i", "eu": "eh u", "e": "eh|e",
    "iu": "i u|i uh", "i": "i|ih", "oi": "o ih|ou i", "ou": "ou uh|ou u", "o": "o|ou", "ui": "u i|u ih",
    "u": "u|uh", "yu": "y",
}  # fmt: skip
_CODAS = {"m": "m", "n": "n", "ng": "ng", "p": "p", "t": "t", "k": "k", "": ""}
_SYLLABLE = re.compile(
    "(?P<initial>gw|kw|ng|[bpmfdtnlgkhwzcsj])?(?P<nucleus>aai|aau|aa|ai|au|a|eoi|eo|oe|ei|eu|e|iu|i|oi|ou|o|ui|yu|u)"
    "(?P<coda>ng|[mnptk])?"
)
_SYLLABIC = {"m": "m", "ng": "ng|m"}


class Cantonese(HanLanguage):
    """The rules of Cantonese."""

    code = "yue"

    def speak(self, run: str, stop: bool = False, following: str = "") -> list[Spoken]:
        """Every character is a word; see `Language.speak`."""
        import ToJyutping

        spoken: list[Spoken] = []
        place = 0
        for character, readings in ToJyutping.get_jyutping_candidates(run):
            usual = [variants for reading in readings[:3] if (variants := syllable(reading))]
            both = distinct([*(phones[0] for phones in usual), *itertools.chain(*usual)])
            spoken.append(Spoken(place, place + len(character), both))
            place += len(character)
        return spoken


@cache
def syllable(jyutping: str) -> list[Phones]:
    """A syllable in our phones, with variants; empty for what is no syllable."""
    plain = jyutping.rstrip("0123456")
    if plain in _SYLLABIC:
        return [(phone,) for phone in _SYLLABIC[plain].split("|")]
    found = _SYLLABLE.fullmatch(plain)
    if not found:
        return []
    heads = _INITIALS[found["initial"] or ""].split("|")
    nuclei = _NUCLEI[found["nucleus"]].split("|")
    return [
        tuple(f"{head} {nucleus} {_CODAS[found['coda'] or '']}".replace("-", "").split())
        for nucleus in nuclei
        for head in heads
    ]


def language() -> Cantonese:
    """The rules of Cantonese."""
    return Cantonese()
