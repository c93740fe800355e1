"""The words of a script: as written, as spoken, and when they were said."""

from __future__ import annotations

from dataclasses import dataclass


class PlainText(str):
    """A script without markup: each of its signs is part of the text, `<p>` and `__init__` as they stand.

    A script that is an ordinary `str` may be Markdown, whose marks are neither read nor shown.
    """

    __slots__ = ()


@dataclass(frozen=True)
class ScriptWord:
    """One word to be spoken.

    `text` is as the script writes it, found at `script[start:end]`; several words may share one span ("2026" is
    spoken as four), and then only the first carries its text. `pronunciations` holds one or more variants, each a
    sequence of names of `runtime.stages.articulation.PHONES`. `pause` tells that a pause is likely
    behind it (a comma, the end of a sentence, an "um"). `language` is the two- or three-letter code it was read in.
    """

    text: str
    start: int
    end: int
    pronunciations: tuple[tuple[str, ...], ...]
    language: str
    pause: bool = False


@dataclass(frozen=True)
class TimedWord:
    """A word of the script, `script[start_char:end_char]`, said from `start` to `end` seconds.

    `score`, 0..1, says how well text and sound fit there; where they do not (`trusted` False) the times are only
    a guess between those of the neighbours.
    """

    text: str
    start: float
    end: float
    start_char: int
    end_char: int
    score: float
    trusted: bool = True
