"""Spectacles as lines in space, hidden where the head covers them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import GROUPS

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Glasses:
    """Sizes in centimetres."""

    width: float  # half-width of a lens
    height: float
    squareness: float  # 0 round .. 1 rectangular
    thickness: float
    colour: tuple[float, float, float]
    tint: float  # how dark the lenses are
    lens: tuple[float, float, float]
    drop: float


def sample_glasses(rng: np.random.Generator) -> Glasses:
    """Mostly dark thin frames with clear lenses; sometimes coloured, thick or tinted."""
    dark = rng.random() < 0.8
    frame = rng.random(3) * (0.15 if dark else 1.0)
    lens = rng.random(3) * 0.4
    return Glasses(
        width=float(rng.uniform(2.1, 2.9)),
        height=float(rng.uniform(1.5, 2.4)),
        squareness=float(rng.random()),
        thickness=float(rng.uniform(0.08, 0.45)),
        colour=(float(frame[0]), float(frame[1]), float(frame[2])),
        tint=float(rng.uniform(0, 0.15) if rng.random() < 0.85 else rng.uniform(0.2, 0.6)),
        lens=(float(lens[0]), float(lens[1]), float(lens[2])),
        drop=float(rng.uniform(-0.2, 0.5)),
    )


def draw_glasses(
    image: Floats,
    glasses: Glasses,
    landmarks: Floats,
    project: Callable[[Floats], Floats],
    depth: Floats,
    level: float,
) -> None:
    """Draw into ``image``; ``landmarks`` (116, 3) of the neutral head in its frame, ``project`` to pixels + depth."""
    eyes = [landmarks[GROUPS[name]].mean(axis=0) for name in ("eye_right", "eye_left")]
    bridge = landmarks[GROUPS["nose"]][0]
    front = max(float(bridge[2]), float(eyes[0][2]) + 1.2) + 0.3
    turn = np.linspace(0, 2 * math.pi, 33)
    power = 1 - 0.6 * glasses.squareness
    ring_x = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power * glasses.width
    ring_y = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power * glasses.height
    rings = []
    for eye in eyes:
        x = eye[0] + ring_x
        z = front - 0.012 * x**2
        rings.append(np.stack([x, eye[1] - glasses.drop + ring_y, z], axis=1).astype(np.float32))
    scale = float(np.linalg.norm(project(rings[1])[0, :2] - project(rings[0])[0, :2])) / 6.4
    for ring in rings:
        outline = np.round(project(ring)[:, :2]).astype(np.int32)
        lens = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(lens, [outline], 255)
        image[lens > 0] = image[lens > 0] * (1 - glasses.tint) + glasses.tint * np.array(
            glasses.lens, np.float32
        )
    inner_right, inner_left = rings[0][0], rings[1][16]
    lines = [*rings, np.stack([inner_right, (inner_right + inner_left) / 2 + [0, 0.3, 0.1], inner_left])]
    for ring, start, ear in (
        (rings[0], 16, landmarks[GROUPS["jaw"]][0]),
        (rings[1], 0, landmarks[GROUPS["jaw"]][16]),
    ):
        along = np.linspace(0, 1, 12)[:, None]
        outward = np.array([np.sign(ear[0]) * 0.9, 0.9, 0])
        lines.append(ring[start] * (1 - along) + (ear + outward) * along)
    width = max(1, round(glasses.thickness * scale))
    colour = tuple(c * level for c in glasses.colour)
    for line in lines:
        _draw_line(image, project(np.asarray(line, np.float32)), depth, width, colour)


def _draw_line(image: Floats, points: Floats, depth: Floats, width: int, colour: tuple[float, ...]) -> None:
    size = image.shape[0]
    for start, end in itertools.pairwise(points):
        middle = (start + end) / 2
        x, y = round(float(middle[0])), round(float(middle[1]))
        if 0 <= x < size and 0 <= y < size and depth[y, x] < middle[2] - 0.3:
            continue  # the head is in front
        first, last = (tuple(int(v) for v in np.round(p[:2] * 16)) for p in (start, end))
        cv2.line(image, first, last, colour, width, cv2.LINE_AA, 4)
