"""The best path through a graph of states, in memory that grows with the recording's length alone.

Viterbi's algorithm (Rabiner, "A tutorial on hidden Markov models", 1989) with two economies: states whose score
lies far below the best are left out (a beam over the contiguous range of states that are worth anything), and only
every few hundredth frame's scores are kept; between them they are computed once more, from the last to the first
(checkpoints; Tarnas & Hughey, "Reduced space hidden Markov model training", 1998).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from runtime.compiled import compiled

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

NOTHING = -1
"""The column of a state that takes no time."""

BEAM = 400.0  # nats below the best: a hundred times what a sound that was mistaken costs
_BLOCK = 256  # frames between checkpoints
_IMPOSSIBLE = np.float32(-1e30)


@dataclass(frozen=True)
class StateGraph:
    """States in the order of the script; N states, E ways between them.

    column (N,): which column of the scores a state takes each frame, or NOTHING: such a state is passed within
    a frame. stay (N,): what remaining for another frame adds. The ways into state s are number first[s] to
    first[s + 1]: they come from `source` and add `gain`. A state that takes time is entered from any state, one
    frame later; one that takes none is entered in the same frame, and only from states before it.
    rewind (N,): the first state to be looked at when nothing before this one is worth anything.
    The path begins at state `begin` before the first frame and ends at the last state.
    """

    column: Ints
    stay: Floats
    first: Ints
    source: Ints
    gain: Floats
    rewind: Ints
    begin: int

    def __len__(self) -> int:
        return len(self.column)


def best_path(scores: Floats, graph: StateGraph, beam: float = BEAM) -> Ints:
    """The state (T,) of each frame on the best path; scores (T, C) are log-likelihoods.

    Takes time in proportion to T times the states within the beam, twice; memory for T / 256 times these.
    """
    frames, size = len(scores), len(graph)
    parts = graph.column, graph.stay, graph.first, graph.source, graph.gain
    state = np.full(size, _IMPOSSIBLE, np.float32)
    reach = np.zeros((frames + 1, 2), np.int32)
    reach[0] = graph.begin, _begin(state, graph.begin, *parts, np.float32(beam))
    live = reach[0].copy()
    checkpoints: list[Floats] = []
    for start in range(0, frames, _BLOCK):
        stop = min(start + _BLOCK, frames)
        state[slice(*reach[start])] -= state.max()  # keeps the numbers small, and so exact
        checkpoints.append(state[slice(*reach[start])].copy())
        spans = reach[start : stop + 1]
        state = _explore(scores[start:stop], state, spans, live, *parts, graph.rewind, np.float32(beam))
    path = np.empty(frames, np.int32)
    low, high = reach[frames]
    at = size - 1 if high == size and state[-1] > _IMPOSSIBLE / 2 else int(low + np.argmax(state[low:high]))
    for start in reversed(range(0, frames, _BLOCK)):
        stop = min(start + _BLOCK, frames)
        spans = reach[start : stop + 1]
        state = np.full(size, _IMPOSSIBLE, np.float32)
        state[slice(*spans[0])] = checkpoints.pop()
        back = np.zeros(int((spans[1:, 1] - spans[1:, 0]).sum()), np.uint16)
        _remember(scores[start:stop], state, spans, back, *parts)
        at = _trace(path[start:stop], at, spans, back, graph.column, graph.first, graph.source)
    return path


@compiled
def _begin(
    state: Floats,
    begin: int,
    column: Ints,
    stay: Floats,
    first: Ints,
    source: Ints,
    gain: Floats,
    beam: float,
) -> int:
    """Scores before the first frame: `begin`, and what is reached without taking time; where these end."""
    state[begin] = 0.0
    end = begin + 1
    for s in range(begin + 1, len(column)):
        if column[s] != NOTHING:
            continue
        for way in range(first[s], first[s + 1]):
            state[s] = max(state[s], state[source[way]] + gain[way])
        if state[s] > -beam:
            end = s + 1
    state[end:] = -1e30
    return end


@njit(nogil=True, inline="always")
def _enter(
    s: int, before: Floats, now: Floats, column: Ints, stay: Floats, first: Ints, source: Ints, gain: Floats
) -> tuple[np.float32, int]:
    """The best score of coming to state s, and by which way (from 1; 0 = it was there before)."""
    takes_time = column[s] != NOTHING
    best, choice = np.float32(-1e30), 0
    if takes_time:
        best = before[s] + stay[s]
    for way in range(first[s], first[s + 1]):
        origin = source[way]
        value = (before[origin] if takes_time else now[origin]) + gain[way]
        if value > best:
            best, choice = value, way - first[s] + 1
    return best, choice


@compiled
def _explore(
    scores: Floats,
    before: Floats,
    reach: Ints,
    live: Ints,
    column: Ints,
    stay: Floats,
    first: Ints,
    source: Ints,
    gain: Floats,
    rewind: Ints,
    beam: float,
) -> Floats:
    """Scores after some frames; notes in `reach` which states were looked at, in `live` which are within the beam."""
    states = len(column)
    now = np.full(states, np.float32(-1e30), np.float32)
    for t in range(len(scores)):
        start = rewind[live[0]]
        top = np.float32(-1e30)
        s = start
        while s < states:
            takes_time = column[s] != NOTHING
            best, _ = _enter(s, before, now, column, stay, first, source, gain)
            if takes_time:
                best += scores[t, column[s]]
            now[s] = best
            top = max(top, best)
            s += 1
            # Beyond the states that had a score only such as take no time may get one.
            if s > live[1] and not takes_time and best < top - beam:
                break
        reach[t + 1, 0], reach[t + 1, 1] = start, s
        live[0], live[1] = start, s
        while live[0] < s - 1 and now[live[0]] < top - beam:
            live[0] += 1
        while live[1] > live[0] + 1 and now[live[1] - 1] < top - beam:
            live[1] -= 1
        before[reach[t, 0] : reach[t, 1]] = -1e30
        before, now = now, before
    return before


@compiled
def _remember(
    scores: Floats,
    before: Floats,
    reach: Ints,
    back: NDArray[np.uint16],
    column: Ints,
    stay: Floats,
    first: Ints,
    source: Ints,
    gain: Floats,
) -> None:
    """The same once more over the states in `reach`; `back` gets the way by which each was entered."""
    now = np.full(len(column), np.float32(-1e30), np.float32)
    cell = 0
    for t in range(len(scores)):
        for s in range(reach[t + 1, 0], reach[t + 1, 1]):
            best, back[cell] = _enter(s, before, now, column, stay, first, source, gain)
            if column[s] != NOTHING:
                best += scores[t, column[s]]
            now[s] = best
            cell += 1
        before[reach[t, 0] : reach[t, 1]] = -1e30
        before, now = now, before


@compiled
def _trace(
    path: Ints, at: int, reach: Ints, back: NDArray[np.uint16], column: Ints, first: Ints, source: Ints
) -> int:
    """Follow the remembered ways from `at` back to the frame before the block; the state there."""
    cell = len(back)
    for t in range(len(path) - 1, -1, -1):
        cell -= reach[t + 1, 1] - reach[t + 1, 0]
        while column[at] == NOTHING:
            at = source[first[at] + back[cell + at - reach[t + 1, 0]] - 1]
        path[t] = at
        choice = back[cell + at - reach[t + 1, 0]]
        if choice > 0:
            at = source[first[at] + choice - 1]
    return at
