"""The running speech level: robust, slow to fall, the same however the frames arrive."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.speech.level import QUIETEST, LevelTracker, level_of

RNG = np.random.default_rng(5)


def speech_like(seconds: int, db: float) -> np.ndarray:
    """Peaks that are loud half of the time."""
    loud = np.repeat(RNG.random(seconds * 10) < 0.5, 10)
    return (np.where(loud, db, db - 50) + RNG.standard_normal(seconds * 100)).astype(np.float32)


@pytest.mark.parametrize("step", [1, 37, 950])
def test_blocks_of_any_size_give_the_same_level(step: int) -> None:
    peaks = np.concatenate([speech_like(30, -5), speech_like(40, -25)])
    tracker = LevelTracker()
    for start in range(0, len(peaks), step):
        tracker.push(peaks[start : start + step])
    tracker.end()
    np.testing.assert_array_equal(tracker.level(0, len(peaks)), level_of(peaks))


def test_level_is_that_of_the_loud_frames_whatever_the_pauses() -> None:
    assert abs(level_of(speech_like(30, -12))[1500] + 12) < 3


def test_a_bang_does_not_count() -> None:
    peaks = speech_like(30, -20)
    peaks[1000:1040] = 15
    assert level_of(peaks).max() < -15


def test_level_follows_a_quieter_speaker_but_not_a_pause() -> None:
    peaks = np.concatenate([speech_like(30, -5), np.full(1000, -70, np.float32), speech_like(60, -25)])
    level = level_of(peaks)
    assert level[3900] > -8
    assert abs(level[9900] + 25) < 3


def test_silence_has_the_quietest_level() -> None:
    assert np.all(level_of(np.full(500, -100, np.float32)) == QUIETEST)
    assert len(level_of(np.full(3, -100, np.float32))) == 3
