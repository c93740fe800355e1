"""Training pictures for the detector: cut-out heads of all sizes, or none, over cluttered backgrounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import FLIP, five_points, transformed
from training.detector.network import CELLS, LARGEST, SIDE, SMALLEST, STRIDE
from training.heads import augment
from training.heads.backdrop import sample_backdrop
from training.heads.collection import HeadCollection

Floats = NDArray[Any]  # float32, but the stubs of cv2 promise no type


@dataclass(frozen=True)
class Face:
    """Centre and size of the landmarks' bounding box, and the five points (5, 2); pixels."""

    centre: NDArray[np.float32]
    size: float
    points: NDArray[np.float32]


class Composer:
    """Puts pictures together from the arrays of ``training.detector.generate``."""

    def __init__(self, folder: Path) -> None:
        collection = HeadCollection.load(folder)
        self.count = len(collection.images)
        self.heads = collection.images
        self.landmarks = collection.landmarks

    def compose(
        self, rng: np.random.Generator, heads: slice | None = None
    ) -> tuple[NDArray[np.uint8], list[Face]]:
        """A picture (192, 192, 3) uint8 RGB and its faces; ``heads`` limits which cut-outs are used."""
        image: Floats = (
            self._mosaic(rng) if rng.random() < 0.3 else np.sqrt(sample_backdrop(rng, SIDE, busy=0.8))
        )
        if rng.random() < 0.5:
            _clutter(image, rng)
        faces: list[Face] = []
        for _ in range(int(rng.choice(5, p=[0.12, 0.58, 0.16, 0.09, 0.05]))):
            face = self._paste(image, faces, rng, heads or slice(0, self.count))
            if face is not None:
                faces.append(face)
        if rng.random() < 0.25:
            _clutter(image, rng, within=faces)
        style = rng.random()
        if style < 0.12:
            image = augment.paint(np.clip(image, 0, 1), rng)
        elif style < 0.16:
            image = augment.sketch(np.clip(image, 0, 1), rng)
        return augment.degrade(np.asarray(image, np.float32), rng), faces

    def _mosaic(self, rng: np.random.Generator) -> Floats:
        """A background of shuffled pieces of heads, each too small to hold a face: hair, cloth, a single eye."""
        side, cells = 32, 160 // 32
        pieces = np.array(self.heads[rng.integers(self.count)][..., :3], np.float32) / 255
        pieces = pieces.reshape(cells, side, cells, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
        pieces = pieces[rng.permutation(len(pieces))].reshape(cells, cells, side, side, 3).swapaxes(1, 2)
        image: Floats = cv2.resize(pieces.reshape(160, 160, 3), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 4)))
        return np.clip(image + rng.uniform(-0.2, 0.4), 0, 1)

    def _paste(self, image: Floats, faces: list[Face], rng: np.random.Generator, heads: slice) -> Face | None:
        """Lay one head into the picture in place; None where there is no room for it."""
        index = int(rng.integers(heads.start, heads.stop))
        head: Floats = np.array(self.heads[index], np.float32) / 255
        points = np.array(self.landmarks[index])
        if rng.random() < 0.75:  # let the body go on below, or the cut edge would be what gives heads away
            head = cv2.copyMakeBorder(head, 0, 3 * head.shape[0], 0, 0, cv2.BORDER_REPLICATE)
        if rng.random() < 0.5:
            head = head[:, ::-1]
            points = points[FLIP]
            points[:, 0] = head.shape[1] - 1 - points[:, 0]
        size = float(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST * 0.9))))
        scale = size / _span(points)[1]
        turn = np.clip(rng.normal(0, 0.17), -0.5, 0.5)
        centre = (
            rng.uniform(0.35 * size, SIDE - 0.35 * size, 2) if size < SIDE * 0.8 else rng.uniform(80, 112, 2)
        )
        rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix = np.concatenate([rotation, (centre - rotation @ _span(points)[0])[:, None]], axis=1)
        moved = transformed(points, matrix)
        middle, final = _span(moved)
        for face in faces:
            if np.abs(face.centre - middle).max() < 0.75 * (face.size + final):
                return None
        method = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
        if scale < 0.5:  # warpAffine does not average, so shrink first
            shrunk = max(0.05, scale * 1.4)
            head = cv2.resize(head, None, fx=shrunk, fy=shrunk, interpolation=method)
            matrix = matrix @ np.array(
                [[1 / shrunk, 0, 0.5 / shrunk - 0.5], [0, 1 / shrunk, 0.5 / shrunk - 0.5], [0, 0, 1]]
            )
        laid = cv2.warpAffine(head, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
        cover = laid[..., 3:]
        image += cover * (np.clip(laid[..., :3] * rng.uniform(0.8, 1.15), 0, 1) - image)
        return Face(middle, final, five_points(moved))


def _span(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    low, high = points.min(axis=0), points.max(axis=0)
    return np.asarray((low + high) / 2, np.float32), float(np.sqrt(np.prod(high - low)))


def _clutter(image: Floats, rng: np.random.Generator, within: list[Face] | None = None) -> None:
    """Things that are no faces: fleshy blobs, discs in pairs, stripes, bars over a face's lower edge."""
    for _ in range(rng.integers(1, 6)):
        colour = rng.random(3) if rng.random() < 0.5 else rng.uniform([0.4, 0.25, 0.2], [0.95, 0.75, 0.65])
        paint = tuple(float(c) for c in colour)
        x, y = (int(v) for v in rng.integers(0, SIDE, 2))
        radius = int(rng.uniform(4, 45))
        if within and any(np.abs(face.centre - (x, y)).max() < face.size * 0.55 + radius for face in within):
            continue
        kind = rng.integers(4)
        if kind == 0:
            axes = (radius, int(radius * rng.uniform(0.4, 1.4)) + 1)
            cv2.ellipse(image, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, paint, -1, cv2.LINE_AA)
        elif kind == 1:
            for side in (-1, 1):
                cv2.circle(image, (x + side * radius // 2, y), max(1, radius // 5), paint, -1, cv2.LINE_AA)
        elif kind == 2:
            for step in range(0, radius * 2, max(3, radius // 4)):
                cv2.line(image, (x, y + step), (x + radius * 2, y + step), paint, max(1, radius // 12))
        else:
            corner = (x + radius * int(rng.integers(1, 4)), y + radius)
            cv2.rectangle(image, (x, y), corner, paint, int(rng.choice([-1, 2])))


def targets(faces: list[Face]) -> tuple[Floats, Floats, Floats]:
    """What the network should answer: heat (24, 24) 0..1, geometry (11, 24, 24), its weight (24, 24)."""
    axis = (np.arange(CELLS) + 0.5) * STRIDE - 0.5
    columns, rows = np.meshgrid(axis, axis)
    heat = np.zeros((CELLS, CELLS), np.float32)
    geometry = np.zeros((11, CELLS, CELLS), np.float32)
    weight = np.zeros((CELLS, CELLS), np.float32)
    for face in faces:
        spread = max(STRIDE * 0.45, face.size * 0.07)
        distance = (columns - face.centre[0]) ** 2 + (rows - face.centre[1]) ** 2
        bump = np.exp(-0.5 * distance / spread**2).astype(np.float32)
        nearest = np.unravel_index(np.argmin(distance), distance.shape)
        bump[nearest] = 1
        own = bump > np.maximum(weight, 0.3)
        heat = np.maximum(heat, bump)
        weight[own] = bump[own]
        geometry[0][own] = np.log(face.size / 40)
        for i, (x, y) in enumerate(face.points):
            geometry[1 + 2 * i][own] = ((x - columns) / face.size)[own]
            geometry[2 + 2 * i][own] = ((y - rows) / face.size)[own]
    return heat, geometry, weight
