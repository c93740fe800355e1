"""Subtitles of a scene: the words of its script at the times at which they are said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from runtime.contract import SpokenWord
from runtime.lessons.soundtrack import SceneSound, Spoken
from runtime.speech.script import TimedWord
from runtime.subtitles.cues import Cue, cues

BETWEEN = "\n\n"  # paragraphs
# What counts as a word where only the length of the sound is known: a sign of those scripts that write no spaces.
WORD = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
    r"(?:['’.,-][^\W\u3040-\u9fff]+)*"
)


def script_of(sound: SceneSound) -> str:
    """The text that the words of a scene are counted in."""
    return BETWEEN.join(one.text for one in sound.spoken)


def scene_cues(sound: SceneSound, words: Sequence[SpokenWord], language: str | None) -> list[Cue]:
    """Cut a scene's words into subtitles; times are seconds of the scene."""
    timed = [
        TimedWord(one.text, one.start, one.end, one.start_char, one.end_char, 1.0, one.trusted)
        for one in words
    ]
    return cues(timed, script_of(sound), language, until=sound.seconds) if timed else []


def guessed_words(sound: SceneSound) -> list[TimedWord]:
    """Spread each paragraph's words evenly over its time, by their length."""
    words: list[TimedWord] = []
    place = 0
    for one in sound.spoken:
        words += _spread(one, place)
        place += len(one.text) + len(BETWEEN)
    return words


def _spread(one: Spoken, place: int) -> Iterator[TimedWord]:
    found = list(WORD.finditer(one.text))
    lengths = [match.end() - match.start() + 1 for match in found]
    pace = (one.end - one.start) / max(1, sum(lengths))
    start = one.start
    for match, length in zip(found, lengths, strict=True):
        end = start + pace * length
        yield TimedWord(
            match[0], start, end, place + match.start(), place + match.end(), score=0.0, trusted=False
        )
        start = end


def shifted(shown: Sequence[Cue], seconds: float) -> list[Cue]:
    """The same subtitles, later: a scene's in its lesson."""
    return [Cue(round(cue.start + seconds, 3), round(cue.end + seconds, 3), cue.lines) for cue in shown]
