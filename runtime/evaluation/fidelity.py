"""How much of the photo survives: PSNR of a still frame, and of the background while the presenter talks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import GROUPS, Points, ipd

Image = NDArray[np.uint8]

IDENTICAL = 100.0
"""What a PSNR without any difference is written as, dB."""

SKULL_DEPTH = 1.2
"""How far the head's centre lies behind the middle of irises and chin, in ipd: as in ICT-FaceKit's mean head."""


def psnr(image: Image, truth: Image, mask: NDArray[np.bool_] | None = None) -> float:
    """Peak signal-to-noise ratio in dB of 8-bit pictures (H, W, 3), all of it or where `mask` (H, W) is set."""
    difference = image.astype(np.float64) - truth.astype(np.float64)
    if mask is not None:
        difference = difference[mask]
    if difference.size == 0:
        return float("nan")
    error = float((difference**2).mean())
    return min(IDENTICAL, 10 * np.log10(255**2 / error)) if error > 0 else IDENTICAL


def background(points: Points, yaw: float, height: int, width: int) -> NDArray[np.bool_]:
    """(H, W) what is surely neither head, hair nor shoulders, from landmarks (116, 2) and yaw in radians.

    The head is an ellipse about the face's middle, 2.1 ipd to the sides, 3.1 up and 2.3 down; the shoulders
    spread from the neck at 45 degrees and take all below. Both lie behind the face, so a turned head's are found
    to the side that it turns away from. Long hair that falls further outside is taken for background, which makes
    the measure stricter.
    """
    irises = points[GROUPS["iris"]]
    chin = points[GROUPS["jaw"]][8]
    right = (irises[1] - irises[0]) / ipd(points)
    up = np.array([right[1], -right[0]])
    unit = ipd(points) / np.cos(yaw)
    behind = -SKULL_DEPTH * unit * np.sin(yaw) * right
    head = (irises.mean(axis=0) + chin) / 2 + behind + 0.4 * unit * up
    neck = chin + behind
    taken = np.zeros((height, width), np.uint8)
    axes = (round(2.1 * unit), round(2.7 * unit))
    tilt = float(np.degrees(np.arctan2(right[1], right[0])))
    cv2.ellipse(taken, (round(head[0]), round(head[1])), axes, tilt, 0, 360, 255, cv2.FILLED)
    across = np.arange(width)[None, :] - neck[0]
    below = np.arange(height)[:, None] - neck[1]
    shoulders = below > np.maximum(np.abs(across) - 1.6 * unit, 0)
    return (taken == 0) & ~shoulders
