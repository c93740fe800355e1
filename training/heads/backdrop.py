"""Backgrounds that owe nothing to any photo: gradients, blotches, shapes, furniture-like boxes and stripes."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]  # float32, but the stubs of cv2 promise no type


def sample_backdrop(rng: np.random.Generator, size: int, busy: float = 0.5) -> Floats:
    """(size, size, 3) float32 linear light 0..1; ``busy`` is the chance of clutter."""
    first, second = rng.random(3), rng.random(3)
    if rng.random() < 0.4:
        first, second = (np.full(3, c.mean()) + rng.normal(0, 0.04, 3) for c in (first, second))
    mode = rng.random()
    if mode < 0.25:
        image: Floats = np.broadcast_to(first, (size, size, 3)).copy()
    elif mode < 0.5:
        image = _gradient(rng, size, first, second)
    else:
        image = 0.6 * (0.7 * _blotches(rng, size) + 0.3 * first) + 0.4 * second
    image = np.ascontiguousarray(np.clip(image, 0, 1), np.float32)
    if rng.random() < busy:
        for _ in range(rng.integers(1, 14)):
            _shape(rng, image)
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 8) ** 1.0) * size / 256)
    return np.asarray(image, np.float32)


def _gradient(rng: np.random.Generator, size: int, first: Floats, second: Floats) -> Floats:
    angle = rng.uniform(0, 2 * math.pi)
    rows, columns = np.mgrid[0:size, 0:size] / size
    ramp = columns * math.cos(angle) + rows * math.sin(angle)
    ramp = (ramp - ramp.min()) / max(float(np.ptp(ramp)), 1e-6)
    return np.asarray(first + (second - first) * ramp[..., None])


def _blotches(rng: np.random.Generator, size: int) -> Floats:
    cells = int(2 ** rng.uniform(1, 6))
    grid = rng.random((cells, cells, 3)).astype(np.float32) * rng.uniform(0.2, 1)
    method = (cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_NEAREST)[rng.integers(3)]
    return np.asarray(cv2.resize(grid, (size, size), interpolation=method))


def _shape(rng: np.random.Generator, image: Floats) -> None:
    size = image.shape[0]
    colour = tuple(float(c) for c in rng.random(3))
    x0, y0, x1, y1 = (int(v) for v in rng.integers(-size // 10, size + size // 10, 4))
    mode = rng.integers(4)
    if mode == 0:
        cv2.rectangle(image, (x0, y0), (x1, y1), colour, -1)
    elif mode == 1:
        cv2.circle(image, (x0, y0), int(rng.uniform(0.02, 0.25) * size), colour, -1)
    elif mode == 2:
        cv2.line(image, (x0, y0), (x1, y1), colour, int(rng.uniform(0.004, 0.06) * size) + 1)
    else:
        radii = (int(rng.uniform(0.02, 0.2) * size), int(rng.uniform(0.02, 0.2) * size))
        cv2.ellipse(image, (x0, y0), radii, float(rng.uniform(0, 180)), 0, 360, colour, -1)
