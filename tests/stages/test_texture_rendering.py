"""Stage 4 on a drawn portrait: what it leaves alone, where it paints, and that crops lie where they should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.stages import texture_rendering
from runtime.stages.articulation import EXPRESSIONS
from runtime.stages.blending import lay
from runtime.stages.landmarks import FLIP, GROUPS, LIP_LOWER, LIP_UPPER
from runtime.stages.motion_field import FaceMotion, MeshFrame, MotionField
from runtime.stages.texture_rendering import (
    EYE_SIZE,
    MOUTH_SIZE,
    NO_MASK,
    NO_PICTURE,
    CropInputs,
    EyeView,
    FaceTexture,
    MouthView,
    TextureRenderer,
    covered_box,
    crop_of,
    occupied,
    open_mouth_mask,
    rim_shade,
    sharpened,
    shifted,
    soft_gate,
    warp,
)
from runtime.stages.warping import PhotoSampler

SIZE = 384
IPD = 90.0
GREEN = np.array([0.0, 1.0, 0.0], np.float32)


@dataclass(frozen=True)
class Drawn:
    image: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    yaw: float = 0.0
    pitch: float = 0.0


class Mouths:
    """Stands in for the mouth's painter: one colour, and keeps what it was given."""

    def __init__(self, rim: float = 1.0, own: float = 0.0) -> None:
        self.weights = (rim, own)
        self.seen: list[NDArray[np.float32]] = []

    def bind(self, source: NDArray[np.float32]) -> Mouths:
        return self

    def __call__(self, frames: Sequence[CropInputs]) -> NDArray[np.float32]:
        self.seen.append(np.stack([inputs.frame for inputs in frames]))
        painted = np.zeros((len(frames), 5, MOUTH_SIZE, MOUTH_SIZE), np.float32)
        painted[:, :3] = GREEN[:, None, None]
        painted[:, 3], painted[:, 4] = self.weights
        return painted


class Eyelids:
    """Stands in for the eyelid network: one colour with full weight, and keeps what it was given."""

    def __init__(self) -> None:
        self.seen: list[dict[str, NDArray[np.float32]]] = []

    def run(self, inputs: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        self.seen.append(inputs)
        painted = np.ones((len(inputs["frame"]), 4, EYE_SIZE, EYE_SIZE), np.float32)
        painted[:, :3] = GREEN[:, None, None]
        return {"painted": painted}


@pytest.fixture(scope="module")
def field() -> MotionField:
    pack = ModelPack.load()
    return MotionField(Sessions(pack, "cpu", threads=1), pack)


@pytest.fixture
def evenly_lit(monkeypatch: pytest.MonkeyPatch) -> None:
    """No shade in the mouth: what is painted shows unchanged."""
    monkeypatch.setattr(texture_rendering, "RIM_SHADE", (0.0, 0.0, 0.0))


def moved(drawn: Drawn, frame: MeshFrame) -> NDArray[np.uint8]:
    """The photo as stage 3 moves it, nothing painted."""
    return PhotoSampler(drawn.image, frame.region, IPD)(frame.map_x, frame.map_y)


def portrait(field: MotionField, opening: float = 0.0) -> Drawn:
    """Noise in skin colours under the mean face's landmarks; `opening` parts the lips, in ipd."""
    points = field.mesh.landmark_mean.copy()
    middle = (points[LIP_UPPER] + points[LIP_LOWER]) / 2
    points[LIP_UPPER], points[LIP_LOWER] = middle, middle
    points[LIP_LOWER, 1] += opening
    rng = np.random.default_rng(0)
    coarse = rng.uniform(60, 220, (24, 24, 3)).astype(np.float32)
    image = cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    return Drawn(image, (points * IPD + [SIZE / 2, SIZE * 0.4]).astype(np.float32))


def drive(**shapes: float) -> NDArray[np.float32]:
    values = np.zeros(len(EXPRESSIONS), np.float32)
    for name, value in shapes.items():
        for side in ("", "Left", "Right"):
            if name + side in EXPRESSIONS:
                values[EXPRESSIONS.index(name + side)] = value
    return values


def still() -> NDArray[np.float32]:
    return np.zeros(5, np.float32)


def bound(
    field: MotionField, drawn: Drawn, rim: float = 1.0, own: float = 0.0
) -> tuple[FaceMotion, FaceTexture, Mouths, Eyelids]:
    motion = field.bind(drawn)
    mouth, eyelid = Mouths(rim, own), Eyelids()
    return motion, FaceTexture(drawn, motion.rest(), mouth.bind, eyelid), mouth, eyelid  # type: ignore[arg-type]


def region_of(image: NDArray, motion: FaceMotion) -> NDArray:
    x0, y0, x1, y1 = motion.region
    return image[y0:y1, x0:x1]


@pytest.mark.parametrize("opening", [0.0, 0.15])
def test_rest_is_the_photo_and_asks_no_network(field: MotionField, opening: float) -> None:
    drawn = portrait(field, opening)
    motion, texture, mouth, eyelid = bound(field, drawn)
    (picture,) = texture.render([motion.rest()])
    assert np.array_equal(picture, region_of(drawn.image, motion))
    assert not mouth.seen and not eyelid.seen


def test_open_mouth_is_painted_inside_and_near_its_rim_only(field: MotionField, evenly_lit: None) -> None:
    drawn = portrait(field)
    motion, texture, mouth, _ = bound(field, drawn)
    frame = motion.frame(drive(jawOpen=0.6, mouthLowerDown=0.3), 0.0, still())
    (picture,) = texture.render([frame])
    assert len(mouth.seen) == 1 and mouth.seen[0].shape == (1, 4, MOUTH_SIZE, MOUTH_SIZE)
    plain = moved(drawn, frame)
    inside = frame.interior == 255
    assert inside.sum() > 300
    assert np.abs(picture[inside].astype(int) - [0, 255, 0]).max() <= 2
    reach = np.ones((2 * round(0.12 * IPD) + 1,) * 2, np.uint8)
    away = cv2.dilate(frame.interior, reach) == 0
    assert np.array_equal(picture[away], plain[away])


def test_rim_is_as_sharp_as_the_mask(field: MotionField, evenly_lit: None) -> None:
    """Where the network keeps off the rim, the cut between mouth and lip is the mask's own, not the crop's."""
    drawn = portrait(field)
    motion, texture, *_ = bound(field, drawn, rim=0.0)
    frame = motion.frame(drive(jawOpen=0.6), 0.0, still())
    (picture,) = texture.render([frame])
    plain = moved(drawn, frame)
    cover = (frame.interior / 255.0)[..., None]
    expected = plain + cover * (255 * GREEN - plain)
    assert np.abs(picture - expected).max() < 1.5


def test_lower_teeth_stand_in_the_shade_of_the_lip() -> None:
    opening = np.zeros((60, 80), np.float32)
    opening[20:44, 10:70] = 1
    light = rim_shade(opening)
    assert light.shape == (60, 80, 3) and np.all(light[opening == 0] == 1)
    column = light[20:44, 40]
    assert np.all(column[:16] > 0.97) and np.all(np.diff(column[16:, 1]) <= 0)
    assert column[-1, 1] < 0.6 < column[-1, 0]  # what light there is is red


def test_closing_lips_over_shown_teeth_paints_where_they_would_linger(field: MotionField) -> None:
    drawn = portrait(field, opening=0.15)
    motion, texture, mouth, _ = bound(field, drawn)
    frame = motion.frame(drive(), 1.0, still(), 1.0)
    texture.render([frame])
    view = MouthView(drawn, motion.rest())
    gate = view.inputs(frame, warp(drawn.image, frame)).gate
    assert len(mouth.seen) == 1
    assert view.source[3].max() > 0.9  # the network is told of the photo's own open mouth
    assert gate[:20].max() == 0 and gate[-20:].max() == 0


def test_own_teeth_come_from_the_photo_moved_with_the_head(field: MotionField) -> None:
    drawn = portrait(field, opening=0.25)
    motion, texture, *_ = bound(field, drawn, own=1.0)
    head = np.array([0, 0, 0, 0.05, 0.02], np.float32)  # a shift alone: the photo moves by whole parts
    frame = motion.frame(drive(jawOpen=0.3), 0.0, head)
    (picture,) = texture.render([frame])
    shift = head[3:] * motion.ipd
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    moved = cv2.warpAffine(drawn.image, matrix, (SIZE, SIZE))
    sure = cv2.erode(
        np.minimum(
            region_of(
                cv2.warpAffine(open_mouth_mask(drawn.landmarks, (SIZE, SIZE)), matrix, (SIZE, SIZE)), motion
            ),
            frame.interior,
        ),
        np.ones((7, 7), np.uint8),
    )
    assert (sure == 255).sum() > 50
    difference = np.abs(picture.astype(int) - region_of(moved, motion))[sure == 255]
    assert difference.mean() < 3


def test_teeth_that_the_network_half_trusts_are_the_photos_whole(field: MotionField) -> None:
    drawn = portrait(field, opening=0.25)
    pictures = []
    for own in (0.0, 0.45, 1.0):
        motion, texture, *_ = bound(field, drawn, own=own)
        pictures.append(texture.render([motion.frame(drive(jawOpen=0.3), 0.0, still())])[0])
    painted, half, whole = pictures
    assert np.array_equal(half, whole) and not np.array_equal(half, painted)


def test_lips_are_not_taken_for_the_photos_teeth(field: MotionField) -> None:
    drawn = portrait(field, opening=0.25)
    view = MouthView(drawn, field.bind(drawn).rest())
    opening, teeth = view.source[3], view.own_teeth
    assert teeth.max() > 0.99 and np.all(teeth <= opening + 1e-3)
    edge = (opening > 0.5) & (cv2.erode((opening > 0.5).astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    assert edge.sum() > 50 and teeth[edge].max() < 0.25


def test_closed_lips_show_none_of_the_photos_teeth(field: MotionField) -> None:
    drawn = portrait(field, opening=0.15)
    pictures = []
    for own in (0.0, 1.0):
        motion, texture, *_ = bound(field, drawn, own=own)
        frame = motion.frame(drive(), 1.0, still(), 1.0)
        assert frame.interior.max() < 128
        pictures += texture.render([frame])
    assert np.abs(pictures[1].astype(int) - pictures[0]).max() <= 3


def test_mouth_crop_stands_still_on_the_head(field: MotionField) -> None:
    drawn = portrait(field)
    motion = field.bind(drawn)
    teeth = motion.nodes[motion.mesh.upper_teeth[1]]
    on_canvas = motion.frame_of_face.inverse(teeth[None])[0]
    rest = motion.rest().mouth_matrix
    there = rest[:, :2] @ on_canvas + rest[:, 2]
    assert there[0] == pytest.approx((MOUTH_SIZE - 1) / 2, abs=2)
    moved = motion.frame(drive(jawOpen=0.6), 0.0, np.array([0, 0, 0.1, 0.05, 0], np.float32))
    assert not np.allclose(moved.mouth_matrix, rest)
    assert float(moved.jaw_offset[1]) > 0.05


def test_left_eye_is_the_right_eyes_mirror_image(field: MotionField) -> None:
    drawn = portrait(field)
    flipped = drawn.landmarks[FLIP].copy()
    flipped[:, 0] = SIZE - 1 - flipped[:, 0]
    symmetric = (drawn.landmarks + flipped) / 2
    image = np.maximum(drawn.image, drawn.image[:, ::-1])
    drawn = replace(drawn, image=np.ascontiguousarray(image), landmarks=symmetric.astype(np.float32))
    rest = field.bind(drawn).rest()
    right, left = EyeView(drawn, rest, 0), EyeView(drawn, rest, 1)
    assert np.linalg.det(left.matrix(rest)[:, :2]) < 0 < np.linalg.det(right.matrix(rest)[:, :2])
    assert np.abs(right.source - left.source).mean() < 0.02


def test_blink_paints_both_lids_and_nothing_else(field: MotionField) -> None:
    drawn = portrait(field)
    motion, texture, _, eyelid = bound(field, drawn)
    frame = motion.frame(drive(eyeBlink=1.0), 1.0, still())
    (picture,) = texture.render([frame])
    assert eyelid.seen[0]["frame"].shape == (2, 4, EYE_SIZE, EYE_SIZE)
    for eye in (0, 1):
        # The double paints flat green, of which nothing is left: the lid has the colour of what surrounds the eye.
        lid = picture[frame.lid[eye] > 250].astype(float)
        plain = moved(drawn, frame)[frame.lid[eye] > 250].astype(float)
        skin = texture._eyes[eye].skin.bare.mean(axis=(1, 2)) * 255
        assert np.abs(lid.mean(axis=0) - skin).max() < 40
        assert np.abs(lid - plain).mean() > 5
    mouth = drawn.landmarks[GROUPS["lip_outer"]].mean(axis=0).astype(int) - motion.region[:2]
    assert not np.array_equal(picture[mouth[1], mouth[0]], [0, 255, 0])


def test_batch_and_single_frames_agree(field: MotionField) -> None:
    drawn = portrait(field)
    motion, texture, *_ = bound(field, drawn)
    frames = [
        motion.frame(drive(jawOpen=j, eyeBlink=b), 0.0, still())
        for j, b in ((0.5, 0), (0.0, 1.0), (0.2, 0.5))
    ]
    together = texture.render(frames)
    for frame, picture in zip(frames, together, strict=True):
        assert np.array_equal(texture.render([frame])[0], picture)


def test_laying_rounds_and_keeps_uncovered_pixels() -> None:
    picture = np.full((2, 2, 3), 101, np.uint8)
    layer = np.full((2, 2, 4), 200.4, np.float32)
    layer[..., 3] = np.array([[0, 1], [0.5, 0]])
    lay(picture, np.eye(2, 3), layer, NO_MASK, NO_PICTURE)
    assert picture[..., 0].tolist() == [[101, 200], [151, 101]]


def test_laid_crop_lies_where_opencv_would_put_it() -> None:
    rng = np.random.default_rng(2)
    noise = rng.uniform(0, 255, (40, 50, 5)).astype(np.float32)
    layer = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.float32)
    layer[..., 3:] *= 1 / 255
    matrix = np.array([[0.7, 0.1, -4.3], [-0.1, 0.7, 6.2]])
    picture = rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)
    own = rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)
    inside = rng.integers(0, 255, (60, 80), dtype=np.uint8)
    there = cv2.warpAffine(
        layer,
        matrix,
        (80, 60),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    within = inside[..., None] / 255.0
    cover = within + (1 - within) * there[..., 3:4]
    colour = there[..., :3] + there[..., 4:] * (own - there[..., :3])
    expected = picture + cover * (colour - picture)
    lay(picture, matrix, layer, inside, own)
    assert np.abs(picture - expected).max() < 2 and np.abs(picture - expected).mean() < 0.5


def test_open_mouth_mask_is_empty_for_touching_lips(field: MotionField) -> None:
    closed = open_mouth_mask(portrait(field).landmarks, (SIZE, SIZE))
    opened = open_mouth_mask(portrait(field, 0.2).landmarks, (SIZE, SIZE))
    assert closed.max() == 0 and (opened > 250).sum() > 300


def test_covered_box_holds_every_painted_pixel() -> None:
    weights = np.zeros((MOUTH_SIZE, MOUTH_SIZE), np.float32)
    weights[40:60, 30:90] = 1
    matrix = np.array([[1.3, 0.2, -20.0], [-0.2, 1.3, -10.0]])
    painted_on = occupied(weights)
    assert painted_on == (30, 40, 90, 60)
    box = covered_box(painted_on, matrix, (200, 200))
    assert box is not None
    back = cv2.warpAffine(weights, matrix, (200, 200), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    outside = back.copy()
    outside[box[1] : box[3], box[0] : box[2]] = 0
    assert back.max() > 0 and outside.max() == 0
    assert occupied(np.zeros_like(weights)) is None


def test_sharpening_stresses_edges_and_leaves_even_colours() -> None:
    even = np.full((32, 32, 3), 90, np.float32)
    assert np.allclose(sharpened(even), even, atol=1e-3)
    edge = even.copy()
    edge[:, 16:] = 150
    made = sharpened(edge)
    assert made[16, 15, 0] < 85 and made[16, 16, 0] > 155 and np.allclose(made[:, :8], 90, atol=0.1)


def test_soft_gate_reaches_as_far_as_told() -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[30:34, 30:34] = 255
    gate = soft_gate(mask, 4.0)
    assert gate[32, 32] == pytest.approx(1, abs=0.05)
    assert gate[32, 36] > 0.4 and gate[32, 46] < 0.02


def test_region_matrix_takes_region_pixels() -> None:
    image = np.random.default_rng(1).integers(0, 255, (80, 90, 3), dtype=np.uint8)
    matrix = np.array([[0.8, 0.1, -12.0], [-0.1, 0.8, -9.0]])
    whole = crop_of(image, matrix, 32)
    part = crop_of(np.ascontiguousarray(image[8:, 11:]), shifted(matrix, (11, 8, 90, 80)), 32)
    assert np.abs(whole.astype(int) - part)[2:-2, 2:-2].max() <= 2


def test_renderer_opens_the_graphs_of_the_pack(field: MotionField) -> None:
    """The trained networks: an open mouth gets dark, and the same frame gives the same picture."""
    pack = ModelPack.load()
    drawn = portrait(field)
    motion = field.bind(drawn)
    texture = TextureRenderer(Sessions(pack, "cpu", threads=1)).bind(drawn, motion)
    frame = motion.frame(drive(jawOpen=0.6, eyeBlink=1.0), 0.0, still())
    (picture,) = texture.render([frame])
    plain = cv2.remap(drawn.image, frame.map_x, frame.map_y, cv2.INTER_CUBIC)
    inside = frame.interior == 255
    assert picture[inside].mean() < plain[inside].mean() * 0.75
    assert np.array_equal(texture.render([frame])[0], picture)
