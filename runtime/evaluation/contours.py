"""MediaPipe's 478 face-mesh points -> our 116 landmarks, so that the two instruments can be compared.

MediaPipe's contours are poly-lines through other points of the lips and lids than ours. Each of our points is
put at its own fraction of the arc length from corner to corner, measured on the neutral head from which our
landmark layout was chosen (training/heads/facekit.py).
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
    (0, 0.0906, 0.1872, 0.3122, 0.3916, 0.5, 0.6084, 0.6878, 0.8128, 0.9094, 1),
    (0, 0.0808, 0.1843, 0.2977, 0.3962, 0.5, 0.6038, 0.7023, 0.8157, 0.9192, 1),
)
_LIP_INNER: Final = (
    (0, 0.1046, 0.2129, 0.3023, 0.4047, 0.5, 0.5953, 0.6977, 0.7871, 0.8954, 1),
    (0, 0.0985, 0.2110, 0.2858, 0.3911, 0.5, 0.6089, 0.7142, 0.7890, 0.9015, 1),
)
_EYE: Final = (
    (0, 0.1007, 0.2563, 0.3661, 0.5122, 0.6413, 0.7524, 0.8652, 1),
    (0, 0.1456, 0.2547, 0.3723, 0.4854, 0.6457, 0.7478, 0.8895, 1),
)
_FRACTIONS: Final = {"lip_outer": _LIP_OUTER, "lip_inner": _LIP_INNER, "eye_right": _EYE, "eye_left": _EYE}
_BROW_FRACTIONS: Final = {
    "brow_right": (0, 0.1361, 0.2728, 0.4173, 0.5678, 0.7217, 0.8373, 1),
    "brow_left": (0, 0.1627, 0.2783, 0.4322, 0.5827, 0.7272, 0.8639, 1),
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
