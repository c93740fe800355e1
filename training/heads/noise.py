"""Tileable noise textures, always the same ones, from which skin, hair, irises and cloth are painted."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SIZE = 256
COUNT = 12


@functools.cache
def noise(grain: float) -> Floats:
    """(12, 256, 256) float32 in 0..1, mean 0.5: white noise smoothed to ``grain`` pixels, equalised in contrast."""
    rng = np.random.default_rng(int(grain * 1000) + 1)
    textures = np.empty((COUNT, SIZE, SIZE), np.float32)
    for i in range(COUNT):
        white = rng.standard_normal((SIZE, SIZE)).astype(np.float32)
        tiled = np.tile(white, (3, 3))
        smooth = cv2.GaussianBlur(tiled, (0, 0), grain)[SIZE : 2 * SIZE, SIZE : 2 * SIZE]
        textures[i] = np.clip(0.5 + 0.25 * (smooth - smooth.mean()) / smooth.std(), 0, 1)
    return textures
