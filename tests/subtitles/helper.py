"""Words of a script with plausible times, as alignment would give them."""

from __future__ import annotations

import re
import unicodedata

import pytest

from runtime.contract import RuntimeProblem
from runtime.speech.script import TimedWord
from runtime.subtitles.fonts import FontShelf

_WORD = re.compile(r"[^\W_]+(?:['’.\-,][^\W_]+)*")


def timed(script: str, letter: float = 0.065, start: float = 0.3) -> list[TimedWord]:
    """Each word for `letter` seconds a letter (thrice that where letters are syllables), with pauses at punctuation."""
    words: list[TimedWord] = []
    clock, last = start, 0
    for found in _spans(script):
        between = script[last : found[0]]
        clock += (
            0.5 if re.search(r"[.!?。！？]", between) else 0.15 if re.search(r"[,，、;:]", between) else 0
        )
        text = script[found[0] : found[1]]
        length = sum(3 * letter if _is_syllable(sign) else letter for sign in text)
        words.append(TimedWord(text, clock, clock + length, *found, score=0.9))
        clock, last = clock + length, found[1]
    return words


def shelf_or_skip(text: str) -> FontShelf:
    try:
        return FontShelf(text)
    except RuntimeProblem as problem:
        pytest.skip(f"{problem.sentence} {problem.hint}")


def _spans(script: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for match in _WORD.finditer(script):
        begin = match.start()
        for place in range(match.start(), match.end()):
            if _is_syllable(script[place]):
                spans += [(begin, place)] * (place > begin) + [(place, place + 1)]
                begin = place + 1
        spans += [(begin, match.end())] * (match.end() > begin)
    return spans


def _is_syllable(sign: str) -> bool:
    return sign.isalpha() and unicodedata.east_asian_width(sign) in "WF"
