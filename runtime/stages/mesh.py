"""The face mesh of our own that carries the motion field: its topology, and where it lies on a portrait.

The mesh is cut along the lips and round the eyes. Its vertices ("nodes") come in two kinds: the surface, of
which the triangles of skin are made, and anchors, which are not skin but move with the head: the rims of the
eyeballs' windows, the irises, three points of the upper teeth and three of the lower teeth.

All positions here are in the canonical face frame: irises 1 apart, origin between them, x right, y down (as in images).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import GROUPS

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

# Layers of the painter's order, from the one drawn first to the one drawn last.
EYE, INTERIOR, FACE, LOWER_LIP, UPPER_LIP, LID = range(6)

RIM_POINTS: Final = 13  # points of an upper lid's rim, corners included
# Landmarks that move least with expression: they place the canonical frame.
STABLE: Final = np.r_[GROUPS["eye_right"], GROUPS["eye_left"], GROUPS["nose"]]
_RESIDUAL_REACH = 0.06  # how far a landmark draws the mesh round it into place
_RESIDUAL_FLOOR = 0.1  # weight that keeps vertices far from all landmarks where the network put them


@dataclass(frozen=True)
class Similarity:
    """The map ``x' = matrix @ x + shift`` with a matrix (2, 2) that only turns and scales."""

    matrix: NDArray[np.float64]
    shift: NDArray[np.float64]

    @classmethod
    def fit(cls, points: NDArray[np.floating], targets: NDArray[np.floating]) -> Similarity:
        """Least-squares similarity from points (N, 2) to targets (N, 2) (Umeyama 1991, in the plane)."""
        middle, target_middle = points.mean(axis=0, dtype=np.float64), targets.mean(axis=0, dtype=np.float64)
        p, t = points - middle, targets - target_middle
        power = float((p**2).sum())
        a = float((p * t).sum()) / power
        b = float((p[:, 0] * t[:, 1] - p[:, 1] * t[:, 0]).sum()) / power
        matrix = np.array([[a, -b], [b, a]])
        return cls(matrix, target_middle - matrix @ middle)

    @property
    def scale(self) -> float:
        """Length of a unit vector's image."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    @property
    def inverse(self) -> Similarity:
        """The map back."""
        back = np.linalg.inv(self.matrix)
        return Similarity(back, -back @ self.shift)

    def __call__(self, points: NDArray[np.floating]) -> Floats:
        """Map points (..., 2)."""
        return np.asarray(points @ self.matrix.T + self.shift, np.float32)


@dataclass(frozen=True)
class FaceMesh:
    """Topology and canonical mean of the mesh. S surface vertices come first among the V nodes.

    Attributes:
        mean: (V, 2) float32, mean position of every node in the canonical frame.
        landmark_mean: (116, 2) float32, mean landmarks in the same frame.
        landmark_node: (116,) int32, the node that a landmark is, -1 where it is none (the jaw's outline).
        triangles: (T, 3) int32 in painter's order, corners clockwise as seen in the image (y down).
        layers: (T,) uint8, one of EYE .. LID.
        boundary: (B,) int32, surface vertices round the outer edge, in order.
        mouth_loop: (40,) int32, the inner lips: right corner, 19 upper, left corner, 19 lower from left to right.
        lip_loop: (40,) int32, the outer lips in the same order.
        eye_loops: (2, 24) int32, surface vertices round the right and the left eye: outer corner, 11 upper, inner
            corner, 11 lower.
        eye_rims: (2, 24) int32, the anchors that start at the same places and move with the head only.
        irises: (2,), upper_teeth, lower_teeth: (3,) int32 anchors (teeth from right to left, the middle one at the
            incisors' edge).
        lower_side: (S,) bool, whether a vertex hangs on the lower jaw's side of the mouth.
        lip_upper, lip_lower: (9,) int32, rim vertices that meet when the lips close, from right to left.
        lip_weights: (S, 9) float32, how far a vertex follows each lip gap that is taken away; upper lip > 0.
        lid_upper, lid_lower: (2, 7) int32; lid_weights: (2, S, 7) float32: the same for the upper lids.
        opening_gain: scalar float32, by which the network's mouth openings are multiplied (measured on held-out heads).
    """

    mean: Floats
    landmark_mean: Floats
    landmark_node: Ints
    triangles: Ints
    layers: NDArray[np.uint8]
    boundary: Ints
    mouth_loop: Ints
    lip_loop: Ints
    eye_loops: Ints
    eye_rims: Ints
    irises: Ints
    upper_teeth: Ints
    lower_teeth: Ints
    lower_side: NDArray[np.bool_]
    lip_upper: Ints
    lip_lower: Ints
    lip_weights: Floats
    lid_upper: Ints
    lid_lower: Ints
    lid_weights: Floats
    opening_gain: Floats

    @classmethod
    def load(cls, path: Path) -> FaceMesh:
        """Read mesh.npz."""
        with np.load(path) as archive:
            return cls(**{entry.name: archive[entry.name] for entry in fields(cls)})

    def save(self, path: Path, **changes: Any) -> None:
        """Write mesh.npz, with some attributes replaced."""
        np.savez_compressed(
            path, **({entry.name: getattr(self, entry.name) for entry in fields(self)} | changes)
        )

    @property
    def node_count(self) -> int:
        """V: surface vertices and anchors."""
        return len(self.mean)

    @property
    def surface_count(self) -> int:
        """S: surface vertices."""
        return len(self.lower_side)

    def frame(self, landmarks: NDArray[np.floating]) -> Similarity:
        """The map from pixels to the canonical frame for landmarks (116, 2)."""
        return Similarity.fit(landmarks[STABLE], self.landmark_mean[STABLE])

    def snapped(self, nodes: Floats, landmarks: Floats) -> Floats:
        """Draw nodes (V, 2) onto the landmarks (116, 2), both canonical; the vertices between them follow softly."""
        known = self.landmark_node >= 0
        at = self.landmark_node[known]
        residual = landmarks[known] - nodes[at]
        result = nodes + np.asarray(self._residual_weights @ residual, np.float32)
        result[at] = landmarks[known]
        for loop in (self.mouth_loop, self.lip_loop, *self.eye_loops):
            self._snap_between(result, nodes, loop)
        result[self.eye_rims] = result[self.eye_loops]
        return result

    def _snap_between(self, result: Floats, nodes: Floats, loop: Ints) -> None:
        """Loop vertices between two landmarks take the landmarks' residual in proportion."""
        fixed = np.flatnonzero(np.isin(loop, self.landmark_node))
        moved = (result - nodes)[loop[fixed]]
        place = np.arange(len(loop))
        for axis in (0, 1):
            between = np.interp(place, fixed, moved[:, axis], period=len(loop))
            result[loop, axis] = nodes[loop, axis] + between

    @cached_property
    def _residual_weights(self) -> Floats:
        """(V, K) weights of the K landmarks that are nodes; the two sides of the mouth do not pull each other."""
        at = self.landmark_node[self.landmark_node >= 0]
        lower = np.zeros(self.node_count, bool)
        lower[: self.surface_count] = self.lower_side
        near_lips = np.zeros(self.node_count, bool)
        near_lips[: self.surface_count] = np.abs(self.lip_weights).sum(axis=1) > 0.02
        square = ((self.mean[:, None] - self.mean[at][None]) ** 2).sum(axis=2)
        weights = np.exp(-square / (2 * _RESIDUAL_REACH**2))
        weights[near_lips[:, None] & (lower[:, None] != lower[at][None])] = 0
        return np.asarray(weights / (weights.sum(axis=1, keepdims=True) + _RESIDUAL_FLOOR), np.float32)
