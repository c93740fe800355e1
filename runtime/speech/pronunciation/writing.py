"""A script in plain Unicode, with the way back from every character to where it was written."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_PLAIN = str.maketrans(
    {
        "’": "'", "‘": "'", "ʼ": "'", "´": "'", "`": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
        "‐": "-", "‑": "-", "−": "-", "⁄": "/", "\u00a0": " ", "\u202f": " ", "\u2009": " ",
    }
)  # fmt: skip
# Zero-width marks, soft hyphens, direction marks and variation selectors have no sound.
_UNHEARD = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]")
# What belongs to the character before it: accents, the parts of a Korean syllable, half-width voicing marks.
_JOINED = re.compile("[\u1160-\u11ff\uff9e\uff9f\u3099\u309a]")


@dataclass(frozen=True)
class Writing:
    """`text[i]` stands for `script[starts[i]:ends[i]]`."""

    text: str
    starts: list[int]
    ends: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the non-empty `text[start:end]` is in the script."""
        return self.starts[start], self.ends[end - 1]


def plain(script: str) -> Writing:
    """Compatibility forms (full-width digits, ligatures, split accents) become the usual characters."""
    if script.isascii():
        places = list(range(len(script) + 1))
        return Writing(script.translate(_PLAIN), places[:-1], places[1:])
    letters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    place = 0
    while place < len(script):
        end = place + 1
        while end < len(script) and (unicodedata.combining(script[end]) or _JOINED.match(script[end])):
            end += 1
        usual = unicodedata.normalize("NFKC", script[place:end].translate(_PLAIN)).translate(_PLAIN)
        if usual[1:2] == "/" and letters and letters[-1].isdigit():
            usual = f" {usual}"  # two and a half, not twenty-one halves
        for letter in usual:
            if not _UNHEARD.match(letter):
                letters.append(letter)
                starts.append(place)
                ends.append(end)
        place = end
    return Writing("".join(letters), starts, ends)
