"""Finding faces of any size in a picture, with our own detector on a pyramid of tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from runtime.inference.sessions import Sessions

SIDE = 192  # pixels of the square that the network sees
STRIDE = 8  # pixels of one cell of its answer
SIZE_UNIT = 40.0  # the network answers with the logarithm of the face's size over this
OVERLAP = 80  # of neighbouring tiles: a face that would be cut in one is whole in the next
# The picture's long side at each level, pixels. Close-ups are found at the first, small faces further on; the fine
# levels have many tiles.
LEVELS = (112, 192, 384)
FINE_LEVELS = (768, 1536)
SEARCH = 0.3  # score from which a place is worth a second look
CERTAIN = 0.5  # score of what is most likely a face


@dataclass(frozen=True)
class FaceCandidate:
    """A place that may be a face, in pixels of the picture.

    ``centre`` and ``size`` describe the box from brows to chin (the size is the root of its area); ``points`` (5, 2)
    are the eye centres (right, left), the nose tip and the mouth corners (right, left).
    """

    score: float
    centre: NDArray[np.float32]
    size: float
    points: NDArray[np.float32]


class FaceDetector:
    """Runs the graph ``face_detector`` over a picture."""

    def __init__(self, sessions: Sessions) -> None:
        self._session = sessions.get("face_detector")

    def find(self, image: NDArray[np.uint8], thorough: bool = False) -> list[FaceCandidate]:
        """Candidates in a picture (H, W, 3) RGB uint8, best score first; one for each place.

        ``thorough`` looks for small faces in large pictures instead of for large and middling ones.
        """
        long_side = max(image.shape[:2])
        levels = FINE_LEVELS if thorough else LEVELS
        found: list[FaceCandidate] = []
        for level in levels:
            if level <= max(1.5 * long_side, SIDE):
                found += self._at_level(image, level / long_side)
        return _distinct(found)

    def _at_level(self, image: NDArray[np.uint8], scale: float) -> Iterator[FaceCandidate]:
        height, width = image.shape[:2]
        size = max(1, round(width * scale)), max(1, round(height * scale))
        shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        ratio = np.array([width / size[0], height / size[1]], np.float32)
        tiles, corners = _tiles(np.asarray(shrunk, np.uint8))
        for tile, corner in zip(tiles, corners, strict=True):
            answer = self._session.run({"input": tile[None]})
            for face in _decode(answer["score"][0, 0], answer["geometry"][0]):
                # Pixel centres are whole numbers, so half a pixel goes off before scaling and on again after it.
                centre = (face.centre + corner + 0.5) * ratio - 0.5
                points = (face.points + corner + 0.5) * ratio - 0.5
                yield FaceCandidate(face.score, centre, face.size * float(ratio.mean()), points)


def _tiles(image: NDArray[np.uint8]) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Overlapping squares (3, 192, 192) float32 0..255 that cover an image, and the pixel at each one's corner."""
    height, width = image.shape[:2]
    starts = [_starts(length) for length in (height, width)]
    # What is smaller than a tile lies in its middle, its edge pixels drawn out.
    before = [-positions[0] for positions in starts]
    after = [
        max(0, positions[-1] + SIDE - length)
        for positions, length in zip(starts, (height, width), strict=True)
    ]
    padded = cv2.copyMakeBorder(image, before[0], after[0], before[1], after[1], cv2.BORDER_REPLICATE)
    tiles, corners = [], []
    for top in starts[0]:
        for left in starts[1]:
            rows, columns = slice(top + before[0], None), slice(left + before[1], None)
            square = padded[rows, columns][:SIDE, :SIDE]
            tiles.append(np.ascontiguousarray(square.transpose(2, 0, 1), np.float32))
            corners.append(np.array([left, top], np.float32))
    return tiles, corners


def _starts(length: int) -> list[int]:
    """First pixels of the tiles along one side; negative where the side is shorter than a tile."""
    if length <= SIDE:
        return [-((SIDE - length) // 2)]
    count = int(np.ceil((length - OVERLAP) / (SIDE - OVERLAP)))
    return [round(x) for x in np.linspace(0, length - SIDE, count)]


def _decode(score: NDArray[np.float32], geometry: NDArray[np.float32]) -> Iterator[FaceCandidate]:
    """Local maxima of a tile's score (C, C) with the geometry (11, C, C) at their cells, in the tile's pixels."""
    highest = cv2.dilate(score, np.ones((3, 3), np.uint8))
    for row, column in zip(*np.nonzero((score >= SEARCH) & (score >= highest)), strict=True):
        cell = (np.array([column, row], np.float32) + 0.5) * STRIDE - 0.5
        size = float(np.exp(np.clip(geometry[0, row, column], -4, 4)) * SIZE_UNIT)
        points = cell + geometry[1:, row, column].reshape(5, 2) * size
        yield FaceCandidate(float(score[row, column]), cell, size, points.astype(np.float32))


def _distinct(found: list[FaceCandidate]) -> list[FaceCandidate]:
    """Drop a candidate where a better one lies: non-maximum suppression by distance."""
    kept: list[FaceCandidate] = []
    for face in sorted(found, key=lambda candidate: -candidate.score):
        near = (
            np.linalg.norm(face.centre - other.centre) < 0.45 * max(face.size, other.size) for other in kept
        )
        if not any(near):
            kept.append(face)
    return kept
