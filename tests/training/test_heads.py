"""The face kit and the renderer. They need ICT-FaceKit, which is not part of the project."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from runtime.contract import RuntimeProblem
from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.stages.image_encoding import ImageEncoder
from runtime.stages.landmarks import (
    FLIP,
    GROUPS,
    LID_LOWER,
    LID_UPPER,
    LIP_COUNT,
    LIP_LOWER,
    LIP_UPPER,
    mouth_opening,
    outer_eye_distance,
)
from training.heads.facekit import FaceKit, Part, facekit_name
from training.heads.scene import HeadRenderer, Pose, Scene


@pytest.fixture(scope="module")
def renderer(kit: FaceKit) -> HeadRenderer:
    return HeadRenderer(kit)


@pytest.fixture(scope="module")
def scene(renderer: HeadRenderer) -> Scene:
    return renderer.sample_scene(np.random.default_rng(4), kind="person")


def _pose(kit: FaceKit, closure: float = 0.0, yaw: float = 0.0, **weights: float) -> Pose:
    full = np.zeros(len(kit.expression_names), np.float32)
    for name, weight in weights.items():
        full[kit.expression_index(name)] = weight
    return Pose(full, closure=closure, yaw=yaw)


def test_landmark_vertices_are_symmetric(kit: FaceKit) -> None:
    points = kit.vertices[kit.landmarks]
    assert np.abs(points[FLIP] * [-1, 1, 1] - points).max() < 0.01
    assert len(set(kit.landmarks.tolist())) == 116


def test_right_is_the_subjects_right(kit: FaceKit) -> None:
    points = kit.vertices[kit.landmarks]
    assert points[GROUPS["eye_right"], 0].max() < 0 < points[GROUPS["eye_left"], 0].min()
    assert points[GROUPS["iris"], 0][0] < 0


def test_every_part_is_there(kit: FaceKit) -> None:
    assert set(np.unique(kit.parts)) == {int(part) for part in Part} - {int(Part.HAIR)}


@pytest.mark.parametrize(
    ("arkit", "short"), [("mouthSmileLeft", "mouthSmile_L"), ("jawLeft", "jawLeft"), ("jawOpen", "jawOpen")]
)
def test_names(arkit: str, short: str) -> None:
    assert facekit_name(arkit) == short


def test_closure_shuts_an_open_mouth(renderer: HeadRenderer, scene: Scene, kit: FaceKit) -> None:
    opened = renderer.project(scene, _pose(kit, jawOpen=0.3), 256)[kit.landmarks, 1]
    closed = renderer.project(scene, _pose(kit, closure=1, jawOpen=0.3), 256)[kit.landmarks, 1]
    assert (opened[LIP_LOWER] - opened[LIP_UPPER]).max() > 8
    assert np.abs(closed[LIP_LOWER] - closed[LIP_UPPER]).max() < 1


def test_lips_do_not_pass_through_each_other(renderer: HeadRenderer, scene: Scene, kit: FaceKit) -> None:
    pressed = _pose(
        kit, mouthPressLeft=1, mouthPressRight=1, mouthRollLower=1, mouthRollUpper=1, mouthClose=0.3
    )
    y = renderer.project(scene, pressed, 256)[kit.landmarks, 1]
    assert (y[LIP_LOWER] - y[LIP_UPPER]).min() > -1


def test_a_blink_closes_the_eyes(renderer: HeadRenderer, scene: Scene, kit: FaceKit) -> None:
    y = renderer.project(scene, _pose(kit, eyeBlinkLeft=1, eyeBlinkRight=1), 256)[kit.landmarks, 1]
    assert (y[LID_LOWER] - y[LID_UPPER]).max() < 1.5


def test_yaw_turns_the_nose_to_the_right(renderer: HeadRenderer, scene: Scene, kit: FaceKit) -> None:
    nose = kit.landmarks[GROUPS["nose"]][3]
    straight = renderer.project(scene, _pose(kit), 256)[nose, 0]
    turned = renderer.project(scene, _pose(kit, yaw=0.3), 256)[nose, 0]
    assert turned > straight + 5


def test_a_scene_renders_the_same_twice_and_only_the_face_changes(
    renderer: HeadRenderer, scene: Scene, kit: FaceKit
) -> None:
    rest, again = (renderer.render(scene, _pose(kit), 96, 1.0) for _ in range(2))
    spoken = renderer.render(scene, _pose(kit, jawOpen=0.5), 96, 1.0)
    assert np.array_equal(rest.image, again.image)
    background = (rest.coverage == 0) & (spoken.coverage == 0)
    assert background.any()
    assert np.array_equal(rest.image[background], spoken.image[background])
    assert np.abs(rest.image - spoken.image).max() > 0.1


def test_landmarks_lie_on_what_is_seen(renderer: HeadRenderer, scene: Scene, kit: FaceKit) -> None:
    picture = renderer.render(scene, _pose(kit, jawOpen=0.6), 192, 1.0)
    lips = picture.landmarks[GROUPS["lip_inner"]]
    x, y = np.round(lips.mean(axis=0)).astype(int)
    inside = {int(part) for part in (Part.TEETH, Part.TONGUE, Part.GUMS, Part.MOUTH_SOCKET)}
    assert int(picture.parts[y, x]) in inside
    x, y = np.round(picture.landmarks[GROUPS["iris"]][0]).astype(int)
    assert picture.parts[y, x] == Part.EYEBALL


@pytest.mark.parametrize(
    ("degrees", "code"), [(12, None), (-25, None), (58, "face_turned"), (-58, "face_turned")]
)
def test_a_head_turned_too_far_is_refused(
    kit: FaceKit, renderer: HeadRenderer, scene: Scene, degrees: float, code: str | None
) -> None:
    pose = _pose(kit, yaw=float(np.radians(degrees)))
    aimed = renderer.framed(scene, pose, zoom=0.6)
    linear = renderer.render(aimed, pose, 320, 1.0).image
    photo = np.round(np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
    encoder = ImageEncoder(Sessions(ModelPack.load(), provider="cpu", threads=1))
    if code is None:
        assert np.degrees(encoder.encode(photo).yaw) == pytest.approx(degrees, abs=8)
        return
    with pytest.raises(RuntimeProblem) as problem:
        encoder.encode(photo)
    assert problem.value.code == code


@pytest.mark.parametrize(
    "shape",
    [{}, {"jawOpen": 0.06}, {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8, "jawOpen": 0.1}],
    ids=["closed", "parted", "smiling"],
)
def test_lips_are_read_from_near_by(
    kit: FaceKit, renderer: HeadRenderer, scene: Scene, shape: dict[str, float]
) -> None:
    pose = _pose(kit, yaw=0.15, **shape)
    picture = renderer.render(renderer.framed(scene, pose, zoom=0.6), pose, 320, 1.5)
    photo = np.round(np.clip(picture.image, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
    encoder = ImageEncoder(Sessions(ModelPack.load(), provider="cpu", threads=1))
    found = encoder.encode(photo).landmarks
    apart = np.linalg.norm(found - picture.landmarks, axis=1)[:LIP_COUNT]
    assert apart.mean() < 0.013 * outer_eye_distance(
        picture.landmarks
    )  # the whole face's network alone: 0.008 to 0.016
    assert mouth_opening(found) == pytest.approx(mouth_opening(picture.landmarks), abs=0.02)
