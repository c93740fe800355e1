"""Poses and the drawing of contact sheets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.evaluation.poses import comparison_poses, sheet_poses
from runtime.evaluation.sheets import Shot, draw_comparison, draw_sheet, draw_strip, save_picture
from runtime.media.image import load_image
from runtime.stages.articulation import EXPRESSIONS
from runtime.stages.landmarks import GROUPS
from tests.evaluation.faces import frontal_face

JAW = EXPRESSIONS.index("jawOpen")
BLINKS = [EXPRESSIONS.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]


def test_poses_are_what_their_names_say() -> None:
    poses = {pose.name: pose for pose in sheet_poses()}
    assert poses["photo"].amount == 0
    assert all(pose.amount == 1 for name, pose in poses.items() if name != "photo")
    assert poses["m"].closure == poses["silence"].closure == 1
    assert poses["aa"].closure == 0
    assert poses["aa"].expression[JAW] > 0.7
    assert poses["m"].expression[JAW] == 0
    assert poses["blink"].expression[BLINKS].tolist() == [1, 1]
    assert np.degrees(poses["yaw +8, ah"].head[0]) == pytest.approx(8)
    assert all(pose.expression.min() >= 0 and pose.expression.max() <= 1 for pose in poses.values())
    assert len(comparison_poses()) == 8


def picture_with_marks(width: int = 400, height: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """A grey picture, red where the mouth is and blue where the eyes are."""
    points = frontal_face(ipd=80, centre=(200, 180))
    frame = np.full((height, width, 3), 128, np.uint8)
    for group, colour in (("lip_outer", (255, 0, 0)), ("eye_right", (0, 0, 255)), ("eye_left", (0, 0, 255))):
        (x0, y0), (x1, y1) = points[GROUPS[group]].min(axis=0), points[GROUPS[group]].max(axis=0)
        frame[int(y0) - 6 : int(y1) + 6, int(x0) - 6 : int(x1) + 6] = colour
    return frame, points


def test_rows_show_head_mouth_and_eyes() -> None:
    frame, points = picture_with_marks()
    shots = [Shot(pose, frame) for pose in sheet_poses()]
    sheet = draw_sheet(shots, points, columns=7, tile=100)
    assert sheet.shape == (600, 700, 3)
    assert sheet[150, 50].tolist() == [255, 0, 0]
    assert (sheet[200:300, :100] == (0, 0, 255)).all(axis=2).mean() > 0.05
    assert not (sheet[100:200] == (0, 0, 255)).all(axis=2).any()


def test_large_pictures_are_averaged_not_sampled() -> None:
    rows, columns = np.indices((2000, 2000))
    frame = np.repeat((((rows + columns) % 2) * 255).astype(np.uint8)[..., None], 3, axis=2)
    points = frontal_face(ipd=330, centre=(1000, 900))
    sheet = draw_sheet([Shot(sheet_poses()[0], frame)], points, columns=1, tile=100)
    assert abs(float(sheet[30:100].mean()) - 127) < 3
    assert sheet[30:90, 10:90].std() < 12


def test_comparison_and_strip(tmp_path: Path) -> None:
    frame, points = picture_with_marks()
    shots = [Shot(pose, frame) for pose in comparison_poses()]
    other = np.zeros((200, 200, 3), np.uint8)
    picture = draw_comparison(shots, points, other, tile=50)
    assert picture.shape == (200, 200 + 12 + 200, 3)
    assert (picture[:, 212:] == 0).all()
    strip = draw_strip([frame] * 7, points, list("abcdefg"), columns=5)
    assert strip.shape == (320, 800, 3)
    save_picture(tmp_path / "strip.png", strip)
    np.testing.assert_array_equal(load_image(tmp_path / "strip.png"), strip)
