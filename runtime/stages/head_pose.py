"""How a head is turned, from its landmarks: a flexible 3-D face is fitted to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import COUNT, GROUPS, head_angles, ipd

NOISE = 0.02  # expected error of a landmark, in ipd
ITERATIONS = 12
DISTANCE = 90.0  # centimetres between head and camera, as portraits are usually taken
# Points on the contour slide over the head as it turns, and brows are drawn rather than fixed.
GROUP_TRUST = {"jaw": 0.35, "brow_right": 0.5, "brow_left": 0.5, "iris": 0.3}


class HeadPose:
    """The mean face and its modes, from the pack's asset ``face_shape``.

    The asset is an .npz with ``mean`` (116, 3) and ``modes`` (K, 116, 3), each mode one standard deviation of how
    people and expressions differ; centimetres, x right, y up, z towards the viewer.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path) as shape:
            self.mean = shape["mean"].astype(np.float64)
            self.modes = shape["modes"].astype(np.float64)
        self._trust = np.ones(COUNT)
        for name, trust in GROUP_TRUST.items():
            self._trust[GROUPS[name]] = trust

    def estimate(
        self, landmarks: NDArray[np.float32], confidence: NDArray[np.float32]
    ) -> tuple[float, float, float]:
        """Yaw, pitch, roll in radians from landmarks (116, 2) in pixels and their confidence (116,) in 0..1.

        Gauss-Newton on rotation, scale, translation and the modes, these held near zero by their own spread.
        The Jacobian leaves perspective out, which is small.
        """
        target = landmarks.astype(np.float64) * [1, -1]
        weight = np.repeat(self._trust * np.clip(confidence, 0.05, 1), 2) / (
            NOISE * max(ipd(landmarks), 1e-3)
        )
        rotation, scale, coefficients = np.eye(3), ipd(landmarks) / 6.5, np.zeros(len(self.modes))
        offset = target.mean(axis=0) - scale * self.mean.mean(axis=0)[:2]
        for _ in range(ITERATIONS):
            shape = self.mean + np.tensordot(coefficients, self.modes, 1)
            turned = shape @ rotation.T
            nearness = DISTANCE / (DISTANCE - turned[:, 2:])
            residual = (target - (scale * nearness * turned[:, :2] + offset)).ravel() * weight
            jacobian = self._jacobian(turned, rotation, scale) * weight[:, None]
            normal = jacobian.T @ jacobian
            gradient = jacobian.T @ residual
            normal[6:, 6:] += np.eye(len(coefficients))
            gradient[6:] -= coefficients
            step = np.linalg.solve(normal + 1e-9 * np.eye(len(normal)), gradient)
            rotation = _small_rotation(step[:3]) @ rotation
            scale *= float(np.exp(np.clip(step[3], -0.5, 0.5)))
            offset = offset + step[4:6]
            coefficients = coefficients + step[6:]
        return head_angles(rotation)

    def _jacobian(
        self, turned: NDArray[np.float64], rotation: NDArray[np.float64], scale: float
    ) -> NDArray[np.float64]:
        """(232, 6 + K): x, y of each point by rotation about x, y, z, log scale, translation and modes."""
        x, y, z = turned.T
        zero, one = np.zeros_like(x), np.ones_like(x)
        columns = [
            np.stack([zero, -z], axis=1) * scale,
            np.stack([z, zero], axis=1) * scale,
            np.stack([-y, x], axis=1) * scale,
            np.stack([x, y], axis=1) * scale,
            np.stack([one, zero], axis=1),
            np.stack([zero, one], axis=1),
        ]
        rigid = np.stack([column.ravel() for column in columns], axis=1)
        flexible = (self.modes @ rotation.T)[..., :2].reshape(len(self.modes), -1).T * scale
        return np.concatenate([rigid, flexible], axis=1)


def _small_rotation(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rodrigues' formula: the rotation by a vector whose length is the angle, limited to half a radian."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    axis = vector / angle
    angle = min(angle, 0.5)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
