"""Head pose from landmarks that a known turn of the pack's own mean face makes."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.inference.packs import ModelPack
from runtime.stages.head_pose import HeadPose
from runtime.stages.landmarks import COUNT, head_rotation


@pytest.fixture(scope="module")
def pose() -> HeadPose:
    return HeadPose(ModelPack.load().asset("face_shape"))


def _seen(shape: np.ndarray, angles: tuple[float, float, float], distance: float = 90.0) -> np.ndarray:
    turned = shape @ head_rotation(*angles).T
    flat = turned[:, :2] * (distance / (distance - turned[:, 2:]))
    return (flat * [25, -25] + 400).astype(np.float32)


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.6, 0, 0), (-0.4, 0.25, 0.1), (0.1, -0.3, -0.6)])
def test_the_turn_of_the_mean_face_is_found(pose: HeadPose, angles: tuple[float, float, float]) -> None:
    found = pose.estimate(_seen(pose.mean, angles), np.ones(COUNT, np.float32))
    assert found == pytest.approx(angles, abs=0.01)


def test_other_people_at_other_distances_are_found_within_a_few_degrees(pose: HeadPose) -> None:
    rng = np.random.default_rng(5)
    errors = []
    for _ in range(40):
        person = pose.mean + np.tensordot(rng.standard_normal(len(pose.modes)), pose.modes, 1)
        angles = tuple(rng.uniform(-1, 1, 3) * [0.6, 0.3, 0.3])
        points = _seen(person, angles, float(rng.uniform(50, 150)))
        points += rng.normal(0, 1.5, points.shape).astype(np.float32)
        found = pose.estimate(points, np.ones(COUNT, np.float32))
        errors.append(np.abs(np.array(found) - angles))
    assert np.degrees(np.mean(errors, axis=0)).max() < 1.5


def test_points_that_are_not_trusted_do_not_disturb(pose: HeadPose) -> None:
    points = _seen(pose.mean, (0.3, 0.0, 0.0))
    confidence = np.ones(COUNT, np.float32)
    points[:40] += 30  # the lips are somewhere else
    confidence[:40] = 0.0
    trusting = pose.estimate(points, np.ones(COUNT, np.float32))
    doubting = pose.estimate(points, confidence)
    assert abs(doubting[0] - 0.3) < 0.06
    assert np.abs(np.array(doubting) - (0.3, 0, 0)).max() < np.abs(np.array(trusting) - (0.3, 0, 0)).max()
