"""MediaPipe's 478 face-mesh points -> our 116 landmarks, so that the two instruments can be compared.

MediaPipe's contours are poly-lines through other points of the lips and lids than ours. Each of our points is
put at its own fraction of the arc length from corner to corner, measured on the neutral head from which our
landmark layout was chosen (training/heads/facekit.py), as a camera 90 cm in front of it sees it: lips and lids
curve away from the camera at their corners, so fractions of the length in space would not fit a picture.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import COUNT, GROUPS

# Vertices of the face mesh (google-ai-edge/mediapipe, face_mesh_connections.py) from the subject's right to left
# for lips, from the outer corner to the inner for eyes.
_CONTOURS: Final = {
    "lip_outer": (
        (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
        (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
    ),
    "lip_inner": (
        (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
        (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
    ),
    "eye_right": ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
    "eye_left": (
        (263, 466, 388, 387, 386, 385, 384, 398, 362),
        (263, 249, 390, 373, 374, 380, 381, 382, 362),
    ),
}
_BROWS: Final = {
    "brow_right": ((70, 46), (63, 53), (105, 52), (66, 65), (107, 55)),
    "brow_left": ((336, 285), (296, 295), (334, 282), (293, 283), (300, 276)),
}
_NOSE: Final = (6, 197, 195, 4, 98, 97, 2, 326, 327)
_IRISES: Final = (468, 473)
_CHIN: Final = 152

# Our points' fractions of the arc length: upper contour corner to corner, then the lower one from the same corner.
_LIP_OUTER: Final = (
    (0, 0.0711, 0.1534, 0.2793, 0.3690, 0.5000, 0.6310, 0.7207, 0.8466, 0.9289, 1),
    (0, 0.0799, 0.1652, 0.2739, 0.3808, 0.5000, 0.6192, 0.7261, 0.8348, 0.9201, 1),
)
_LIP_INNER: Final = (
    (0, 0.0842, 0.1828, 0.2728, 0.3874, 0.5000, 0.6126, 0.7272, 0.8172, 0.9158, 1),
    (0, 0.0857, 0.1820, 0.2554, 0.3721, 0.5000, 0.6279, 0.7446, 0.8180, 0.9143, 1),
)
_EYE: Final = (
    (0, 0.0666, 0.1958, 0.3002, 0.4612, 0.6092, 0.7282, 0.8457, 1),
    (0, 0.1056, 0.1973, 0.3088, 0.4275, 0.6097, 0.7222, 0.8747, 1),
)
_FRACTIONS: Final = {"lip_outer": _LIP_OUTER, "lip_inner": _LIP_INNER, "eye_right": _EYE, "eye_left": _EYE}
_BROW_FRACTIONS: Final = {
    "brow_right": (0, 0.1156, 0.2359, 0.3687, 0.5167, 0.6785, 0.8083, 1),
    "brow_left": (0, 0.1917, 0.3215, 0.4833, 0.6313, 0.7641, 0.8844, 1),
}


def from_face_mesh(mesh: NDArray[np.floating]) -> NDArray[np.float32]:
    """Face-mesh points (478, 2) in pixels -> our landmarks (116, 2); the jaw but for the chin is NaN."""
    points = np.full((COUNT, 2), np.nan, np.float32)
    for group, (upper, lower) in _CONTOURS.items():
        over = _along(mesh[list(upper)], _FRACTIONS[group][0])
        under = _along(mesh[list(lower)], _FRACTIONS[group][1])
        points[GROUPS[group]] = np.concatenate([over, under[-2:0:-1]])
    for group, pairs in _BROWS.items():
        middle = mesh[np.array(pairs)].mean(axis=1)
        points[GROUPS[group]] = _along(middle, _BROW_FRACTIONS[group])
    points[GROUPS["nose"]] = mesh[list(_NOSE)]
    points[GROUPS["iris"]] = mesh[list(_IRISES)]
    points[GROUPS["jaw"].start + 8] = mesh[_CHIN]
    return points


def _along(line: NDArray[np.floating], fractions: tuple[float, ...]) -> NDArray[np.float32]:
    """Points (n, 2) at fractions of the arc length of a poly-line (m, 2)."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    length /= max(length[-1], 1e-9)
    return np.stack([np.interp(fractions, length, line[:, axis]) for axis in (0, 1)], axis=1).astype(
        np.float32
    )
