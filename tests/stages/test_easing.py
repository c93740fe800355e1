"""The passage from nothing to all."""

from __future__ import annotations

import numpy as np

from runtime.stages.easing import smoothstep


def test_smoothstep_rises_from_0_to_1_level_at_both_ends() -> None:
    x = np.arange(-100, 201) / 100
    y = smoothstep(x)
    assert np.all(y[:101] == 0) and np.all(y[200:] == 1) and y[150] == 0.5
    slope = np.diff(y) / 0.01
    assert slope[100:200].min() > 0 and slope[100] < 0.05 and slope[199] < 0.05 and slope[150] > 1.4


def test_smoothstep_keeps_the_type_of_its_numbers() -> None:
    assert smoothstep(np.zeros(3, np.float32)).dtype == np.float32
