"""Do sound and lips go together, and which comes first.

The lips' opening is held against what the speech asks for: the opening that aligned phones imply, or, where no
alignment is known, the voice's loudness. Correlation alone flatters (slow drifts agree by luck), so the margin over
sound that belongs to another moment is given beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from runtime.evaluation.alignment import Interval, segments_of
from runtime.evaluation.levels import voice_levels
from runtime.stages.articulation import EXPRESSIONS, articulate

Floats = NDArray[np.float64]

FINE_FPS = 100.0  # lags are searched in steps of 10 ms
MAX_LAG = 0.32  # seconds either way
_LEAST_SHIFT = 1.5  # seconds: nearer than that, "another moment" is still the same phrase
_MISMATCHES = 16

_OPENING = {
    "jawOpen": 1.0,
    "mouthLowerDownLeft": 0.25,
    "mouthLowerDownRight": 0.25,
    "mouthUpperUpLeft": 0.15,
    "mouthUpperUpRight": 0.15,
}


@dataclass(frozen=True)
class Synchrony:
    """`lag` in seconds, > 0: the lips are late; `r` at that lag; `r_zero` without any; `r_mismatched` the mean of
    the best r that sound from other moments reaches in the same search."""

    lag: float
    r: float
    r_zero: float
    r_mismatched: float

    @property
    def margin(self) -> float:
        """How much better the right sound fits than a wrong one."""
        return self.r - self.r_mismatched


def expected_opening(phones: Sequence[Interval], duration: float) -> Floats:
    """How far aligned phones ask the lips to part, at FINE_FPS; arbitrary unit."""
    track = articulate(segments_of(list(phones)), duration, FINE_FPS)
    weights = np.array([_OPENING.get(name, 0.0) for name in EXPRESSIONS])
    return (track.expression @ weights) * (1 - track.closure.astype(np.float64))


def loudness(audio: NDArray[np.float32], rate: int) -> Floats:
    """The voice's loudness at FINE_FPS, in dB above 45 dB under its loud parts."""
    level = gaussian_filter1d(voice_levels(audio, rate), 1.5)
    # A level covers the hundredth of a second after its moment: its middle lies half a step later.
    level = np.interp(np.arange(len(level)) - 0.5, np.arange(len(level)), level)
    return np.clip(level - np.percentile(level, 95) + 45, 0, None)


def measure_synchrony(
    gap: NDArray[np.floating], fps: float, expected: Floats, skip: float = 0.3
) -> Synchrony:
    """Hold the lip gap (T,) at `fps` against `expected` at FINE_FPS; the first `skip` seconds are left out."""
    seconds = min(len(gap) / fps, len(expected) / FINE_FPS)
    times = np.arange(round(skip * FINE_FPS), int(seconds * FINE_FPS)) / FINE_FPS
    seen = np.isfinite(gap)
    # A frame stands for the middle of the time that it is on screen.
    lips = np.interp(times, ((np.arange(len(gap)) + 0.5) / fps)[seen], np.asarray(gap, np.float64)[seen])
    sound = np.interp(times, np.arange(len(expected)) / FINE_FPS, expected)
    scores = _scores(lips, sound)
    best = int(np.argmax(scores))
    reach = len(scores) // 2
    shifts = _shifts(len(times))
    wrong = [float(_scores(lips, np.roll(sound, shift)).max()) for shift in shifts]
    return Synchrony(
        lag=(best - reach + _peak_offset(scores, best)) / FINE_FPS,
        r=float(scores[best]),
        r_zero=float(scores[reach]),
        r_mismatched=float(np.mean(wrong)) if wrong else float("nan"),
    )


def _scores(lips: Floats, sound: Floats) -> Floats:
    """Pearson r for each lag from -MAX_LAG to MAX_LAG; positive lags hold late lips against earlier sound."""
    reach = round(MAX_LAG * FINE_FPS)
    core = slice(reach, len(lips) - reach)
    return np.array([_r(np.roll(lips, -lag)[core], sound[core]) for lag in range(-reach, reach + 1)])


def _r(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0


def _peak_offset(scores: Floats, best: int) -> float:
    """Where between the samples a parabola through the peak and its neighbours has its top, -0.5..0.5."""
    if not 0 < best < len(scores) - 1:
        return 0.0
    before, peak, after = scores[best - 1 : best + 2]
    bend = before - 2 * peak + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _shifts(samples: int) -> list[int]:
    least = round(_LEAST_SHIFT * FINE_FPS)
    if samples < 2 * least:
        return []
    return np.linspace(least, samples - least, _MISMATCHES).astype(int).tolist()


@dataclass(frozen=True)
class Likeness:
    """Our lips against a real speaker's, frame by frame.

    `r0` at no lag, best `r` at `lag` frames (> 0: ours are late), `r_mismatched` the mean best r against other
    moments of the real film, `mse` of the openings normalised to 0..1, `open_ratio` ours over theirs (spread).
    """

    lag: int
    r0: float
    r: float
    r_mismatched: float
    mse: float
    open_ratio: float


def compare_lips(truth: Floats, ours: Floats, reach: int = 8) -> Likeness:
    """Compare two lip gaps (T,) of the same frame rate."""
    frames = min(len(truth), len(ours))
    real, made = truth[:frames], ours[:frames]
    scores = _frame_scores(real, made, reach)
    best = int(np.argmax(scores))
    least = max(reach + 1, frames // 4)
    shifts: list[int] = np.linspace(least, max(least, frames - least), _MISMATCHES).astype(int).tolist()
    wrong = [float(_frame_scores(np.roll(real, shift), made, reach).max()) for shift in shifts]
    return Likeness(
        lag=best - reach,
        r0=float(scores[reach]),
        r=float(scores[best]),
        r_mismatched=float(np.mean(wrong)) if wrong else float("nan"),
        mse=float(np.mean((_normalised(real) - _normalised(made)) ** 2)),
        open_ratio=float(made.std() / max(real.std(), 1e-6)),
    )


def _frame_scores(truth: Floats, ours: Floats, reach: int) -> Floats:
    core = slice(reach, len(truth) - reach)
    return np.array([_r(truth[core], np.roll(ours, -lag)[core]) for lag in range(-reach, reach + 1)])


def _normalised(gap: Floats) -> Floats:
    low, high = np.percentile(gap, [2, 98])
    return np.clip((gap - low) / max(high - low, 1e-6), 0, 1)
