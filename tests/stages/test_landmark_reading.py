"""Reading points from crops: back into the picture, in the mirror, and when lips are believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.inference.sessions import Session
from runtime.stages.landmark_reading import STRAY_LIPS, UNSURE_LIPS, VIEWS, LandmarkReader, LipReader
from runtime.stages.landmarks import (
    COUNT,
    CROP_SIZE,
    CROP_TEMPLATE,
    GROUPS,
    LIP_COUNT,
    MOUTH_ZOOM,
    crop_matrix,
    five_points,
    mouth_matrix,
    transformed,
)

Points = NDArray[np.float32]
SIDE = 480


class _Network:
    """In place of a session: answers each crop (3, 128, 128) by what `look` says of it."""

    def __init__(self, look: Callable[[NDArray], Points], error: float = 1.0) -> None:
        self.look, self.error = look, error

    def run(self, inputs: dict[str, NDArray]) -> dict[str, NDArray]:
        points = np.stack([self.look(crop) for crop in inputs["input"]]).astype(np.float32)
        return {"points": points, "error": np.full(points.shape[:2], self.error, np.float32)}

    def session(self) -> Session:
        return cast(Session, self)


def _centre_of_light(crop: NDArray) -> Points:
    """(40, 2): all points at the brightness' centre of gravity."""
    rows, columns = np.mgrid[0:CROP_SIZE, 0:CROP_SIZE]
    light = crop[0] / crop[0].sum()
    return np.repeat([[(columns * light).sum(), (rows * light).sum()]], LIP_COUNT, axis=0)


def _face(turn: float = 0.2) -> Points:
    """A face's landmarks that only has eyes, nose and lips where they belong, turned, 100 pixels between the eyes."""
    points = np.zeros((COUNT, 2), np.float32)
    places = CROP_TEMPLATE * 320
    for group, place in (("eye_right", 0), ("eye_left", 1), ("nose", 2)):
        points[GROUPS[group]] = places[place]
    circle = np.linspace(0, 2 * np.pi, 21)[:20]
    for group, width, height in (("lip_outer", 40, 16), ("lip_inner", 32, 5)):
        ring = np.stack([-width * np.cos(circle), -height * np.sin(circle)], axis=1)
        points[GROUPS[group]] = places[3:].mean(axis=0) + ring
    cosine, sine = np.cos(turn), np.sin(turn)
    return (points @ np.array([[cosine, sine], [-sine, cosine]]) + [120, 40]).astype(np.float32)


def test_points_come_back_into_the_picture_from_every_view() -> None:
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[200:209, 300:309] = 255
    aimed = [np.array([[s, 0, 60 - 295 * s], [0, s, 70 - 210 * s]]) for s in (0.8, 1.0, 1.7)]
    for mirror in (False, True):
        points, error = LandmarkReader(_Network(_centre_of_light).session()).read(image, aimed, mirror)
        assert np.abs(points - [304, 204]).max() < 0.3
        assert error.shape == (LIP_COUNT,)


def test_the_mouths_crop_is_upright_and_centred() -> None:
    face = _face(turn=0.3)
    inside = transformed(face, mouth_matrix(face))
    assert np.allclose(inside[GROUPS["lip_outer"]].mean(axis=0), (CROP_SIZE - 1) / 2, atol=1e-3)
    assert abs(inside[0, 1] - inside[10, 1]) < 0.5
    near, whole = mouth_matrix(face), crop_matrix(five_points(face))
    assert near[0, 0] / whole[0, 0] == pytest.approx(MOUTH_ZOOM)


def _lips_at(face: Points, lips: Points) -> Callable[[NDArray], Points]:
    """A network that finds these lips in the crop that the face aims; views beside it and mirrors all see the same."""
    wanted = transformed(lips, mouth_matrix(face))
    return lambda crop: wanted


@pytest.mark.parametrize(
    ("error", "shift", "believed"),
    [
        (0.5 * UNSURE_LIPS, 0.4 * STRAY_LIPS, True),
        (1.5 * UNSURE_LIPS, 0.4 * STRAY_LIPS, False),
        (0.5 * UNSURE_LIPS, 2 * STRAY_LIPS, False),
    ],
    ids=["sure and near", "unsure", "astray"],
)
def test_lips_are_believed_when_they_are_sure_and_near(error: float, shift: float, believed: bool) -> None:
    face = _face(turn=0.0)
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    opened = face[:LIP_COUNT].copy()
    opened[:, 1] += shift * CROP_SIZE / mouth_matrix(face)[0, 0]
    reader = LipReader(_Network(_lips_at(face, opened), error).session())
    before = np.full(COUNT, 3.0, np.float32)
    found, errors = reader.improved(image, face, before)
    assert np.array_equal(found[LIP_COUNT:], face[LIP_COUNT:])
    assert np.array_equal(errors[LIP_COUNT:], before[LIP_COUNT:])
    if believed:
        assert found[:LIP_COUNT, 1].mean() > face[:LIP_COUNT, 1].mean() + 0.1
        assert np.allclose(errors[:LIP_COUNT], error / MOUTH_ZOOM)
    else:
        assert np.array_equal(found, face)
        assert np.array_equal(errors, before)


def test_one_look_in_a_film_many_at_a_photo() -> None:
    face = _face(turn=0.0)
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    lips = face[:LIP_COUNT] + np.array([0, 2], np.float32)
    crops: list[int] = []

    def look(crop: NDArray) -> Points:
        crops.append(1)
        return transformed(lips, mouth_matrix(face))

    reader = LipReader(_Network(look).session())
    unknown = np.ones(COUNT, np.float32)
    reader.improved(image, face, unknown, views=())
    assert len(crops) == 2
    crops.clear()
    reader.improved(image, face, unknown)
    assert len(crops) == 2 + 2 * len(VIEWS)
