"""An alignment held against the true times of the sounds, which may be other sounds than the script's rules give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from runtime.speech.alignment.aligner import Alignment
from runtime.stages.articulation import Segment

_OTHER = 0.9  # less than leaving one out and putting one in
_GAP = 0.5


@dataclass
class Errors:
    """Seconds by which sounds and words begin or end too late; `sounds` of those that are the same in both."""

    sounds: list[float] = field(default_factory=list)
    words: list[float] = field(default_factory=list)
    lost: int = 0
    words_in_all: int = 0

    def __iadd__(self, other: Errors) -> Errors:
        self.sounds += other.sounds
        self.words += other.words
        self.lost += other.lost
        self.words_in_all += other.words_in_all
        return self


def errors_of(alignment: Alignment, truth: Sequence[Segment]) -> Errors:
    """Compare; a word's true ends are those of the true sounds that its first and last sound correspond to."""
    true = [segment for segment in truth if segment.phone != "sil"]
    ours = list(alignment.segments)
    partner = _correspond([s.phone for s in ours], [s.phone for s in true])
    found = Errors(words_in_all=len(alignment.words))
    for segment, index in zip(ours, partner, strict=True):
        if index >= 0 and true[index].phone == segment.phone:
            found.sounds.append(segment.start - true[index].start)
    first = {round(segment.start, 4): index for segment, index in zip(ours, partner, strict=True)}
    last = {round(segment.end, 4): index for segment, index in zip(ours, partner, strict=True)}
    for word in alignment.words:
        begin, end = first.get(round(word.start, 4), -1), last.get(round(word.end, 4), -1)
        if not word.trusted:
            found.lost += 1
            continue
        if begin >= 0:
            found.words.append(word.start - true[begin].start)
        if end >= 0:
            found.words.append(word.end - true[end].end)
    return found


def _correspond(ours: Sequence[str], true: Sequence[str]) -> NDArray[np.int64]:
    """For each of our sounds the index of the true one at its place, or -1: the cheapest edit from one to the other."""
    names = {name: index for index, name in enumerate({*ours, *true})}
    left, right = np.array([names[n] for n in ours]), np.array([names[n] for n in true])
    cost = np.zeros((len(left) + 1, len(right) + 1))
    cost[0] = _GAP * np.arange(len(right) + 1)
    cost[:, 0] = _GAP * np.arange(len(left) + 1)
    for i in range(1, len(left) + 1):
        for j in range(1, len(right) + 1):
            swap = cost[i - 1, j - 1] + _OTHER * (left[i - 1] != right[j - 1])
            cost[i, j] = min(swap, cost[i - 1, j] + _GAP, cost[i, j - 1] + _GAP)
    partner = np.full(len(left), -1)
    i, j = len(left), len(right)
    while i and j:
        swap = cost[i - 1, j - 1] + _OTHER * (left[i - 1] != right[j - 1])
        if np.isclose(cost[i, j], swap):
            i, j = i - 1, j - 1
            partner[i] = j
        elif np.isclose(cost[i, j], cost[i - 1, j] + _GAP):
            i -= 1
        else:
            j -= 1
    return partner
