"""Crops of a picture, and the landmark networks that read points from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import (
    CROP_SIZE,
    FLIP,
    LIP_COUNT,
    MOUTH_ZOOM,
    Points,
    lip_order,
    mouth_matrix,
    transformed,
)

if TYPE_CHECKING:
    from runtime.inference.sessions import Session

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]

# Crops that are averaged for the final answer: turn (radians), zoom, shift to the right and down (of the side).
VIEWS = (
    (0.0, 1.0, 0.0, 0.0),
    (0.07, 1.05, 0.02, 0.01),
    (-0.07, 0.95, -0.02, -0.01),
    (0.03, 0.9, 0.015, -0.025),
    (-0.03, 1.1, -0.015, 0.025),
)
# Mean expected error of the lips, in pixels of the mouth's crop, beyond which they are not believed; and how far they
# may lie from where the whole face had them, of the crop's side.
UNSURE_LIPS = 6.0
STRAY_LIPS = 0.09


class LandmarkReader:
    """A graph ``input`` (batch, 3, 128, 128) -> ``points`` (batch, n, 2), ``error`` (batch, n): the first landmarks."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(
        self, image: Image, matrices: Sequence[Matrix], mirror: bool = False
    ) -> tuple[Points, NDArray[np.float32]]:
        """Points (n, 2) in the picture and expected errors (n,) in crop pixels, means over the crops.

        With ``mirror`` each crop is looked at in the mirror too.
        """
        crops = np.stack([cut(image, matrix) for matrix in matrices]).transpose(0, 3, 1, 2).astype(np.float32)
        if mirror:
            crops = np.concatenate([crops, crops[..., ::-1]])
        answer = self._session.run({"input": np.ascontiguousarray(crops)})
        points, error = answer["points"].copy(), answer["error"]
        if mirror:
            half, flip = len(matrices), FLIP[: points.shape[1]]
            points[half:] = points[half:, flip]
            points[half:, :, 0] = CROP_SIZE - 1 - points[half:, :, 0]
            error = np.concatenate([error[:half], error[half:, flip]])
        inverse = [cv2.invertAffineTransform(matrix) for matrix in matrices] * (2 if mirror else 1)
        placed = np.stack([transformed(p, m) for p, m in zip(points, inverse, strict=True)])
        return placed.mean(axis=0), np.asarray(error.mean(axis=0), np.float32)


class LipReader:
    """The second look: the lips of landmarks that are known roughly, from a crop of the mouth alone."""

    def __init__(self, session: Session) -> None:
        self._reader = LandmarkReader(session)

    def improved(
        self,
        image: Image,
        points: Points,
        error: NDArray[np.float32],
        views: Sequence[tuple[float, float, float, float]] = VIEWS,
    ) -> tuple[Points, NDArray[np.float32]]:
        """Landmarks (116, 2) with better lips, and expected errors (116,) in pixels of the whole face's crop.

        A first crop aligns those of the ``views``, whose answers are averaged; without views it is the answer. Lips
        that the network is not sure of, or that lie far from where they were, change nothing.
        """
        first = mouth_matrix(points)
        lips, unsure = self._reader.read(image, [first], mirror=True)
        if views:
            aligned = mouth_matrix(_with_lips(points, lips))
            lips, unsure = self._reader.read(image, [jittered(aligned, *view) for view in views], mirror=True)
        moved = np.linalg.norm(transformed(lips, first) - transformed(points[:LIP_COUNT], first), axis=1)
        if unsure.mean() > UNSURE_LIPS or moved.mean() > STRAY_LIPS * CROP_SIZE:
            return points, error
        return _with_lips(points, lip_order(lips)), np.concatenate([unsure / MOUTH_ZOOM, error[LIP_COUNT:]])


def _with_lips(points: Points, lips: Points) -> Points:
    return np.concatenate([lips, points[LIP_COUNT:]])


def cut(image: Image, matrix: Matrix, size: int = CROP_SIZE) -> Image:
    """The crop (size, size, 3) that an affine map (2, 3) of the picture's pixels shows, without aliasing."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.6:
        # warpAffine looks at four pixels only, so a large picture is first shrunk to about the crop's scale.
        factor = 1.3 * scale
        corners = transformed(
            np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32),
            cv2.invertAffineTransform(matrix),
        )
        low = np.clip(np.floor(corners.min(axis=0)) - 8, 0, None).astype(int)
        high = np.ceil(corners.max(axis=0)).astype(int) + 8
        part = image[low[1] : max(high[1], low[1] + 1), low[0] : max(high[0], low[0] + 1)]
        if part.size:
            wide, high_ = max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor))
            image = np.asarray(cv2.resize(part, (wide, high_), interpolation=cv2.INTER_AREA), np.uint8)
            sx, sy = part.shape[1] / wide, part.shape[0] / high_
            back = np.array([[sx, 0, 0.5 * sx - 0.5 + low[0]], [0, sy, 0.5 * sy - 0.5 + low[1]], [0, 0, 1]])
            matrix = matrix @ back
    flags = cv2.INTER_CUBIC if scale > 1.5 else cv2.INTER_LINEAR
    crop = cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def jittered(matrix: Matrix, turn: float, zoom: float, right: float, down: float) -> Matrix:
    """A crop's map turned, zoomed and shifted about the crop's middle."""
    middle = np.full(2, (CROP_SIZE - 1) / 2)
    linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    offset = linear @ (matrix[:, 2] - middle) + middle + np.array([right, down]) * CROP_SIZE
    return np.concatenate([linear @ matrix[:, :2], offset[:, None]], axis=1)
