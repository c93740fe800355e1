"""Conversion to YUV: the standard's numbers, and libswscale's picture."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from runtime.media.colour import yuv420_frame

from .bt709 import COLOURS


def planes(frame: av.VideoFrame) -> list[NDArray[np.int64]]:
    return [
        np.frombuffer(plane, np.uint8)
        .reshape(plane.height, plane.line_size)[:, : plane.width]
        .astype(np.int64)
        for plane in frame.planes
    ]


@pytest.mark.parametrize(("rgb", "ycbcr"), COLOURS)
def test_colours_are_those_of_the_standard(rgb: tuple[int, int, int], ycbcr: tuple[int, int, int]) -> None:
    frame = yuv420_frame(np.full((6, 10, 3), rgb, np.uint8))
    assert [set(plane.ravel().tolist()) for plane in planes(frame)] == [{value} for value in ycbcr]


@pytest.mark.parametrize("shape", [(64, 64), (46, 98)])
def test_pictures_are_those_of_libswscale(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).uniform(0, 255, (5, 5, 3)).astype(np.float32)
    image = cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    reference = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
        format="yuv420p",
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        dst_colorspace=Colorspace.ITU709,
    )
    for ours, theirs, most in zip(planes(yuv420_frame(image)), planes(reference), (1, 8, 8), strict=True):
        assert np.abs(ours - theirs).max() <= most
        assert np.abs(ours - theirs).mean() < 1.5


def test_each_colour_sample_belongs_to_its_own_four_pixels() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    image[2:4, 4:6] = (255, 0, 0)
    luma, blue, red = planes(yuv420_frame(image))
    assert np.argwhere(luma != 16).tolist() == [[2, 4], [2, 5], [3, 4], [3, 5]]
    assert np.argwhere(blue != 128).tolist() == np.argwhere(red != 128).tolist() == [[1, 2]]
