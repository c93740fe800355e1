"""The 116 facial landmarks: names, order, mirror image, and a few measures taken on them.

Points are float32 (x, y) in pixels, (0, 0) being the centre of the top-left pixel. Left and right are the
subject's, so ``eye_right`` lies on the image's left. Within a group the points run

- lips: right corner, upper lip to the left corner (index 10), then the lower lip back to the right corner;
- eyes: outer corner, upper lid to the inner corner (index 8), then the lower lid back to the outer corner;
- brows: as seen from left to right in the image;
- jaw: from the right ear over the chin (index 8) to the left ear;
- nose: four points down the bridge, then five under the nose from right to left; irises: right, left.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]

_SIZES: Final = (
    ("lip_outer", 20),
    ("lip_inner", 20),
    ("eye_right", 16),
    ("eye_left", 16),
    ("iris", 2),
    ("brow_right", 8),
    ("brow_left", 8),
    ("nose", 9),
    ("jaw", 17),
)


def _groups() -> dict[str, slice]:
    slices: dict[str, slice] = {}
    start = 0
    for name, size in _SIZES:
        slices[name] = slice(start, start + size)
        start += size
    return slices


GROUPS: Final[dict[str, slice]] = _groups()
COUNT: Final = sum(size for _, size in _SIZES)
LIP_COUNT: Final = GROUPS["lip_inner"].stop  # the lips come first


def _flip() -> NDArray[np.int64]:
    """Where each landmark lands in a mirrored image."""
    index = np.arange(COUNT)
    flip = index.copy()
    for name in ("lip_outer", "lip_inner"):
        ring = index[GROUPS[name]]
        flip[GROUPS[name]] = ring[(10 - np.arange(20)) % 20]
    flip[GROUPS["eye_right"]], flip[GROUPS["eye_left"]] = (
        index[GROUPS["eye_left"]],
        index[GROUPS["eye_right"]],
    )
    flip[GROUPS["brow_right"]] = index[GROUPS["brow_left"]][::-1]
    flip[GROUPS["brow_left"]] = index[GROUPS["brow_right"]][::-1]
    flip[GROUPS["iris"]] = index[GROUPS["iris"]][::-1]
    nose = index[GROUPS["nose"]]
    flip[GROUPS["nose"]] = np.concatenate([nose[:4], nose[:3:-1]])
    flip[GROUPS["jaw"]] = index[GROUPS["jaw"]][::-1]
    return flip


FLIP: Final[NDArray[np.int64]] = _flip()

# Points of the inner lips that meet when the mouth closes, from the right corner to the left (9 pairs).
LIP_UPPER: Final = np.arange(1, 10) + GROUPS["lip_inner"].start
LIP_LOWER: Final = np.arange(19, 10, -1) + GROUPS["lip_inner"].start
# Points of the lids that meet when an eye closes, from the outer corner to the inner (7 pairs an eye).
LID_UPPER: Final = np.stack([np.arange(1, 8) + GROUPS[e].start for e in ("eye_right", "eye_left")])
LID_LOWER: Final = np.stack([np.arange(15, 8, -1) + GROUPS[e].start for e in ("eye_right", "eye_left")])


def mirrored(points: Points, width: int) -> Points:
    """The landmarks (116, 2) of the same face in the image mirrored left to right, ``width`` pixels wide."""
    result = points[FLIP].copy()
    result[:, 0] = width - 1 - result[:, 0]
    return result


def ipd(points: Points) -> float:
    """Distance of the two irises, the unit of length everywhere; pixels."""
    right, left = points[GROUPS["iris"]]
    return float(np.linalg.norm(left - right))


def outer_eye_distance(points: Points) -> float:
    """Distance of the outer eye corners, by which landmark errors are usually divided; pixels."""
    return float(np.linalg.norm(points[GROUPS["eye_left"].start] - points[GROUPS["eye_right"].start]))


def mouth_opening(points: Points) -> float:
    """Largest gap between the inner lips, in ipd."""
    gaps = np.linalg.norm(points[LIP_LOWER] - points[LIP_UPPER], axis=1)
    return float(gaps.max() / max(ipd(points), 1e-6))


def eye_opening(points: Points) -> tuple[float, float]:
    """Height over width of the right and the left eye; about 0.3 wide awake, under 0.1 closed."""
    openings = []
    for eye, name in enumerate(("eye_right", "eye_left")):
        ring = points[GROUPS[name]]
        height = np.linalg.norm(points[LID_UPPER[eye]] - points[LID_LOWER[eye]], axis=1).max()
        openings.append(float(height / max(float(np.linalg.norm(ring[8] - ring[0])), 1e-6)))
    return openings[0], openings[1]


def lip_order(lips: Points) -> Points:
    """Lips (40, 2) that do not cross: from top to bottom outer, inner upper, inner lower, outer, at each of 9 places.

    Inner lips that cross meet halfway; outer lips give way to inner ones.
    """
    axis = lips[30] - lips[20]
    down = np.array([-axis[1], axis[0]]) / max(float(np.linalg.norm(axis)), 1e-6)
    upper, lower = np.arange(1, 10), np.arange(19, 10, -1)
    columns = np.stack([upper, upper + 20, lower + 20, lower])  # (4, 9)
    depth = lips[columns] @ down
    ordered = depth.copy()
    crossed = depth[1] > depth[2]
    ordered[1:3, crossed] = depth[1:3, crossed].mean(axis=0)
    ordered[0] = np.minimum(depth[0], ordered[1])
    ordered[3] = np.maximum(depth[3], ordered[2])
    result = lips.copy()
    result[columns] += (ordered - depth)[..., None] * down
    return np.asarray(result, np.float32)


def head_rotation(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Rotation (3, 3) of a head in the frame x right, y up, z towards the viewer; angles in radians.

    Yaw > 0 turns the face to the image's right, pitch > 0 looks up, roll > 0 is clockwise in the image.
    """
    cos_yaw, sin_yaw = np.cos(yaw), np.sin(yaw)
    cos_pitch, sin_pitch = np.cos(pitch), np.sin(pitch)
    cos_roll, sin_roll = np.cos(roll), np.sin(roll)
    about_y = np.array([[cos_yaw, 0, sin_yaw], [0, 1, 0], [-sin_yaw, 0, cos_yaw]])
    about_x = np.array([[1, 0, 0], [0, cos_pitch, sin_pitch], [0, -sin_pitch, cos_pitch]])
    about_z = np.array([[cos_roll, sin_roll, 0], [-sin_roll, cos_roll, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y)


def head_angles(rotation: NDArray[np.floating]) -> tuple[float, float, float]:
    """Yaw, pitch and roll (radians) of a rotation (3, 3): the inverse of :func:`head_rotation`."""
    pitch = np.arcsin(np.clip(-rotation[2, 1], -1, 1))
    yaw = np.arctan2(-rotation[2, 0], rotation[2, 2])
    roll = np.arctan2(rotation[0, 1], rotation[1, 1])
    return float(yaw), float(pitch), float(roll)


# Where eye centres (right, left), nose tip and mouth corners (right, left) of an upright frontal face lie in the crop
# that the landmark network sees; fractions of its side. The crop then shows brows to chin, open jaws included.
CROP_TEMPLATE: Final = np.array(
    [[0.345, 0.285], [0.655, 0.285], [0.5, 0.475], [0.380, 0.615], [0.620, 0.615]], np.float32
)
CROP_SIZE: Final = 128


def five_points(points: Points) -> Points:
    """Landmarks (116, 2) -> (5, 2): eye centres (right, left), nose tip, mouth corners (right, left)."""
    eyes = [points[GROUPS[name]].mean(axis=0) for name in ("eye_right", "eye_left")]
    lips = points[GROUPS["lip_outer"]]
    return np.stack([*eyes, points[GROUPS["nose"]][3], lips[0], lips[10]]).astype(np.float32)


def crop_matrix(five: Points, size: int = CROP_SIZE) -> NDArray[np.float64]:
    """The similarity (2, 3) from image pixels to the landmark crop's pixels, least squares over the five points.

    Closed form of Umeyama (1991) in two dimensions, without reflection.
    """
    target = CROP_TEMPLATE.astype(np.float64) * size - 0.5
    source_mean, target_mean = five.mean(axis=0), target.mean(axis=0)
    source, target = five - source_mean, target - target_mean
    spread = (source**2).sum()
    cosine = (source * target).sum() / spread
    sine = (source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum() / spread
    linear = np.array([[cosine, -sine], [sine, cosine]])
    return np.concatenate([linear, (target_mean - linear @ source_mean)[:, None]], axis=1)


MOUTH_SIDE: Final = 1.5  # width of the mouth's crop, in iris distances of an upright frontal face

MOUTH_ZOOM: Final = float(
    1 / ((CROP_TEMPLATE[1, 0] - CROP_TEMPLATE[0, 0]) * MOUTH_SIDE)
)  # against the face's crop


def mouth_matrix(points: Points, size: int = CROP_SIZE) -> NDArray[np.float64]:
    """The similarity (2, 3) from image pixels to the mouth crop's pixels, given landmarks (116, 2).

    Turned and scaled like the whole face's crop, so that a small mouth is not mistaken for a far one, and centred on
    the lips.
    """
    linear = crop_matrix(five_points(points), size)[:, :2] * MOUTH_ZOOM
    middle = points[GROUPS["lip_outer"]].mean(axis=0)
    return np.concatenate([linear, ((size - 1) / 2 - linear @ middle)[:, None]], axis=1)


def transformed(points: NDArray[np.floating], matrix: NDArray[Any]) -> Points:
    """Points (..., 2) through an affine map (2, 3)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)
