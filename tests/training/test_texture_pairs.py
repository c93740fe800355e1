"""What is added to the renderings that stage 4 learns from: light in the mouth, lashes, and the rules of driving."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.stages.articulation import EXPRESSIONS
from runtime.stages.landmarks import GROUPS, LID_LOWER, LID_UPPER
from runtime.stages.motion_field import MotionField
from training.heads.facekit import Part
from training.heads.scene import Picture
from training.texture.pairs import (
    DrawnPortrait,
    Lashes,
    draw_lashes,
    driven_state,
    photo_expression,
    reached,
    shaded_mouth,
)

SIZE = 256


@pytest.fixture(scope="module")
def field() -> MotionField:
    pack = ModelPack.load()
    return MotionField(Sessions(pack, "cpu", threads=1), pack)


def landmarks(field: MotionField) -> np.ndarray:
    return np.asarray(field.mesh.landmark_mean * 80 + [SIZE / 2, 90], np.float32)


def picture(field: MotionField, parts: np.ndarray) -> Picture:
    nothing = np.zeros((1, 3), np.float32)
    image = np.ones((SIZE, SIZE, 3), np.float32)
    return Picture(image, nothing, landmarks(field), parts, nothing, np.ones((SIZE, SIZE), np.float32))


def test_mouth_darkens_under_the_lip_and_towards_the_corners(field: MotionField) -> None:
    parts = np.full((SIZE, SIZE), Part.SKIN, np.int8)
    parts[180:220, 90:160] = Part.TEETH
    shaded = shaded_mouth(picture(field, parts))
    assert np.array_equal(shaded[parts == Part.SKIN], np.ones_like(shaded[parts == Part.SKIN]))
    assert shaded[181, 125, 0] < shaded[200, 125, 0]
    assert shaded[200, 93, 0] < 0.75 * shaded[200, 125, 0]
    untouched = picture(field, np.full((SIZE, SIZE), Part.SKIN, np.int8))
    assert shaded_mouth(untouched) is untouched.image


def test_lashes_rise_from_open_eyes_and_hang_from_closed_ones(field: MotionField) -> None:
    lashes = Lashes(line=0.8, hairs=0.9, length=0.07, seed=3)
    points = landmarks(field)
    shut = points.copy()
    for upper, lower in zip(LID_UPPER, LID_LOWER, strict=True):
        shut[upper] = shut[lower]
    heights = []
    for state in (points, shut):
        image = np.ones((SIZE, SIZE, 3), np.float32)
        draw_lashes(image, state, lashes)
        dark = image[..., 0] < 0.9
        rim = state[GROUPS["eye_right"]][4]
        rows, columns = np.nonzero(dark)
        assert len(rows) > 30
        near = np.abs(columns - rim[0]) < 6
        heights.append(float((rows[near] - rim[1]).mean()))
        assert not dark[:, 120:136].any()  # nothing between the eyes
    assert heights[0] < -0.5 < 0.5 < heights[1]


def test_reached_expression_is_the_one_that_the_motion_field_drives(field: MotionField) -> None:
    rng = np.random.default_rng(0)
    portrait = DrawnPortrait(np.zeros((SIZE, SIZE, 3), np.uint8), landmarks(field), 0.0, 0.0)
    motion = field.bind(portrait)
    for _ in range(4):
        wanted, closure, head = driven_state(rng)
        frame = motion.frame(wanted, closure, head)
        expected = reached(motion.own_expression[: len(EXPRESSIONS)], wanted)
        assert np.allclose(frame.expression, expected, atol=1e-5)


def test_sampled_states_stay_in_range_and_show_teeth_often() -> None:
    rng = np.random.default_rng(1)
    photos = [photo_expression(rng) for _ in range(400)]
    values = np.stack([value for value, _ in photos])
    assert values.shape == (400, len(EXPRESSIONS)) and values.min() >= 0 and values.max() <= 1
    smiling = values[:, EXPRESSIONS.index("mouthSmileLeft")] > 0.3
    opened = (
        smiling & (values[:, EXPRESSIONS.index("mouthUpperUpLeft")] > 0.1) & ([c == 0 for _, c in photos])
    )
    assert 0.2 < opened.mean() < 0.6
    blinks = np.array([driven_state(rng)[0][-1] for _ in range(400)])
    assert 0.1 < (blinks > 0.97).mean() < 0.5 and 0.2 < (blinks == 0).mean() < 0.5
