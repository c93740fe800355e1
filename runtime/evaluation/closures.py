"""Do the lips meet where the speech says so: p, b, m and silence, judged in the finished film.

A frame is on screen from i / fps to (i + 1) / fps. A bilabial counts as seen when any frame on screen during it is
closed. A closure is a run of closed frames between two open ones outside silence; it counts as right when it
touches a bilabial, give or take one frame (aligners are that exact).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.evaluation.alignment import Interval
from runtime.evaluation.levels import STEP, voice_levels

Flags = NDArray[np.bool_]

CLOSED_GAP = 0.03
"""Lips this near (mean of the three middle pairs, in ipd; about 2 mm on an adult) read as closed."""
CLOSED_SHARE = 0.25
"""... and the gap must be under this share of the film's own wide-open mouth, so that a mumble is no closure."""
EASE = 0.4
"""Seconds at either end in which the film passes from the photo's own expression to a speaking one and back."""

_PAUSE = 0.2  # seconds of silence in which closed lips are expected
_BREAK = 0.1  # seconds of silence in which lips may close or stay open, as they like
_PAUSE_MARGIN = 0.08  # seconds at either end in which lips may be on their way
_CHANCE_SHIFTS = 12
_ROUNDING = 1e-6  # seconds


@dataclass(frozen=True)
class ClosureCount:
    """Counts that add up over films; `near_hits` may miss by a frame, `chance_hits` are hits (a mean) with
    the phones at wrong times."""

    bilabials: int = 0
    hits: int = 0
    near_hits: int = 0
    chance_hits: float = 0.0
    closures: int = 0
    right: int = 0
    labiodental: int = 0

    def __add__(self, other: ClosureCount) -> ClosureCount:
        mine, theirs = vars(self), vars(other)
        return ClosureCount(**{name: mine[name] + theirs[name] for name in mine})

    def rates(self) -> dict[str, float | int | None]:
        """Recall, precision and their counts; None where nothing was there to count."""
        return {
            "bilabials": self.bilabials,
            "recall": _share(self.hits, self.bilabials),
            "recall_near": _share(self.near_hits, self.bilabials),
            "recall_by_chance": _share(self.chance_hits, self.bilabials),
            "closures": self.closures,
            "precision": _share(self.right, self.closures),
            "precision_with_f_v": _share(self.right + self.labiodental, self.closures),
        }


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def f_score(recall: float, precision: float, recall_weight: float = 1.0) -> float:
    """F-measure of van Rijsbergen, "Information Retrieval" (1979); 0 where there is nothing.

    `recall_weight`: how many times as much recall counts as precision; with 1 it is their harmonic mean, F1.
    """
    weight = recall_weight**2
    return (1 + weight) * recall * precision / max(weight * precision + recall, 1e-9)


def closed_threshold(gap: NDArray[np.floating]) -> float:
    """The gap (ipd) under which a frame of this film is closed; `gap` (T,) is the whole film's."""
    wide_open = float(np.nanpercentile(gap, 95)) if np.isfinite(gap).any() else 0.0
    return min(CLOSED_GAP, CLOSED_SHARE * wide_open) if wide_open > CLOSED_GAP else CLOSED_GAP


def closed_frames(gap: NDArray[np.floating], threshold: float | None = None) -> Flags:
    """(T,) which frames show closed lips; a frame without a face shows none."""
    limit = closed_threshold(gap) if threshold is None else threshold
    return np.nan_to_num(gap, nan=np.inf) <= limit


def count_closures(closed: Flags, phones: Sequence[Interval], fps: float) -> ClosureCount:
    """Compare the closed frames (T,) of a film with its aligned phones."""
    duration = len(closed) / fps
    all_bilabials = [item for item in phones if item.is_bilabial]
    bilabials = [item for item in all_bilabials if EASE < item.end < duration - EASE]
    speech = spoken_frames(phones, len(closed), fps)
    runs = closure_runs(closed, speech)
    near_bilabial = _covered(all_bilabials, len(closed), fps, margin=1 / fps)
    near_labiodental = _covered([p for p in phones if p.is_labiodental], len(closed), fps, margin=1 / fps)
    right = [bool(near_bilabial[run].any()) for run in runs]
    labiodental = [bool(near_labiodental[run].any()) for run in runs]
    return ClosureCount(
        bilabials=len(bilabials),
        hits=_hits(closed, bilabials, fps),
        near_hits=_hits(closed, bilabials, fps, margin=1 / fps),
        chance_hits=_hits_by_chance(closed, speech, bilabials, fps),
        closures=len(runs),
        right=sum(right),
        labiodental=sum(lip and not both for lip, both in zip(labiodental, right, strict=True)),
    )


def closure_runs(closed: Flags, speech: Flags) -> list[slice]:
    """Runs of closed frames wholly within speech, i.e. between two open mouths."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(np.int8)))
    runs = [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [run for run in runs if run.start > 0 and run.stop < len(closed) and speech[run].all()]


def spoken_frames(phones: Sequence[Interval], frames: int, fps: float) -> Flags:
    """(T,) frames during which somebody speaks: all but breaks (with margins), unknown sounds and the easing."""
    pauses = [item for item in phones if item.is_silence and item.end - item.start >= _BREAK]
    known = [item for item in phones if item not in pauses and (item.phones or item.is_silence)]
    speech = _covered(known, frames, fps, margin=0.0)
    speech &= ~_covered(pauses, frames, fps, margin=_PAUSE_MARGIN)
    return speech & ~_easing(frames, fps)


def silent_frames(phones: Sequence[Interval], frames: int, fps: float) -> Flags:
    """(T,) frames well inside pauses of at least 0.2 s, easing left out."""
    silent = np.zeros(frames, bool)
    for item in phones:
        if _is_pause(item):
            silent |= _covered([item], frames, fps, margin=-_PAUSE_MARGIN)
    return silent & ~_easing(frames, fps)


def quiet_frames(audio: NDArray[np.float32], rate: int, frames: int, fps: float) -> Flags:
    """(T,) frames well inside stretches of at least 0.2 s near the recording's own noise floor.

    That is the lowest quarter of its range of levels (in dB, between the 5th and the 95th percentile).
    """
    level = voice_levels(audio, rate)
    floor, loud = np.percentile(level, [5, 95])
    quiet = level < floor + 0.25 * (loud - floor)
    padded = np.concatenate([[False], quiet, [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    pauses = [
        Interval("", float(a) * STEP, float(b) * STEP) for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]
    return silent_frames(pauses, frames, fps)


def _easing(frames: int, fps: float) -> Flags:
    edge = int(np.ceil(EASE * fps))
    flags = np.zeros(frames, bool)
    flags[:edge] = True
    flags[max(0, frames - edge) :] = True
    return flags


def noisy_frames(audio: NDArray[np.float32], rate: int, speech: Flags, fps: float) -> Flags:
    """(T,) frames in or beside sound as loud as half the speech is: in a pause, a cough or a knock."""
    level = voice_levels(audio, rate)
    moments = np.minimum((np.arange(len(speech) * 4) + 0.5) / (4 * fps) / STEP, len(level) - 1).astype(int)
    of_frames = level[moments].reshape(len(speech), 4).max(axis=1)
    if not speech.any():
        return np.zeros(len(speech), bool)
    noisy = of_frames > np.median(of_frames[speech])
    return np.convolve(noisy, np.ones(5), "same") > 0.5


def _is_pause(item: Interval) -> bool:
    return item.is_silence and item.end - item.start >= _PAUSE


def _covered(intervals: Sequence[Interval], frames: int, fps: float, margin: float) -> Flags:
    """(T,) frames on screen during any interval, which is first widened by `margin` seconds on both sides.

    A negative margin asks for frames that lie wholly inside the shrunken interval.
    """
    start_of_frame = np.arange(frames) / fps
    end_of_frame = (np.arange(frames) + 1) / fps
    flags = np.zeros(frames, bool)
    for item in intervals:
        start, end = item.start - margin, item.end + margin
        if margin < 0:
            flags |= (start_of_frame >= start - _ROUNDING) & (end_of_frame <= end + _ROUNDING)
        else:
            flags |= (end_of_frame > start + _ROUNDING) & (start_of_frame < end - _ROUNDING)
    return flags


def _hits(
    closed: Flags, bilabials: Sequence[Interval], fps: float, shift: int = 0, margin: float = 0.0
) -> int:
    moved = np.roll(closed, shift)
    return sum(bool(moved[_covered([item], len(closed), fps, margin)].any()) for item in bilabials)


def _hits_by_chance(closed: Flags, speech: Flags, bilabials: Sequence[Interval], fps: float) -> float:
    """Mean hits when the film's speech is shifted against the phones (silence is left out: it is no guess)."""
    guess = closed & speech
    shifts = np.linspace(0, len(closed), _CHANCE_SHIFTS + 2)[1:-1].astype(int)
    return float(np.mean([_hits(guess, bilabials, fps, int(shift)) for shift in shifts]))
