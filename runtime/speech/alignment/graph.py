"""A script as a graph of states: words in order, with all that may happen between them.

Before each word there may be silence or sounds that the script does not have (an "um", a cough, a sentence of
somebody else's), a word may be said twice, and words may be left out, many as easily as few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.speech.alignment.viterbi import NOTHING, StateGraph
from runtime.speech.script import ScriptWord
from runtime.stages.articulation import PHONE_NAMES

ANYTHING = len(PHONE_NAMES)
"""The column of the scores for sounds that the script does not have; those before it are PHONE_NAMES."""

MOST_VARIANTS = 40

_PASSES = -1e9  # staying in a state that lasts one frame
_BEGIN = 4  # the first gap, behind the four states that may lead into it
_COLUMN = {name: index for index, name in enumerate(PHONE_NAMES)}
_SILENCE = _COLUMN["sil"]


@dataclass(frozen=True)
class Costs:
    """What the liberties cost, in nats (a frame that fits its phone well gains about two over one that does not).

    silence, pause: beginning a silence between words, where none is expected and where one is.
    anything: beginning a stretch of other sounds. omit, omit_more: leaving out a word, and each further one.
    repeat: saying a word again. drop: leaving out a phone of a word, for those that speakers tend to drop.
    brief: ending a sound after its first frame, after its second: few sounds last but 20 or 40 ms.
    sound: what each sound that is said gains. Without it quick speech, many sounds a second, is cheaper left out.
    """

    silence: float = 2.0
    pause: float = 0.5
    anything: float = 8.0
    omit: float = 26.0
    omit_more: float = 1.0
    repeat: float = 12.0
    drop: float = 6.0
    brief: tuple[float, ...] = (1.5, 0.5)
    sound: float = 1.0


DROPPED = frozenset({"h", "t", "d", "ax", "g", "k", "r", "rr"})
"""Sounds that fluent speech leaves out."""


@dataclass(frozen=True)
class ScriptGraph:
    """The graph, and what its N states mean: word (N,) by index, or -1 between words; phone (N,) by index.

    A sound has a state for each of its first frames and one for the rest; sound (N,) is the first of them.
    """

    states: StateGraph
    sound: NDArray[np.int32]
    word: NDArray[np.int32]
    phone: NDArray[np.int32]


def graph_of(
    words: Sequence[ScriptWord], stay: NDArray[np.float64], costs: Costs | None = None
) -> ScriptGraph:
    """The graph of a script; `stay` (P,) is each phone's probability of lasting another frame."""
    builder = _Builder(stay, costs or Costs())
    for index, word in enumerate(words):
        builder.add_gap(after=words[index - 1] if index else None)
        builder.add_word(index, word)
    builder.add_gap(after=None)
    return builder.build()


class _Builder:
    def __init__(self, stay: NDArray[np.float64], costs: Costs) -> None:
        self._stay = np.log(stay)
        self._leave = np.log(1 - stay)
        self._costs = costs
        self._column: list[int] = []
        self._stays: list[float] = []
        self._ways: list[list[tuple[int, float]]] = []
        self._word: list[int] = []
        self._sound: list[int] = []
        self._rewind: list[int] = []
        self._gap = -1  # where the words before and after meet
        self._omitted = -1
        self._ends: list[tuple[int, float]] = []
        self._beginnings: list[int] = []  # first states of the word before
        self._word_start = 0  # where that word begins: a repetition leads back there

    def _add(
        self, column: int, stay: float, ways: list[tuple[int, float]], word: int = -1, sound: int = -1
    ) -> int:
        self._column.append(column)
        self._stays.append(stay)
        self._ways.append(ways)
        self._word.append(word)
        self._sound.append(sound if sound >= 0 else len(self._sound))
        self._rewind.append(self._word_start)
        return len(self._column) - 1

    def add_gap(self, after: ScriptWord | None) -> None:
        """What may lie between two words: silence, something else, words left out; then the next word."""
        costs = self._costs
        begins = self._gap < 0
        silence = self._add(_SILENCE, self._stay[_SILENCE], [])
        other = self._add(ANYTHING, 0.0, [])
        if begins:
            omitted = self._add(NOTHING, 0.0, [])
        else:
            omitted = self._add(NOTHING, 0.0, [(self._omitted, -costs.omit_more), (self._gap, -costs.omit)])
        said = self._add(NOTHING, 0.0, [*self._ends, (silence, 0.0)])
        gap = self._add(NOTHING, 0.0, [(said, 0.0), (other, 0.0), (omitted, 0.0)])
        pause = costs.pause if begins or after is None or after.pause else costs.silence
        self._ways[silence].append((gap, -pause))
        self._ways[other].append((gap, -costs.anything))
        for first in self._beginnings:
            self._ways[first].append((said, -costs.repeat))
        self._gap, self._omitted = gap, omitted

    def add_word(self, index: int, word: ScriptWord) -> None:
        """The pronunciations side by side."""
        self._ends, self._beginnings, self._word_start = [], [], len(self._column)
        for phones in word.pronunciations[:MOST_VARIANTS]:
            self._add_pronunciation(index, [_COLUMN[phone] for phone in phones])

    def _add_pronunciation(self, index: int, phones: list[int]) -> None:
        # Where the phone may come from: (state, gain) of those before it.
        sources: list[tuple[int, float]] = [(self._gap, 0.0)]
        for place, phone in enumerate(phones):
            if place == 0:
                self._beginnings.append(len(self._column))
            onward = self._add_phone(phone, list(sources), index)
            if PHONE_NAMES[phone] in DROPPED and len(phones) > 1:
                onward += [(s, g - self._costs.drop) for s, g in sources if s != self._gap or place == 0]
            sources = onward
        self._ends += [way for way in sources if way[0] != self._gap]

    def _add_phone(self, phone: int, ways: list[tuple[int, float]], word: int) -> list[tuple[int, float]]:
        """The states of one sound; where the next may come from."""
        first = len(self._column)
        onward = []
        for cost in self._costs.brief:
            leave = self._leave[phone] - cost
            state = self._add(phone, _PASSES, ways, word, first)
            onward.append((state, leave + self._costs.sound))
            ways = [(state, float(np.log1p(-np.exp(leave))))]
        state = self._add(phone, self._stay[phone], ways, word, first)
        return [*onward, (state, self._leave[phone] + self._costs.sound)]

    def build(self) -> ScriptGraph:
        counts = [len(ways) for ways in self._ways]
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        flat = [way for ways in self._ways for way in ways]
        graph = StateGraph(
            column=np.array(self._column, np.int32),
            stay=np.array(self._stays, np.float32),
            first=first,
            source=np.array([source for source, _ in flat], np.int32),
            gain=np.array([gain for _, gain in flat], np.float32),
            rewind=np.array(self._rewind, np.int32),
            begin=_BEGIN,
        )
        sound, word = np.array(self._sound, np.int32), np.array(self._word, np.int32)
        return ScriptGraph(graph, sound, word, graph.column)
