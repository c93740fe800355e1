from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.stages.landmarks import GROUPS
from runtime.stages.mesh import FaceMesh
from runtime.stages.motion_field import FaceMotion, MotionField
from runtime.stages.upper_face import UpperFace, brow_weights

IPD = 80.0


@pytest.fixture(scope="module")
def mesh() -> FaceMesh:
    return FaceMesh.load(ModelPack.load().asset("mesh"))


@pytest.fixture(scope="module")
def face() -> FaceMotion:
    pack = ModelPack.load()
    field = MotionField(Sessions(pack, "cpu", threads=1), pack)
    return FaceMotion(field, (field.mesh.landmark_mean * IPD + [200, 180]).astype(np.float32), (400, 480))


def moved(mesh: FaceMesh, brows: float = 0.0, yaw: float = 0.0, pitch: float = 0.0) -> NDArray[np.float32]:
    driven = mesh.mean.copy()
    UpperFace(mesh, mesh.mean).move(driven, brows, yaw, pitch)
    return driven - mesh.mean


def test_raised_brows_take_their_skin_along_and_leave_eyes_and_mouth(mesh: FaceMesh) -> None:
    way = moved(mesh, brows=0.05)
    assert np.all(way[:, 0] == 0)
    for name in ("brow_right", "brow_left"):
        middle = mesh.landmark_node[GROUPS[name]][2:6]
        assert way[middle, 1] == pytest.approx(-0.05, abs=0.005)
    still = [mesh.eye_loops.ravel(), mesh.irises, mesh.mouth_loop, mesh.boundary, mesh.upper_teeth]
    assert np.abs(way[np.concatenate(still)]).max() < 0.004


def test_no_brow_passes_the_forehead_or_folds_it(mesh: FaceMesh) -> None:
    weights = brow_weights(mesh, mesh.mean)
    assert weights.min() >= 0 and weights.max() <= 1
    top = mesh.mean[: mesh.surface_count, 1] < -1.1
    assert weights[top].max() == 0
    driven = mesh.mean.copy()
    UpperFace(mesh, mesh.mean).move(driven, 0.1, 0.0, 0.0)

    def areas(nodes: NDArray[np.float32]) -> NDArray[np.float32]:
        a, b, c = (nodes[mesh.triangles[:, corner]] for corner in range(3))
        return (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]

    facing = areas(mesh.mean) > 1e-5
    assert (areas(driven)[facing] > 0).all()


def test_eyes_stay_on_the_viewer_when_the_head_turns(mesh: FaceMesh) -> None:
    right = moved(mesh, yaw=0.07)
    assert np.all(right[mesh.irises, 0] < -0.005) and np.all(right[mesh.irises, 1] == 0)
    up = moved(mesh, pitch=0.05)
    assert np.all(up[mesh.irises, 1] > 0.004)
    others = np.setdiff1d(np.arange(mesh.node_count), mesh.irises)
    assert np.all(right[others] == 0) and np.all(up[others] == 0)


def test_a_raised_brow_is_seen_in_the_map_and_an_untouched_photo_is_not(face: FaceMotion) -> None:
    still, quiet = np.zeros(5, np.float32), np.zeros(25, np.float32)
    plain = face.frame(quiet, 1.0, still)
    raised = face.frame(quiet, 1.0, still, brows=0.05)
    x0, y0, *_ = face.region
    points = face._landmarks[GROUPS["brow_right"]][2:6].round().astype(int) - [x0, y0]
    shift = raised.map_y[points[:, 1], points[:, 0]] - plain.map_y[points[:, 1], points[:, 0]]
    assert shift == pytest.approx(0.05 * IPD, rel=0.25)
    untouched = face.frame(quiet, 1.0, still, amount=0.0, brows=0.05)
    np.testing.assert_array_equal(untouched.map_y, face.rest().map_y)


def test_a_batch_with_brows_is_its_single_frames(face: FaceMotion) -> None:
    rows = 3
    brows = np.array([0.0, 0.03, 0.05], np.float32)
    head = np.linspace(0, 0.05, rows * 5).reshape(rows, 5).astype(np.float32)
    expression, ones = np.zeros((rows, 25), np.float32), np.ones(rows, np.float32)
    single = [face.frame(expression[t], 1.0, head[t], 1.0, float(brows[t])).map_y for t in range(rows)]
    for frame, alone in zip(face.frames(expression, ones, head, ones, brows), single, strict=True):
        np.testing.assert_allclose(frame.map_y, alone, atol=1e-2)
