"""Readings from landmarks, MediaPipe's mesh in our layout, and the process that runs it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from runtime.contract import RuntimeProblem
from runtime.evaluation.contours import from_face_mesh
from runtime.evaluation.instruments import FaceTrack, MediaPipe, landmark_error
from runtime.stages.landmarks import COUNT, GROUPS
from tests.evaluation.faces import frontal_face


def rotated(points: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ turn.T).astype(np.float32)


def test_gaps_in_ipd_whatever_the_roll() -> None:
    face = frontal_face(gap=0.15, lids=0.25)
    track = FaceTrack(np.stack([face, rotated(face, 25), np.full_like(face, np.nan)]))
    assert track.lip_gap[:2] == pytest.approx([0.15, 0.15], abs=1e-4)
    assert track.eye_gap[:2].ravel() == pytest.approx([0.25] * 4, abs=1e-4)
    assert track.seen.tolist() == [True, True, False]
    assert np.isnan(track.lip_gap[2])


def test_overlapping_lips_are_closed() -> None:
    assert FaceTrack(frontal_face(gap=-0.05)[None]).lip_gap[0] == 0


def test_landmark_error_in_percent_of_the_outer_eye_distance() -> None:
    truth = frontal_face(ipd=60)
    moved = truth.copy()
    moved[GROUPS["lip_outer"]] += (0.9, 0)  # the outer corners are 1.5 ipd = 90 px apart
    error = landmark_error(moved, truth)
    assert error["lips"] == pytest.approx(0.5, abs=1e-4)
    assert error["eyes"] == pytest.approx(0, abs=1e-4)


def mesh_of(points: np.ndarray) -> np.ndarray:
    """A face mesh whose contours are those of our landmarks, at MediaPipe's vertices."""
    mesh = np.zeros((478, 2))
    lip = points[GROUPS["lip_inner"]]
    upper = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
    lower = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
    mesh[list(upper)] = lip[:11]
    mesh[list(lower)] = lip[[0, *range(19, 10, -1), 10]]
    mesh[[468, 473]] = points[GROUPS["iris"]]
    mesh[33], mesh[133] = points[GROUPS["eye_right"]][[0, 8]]
    mesh[263], mesh[362] = points[GROUPS["eye_left"]][[0, 8]]
    mesh[152] = points[GROUPS["jaw"]][8]
    return mesh


def test_face_mesh_in_our_layout() -> None:
    face = frontal_face(gap=0.1)
    ours = from_face_mesh(mesh_of(face))
    assert ours.shape == (COUNT, 2)
    np.testing.assert_allclose(ours[GROUPS["iris"]], face[GROUPS["iris"]], atol=1e-4)
    lip = GROUPS["lip_inner"]
    corners = [lip.start, lip.start + 10]
    np.testing.assert_allclose(ours[corners], face[corners], atol=1e-4)
    np.testing.assert_allclose(ours[lip.start + 5], face[lip.start + 5], atol=0.02)
    np.testing.assert_allclose(ours[lip.start + 15], face[lip.start + 15], atol=0.02)
    assert FaceTrack(ours[None]).lip_gap[0] == pytest.approx(0.1, abs=1e-3)
    for eye in ("eye_right", "eye_left"):
        first = GROUPS[eye].start
        np.testing.assert_allclose(ours[[first, first + 8]], face[[first, first + 8]], atol=1e-4)
    assert np.isnan(ours[GROUPS["jaw"]][0]).all()


STAND_ALONE = """
import sys, numpy as np
width, height = int(sys.argv[2]), int(sys.argv[3])
while len(raw := sys.stdin.buffer.read(width * height * 3)) == width * height * 3:
    level = np.frombuffer(raw, np.uint8)[0]
    sys.stdout.buffer.write(np.full((478, 2), level, "<f4").tobytes())
    sys.stdout.buffer.flush()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shebang")
def test_frames_go_through_the_worker_in_order(tmp_path: Path) -> None:
    """The pipe protocol, with an interpreter that answers each frame with its own brightness."""
    script = tmp_path / "answer.py"
    script.write_text(STAND_ALONE)
    interpreter = tmp_path / "python"
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    interpreter.chmod(0o755)
    frames = [np.full((24, 32, 3), level, np.uint8) for level in (3, 250, 17)]
    track = MediaPipe(str(interpreter)).film(iter(frames), frames[0])
    assert track.points[:, GROUPS["lip_outer"].start, 0].tolist() == [3, 250, 17]


def test_an_interpreter_without_mediapipe_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(RuntimeProblem) as caught:
        MediaPipe.find(str(broken))
    assert caught.value.code == "mediapipe_missing"
    assert str(broken) in caught.value.sentence
