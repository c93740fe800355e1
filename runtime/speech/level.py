"""How loud the speaker is: the level that log-mel features are measured against.

A recording may be any length, so the level follows it: for each second the 95th percentile of the loudest bands
of the frames around it. It depends on the samples alone, not on how they arrive or are cut into windows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.speech.features import FEATURE_FPS

FloatArray = NDArray[np.float32]

BLOCK = round(FEATURE_FPS)  # one second
LOOK_BACK = 15 * BLOCK
LOOK_AHEAD = 6 * BLOCK
SLOWEST_FALL = 1.0  # dB a second: a long pause must not turn its noise into a voice at once
QUIETEST = -45.0  # dB; a voice this faint would peak at a three-hundredth of full scale: below is silence
PERCENTILE = 95

FRAMES_AHEAD = LOOK_AHEAD + 2 * BLOCK
"""Frames after a given one that must be known before its level is."""


class LevelTracker:
    """Takes the frames' peaks as they come and gives the level of any frame that is FRAMES_AHEAD in the past."""

    def __init__(self) -> None:
        self._peaks = np.zeros(0, np.float32)
        self._dropped = 0  # frames before the first one still kept
        self._levels: list[float] = []  # one for each second, at its middle
        self._ended = False

    def push(self, peaks: FloatArray) -> None:
        """Add the peaks (n,) in dB of the next frames."""
        self._peaks = np.concatenate([self._peaks, peaks])
        self._advance()

    def end(self) -> None:
        """No more frames will come: all levels become known."""
        self._ended = True
        self._advance()

    def level(self, start: int, stop: int) -> FloatArray:
        """dB for the frames start..stop, interpolated between the middles of the seconds."""
        middles = (np.arange(len(self._levels)) + 0.5) * BLOCK
        return np.interp(np.arange(start, stop), middles, self._levels).astype(np.float32)

    @property
    def _frames(self) -> int:
        return self._dropped + len(self._peaks)

    def _advance(self) -> None:
        while True:
            block = len(self._levels)
            enough = (block + 1) * BLOCK + LOOK_AHEAD <= self._frames
            last = self._ended and (block * BLOCK < self._frames or block == 0)
            if not enough and not last:
                return
            first = max(0, block * BLOCK - LOOK_BACK)
            around = self._peaks[first - self._dropped : (block + 1) * BLOCK + LOOK_AHEAD - self._dropped]
            heard = float(np.percentile(around, PERCENTILE)) if len(around) else QUIETEST
            fallen = self._levels[-1] - SLOWEST_FALL if self._levels else QUIETEST
            self._levels.append(max(heard, fallen, QUIETEST))
            drop = max(0, (block + 1) * BLOCK - LOOK_BACK) - self._dropped
            if drop > 0:
                self._peaks = self._peaks[drop:]
                self._dropped += drop


def level_of(peaks: FloatArray) -> FloatArray:
    """The level (T,) of a whole recording's peaks (T,) at once."""
    tracker = LevelTracker()
    tracker.push(peaks)
    tracker.end()
    return tracker.level(0, len(peaks))
