"""Sampling the photo through backward maps, frame after frame.

The photo is enlarged twice, once, by Lanczos' filter, and then sampled linearly. At whole and half pixels that is the
filter itself, between them the mean of its neighbours: as sharp as cubic interpolation of the photo (PSNR between
the two over 46 dB), for two thirds of its time.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.rasterizing import fixed_map

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]

REACH: Final = 0.4  # ipd round the region from which frames may fetch
_TAPS: Final = np.arange(-3, 5)  # pixels that Lanczos' filter of order 4 weighs for a place half a pixel on


class PhotoSampler:
    """Samples the moving region of one photo. Not for several threads at once: it reuses its scratch arrays."""

    def __init__(self, photo: Image, region: Box, ipd: float) -> None:
        """`photo` (H, W, 3); `region` (x0, y0, x1, y1) of it that frames cover; `ipd` in its pixels."""
        height, width = photo.shape[:2]
        x0, y0, x1, y1 = region
        reach = int(np.ceil(REACH * ipd))
        self._left, self._top = max(0, x0 - reach), max(0, y0 - reach)
        self._double = doubled(
            photo[self._top : min(height, y1 + reach), self._left : min(width, x1 + reach)]
        )
        self._places = np.empty((y1 - y0, x1 - x0), np.int32)
        self._phases = np.empty((y1 - y0, x1 - x0), np.uint16)

    def __call__(self, map_x: Floats, map_y: Floats) -> Image:
        """The region (h, w, 3), an array of its own, as maps (h, w) into the photo move it."""
        fixed_map(map_x, map_y, self._left, self._top, self._places, self._phases)
        places = self._places.view(np.int16).reshape(*self._places.shape, 2)
        picture = cv2.remap(
            self._double, places, self._phases, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(picture, np.uint8)


def doubled(image: Image) -> Image:
    """(H, W, 3) -> (2 H, 2 W, 3): the pixel at (2 x, 2 y) is that at (x, y), those between are interpolated."""
    height, width = image.shape[:2]
    half = np.sinc(_TAPS - 0.5) * np.sinc((_TAPS - 0.5) / 4)
    half /= half.sum()
    whole = np.ones(1)
    out = np.empty((2 * height, 2 * width, 3), np.uint8)
    out[::2, ::2] = image
    for x, y in ((1, 0), (0, 1), (1, 1)):
        across, down = half if x else whole, half if y else whole
        anchor = (3 * x, 3 * y)
        out[y::2, x::2] = cv2.sepFilter2D(
            image, -1, across, down, anchor=anchor, borderType=cv2.BORDER_REPLICATE
        )
    return out
