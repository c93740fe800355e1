"""Lags and margins on lips whose delay is known."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.evaluation.alignment import Interval
from runtime.evaluation.synchrony import FINE_FPS, compare_lips, expected_opening, loudness, measure_synchrony


def babble(seconds: float, seed: int = 0) -> np.ndarray:
    """A smooth random opening at FINE_FPS."""
    noise = np.random.default_rng(seed).normal(size=int(seconds * FINE_FPS) + 40)
    return np.convolve(noise, np.hanning(20), "same")[20:-20]


@pytest.mark.parametrize("late", [-0.08, 0.0, 0.05, 0.12])
def test_lag_is_found_to_a_few_milliseconds(late: float) -> None:
    sound = babble(12)
    middle = (np.arange(300) + 0.5) / 25
    lips = np.interp(middle - late, np.arange(len(sound)) / FINE_FPS, sound)
    result = measure_synchrony(lips, 25, sound)
    assert result.lag == pytest.approx(late, abs=0.006)
    assert result.r > 0.9
    assert result.margin > 0.4


def test_wrong_sound_has_no_margin() -> None:
    middle = (np.arange(300) + 0.5) / 25
    lips = np.interp(middle, np.arange(1200) / FINE_FPS, babble(12, seed=1))
    assert abs(measure_synchrony(lips, 25, babble(12, seed=2)).margin) < 0.25


def test_missing_frames_are_bridged() -> None:
    sound = babble(8)
    lips = np.interp((np.arange(200) + 0.5) / 25, np.arange(800) / FINE_FPS, sound)
    lips[50:53] = np.nan
    assert measure_synchrony(lips, 25, sound).r > 0.9


def test_expected_opening_follows_the_phones() -> None:
    phones = [Interval("AA1", 0.5, 0.8), Interval("M", 0.8, 0.9), Interval("AA1", 0.9, 1.2)]
    opening = expected_opening(phones, 1.7)
    assert opening[65] > 0.4
    assert opening[85] < 0.01
    assert opening[5] < 0.01


def test_loudness_in_decibels() -> None:
    rate = 16_000
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).astype(np.float32)
    level = loudness(np.concatenate([tone, tone * 0.1, tone * 0]), rate)
    assert level[50] - level[150] == pytest.approx(20, abs=0.5)
    assert level[250] == 0


def test_lips_against_a_real_speakers() -> None:
    real = np.abs(babble(4, seed=3))[:200]
    late = compare_lips(real, 0.5 * np.roll(real, 2))
    assert late.lag == 2
    assert late.r == pytest.approx(1.0)
    assert late.r0 < late.r
    assert late.r_mismatched < 0.8
    assert late.open_ratio == pytest.approx(0.5)
    assert compare_lips(real, 0.5 * real).mse == pytest.approx(0, abs=1e-9)
