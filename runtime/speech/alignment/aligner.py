"""From the words of a script and what is heard to words and sounds in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from runtime.speech.alignment.graph import ANYTHING, ScriptGraph, graph_of
from runtime.speech.alignment.scores import phone_scores
from runtime.speech.alignment.trust import CERTAIN, ENOUGH, fit_of_stretches, fit_of_word
from runtime.speech.alignment.viterbi import best_path
from runtime.speech.script import ScriptWord, TimedWord
from runtime.speech.sequence import PhoneSequence
from runtime.stages.articulation import PHONE_NAMES, TRACK_FPS, Segment

FloatArray = NDArray[np.float32]

TRUSTED = 0.5


@dataclass(frozen=True)
class Alignment:
    """A script in time.

    words: one for each stretch of the script, in its order. segments: the sounds of the words that were said, in
    seconds. trust (T,): at 50 frames a second, how surely the segments are what is said, 0..1; 0 in words that
    are not trusted and where something is said that is not written.
    """

    words: tuple[TimedWord, ...]
    segments: tuple[Segment, ...]
    trust: FloatArray

    @property
    def agreement(self) -> float:
        """Share of the words that were said as written."""
        return float(np.mean([word.trusted for word in self.words])) if self.words else 0.0


def align(logits: FloatArray, words: Sequence[ScriptWord], sequence: PhoneSequence) -> Alignment:
    """Find words in phone logits (T, P), 50 a second, as the audio network gives them."""
    if not words or not len(logits):
        return Alignment((), (), np.zeros(len(logits), np.float32))
    scores = phone_scores(logits, sequence)
    graph = graph_of(words, np.diag(sequence.transitions))
    path = graph.sound[best_path(scores, graph.states)]
    on_path = scores[np.arange(len(path)), graph.phone[path]]
    runs = _runs(path, graph, scores)
    spans = _word_spans(runs, len(words))
    stretches = _fit_of_stretches(path, graph, on_path, spans)
    said = [_timed(word, span, stretches, on_path) for word, span in zip(words, spans, strict=True)]
    timed = _merge(said, len(logits) / TRACK_FPS)
    segments = tuple(Segment(PHONE_NAMES[run.phone], run.start, run.end) for run in runs if run.word >= 0)
    alignment = Alignment(timed, segments, _trust(path, graph, stretches, said))
    said_at_all = alignment.agreement >= ENOUGH or _longest_stretch(timed) >= CERTAIN
    return alignment if said_at_all else _another_text(alignment)


def _longest_stretch(words: Sequence[TimedWord]) -> float:
    """Seconds of the words in the longest row of trusted ones."""
    rows = groupby(words, key=lambda word: word.trusted)
    return max((sum(word.end - word.start for word in row) for trusted, row in rows if trusted), default=0.0)


def _another_text(alignment: Alignment) -> Alignment:
    words = tuple(replace(word, trusted=False) for word in alignment.words)
    return Alignment(words, (), np.zeros_like(alignment.trust))


@dataclass(frozen=True)
class _Run:
    """Frames start_frame..stop_frame in one state; word is -1 between words, start and end are seconds."""

    state: int
    word: int
    phone: int
    start_frame: int
    stop_frame: int
    start: float
    end: float


def _runs(path: NDArray[np.int32], graph: ScriptGraph, scores: FloatArray) -> list[_Run]:
    changes = np.flatnonzero(np.diff(path)) + 1
    starts = np.concatenate([[0], changes])
    stops = np.concatenate([changes, [len(path)]])
    borders = [0.0, *(_border(int(t), path, graph, scores) for t in changes), len(path) / TRACK_FPS]
    return [
        _Run(state, int(graph.word[state]), int(graph.phone[state]), int(start), int(stop), begin, end)
        for state, start, stop, begin, end in zip(
            path[starts].tolist(), starts, stops, borders[:-1], borders[1:], strict=True
        )
    ]


def _border(frame: int, path: NDArray[np.int32], graph: ScriptGraph, scores: FloatArray) -> float:
    """Seconds at which the sound before `frame` gives way: where the two sounds' scores cross."""
    before, after = graph.phone[path[frame - 1]], graph.phone[path[frame]]
    lead = float(scores[frame - 1, before] - scores[frame - 1, after])
    lag = float(scores[frame, after] - scores[frame, before])
    crossing = lead / (lead + lag) if lead > 0 and lag > 0 else 0.5
    return (frame - 1 + crossing) / TRACK_FPS


def _word_spans(runs: Sequence[_Run], count: int) -> list[tuple[_Run, _Run] | None]:
    """First and last sound of each word, the last time that it is said; None for those left out."""
    spans: list[tuple[_Run, _Run] | None] = [None] * count
    for before, run in zip([None, *runs], runs, strict=False):
        if run.word >= 0:
            known = spans[run.word]
            goes_on = before is not None and before.word == run.word and before.state < run.state
            spans[run.word] = (known[0] if known and goes_on else run, run)
    return spans


def _fit_of_stretches(
    path: NDArray[np.int32],
    graph: ScriptGraph,
    on_path: FloatArray,
    spans: Sequence[tuple[_Run, _Run] | None],
) -> FloatArray:
    omitted, frame = [], 0
    for span in spans:
        if span is None:
            omitted.append(min(frame, len(path) - 1))
        else:
            frame = span[1].stop_frame
    spoken, unwritten = graph.word[path] >= 0, graph.phone[path] == ANYTHING
    return fit_of_stretches(on_path, spoken, unwritten, np.array(omitted, np.int64))


def _timed(
    word: ScriptWord, span: tuple[_Run, _Run] | None, stretches: FloatArray, on_path: FloatArray
) -> TimedWord:
    """Times of one word; those of a word left out are filled in by `_merge`."""
    if span is None:
        return TimedWord(word.text, -1.0, -1.0, word.start, word.end, 0.0, trusted=False)
    frames = slice(span[0].start_frame, span[1].stop_frame)
    score = min(float(stretches[frames].mean()), fit_of_word(on_path[frames]))
    return TimedWord(word.text, span[0].start, span[1].end, word.start, word.end, score, score >= TRUSTED)


def _trust(
    path: NDArray[np.int32], graph: ScriptGraph, stretches: FloatArray, said: Sequence[TimedWord]
) -> FloatArray:
    """(T,) the stretches' fit, without what nobody wrote and words that were said differently."""
    believed = np.array([word.trusted for word in said] + [True])  # the last for what lies between words
    return np.where((graph.phone[path] != ANYTHING) & believed[graph.word[path]], stretches, 0).astype(
        np.float32
    )


def _merge(timed: Sequence[TimedWord], seconds: float) -> tuple[TimedWord, ...]:
    """One entry for each stretch of the script ("2026" is spoken as several words), all with times.

    Words left out share the time between those that were said, at the end that up to the recording's, `seconds`.
    """
    merged = [
        _joined(list(group)) for _, group in groupby(timed, key=lambda word: (word.start_char, word.end_char))
    ]
    clock = 0.0
    for index, word in enumerate(merged):
        if word.start >= 0:
            clock = word.end
            continue
        rest = merged[index:]
        missing = next((n for n, later in enumerate(rest) if later.start >= 0), len(rest))
        until = rest[missing].start if missing < len(rest) else seconds
        end = clock + max(0.0, until - clock) / missing
        merged[index] = replace(word, start=clock, end=end)
        clock = end
    return tuple(merged)


def _joined(parts: list[TimedWord]) -> TimedWord:
    said = [part for part in parts if part.start >= 0]
    if not said:
        return parts[0]
    score = sum(part.score for part in parts) / len(parts)
    return replace(
        parts[0],
        start=said[0].start,
        end=max(part.end for part in said),
        score=score,
        trusted=score >= TRUSTED,
    )
