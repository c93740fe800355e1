"""The landmark layout, its mirror image, the aligned crop, and head angles."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.stages.landmarks import (
    COUNT,
    CROP_SIZE,
    CROP_TEMPLATE,
    FLIP,
    GROUPS,
    LIP_LOWER,
    LIP_UPPER,
    crop_matrix,
    eye_opening,
    five_points,
    head_angles,
    head_rotation,
    ipd,
    lip_order,
    mirrored,
    mouth_opening,
    transformed,
)


def test_groups_cover_every_landmark_once() -> None:
    covered = np.concatenate([np.arange(COUNT)[part] for part in GROUPS.values()])
    assert COUNT == 116
    assert np.array_equal(covered, np.arange(COUNT))


def test_mirroring_twice_changes_nothing() -> None:
    points = np.random.default_rng(0).uniform(0, 99, (COUNT, 2)).astype(np.float32)
    assert np.array_equal(FLIP[FLIP], np.arange(COUNT))
    assert np.allclose(mirrored(mirrored(points, 100), 100), points, atol=1e-4)


def test_mirroring_swaps_sides() -> None:
    names = np.empty(COUNT, object)
    for name, part in GROUPS.items():
        names[part] = name
    assert set(names[FLIP[GROUPS["eye_right"]]]) == {"eye_left"}
    assert set(names[FLIP[GROUPS["brow_left"]]]) == {"brow_right"}
    for name in ("lip_outer", "lip_inner", "nose", "jaw", "iris"):
        assert set(names[FLIP[GROUPS[name]]]) == {name}
    # The corners of the mouth change places; the middle of each lip stays.
    assert FLIP[GROUPS["lip_inner"].start] == GROUPS["lip_inner"].start + 10
    assert FLIP[LIP_UPPER[4]] == LIP_UPPER[4]
    assert FLIP[LIP_LOWER[4]] == LIP_LOWER[4]


@pytest.mark.parametrize(
    ("angles", "axis", "expected_sign"),
    [((0.3, 0, 0), 0, 1), ((0, 0.3, 0), 1, 1)],
    ids=["yaw turns the nose to the image's right", "pitch lifts the nose"],
)
def test_signs_of_head_angles(angles: tuple[float, float, float], axis: int, expected_sign: int) -> None:
    nose = head_rotation(*angles) @ np.array([0.0, 0.0, 1.0])
    assert np.sign(nose[axis]) == expected_sign


def test_roll_is_clockwise_in_the_image() -> None:
    top_of_head = head_rotation(0, 0, 0.3) @ np.array([0.0, 1.0, 0.0])
    assert top_of_head[0] > 0.2  # towards the image's right


def test_angles_are_the_inverse_of_rotation() -> None:
    angles = (0.5, -0.3, 0.2)
    assert head_angles(head_rotation(*angles)) == pytest.approx(angles)


def test_crop_matrix_puts_the_five_points_of_an_upright_face_on_the_template() -> None:
    turn, scale = 0.4, 3.0
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    inside = CROP_TEMPLATE * CROP_SIZE - 0.5
    in_picture = transformed(inside, np.concatenate([linear, [[200.0], [50.0]]], axis=1))
    assert np.allclose(transformed(in_picture, crop_matrix(in_picture)), inside, atol=1e-3)


def _face() -> np.ndarray:
    """A schematic face with ipd 60, eyes 20 wide and 6 high, lips 12 apart."""
    points = np.zeros((COUNT, 2), np.float32)
    for name, x in (("eye_right", 70), ("eye_left", 130)):
        turn = np.linspace(0, 2 * np.pi, 17)[:16]
        points[GROUPS[name]] = np.stack([x - 10 * np.cos(turn), 80 - 3 * np.sin(turn)], axis=1)
    points[GROUPS["iris"]] = [(70, 80), (130, 80)]
    turn = np.linspace(0, 2 * np.pi, 21)[:20]
    points[GROUPS["lip_inner"]] = np.stack([100 - 20 * np.cos(turn), 150 - 6 * np.sin(turn)], axis=1)
    points[GROUPS["lip_outer"]] = np.stack([100 - 25 * np.cos(turn), 150 - 14 * np.sin(turn)], axis=1)
    points[GROUPS["nose"]][3] = (100, 115)
    return points


def test_measures() -> None:
    points = _face()
    assert ipd(points) == pytest.approx(60)
    assert mouth_opening(points) == pytest.approx(12 / 60, rel=0.02)
    assert eye_opening(points) == pytest.approx((0.3, 0.3), rel=0.02)
    assert np.allclose(five_points(points)[:, 0], [70, 130, 100, 75, 125], atol=0.5)


def _gaps(lips: np.ndarray) -> np.ndarray:
    """(3, 9): upper lip's height, opening, lower lip's height."""
    upper, lower = np.arange(1, 10), np.arange(19, 10, -1)
    y = lips[:, 1]
    return np.stack([y[20 + upper] - y[upper], y[20 + lower] - y[20 + upper], y[lower] - y[20 + lower]])


def test_lips_in_order_stay_as_they_are() -> None:
    lips = _face()[:40]
    assert np.allclose(lip_order(lips), lips, atol=1e-4)


def test_crossed_lips_meet_and_outer_lips_give_way() -> None:
    lips = _face()[:40]
    lips[LIP_UPPER, 1] += 20  # below the lower lip
    lips[[4, 5], 1] += 30  # the upper lip's outer edge within the mouth
    assert _gaps(lips).min() < -5
    ordered = lip_order(lips)
    gaps = _gaps(ordered)
    assert gaps.min() > -1e-3
    assert np.abs(gaps[1]).max() < 1e-3
    assert np.allclose(ordered[LIP_UPPER, 1], (lips[LIP_UPPER, 1] + lips[LIP_LOWER, 1]) / 2, atol=1e-3)
    assert np.allclose(ordered[:, 0], lips[:, 0], atol=1e-3)


def test_order_turns_with_the_face() -> None:
    lips = _face()[:40]
    lips[LIP_UPPER, 1] += 20
    turn = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)
    assert np.allclose(lip_order(lips @ turn), lip_order(lips) @ turn, atol=0.01)
