"""Channels mixed to one or two."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.mixing import mixed

SURROUND = ["FL", "FR", "FC", "LFE", "BL", "BR"]


def alone(channel: int, count: int) -> np.ndarray:
    samples = np.zeros((4, count), np.float32)
    samples[:, channel] = 1
    return samples


def test_sides_stay_on_their_side_and_the_centre_is_on_both() -> None:
    left, right, centre = (mixed(alone(n, 6), SURROUND, 2)[0] for n in range(3))
    assert left[0] > 0.4 and left[1] == 0 and right[1] > 0.4 and right[0] == 0
    assert centre[0] == centre[1] > 0.25
    assert not mixed(alone(3, 6), SURROUND, 2).any()


@pytest.mark.parametrize(
    "names", [SURROUND, [f"C{n}" for n in range(9)], ["FC"], ["FL", "FR"], ["?", "LFE", "FL"]]
)
@pytest.mark.parametrize("channels", [1, 2])
def test_full_scale_on_all_channels_is_full_scale(names: list[str], channels: int) -> None:
    samples = np.ones((5, len(names)), np.float32)
    np.testing.assert_allclose(mixed(samples, names, channels), np.ones((5, channels)), rtol=1e-6)
