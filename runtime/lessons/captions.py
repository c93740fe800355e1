"""Subtitles of a scene: the words of its script at the times at which they are said."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.contract import SpokenWord
from runtime.lessons.soundtrack import SceneSound
from runtime.speech.script import PlainText, TimedWord
from runtime.subtitles.cues import Cue, cues
from runtime.subtitles.guessing import spread_words

BETWEEN = "\n\n"  # paragraphs


def script_of(sound: SceneSound) -> PlainText:
    """The text that the words of a scene are counted in: its Markdown was read with the lesson's script."""
    return PlainText(BETWEEN.join(one.text for one in sound.spoken))


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
        words += spread_words(one.text, one.start, one.end, place)
        place += len(one.text) + len(BETWEEN)
    return words


def shifted(shown: Sequence[Cue], seconds: float) -> list[Cue]:
    """The same subtitles, later: a scene's in its lesson."""
    return [Cue(round(cue.start + seconds, 3), round(cue.end + seconds, 3), cue.lines) for cue in shown]
