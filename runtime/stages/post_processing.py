"""Stage 5, post-processing: the moving region goes back into the photo, and the frame is complete."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]
# Draws on a finished frame in place; gets the frame and its number. Labels and subtitles come in this way.
Overlay = Callable[[Image, int], None]

FEATHER = 12  # pixels over which the region fades into the photo


class Backdrop:
    """A still picture with a window in which the presenter is seen: a slide, for instance."""

    def __init__(
        self, canvas: Image, box: Box, mask: NDArray[np.uint8], subtitles: Box | None = None
    ) -> None:
        """`canvas` (H, W, 3), the window's `box` (x0, y0, x1, y1) in it and its anti-aliased `mask` (h, w), 255 where
        only the presenter is seen; `subtitles` is the box that is kept free for them."""
        x0, y0, x1, y1 = box
        if mask.shape != (y1 - y0, x1 - x0):
            raise ValueError(f"the mask has shape {mask.shape}, expected {(y1 - y0, x1 - x0)}")
        self._canvas = np.ascontiguousarray(canvas)
        self._frame = self._canvas.copy()
        self._inside = (slice(y0, y1), slice(x0, x1))
        self._full = np.where(mask == 255, np.uint8(255), np.uint8(0))
        self._rim = np.nonzero((mask > 0) & (mask < 255))
        self._weight = mask[self._rim][:, None].astype(np.float32) / 255
        self._below = self._canvas[self._inside][self._rim].astype(np.float32)
        self.size = (x1 - x0, y1 - y0)
        self.subtitles = subtitles
        self.frame_size = (canvas.shape[1], canvas.shape[0])

    def show(self, presenter: Image) -> Image:
        """Return a frame (H, W, 3) with `presenter` (h, w, 3) in the window; the next one takes its place in memory.

        A new one each time would cost more time than its pixels, and leave the heap in pieces.
        """
        frame = self._frame
        np.copyto(frame, self._canvas)
        window = frame[self._inside]
        window[self._rim] = np.rint(self._below + self._weight * (presenter[self._rim] - self._below))
        cv2.copyTo(presenter, self._full, window)
        return frame


class Compositor:
    """Lays each frame's region into the photo.

    Outside the region every pixel is exactly the photo's. Along the region's edge the two are blended over a few
    pixels; where the edge is the picture's own there is nothing to blend with.
    """

    def __init__(
        self,
        canvas: Image,
        region: Box,
        overlays: Sequence[Overlay] = (),
        backdrop: Backdrop | None = None,
    ) -> None:
        """`canvas` (H, W, 3) is the photo at the size it is seen in, `region` (x0, y0, x1, y1) the box that moves.
        With a `backdrop` the frames are its, and the photo is seen in its window."""
        self._canvas = np.ascontiguousarray(canvas)
        self._overlays = overlays
        self._backdrop = backdrop
        self.region = region
        x0, y0, x1, y1 = region
        self._inside = (slice(y0, y1), slice(x0, x1))
        height, width = canvas.shape[:2]
        across = _fade(x1 - x0, x0 > 0, x1 < width)
        down = _fade(y1 - y0, y0 > 0, y1 < height)
        weight = down[:, None] * across
        self._strips = [
            (strip, weight[strip][..., None])
            for strip in _border(y1 - y0, x1 - x0)
            if (weight[strip] < 1).any()
        ]

    def compose(self, region: Image, index: int = 0) -> Image:
        """Return a frame (H, W, 3) uint8 with `region` (h, w, 3) in its place; `index` is for the overlays.

        It is a new one, unless there is a backdrop, whose frames share their memory.
        """
        place = self._canvas[self._inside]
        if region.shape != place.shape:
            raise ValueError(f"the region has shape {region.shape}, expected {place.shape}")
        frame = region.copy() if region.shape == self._canvas.shape else self._pasted(region)
        if self._backdrop is not None:
            frame = self._backdrop.show(frame)
        for draw in self._overlays:
            draw(frame, index)
        return frame

    def _pasted(self, region: Image) -> Image:
        """The photo with the region in its place, feathered."""
        frame = self._canvas.copy()
        place = frame[self._inside]
        photo = [place[strip].astype(np.float32) for strip, _ in self._strips]
        place[...] = region
        for (strip, weight), below in zip(self._strips, photo, strict=True):
            place[strip] = np.rint(below + weight * (region[strip] - below))
        return frame


def _fade(length: int, at_start: bool, at_end: bool) -> NDArray[np.float32]:
    """Weights 0..1 along one side: rising over FEATHER pixels at the ends that lie inside the picture."""
    distance = np.arange(length, dtype=np.float32) + 0.5
    weight = np.ones(length, np.float32)
    if at_start:
        weight = np.minimum(weight, distance / FEATHER)
    if at_end:
        weight = np.minimum(weight, distance[::-1] / FEATHER)
    return weight


def _border(height: int, width: int) -> list[tuple[slice, slice]]:
    """The region's rim as four strips that do not overlap: top, bottom, left, right."""
    rows, columns = min(FEATHER, height // 2), min(FEATHER, width // 2)
    middle = slice(rows, height - rows)
    return [
        (slice(0, rows), slice(0, width)),
        (slice(height - rows, height), slice(0, width)),
        (middle, slice(0, columns)),
        (middle, slice(width - columns, width)),
    ]
