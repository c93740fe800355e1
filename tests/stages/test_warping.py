"""Sampling through maps: exact where nothing moves, as good as cubic interpolation where something does."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.stages.warping import PhotoSampler, doubled

IPD = 40.0


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """Smooth shapes with sharp edges, 200 x 240."""
    noise = np.random.default_rng(0).uniform(0, 255, (25, 30, 3)).astype(np.float32)
    image = cv2.resize(noise, (240, 200), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    cv2.circle(image, (120, 100), 40, (250, 240, 230), -1, cv2.LINE_AA)
    return image


def maps(region: tuple[int, int, int, int], x: float, y: float) -> tuple[NDArray, NDArray]:
    x0, y0, x1, y1 = region
    rows, columns = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    return columns + np.float32(x), rows + np.float32(y)


@pytest.mark.parametrize("region", [(0, 0, 240, 200), (50, 40, 190, 170)])
def test_what_does_not_move_is_the_photo_itself(photo: NDArray, region: tuple[int, int, int, int]) -> None:
    x0, y0, x1, y1 = region
    assert np.array_equal(PhotoSampler(photo, region, IPD)(*maps(region, 0, 0)), photo[y0:y1, x0:x1])


def test_whole_pixels_to_every_side_reach_the_pixels_there_and_the_edge_continues(photo: NDArray) -> None:
    region = (0, 0, 240, 200)
    sample = PhotoSampler(photo, region, IPD)
    padded = np.pad(photo, ((9, 9), (9, 9), (0, 0)), mode="edge")
    for x, y in ((7, -3), (-9, 9), (4, 5)):
        assert np.array_equal(sample(*maps(region, x, y)), padded[9 + y : 209 + y, 9 + x : 249 + x])


@pytest.mark.parametrize("shift", [(0.5, 0.5), (0.25, -0.75), (3.4, 0.1)])
def test_fractions_are_as_good_as_cubic_interpolation(photo: NDArray, shift: tuple[float, float]) -> None:
    region = (50, 40, 190, 170)
    map_x, map_y = maps(region, *shift)
    exact, cubic, linear = (
        cv2.remap(photo, map_x, map_y, flag).astype(float)
        for flag in (cv2.INTER_LANCZOS4, cv2.INTER_CUBIC, cv2.INTER_LINEAR)
    )
    found = PhotoSampler(photo, region, IPD)(map_x, map_y).astype(float)

    def error(picture: NDArray) -> float:
        return float(np.sqrt(np.mean((picture - exact) ** 2)))

    assert error(found) < 0.6 * error(linear)
    assert error(found) < 1.5 * error(cubic) + 0.3


def test_doubling_keeps_every_pixel(photo: NDArray) -> None:
    twice = doubled(photo)
    assert twice.shape == (400, 480, 3)
    assert np.array_equal(twice[::2, ::2], photo)
