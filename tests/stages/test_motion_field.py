"""The motion field on synthetic faces, with the networks and the mesh that ship."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.stages.articulation import EXPRESSIONS
from runtime.stages.landmarks import GROUPS, LIP_LOWER, LIP_UPPER
from runtime.stages.mesh import EYE, INTERIOR, FaceMesh
from runtime.stages.motion_field import FaceMotion, MeshFrame, MotionField

IPD = 90.0
MIDDLE = np.array([256.0, 230.0])
STILL = np.zeros(5, np.float32)


@cache
def motion_field() -> MotionField:
    pack = ModelPack.load()
    return MotionField(Sessions(pack, provider="cpu", threads=1), pack)


def mesh() -> FaceMesh:
    return motion_field().mesh


def face(gap: float = 0.0, turn: float = 0.0) -> NDArray[np.float32]:
    """The mean face's landmarks in pixels, its mouth open by ``gap`` ipd, turned by ``turn`` radians."""
    points = mesh().landmark_mean.copy()
    arch = np.sin(np.linspace(0, np.pi, 11))[1:-1]
    middle = (points[LIP_UPPER] + points[LIP_LOWER]) / 2
    points[LIP_UPPER], points[LIP_LOWER] = middle, middle
    points[LIP_UPPER, 1] -= 0.4 * gap * arch
    points[LIP_LOWER, 1] += 0.6 * gap * arch
    cos, sin = np.cos(turn), np.sin(turn)
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]) * IPD + MIDDLE, np.float32)


def bind(landmarks: NDArray[np.float32], size: tuple[int, int] = (512, 512)) -> FaceMotion:
    image = np.zeros((*size, 3), np.uint8)
    return motion_field().bind(SimpleNamespace(image=image, landmarks=landmarks))


def expression(**values: float) -> NDArray[np.float32]:
    result = np.zeros(len(EXPRESSIONS), np.float32)
    for name, value in values.items():
        for side in ("", "Left", "Right"):
            if name + side in EXPRESSIONS:
                result[EXPRESSIONS.index(name + side)] = value
    return result


def identity(frame: MeshFrame) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    x0, y0, x1, y1 = frame.region
    grid = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
    return grid[0], grid[1]


def interior_height(frame: MeshFrame) -> float:
    """Height of the open mouth in its middle, ipd."""
    return float(frame.interior.sum(axis=0).max()) / 255 / IPD


AA = {"jawOpen": 0.62, "mouthLowerDown": 0.35, "mouthUpperUp": 0.25}


@pytest.mark.parametrize("gap", [0.0, 0.15])
def test_the_photo_is_untouched_at_amount_nothing(gap: float) -> None:
    motion = bind(face(gap))
    head = np.array([0.1, 0.1, 0.1, 0.1, 0.1], np.float32)
    frame = motion.frame(expression(**AA, eyeBlink=1), 1.0, head, amount=0.0)
    x, y = identity(frame)
    assert np.array_equal(frame.map_x, x) and np.array_equal(frame.map_y, y)
    assert not frame.interior.any() and not frame.lid.any()


@pytest.mark.parametrize("gap", [0.0, 0.15])
def test_movement_begins_without_a_jump(gap: float) -> None:
    frame = bind(face(gap)).frame(expression(**AA), 0.0, STILL, amount=0.004)
    x, y = identity(frame)
    assert np.abs(frame.map_x - x).max() < 1.5 and np.abs(frame.map_y - y).max() < 1.5


def test_the_border_of_the_region_stays_put() -> None:
    motion = bind(face() + 100, size=(800, 800))
    x0, y0, x1, y1 = motion.region
    assert min(x0, y0) > 0 and max(x1, y1) < 800
    frame = motion.frame(expression(**AA), 0.0, np.array([0.2, -0.1, 0.1, 0.08, 0.08], np.float32))
    x, y = identity(frame)
    moved = (frame.map_x != x) | (frame.map_y != y)
    assert moved.any()
    assert not (moved[0].any() or moved[-1].any() or moved[:, 0].any() or moved[:, -1].any())


@pytest.mark.parametrize("gap", [0.0, 0.05, 0.2])
def test_closure_closes_any_mouth(gap: float) -> None:
    motion = bind(face(gap))
    for values in ({}, AA, {"mouthSmile": 0.6, "mouthLowerDown": 0.5}):
        frame = motion.frame(expression(**values), 1.0, STILL)
        assert interior_height(frame) < 0.005, values


@pytest.mark.parametrize("gap", [0.0, 0.15])
def test_the_mouth_opens_with_the_jaw(gap: float) -> None:
    motion = bind(face(gap))
    heights = [
        interior_height(motion.frame(expression(jawOpen=jaw), 0.0, STILL)) for jaw in np.linspace(0, 0.9, 10)
    ]
    assert np.diff(heights).min() > -0.003
    assert heights[0] < 0.08 and heights[-1] > 0.3


def test_closure_shrinks_the_opening_step_by_step() -> None:
    motion = bind(face())
    heights = [interior_height(motion.frame(expression(**AA), c, STILL)) for c in np.linspace(0, 1, 6)]
    assert np.diff(heights).max() < 0
    assert heights[-1] < 0.005


def test_an_open_photos_lips_are_sampled_beside_its_teeth() -> None:
    """The rims of a clearly open mouth leave the seam as soon as they are driven; those of a closed one stay."""
    for gap, least, most in ((0.0, 0.0, 0.001), (0.08, 0.03, 0.07)):
        lips = bind(face(gap)).lips
        source = np.zeros((lips.mesh.node_count, 2), np.float32)
        lips.leave_seam(source, lips.rest_gaps, 1.0)
        upper, lower = -source[lips.upper[9], 1], source[lips.lower[9], 1]
        assert least <= upper <= most and least <= lower <= most
        source[:] = 0
        lips.leave_seam(source, lips.rest_gaps, 0.0)
        assert not source.any()


def test_thin_lips_roll_in_less_when_they_close() -> None:
    motion = bind(face())
    rolled = expression(mouthRollLower=0.4, mouthRollUpper=0.4)
    motion.lips.roll_share = (0.5, 0.25)
    closed = motion.frame(rolled, 1.0, np.zeros(5, np.float32)).expression
    spoken = motion.frame(rolled, 0.0, np.zeros(5, np.float32)).expression
    upper, lower = (EXPRESSIONS.index(f"mouthRoll{side}") for side in ("Upper", "Lower"))
    assert closed[upper] == pytest.approx(0.2) and closed[lower] == pytest.approx(0.1)
    assert spoken[upper] == pytest.approx(0.4) and spoken[lower] == pytest.approx(0.4)


def test_teeth_fall_with_the_jaw_only() -> None:
    motion = bind(face())
    shut = motion.frame(expression(), 1.0, STILL)
    wide = motion.frame(expression(jawOpen=0.8), 0.0, STILL)
    smile = motion.frame(expression(mouthSmile=0.8, mouthUpperUp=0.5), 0.0, STILL)
    assert np.abs(shut.jaw_offset).max() < 0.02 and np.abs(smile.jaw_offset).max() < 0.03
    assert 0.2 < wide.jaw_offset[1] < 0.8 and abs(wide.jaw_offset[0]) < 0.05
    # The upper teeth are the skull's: the crop does not follow the lips.
    for frame in (wide, smile):
        assert np.abs(frame.mouth_matrix - shut.mouth_matrix).max() < 2.5


@pytest.mark.parametrize("show", [0.06, 0.1])
def test_incisors_reach_below_the_lips_as_far_as_told(show: float) -> None:
    """Wherever the mesh has them; the crop, in which the teeth stand still, comes down with them, in every frame."""
    portrait = SimpleNamespace(image=np.zeros((512, 512, 3), np.uint8), landmarks=face())
    estimated, lowered = (motion_field().bind(portrait, incisors_show=s) for s in (-np.inf, show))
    reach = estimated._incisors_reach(estimated._shut())
    assert abs(reach) < 0.05, "somewhere near the lips"
    for values, closure in (({}, 1.0), (AA, 0.0)):
        high, low = (motion.frame(expression(**values), closure, STILL) for motion in (estimated, lowered))
        shift = high.mouth_matrix - low.mouth_matrix
        assert shift[1, 2] == pytest.approx((show - reach) * 128 / 1.2, rel=1e-3)
        assert np.abs(shift[:, :2]).max() == 0 and abs(shift[0, 2]) < 1e-6
        assert np.array_equal(high.jaw_offset, low.jaw_offset)
    assert np.array_equal(lowered.copy().rest().mouth_matrix, lowered.rest().mouth_matrix)


def test_incisors_that_reach_further_stay() -> None:
    portrait = SimpleNamespace(image=np.zeros((512, 512, 3), np.uint8), landmarks=face())
    estimated, told = (motion_field().bind(portrait, incisors_show=s) for s in (-np.inf, -0.2))
    assert np.array_equal(estimated.rest().mouth_matrix, told.rest().mouth_matrix)


def test_crops_stand_still_on_a_rolling_head() -> None:
    motion = bind(face())
    rest = motion.rest()
    roll, shift = 0.15, np.array([0.05, -0.03])
    rolled = motion.frame(expression(), 1.0, np.array([0, 0, roll, *shift], np.float32))
    pivot = MIDDLE + IPD * np.array([0, 1.5])
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    for point in MIDDLE + IPD * np.array([[0, 1.1], [0.3, 1.0]]):
        there = pivot + turn @ (point - pivot) + IPD * shift
        for before, after in (
            (rest.mouth_matrix, rolled.mouth_matrix),
            *zip(rest.eye_matrices, rolled.eye_matrices, strict=True),
        ):
            assert np.allclose(before @ [*point, 1], after @ [*there, 1], atol=2.5)


def test_crops_are_centred_and_upright() -> None:
    landmarks = face(turn=0.2)
    rest = bind(landmarks).rest()
    eyes = [landmarks[GROUPS[name]].mean(axis=0) for name in ("eye_right", "eye_left")]
    for middle, matrix in zip(eyes, rest.eye_matrices, strict=True):
        assert np.abs(matrix @ [*middle, 1] - 31.5).max() < 4
    lips = landmarks[GROUPS["lip_inner"]]
    corners = rest.mouth_matrix @ np.c_[lips[[0, 10]], [1, 1]].T
    assert abs(corners[1, 0] - corners[1, 1]) < 3  # the turned face's mouth is level in its crop
    assert 10 < corners[0, 0] < 40 and 88 < corners[0, 1] < 118 and 40 < corners[1].mean() < 70
    scale = np.hypot(*rest.mouth_matrix[:, 0])
    assert scale == pytest.approx(128 / (1.2 * IPD), rel=0.03)


def test_blinks_cover_the_eye() -> None:
    motion = bind(face())
    covered = []
    for blink in (0.0, 0.3, 0.6, 1.0):
        frame = motion.frame(expression(eyeBlink=blink), 1.0, STILL)
        covered.append(frame.lid.sum(axis=(1, 2)) / 255 / IPD**2)
    assert np.all(np.diff(covered, axis=0)[:2] > 0) and not covered[0].any()
    assert np.all(covered[-1] > 0.03)
    shut = motion.frame(expression(eyeBlink=1), 1.0, STILL)
    middle = np.round(mesh_pixel(motion, mesh().irises)).astype(int)
    for eye, (x, y) in enumerate(middle):
        x0, y0 = shut.region[:2]
        assert shut.lid[eye, y - y0, x - x0] > 200
        assert not shut.lid[1 - eye, y - y0, x - x0]


def mesh_pixel(motion: FaceMotion, nodes: NDArray[np.int32]) -> NDArray[np.float32]:
    return motion.frame_of_face.inverse(motion.nodes[nodes])


POSES = [
    ({}, 1.0, (0, 0, 0, 0, 0)),
    (AA, 0.0, (0, 0, 0, 0, 0)),
    ({"mouthPucker": 0.75, "mouthFunnel": 0.45, "jawOpen": 0.1}, 0.0, (0, 0, 0, 0, 0)),
    ({"mouthSmile": 0.5, "mouthStretch": 0.45, "mouthLowerDown": 0.45}, 0.0, (0.1, 0, 0, 0, 0)),
    (AA, 0.0, (-0.14, 0.05, 0.1, 0.03, 0)),
    (AA, 0.0, (0.14, -0.1, -0.1, 0, 0.03)),
]


@pytest.mark.parametrize(("values", "closure", "head"), POSES)
def test_the_mesh_does_not_fold(
    values: dict[str, float], closure: float, head: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Triangles of skin keep their orientation, but for slivers between the lips."""
    motion = bind(face())
    drawn = {}

    def keep(out: object, source: NDArray, driven: NDArray, *_: object) -> None:
        drawn["driven"] = driven

    monkeypatch.setattr(motion.drawer, "draw", keep)
    motion.frame(expression(**values), closure, np.array(head, np.float32))
    skin = mesh().triangles[~np.isin(mesh().layers, (EYE, INTERIOR))]
    corner = drawn["driven"][skin]
    first, second = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    area = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / IPD**2
    assert area[area < 0].sum() > -0.01 * area.sum()


def test_the_map_is_continuous_outside_lips_and_lids() -> None:
    """Neighbouring pixels come from neighbouring places, at the mesh's edge too."""
    motion = bind(face(), size=(700, 700))
    frame = motion.frame(expression(**AA), 0.0, np.array([0.14, 0.05, 0.05, 0.03, 0.02], np.float32))
    cut = np.zeros(frame.interior.shape, bool)
    for loop in (mesh().lip_loop, *mesh().eye_loops):
        x, y = (mesh_pixel(motion, loop) - frame.region[:2]).T
        margin = 0.45 * IPD
        cut[
            int(y.min() - margin / 2) : int(y.max() + margin),
            int(x.min() - margin / 2) : int(x.max() + margin / 2),
        ] = True
    for part in (frame.map_x, frame.map_y):
        for axis in (0, 1):
            jump = np.abs(np.diff(part, axis=axis))
            both = ~cut[1:] & ~cut[:-1] if axis == 0 else ~cut[:, 1:] & ~cut[:, :-1]
            assert jump[both].max() < 3.5


def test_a_batch_is_the_same_as_single_frames() -> None:
    motion = bind(face())
    values = np.stack([expression(**AA), expression(eyeBlink=0.7), expression(mouthSmile=0.4)])
    closure = np.array([0.0, 1.0, 0.2], np.float32)
    head = np.array([[0.05, 0, 0, 0, 0], [0, 0.05, 0.02, 0, 0], [0, 0, 0, 0.02, 0]], np.float32)
    amount = np.array([0.5, 1.0, 1.0], np.float32)
    batch = motion.frames(values, closure, head, amount)
    for t, frame in enumerate(batch):
        alone = motion.frame(values[t], float(closure[t]), head[t], float(amount[t]))
        assert np.abs(frame.map_x - alone.map_x).mean() < 1e-3
        assert np.abs(frame.interior.astype(int) - alone.interior).max() < 10
    assert len({id(frame.map_x) for frame in batch}) == 3


def test_faces_at_the_edge_of_the_canvas() -> None:
    motion = bind(face() - np.array([150, 60], np.float32), size=(400, 330))
    frame = motion.frame(expression(**AA, eyeBlink=1), 0.0, np.array([0.1, 0.1, 0.1, 0.1, 0.1], np.float32))
    x0, y0, x1, y1 = frame.region
    assert (x0, y0) == (0, 0) and x1 <= 330 and y1 <= 400
    assert frame.map_x.shape == (y1 - y0, x1 - x0) and np.isfinite(frame.map_x).all()
