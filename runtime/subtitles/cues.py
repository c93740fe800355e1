"""From timed words to subtitles: which words stand together, on which line, and from when to when.

Every way of cutting the text has a price (a bad place to break, too short, too fast, uneven lines); the cheapest is
found by dynamic programming. The limits are those of broadcasters and streaming services: two lines of 42 characters
(20 in Chinese, Japanese and Korean), 1 to 7 seconds, two frames between one subtitle and the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from runtime.speech.script import TimedWord
from runtime.subtitles.phrases import LONG_PAUSE, SENTENCE, Piece, line_limit, pieces

SHORTEST, LONGEST = 1.0, 7.0  # seconds that a subtitle is shown
GAP = 0.08  # seconds between two subtitles: two frames at 25 a second
LEAST = 0.16  # seconds; what has less time would only flash
CLOSE_GAP = 0.5  # a gap shorter than this only flickers, so it is closed to GAP
LINGER = 0.5  # seconds that a subtitle may stay after its last word, to be read
LONGEST_PAUSE = 2.0  # seconds of silence that one subtitle may span
READING_SPEED = {
    False: 17.0,
    True: 9.0,
}  # characters a second that are read with ease; True = Chinese, Japanese, Korean

_EACH_CUE = 3.0  # price of one more subtitle
_OVER_SENTENCE_END = 2.0  # price of a sentence end in the middle, where the next sentence ends here too
_INTO_SENTENCE = 6.0  # the same, where the next sentence goes on in the next subtitle
_OVER_PAUSE = 4.0  # price of a long pause in the middle: what comes after it would be read too early
_SECOND_LINE = 1.0
_UNEVEN = 3.0  # price of lines of which one is empty; less for less
_TOO_SHORT = 40.0  # a missing second
_TOO_FAST = 8.0  # twice the reading speed
_NEVER = float("inf")


@dataclass(frozen=True)
class Cue:
    """One subtitle: one or two lines, shown from `start` to `end` seconds of the film."""

    start: float
    end: float
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines, one below the other."""
        return "\n".join(self.lines)


def cues(
    words: Sequence[TimedWord], script: str, language: str | None = None, until: float | None = None
) -> list[Cue]:
    """Cut a script into subtitles, in its order.

    `words` are those of the script in order; untrusted ones are shown at their guessed times. `language` is a code
    such as "en" or "zh-Hant", for conjunctions and the like. Nothing is shown after `until` seconds, the film's end.
    """
    cut = pieces(words, script, language, until)
    groups = _Cutter(cut, until).groups()
    starts = [cut[first].start for first, _, _ in groups]
    roomy = _with_room(starts, until)
    shown: list[Cue] = []
    for number, index in enumerate(roomy, 1):
        first, second, last = groups[index]
        following = starts[roomy[number]] if number < len(roomy) else None
        start, end = _times(cut[first:last], following, shown[-1].end if shown else None, until)
        lines = _lines(cut[first:second], cut[second:last])
        shown.append(Cue(round(start, 3), round(end, 3), lines))
    return shown


def _with_room(starts: Sequence[float], until: float | None) -> list[int]:
    """Which subtitles can be shown before the next one comes; the others are words that the speaker left out.

    Of those that begin at one moment the last stays: left-out words have no time of their own, and lie before it.
    """
    found: list[int] = []
    bound = _NEVER if until is None else until + GAP
    for index in reversed(range(len(starts))):
        if bound - starts[index] >= LEAST + GAP:
            found.append(index)
            bound = starts[index]
    return found[::-1]


class _Cutter:
    """Finds the cheapest way to cut pieces into subtitles."""

    def __init__(self, cut: Sequence[Piece], until: float | None) -> None:
        self._cut = cut
        self._until = until
        # Length of pieces i..j on one line: _lengths[j] - _lengths[i], less the space behind the last.
        self._lengths = [0, *accumulate(piece.length + piece.spaced for piece in cut)]
        self._wides = [0, *accumulate(int(piece.wide) for piece in cut)]

    def groups(self) -> list[tuple[int, int, int]]:
        """Return (first piece, first piece of the second line, end) of each subtitle."""
        count = len(self._cut)
        cheapest = [0.0] * (count + 1)
        choice: list[tuple[int, int]] = [(0, 0)] * count
        for first in reversed(range(count)):
            best = _NEVER
            for last in range(first + 1, count + 1):
                alone = last == first + 1
                if not alone and not self._may_join(first, last):
                    break
                price, second = self._lay_out(first, last)
                if price == _NEVER:
                    continue
                price += self._price(first, last) + cheapest[last]
                if price < best:
                    best, choice[first] = price, (second, last)
            cheapest[first] = best
        found, first = [], 0
        while first < count:
            second, last = choice[first]
            found.append((first, second, last))
            first = last
        return found

    def _may_join(self, first: int, last: int) -> bool:
        """Whether pieces first..last, and so any fewer of them, may stand together at all."""
        cut = self._cut
        return (
            cut[last - 1].start - cut[last - 2].end <= LONGEST_PAUSE
            and cut[last - 1].end - cut[first].start <= LONGEST
            and self._length(first, last) <= 2 * line_limit(False) + 1
        )

    def _length(self, first: int, last: int) -> int:
        return self._lengths[last] - self._lengths[first] - self._cut[last - 1].spaced

    def _fits(self, first: int, last: int) -> bool:
        return self._length(first, last) <= line_limit(self._wides[last] > self._wides[first])

    def _lay_out(self, first: int, last: int) -> tuple[float, int]:
        """Price of the best two lines (or one), and where the second begins; `last` if there is none."""
        if last == first + 1 or self._fits(first, last):
            return 0.0, last
        best, at = _NEVER, last
        whole = self._length(first, last)
        for second in range(last - 1, first, -1):
            if not self._fits(second, last):
                break
            if not self._fits(first, second):
                continue
            uneven = abs(self._length(first, second) - self._length(second, last)) / whole
            price = _SECOND_LINE + self._cut[second - 1].cost + _UNEVEN * uneven
            if price < best:
                best, at = price, second
        return best, at

    def _price(self, first: int, last: int) -> float:
        """Price of showing pieces first..last together and breaking behind them."""
        cut = self._cut
        start, said = cut[first].start, cut[last - 1].end
        price = _EACH_CUE + cut[last - 1].cost
        over = _OVER_SENTENCE_END if cut[last - 1].cost <= SENTENCE else _INTO_SENTENCE
        price += over * sum(piece.cost <= SENTENCE for piece in cut[first : last - 1])
        pauses = (cut[at].start - cut[at - 1].end for at in range(first + 1, last))
        price += _OVER_PAUSE * sum(pause >= LONG_PAUSE for pause in pauses)
        room = (cut[last].start - GAP if last < len(cut) else self._until or said + LINGER) - start
        shown = max(0.1, min(room, max(said - start + LINGER, SHORTEST)))
        if shown < SHORTEST:
            price += _TOO_SHORT * (SHORTEST - shown)
        speed = self._length(first, last) / shown / READING_SPEED[self._wides[last] > self._wides[first]]
        return price + _TOO_FAST * max(0.0, speed - 1)


def _lines(*parts: Sequence[Piece]) -> tuple[str, ...]:
    written = ("".join(piece.text + " " * piece.spaced for piece in part).strip(" ") for part in parts)
    return tuple(line for line in written if line)


def _times(
    shown: Sequence[Piece], following: float | None, before: float | None, until: float | None
) -> tuple[float, float]:
    """From when to when a subtitle is shown, between the end of the one before and the start of the next."""
    start, said = shown[0].start, shown[-1].end
    length = sum(piece.length for piece in shown)
    wanted = max(
        said + LINGER, start + SHORTEST, start + length / READING_SPEED[any(piece.wide for piece in shown)]
    )
    # Reading may take longer than the speech, but what was said long ago must not stay.
    end = min(wanted, said + 2 * LINGER if said + 2 * LINGER > start + SHORTEST else start + SHORTEST)
    if following is not None:
        end = following - GAP if following - end < CLOSE_GAP else end
    if until is not None:
        end = min(end, until)
    end = min(end, start + LONGEST)
    earliest = 0.0 if before is None else before + GAP
    if end - start < SHORTEST:
        start = max(min(start, end - SHORTEST), min(start, earliest))
    return start, max(end, start + GAP)
