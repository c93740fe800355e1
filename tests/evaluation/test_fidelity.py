"""PSNR and the background's mask."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.evaluation.fidelity import IDENTICAL, background, psnr
from tests.evaluation.faces import frontal_face


def test_psnr_by_hand() -> None:
    photo = np.full((4, 6, 3), 100, np.uint8)
    changed = photo.copy()
    changed[0, 0] = 110
    assert psnr(photo, photo) == IDENTICAL
    assert psnr(changed, photo) == pytest.approx(10 * np.log10(255**2 / (100 / 24)))
    elsewhere = np.ones((4, 6), bool)
    elsewhere[0, 0] = False
    assert psnr(changed, photo, elsewhere) == IDENTICAL
    assert np.isnan(psnr(changed, photo, np.zeros((4, 6), bool)))


def test_background_leaves_out_head_and_shoulders() -> None:
    mask = background(frontal_face(ipd=40, centre=(200, 160)), 0.0, 500, 400)
    assert mask[20, 20]
    assert mask[160, 370]
    assert not mask[160, 200]  # between the eyes
    assert not mask[90, 200]  # hair
    assert not mask[260, 200]  # chin
    assert not mask[450, 200]  # chest
    assert not mask[480, 60]  # shoulder


@pytest.mark.parametrize("side", [-1, 1])
def test_the_skull_lies_where_a_face_turns_away_from(side: int) -> None:
    points = frontal_face(ipd=40, centre=(200, 160))
    ahead, turned = (background(points, yaw, 500, 401) for yaw in (0.0, side * np.radians(25)))
    hair, before = 200 - side * 95, 200 + side * 80
    assert ahead[180, hair] and not turned[180, hair]
    assert turned[180, before] and not ahead[180, before]
    assert turned.mean() == pytest.approx(ahead.mean(), abs=0.03)


def test_a_leaning_head_takes_its_hair_along() -> None:
    upright = frontal_face(ipd=40, centre=(200, 160))
    angle = np.radians(30)  # clockwise in the picture
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    leaning = ((upright - [200, 160]) @ turn.T + [200, 160]).astype(np.float32)
    mask = background(leaning, 0.0, 500, 400)
    for across, outside in ((-88, True), (-80, False), (80, False), (88, True)):
        x, y = (np.array([across, 20]) @ turn.T + [200, 160]).round().astype(int)
        assert mask[y, x] == outside
