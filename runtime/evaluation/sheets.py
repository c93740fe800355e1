"""Contact sheets: each pose as the whole head, the mouth and the eyes, at the scale of the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.evaluation.poses import Pose
from runtime.stages.landmarks import GROUPS, Points, ipd

Image = NDArray[np.uint8]

TILE = 288
# Side of each crop in ipd. The mouth and eye crops are those of the sheets that ours are compared with.
_HEAD_SIDE = 5.2
_MOUTH_SIDE = 1.7
_EYES_SIDE = 2.0


@dataclass(frozen=True)
class Shot:
    """A pose as rendered: the full frame (H, W, 3) RGB."""

    pose: Pose
    frame: Image


def draw_sheet(shots: Sequence[Shot], points: Points, columns: int = 7, tile: int = TILE) -> Image:
    """All poses in bands of `columns`; each band has rows for head, mouth and eyes. `points` are the photo's."""
    bands = []
    for start in range(0, len(shots), columns):
        band = list(shots[start : start + columns])
        rows = [
            [_labelled(_head(shot.frame, points, tile), shot.pose.name) for shot in band],
            [_mouth(shot.frame, points, tile) for shot in band],
            [_eyes(shot.frame, points, tile) for shot in band],
        ]
        bands += [_row(row, columns, tile) for row in rows]
    return np.vstack(bands)


def draw_comparison(shots: Sequence[Shot], points: Points, other: Image, tile: int = 350) -> Image:
    """Ours on the left, drawn as `other` is: four columns, each pose's head above the crop that tells most."""
    bands = []
    for start in range(0, len(shots), 4):
        band = shots[start : start + 4]
        heads = [_labelled(_head(shot.frame, points, tile), shot.pose.name) for shot in band]
        details = [(_eyes if shot.pose.crop == "eyes" else _mouth)(shot.frame, points, tile) for shot in band]
        bands += [_row(heads, 4, tile), _row(details, 4, tile)]
    ours = np.vstack(bands)
    width = round(other.shape[1] * ours.shape[0] / other.shape[0])
    scaled = cv2.resize(other, (width, ours.shape[0]), interpolation=cv2.INTER_AREA)
    return np.hstack([ours, np.full((ours.shape[0], 12, 3), 255, np.uint8), scaled])


def draw_strip(frames: Sequence[Image], points: Points, labels: Sequence[str], columns: int = 10) -> Image:
    """Mouths of consecutive frames, for judging motion."""
    tiles = [
        _labelled(_mouth(frame, points, 160), label) for frame, label in zip(frames, labels, strict=True)
    ]
    rows = [_row(tiles[start : start + columns], columns, 160) for start in range(0, len(tiles), columns)]
    return np.vstack(rows)


def save_picture(path: Path, image: Image) -> None:
    """Write RGB as PNG or JPEG, by the path's ending."""
    from PIL import Image as Pillow

    Pillow.fromarray(image).save(path, quality=92)


def _head(frame: Image, points: Points, tile: int) -> Image:
    centre = points[GROUPS["iris"]].mean(axis=0) + np.array([0, 0.6 * ipd(points)], np.float32)
    return _crop(frame, centre, _HEAD_SIDE * ipd(points), tile)


def _mouth(frame: Image, points: Points, tile: int) -> Image:
    return _crop(frame, points[GROUPS["lip_outer"]].mean(axis=0), _MOUTH_SIDE * ipd(points), tile)


def _eyes(frame: Image, points: Points, tile: int) -> Image:
    return _crop(frame, points[GROUPS["iris"]].mean(axis=0), _EYES_SIDE * ipd(points), tile)


def _crop(frame: Image, centre: NDArray[np.floating], side: float, tile: int) -> Image:
    """A square about `centre`, `side` pixels wide, scaled to `tile`; outside the picture is grey."""
    scale = tile / side
    shift = tile / 2 - 0.5 - scale * centre
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float64)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    source: NDArray[Any] = frame
    if scale < 0.5:  # warpAffine does not average
        factor = 2.0 * scale
        source = cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        matrix[:, :2] /= factor
    return cv2.warpAffine(
        source, matrix, (tile, tile), flags=method, borderMode=cv2.BORDER_CONSTANT, borderValue=(96, 96, 96)
    ).astype(np.uint8)


def _labelled(tile: Image, text: str) -> Image:
    picture = tile.copy()
    for colour, width in (((0, 0, 0), 4), ((255, 255, 255), 2)):
        cv2.putText(picture, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.6, colour, width, cv2.LINE_AA)
    return picture


def _row(tiles: Sequence[Image], columns: int, tile: int) -> Image:
    empty = np.full((tile, tile, 3), 255, np.uint8)
    return np.hstack([*tiles, *[empty] * (columns - len(tiles))])
