"""When words are said, guessed from how long they are, where nothing better is known."""

from __future__ import annotations

import re

from runtime.speech.script import TimedWord

# What counts as a word here: a sign of those scripts that write no spaces between words.
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+(?:['’.,-][^\W{_UNSPACED}]+)*")


def spread_words(text: str, start: float, end: float, place: int = 0) -> list[TimedWord]:
    """Spread a text's words over `start` to `end` seconds by their length; it stands at `place` in its script."""
    found = list(_WORD.finditer(text))
    lengths = [match.end() - match.start() + 1 for match in found]
    pace = (end - start) / max(1, sum(lengths))
    words: list[TimedWord] = []
    for match, length in zip(found, lengths, strict=True):
        until = start + pace * length
        span = place + match.start(), place + match.end()
        words.append(TimedWord(match[0], start, until, *span, score=0.0, trusted=False))
        start = until
    return words
