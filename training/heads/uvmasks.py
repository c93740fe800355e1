"""Painted regions of the face in its texture space: where lips, brows, beard, blush and the like go."""

from __future__ import annotations

import cv2
import numpy as np

from runtime.stages.landmarks import GROUPS
from training.heads.facekit import FaceKit, Floats

SIZE = 512  # pixels of a mask; row 0 is v = 1

# Outlines in texture coordinates (u, v).
_BEARD_UPPER = [(0.80, 0.44), (0.70, 0.42), (0.655, 0.46), (0.60, 0.53), (0.50, 0.535)]
_BEARD_LOWER = [(0.14, 0.30), (0.28, 0.19), (0.50, 0.16), (0.72, 0.19), (0.86, 0.30), (0.86, 0.52)]
_MOUSTACHE_UPPER = [(0.38, 0.455), (0.42, 0.50), (0.47, 0.535)]
_MOUSTACHE_LOWER = [(0.575, 0.495), (0.53, 0.517)]
# A heavy moustache that hangs over the upper lip.
_WALRUS_LOWER = [(0.59, 0.465), (0.54, 0.487)]
_GOATEE = [(0.42, 0.44), (0.46, 0.415), (0.54, 0.415), (0.58, 0.44), (0.60, 0.33), (0.5, 0.25), (0.40, 0.33)]


def skin_masks(kit: FaceKit) -> dict[str, Floats]:
    """Masks (512, 512) float32 0..1 by name: lips, brow, liner, socket, blush, nostril, beard, moustache..."""
    uv = kit.vertex_uv[kit.landmarks]
    points = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1) * SIZE
    raised = points - np.array([0, 10], np.float32)  # centres the painted brow on its landmarks
    lips = _polygon(points[GROUPS["lip_outer"]], 1.3)
    brows = [
        _band(raised[GROUPS["brow_right"]], [5, 8, 11, 13, 14, 14, 13, 10], 2.0),
        _band(raised[GROUPS["brow_left"]], [10, 13, 14, 14, 13, 11, 8, 5], 2.0),
    ]
    liner = [_band(_closed(points[GROUPS[eye]]), [4] * 17, 1.2) for eye in ("eye_right", "eye_left")]
    off_lips = 1.2 * cv2.dilate(lips, np.ones((5, 5), np.uint8))
    return {
        "lips": lips,
        "brow": np.maximum(*brows),
        "liner": np.maximum(*liner),
        "socket": np.maximum(_ellipse(0.36, 0.728, 44, 24, 10), _ellipse(0.64, 0.728, 44, 24, 10)),
        "blush": np.maximum(_ellipse(0.29, 0.55, 40, 36, 20), _ellipse(0.71, 0.55, 40, 36, 20)),
        "nostril": np.maximum(_ellipse(0.456, 0.561, 6, 4, 2.5), _ellipse(0.544, 0.561, 6, 4, 2.5)),
        "beard": np.clip(_polygon(_outline(_BEARD_UPPER, _BEARD_LOWER), 6) - off_lips, 0, 1),
        "moustache": _polygon(_outline(_MOUSTACHE_UPPER, _MOUSTACHE_LOWER, symmetric=True), 3),
        "walrus": _polygon(_outline(_MOUSTACHE_UPPER, _WALRUS_LOWER, symmetric=True), 3),
        "seam": _polygon(points[GROUPS["lip_inner"]], 2.0),
        "goatee": np.clip(_polygon(_pixels(_GOATEE), 5) - off_lips, 0, 1),
    }


def _pixels(outline: list[tuple[float, float]]) -> Floats:
    return np.array([(u * SIZE, (1 - v) * SIZE) for u, v in outline], np.float32)


def _outline(
    upper: list[tuple[float, float]], lower: list[tuple[float, float]], symmetric: bool = False
) -> Floats:
    """The upper line mirrored to full width, closed by the lower one (mirrored too where asked)."""
    mirrored = [(1 - u, v) for u, v in reversed(upper) if u != 0.5]
    if symmetric:
        lower = [*lower, *[(1 - u, v) for u, v in reversed(lower)]]
        return _pixels([*upper, *mirrored, *lower])
    return _pixels([*upper, *mirrored, (0.14, 0.52), *lower])


def _closed(points: Floats) -> Floats:
    return np.concatenate([points, points[:1]])


def _blurred(mask: np.ndarray, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), sigma), np.float32)


def _polygon(points: Floats, sigma: float) -> Floats:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return _blurred(mask, sigma)


def _band(points: Floats, widths: list[int], sigma: float) -> Floats:
    """A line through points, of varying width."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    corners = np.round(points).astype(int)
    for i in range(len(corners) - 1):
        width = (widths[i] + widths[i + 1]) // 2
        cv2.line(mask, tuple(corners[i].tolist()), tuple(corners[i + 1].tolist()), 255, width, cv2.LINE_AA)
    return _blurred(mask, sigma)


def _ellipse(u: float, v: float, width: int, height: int, sigma: float) -> Floats:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.ellipse(mask, (int(u * SIZE), int((1 - v) * SIZE)), (width, height), 0, 0, 360, 255, -1)
    return _blurred(mask, sigma)
