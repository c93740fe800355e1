"""Training pairs of stage 4: the same head rendered twice, and the crops that the runtime would make of the first.

    python -m training.texture.pairs --out DIR --pack runtime/models/sonic-int8 --shards 32

The first rendering is the photo. It is driven by the runtime's own motion field, from the true landmarks with errors
such as a landmark network makes, so that the texture networks see real warps with their real faults. The second
rendering, in the driven expression before the same camera and light, is the truth that they learn to restore.
A shard is made from its number alone; shards that exist are left alone, so the command may be stopped and run again.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.stages.articulation import EXPRESSIONS
from runtime.stages.landmarks import GROUPS, eye_opening, head_angles, head_rotation, ipd
from runtime.stages.motion_field import KEPT_SHARE, FaceMotion, MeshFrame, MotionField
from runtime.stages.texture_rendering import (
    EYE_SIZE,
    MOUTH_SIZE,
    CropInputs,
    EyeView,
    MouthView,
    crop_of,
    shifted,
    warp,
)
from training.heads.appearance import Kind
from training.heads.augment import Development, paint, sample_development
from training.heads.facekit import FaceKit, Part, load_facekit
from training.heads.scene import HeadRenderer, Picture, Pose, Scene
from training.heads.shading import Colour, Material
from training.motion.sampling import MAX_NOISE, landmark_errors, sample_closure, sample_coefficients
from training.texture.dataset import DRIVES, FIELDS, SIZES, save_shard

log = logging.getLogger("training.texture.pairs")

SIZE = 256  # pixels of a rendering, which shows the face from brows to chin at an ipd of about 103
ZOOM = 1.3
FINENESS = 2  # times finer that renderings are computed
PEOPLE = 32  # heads of a shard
TARGETS = 4  # driven renderings of each head
LANDMARK_NOISE = 0.01  # of the ipd, largest
INSIDE = (Part.GUMS, Part.TEETH, Part.MOUTH_SOCKET, Part.TONGUE)
Image = NDArray[np.uint8]
Random = np.random.Generator
INDEX = {name: number for number, name in enumerate(EXPRESSIONS)}
_KEPT = np.array(
    [KEPT_SHARE * name.startswith(("mouthSmile", "mouthFrown", "mouthDimple")) for name in EXPRESSIONS],
    np.float32,
)


@dataclass(frozen=True)
class DrawnPortrait:
    """A rendering in the role of the portrait."""

    image: Image
    landmarks: NDArray[np.float32]
    yaw: float
    pitch: float


@dataclass(frozen=True)
class Look:
    """What turns linear light into the pixels of some picture, the same for photo and truth."""

    development: Development
    brush: int | None  # seed of a painter's brush

    def __call__(self, linear: NDArray[np.float32]) -> Image:
        image = self.development.apply(linear)
        if self.brush is not None:
            image = paint(image, np.random.default_rng(self.brush))
        return np.asarray(np.rint(image * 255), np.uint8)


@dataclass(frozen=True)
class Lashes:
    """Upper lashes: darkness of the line along the lid 0..1, of single hairs 0..1, their length in ipd, a seed."""

    line: float
    hairs: float
    length: float
    seed: int


class Studio:
    """Renders heads with mouths lit as mouths are, and drives the photos made of them."""

    def __init__(self, kit: FaceKit, field: MotionField) -> None:
        self.kit, self.field = kit, field
        self.renderer = HeadRenderer(kit)
        self.blinks = [kit.expression_index("eyeBlink_L"), kit.expression_index("eyeBlink_R")]

    def scene(self, rng: Random, pose: Pose, person: tuple[np.ndarray, np.ndarray]) -> Scene:
        """A head framed from brows to chin, without the renderer's lashes, its mouth of a plausible colour."""
        kind: Kind = "person" if (draw := rng.random()) < 0.86 else "drawing" if draw < 0.95 else "statue"
        scene = self.renderer.sample_scene(rng, kind, busy=0.3, person=person)
        scene = replace(scene, lashes=0.0, material=self._material(scene, rng), glasses=None)
        return self.renderer.framed(
            scene,
            pose,
            zoom=ZOOM * float(rng.uniform(0.9, 1.08)),
            shift=(0.0, float(rng.uniform(-0.02, 0.03))),
        )

    @staticmethod
    def _material(scene: Scene, rng: Random) -> Material:
        material = scene.material._replace(teeth_occlusion=float(rng.uniform(0.42, 0.65)))
        if scene.kind == "statue":
            return material
        tone = np.array([0.98, 0.92, 0.82]) * rng.uniform(0.85, 1.1) * rng.uniform([1, 1, 0.93], [1, 1, 1.08])
        flesh = np.array([0.56, 0.24, 0.24]) * rng.uniform(0.85, 1.15)
        tongue = np.array([0.66, 0.32, 0.32]) * rng.uniform(0.85, 1.15)
        return material._replace(
            teeth=colour(tone),
            mouth=colour(flesh),
            tongue=colour(tongue),
            liner=float(rng.uniform(0.25, 0.8)),
        )

    def render(self, scene: Scene, pose: Pose, lashes: Lashes) -> Picture:
        """Render fine, shade the mouth under the lips, draw lashes, and bring down to SIZE."""
        picture = self.renderer.render(scene, pose, SIZE * FINENESS, 1.0)
        image = shaded_mouth(picture)
        draw_lashes(image, picture.landmarks, lashes)
        parts = picture.parts
        image = np.asarray(cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.float32)
        scale = 1 / FINENESS
        landmarks = (picture.landmarks + 0.5) * scale - 0.5
        return replace(picture, image=image, landmarks=landmarks.astype(np.float32), parts=parts)

    def pairs(self, rng: Random) -> Iterator[tuple[DrawnPortrait, FaceMotion, MeshFrame, Image, Image]]:
        """Portrait, its motion, a driven frame, the truth and the truth's open mouth, over PEOPLE heads."""
        for person in self.renderer.sample_people(rng, PEOPLE):
            first, closure = photo_expression(rng)
            extra = self._extra(rng)
            turn = np.radians([np.clip(rng.normal(0, 11), -28, 28), np.clip(rng.normal(0, 6), -15, 15)])
            pose = Pose(self._weights(first, extra), closure, float(turn[0]), float(turn[1]))
            scene = self.scene(rng, pose, person)
            look = Look(sample_development(rng), int(rng.integers(1 << 30)) if rng.random() < 0.08 else None)
            lashes = sample_lashes(rng)
            picture = self.render(scene, pose, lashes)
            portrait = self._portrait(picture, pose, look, rng)
            motion = self.field.bind(portrait, incisors_show=-np.inf)  # this head's teeth are where they are
            for _ in range(TARGETS):
                wanted, shut, head = driven_state(rng)
                frame = motion.frame(wanted, shut, head)
                after = Pose(self._weights(reached(first, wanted), extra), shut, *self._turned(pose, head))
                truth = self.render(scene, after, lashes)
                fine = np.isin(truth.parts, INSIDE).astype(np.uint8) * 255
                inside = np.asarray(cv2.resize(fine, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)
                yield portrait, motion, frame, look(truth.image), inside

    def _portrait(self, picture: Picture, pose: Pose, look: Look, rng: Random) -> DrawnPortrait:
        unit = ipd(picture.landmarks)
        errors = landmark_errors(torch.from_numpy(picture.landmarks[None]), rng)[0].numpy()
        seen = picture.landmarks + errors * unit * (LANDMARK_NOISE / MAX_NOISE)
        doubt = np.radians(rng.normal(0, 2.5, 2))
        return DrawnPortrait(
            look(picture.image),
            seen.astype(np.float32),
            pose.yaw + float(doubt[0]),
            pose.pitch + float(doubt[1]),
        )

    def _weights(self, driven: np.ndarray, extra: np.ndarray) -> np.ndarray:
        weights = self.kit.full_weights(driven)
        weights[extra > 0] = extra[extra > 0]
        return weights

    def _extra(self, rng: Random) -> np.ndarray:
        """(53,) what speech does not drive: a gaze, raised brows, narrowed eyes; the same in photo and truth."""
        extra = np.zeros(len(self.kit.expression_names), np.float32)
        sampled, _ = self.renderer.expressions.sample(rng)
        for index, name in enumerate(self.kit.expression_names):
            if name.startswith(("brow", "eyeLook")) or (name.startswith("eyeSquint") and rng.random() < 0.5):
                extra[index] = sampled[index] * 0.8
        return extra

    @staticmethod
    def _turned(pose: Pose, head: np.ndarray) -> tuple[float, float, float]:
        """Angles of a head in `pose` after the turn of a driven head (yaw and pitch add up, as the network has it)."""
        rotation = head_rotation(pose.yaw + float(head[0]), pose.pitch + float(head[1]), pose.roll)
        return head_angles(rotation)


def colour(values: NDArray[np.floating]) -> Colour:
    """(3,) numbers as a colour of a material."""
    return float(values[0]), float(values[1]), float(values[2])


def sample_lashes(rng: Random) -> Lashes:
    """From hardly any to made up."""
    strong = rng.random()
    return Lashes(
        line=float(rng.uniform(0.15, 0.5) + 0.35 * strong),
        hairs=float(rng.uniform(0, 0.8) * strong),
        length=float(rng.uniform(0.03, 0.075)),
        seed=int(rng.integers(1 << 30)),
    )


def draw_lashes(image: NDArray[np.float32], landmarks: NDArray[np.float32], lashes: Lashes) -> None:
    """Darken the rims of the upper lids and draw hairs from them, in place: upwards when open, downwards when closed.

    The kit's own lashes need alpha textures that are not there; a closed eye without a lash line looks like a scar.
    """
    unit = ipd(landmarks)
    rng = np.random.default_rng(lashes.seed)
    fine = 16  # steps of cv2's sub-pixel coordinates
    for name, opening in zip(("eye_right", "eye_left"), eye_opening(landmarks), strict=True):
        ring = landmarks[GROUPS[name]]
        place = np.linspace(0, 8, 33)
        rim = np.stack([np.interp(place, np.arange(9), ring[:9, axis]) for axis in (0, 1)], axis=1)
        rim = np.asarray(cv2.GaussianBlur(rim, (1, 5), 0, borderType=cv2.BORDER_REPLICATE), np.float64)
        x0, y0 = np.maximum(np.floor(rim.min(axis=0) - 0.15 * unit).astype(int), 0)
        x1, y1 = np.ceil(rim.max(axis=0) + 0.15 * unit).astype(int)
        window = image[y0:y1, x0:x1]
        if window.size == 0:
            continue
        line = np.zeros(window.shape[:2], np.uint8)
        hairs = np.zeros(window.shape[:2], np.uint8)
        rim = rim - [x0, y0]
        fixed = lambda p: np.round(p * fine).astype(np.int32)  # noqa: E731
        cv2.polylines(line, [fixed(rim)], False, 255, max(1, round(0.014 * unit)), cv2.LINE_AA, 4)
        # From the outer corner (outwards, long) to the inner one (short); an open eye shows them from below.
        outwards = np.sign(ring[0, 0] - ring[8, 0])
        upward = np.clip((opening - 0.08) / 0.15, -1, 1)
        for place_, scatter in zip(np.linspace(0.04, 0.85, 26), rng.uniform(0.6, 1.2, 26), strict=True):
            base = rim[int(place_ * 32)]
            lean = outwards * (0.75 - 1.1 * place_)
            way = np.array([lean, -upward * 0.9 + 0.35 * (upward < 0)])
            tip = base + way * lashes.length * unit * scatter * (1.1 - 0.6 * place_)
            cv2.line(hairs, fixed(base).tolist(), fixed(tip).tolist(), 255, 1, cv2.LINE_AA, 4)
        dark = 1 - (1 - lashes.line * line / 255.0) * (1 - lashes.hairs * hairs / 255.0)
        window *= (1 - 0.9 * dark[..., None]).astype(np.float32)


def shaded_mouth(picture: Picture) -> NDArray[np.float32]:
    """The picture's linear light with the inside of the mouth darkened under the upper lip and towards the corners.

    The renderer's lights have no occlusion by the lips but the key light's; without it teeth look like dentures.
    """
    inside = np.isin(picture.parts, INSIDE)
    if not inside.any():
        return picture.image
    unit = ipd(picture.landmarks)
    rows = np.arange(inside.shape[0], dtype=np.float32)[:, None]
    first = np.where(inside.any(axis=0), inside.argmax(axis=0), 0)[None].astype(np.float32)
    top = cv2.GaussianBlur(np.ascontiguousarray(first), (0, 0), 0.01 * unit)
    below = np.clip(rows - top, 0, None) / unit  # ipd under the upper lip
    edge = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5) / unit
    columns = np.flatnonzero(inside.any(axis=0))
    half = max(np.ptp(columns) / 2, 1.0)
    across = np.abs(np.arange(inside.shape[1]) - columns.mean())[None] / half
    light = (1 - 0.55 * np.exp(-below / 0.035)) * (1 - 0.35 * np.exp(-edge / 0.02))
    light = light * (1 - 0.6 * np.clip(across - 0.35, 0, 0.65) / 0.65)
    soft = cv2.GaussianBlur(np.where(inside, light, 1).astype(np.float32), (0, 0), 0.004 * unit)
    return picture.image * np.where(inside, soft, 1)[..., None].astype(np.float32)


def photo_expression(rng: Random) -> tuple[np.ndarray, float]:
    """(25,) coefficients and closure of a photo: at rest, in some shape, or an open smile."""
    values = sample_coefficients(1, rng, at_rest=True)
    closure = float(sample_closure(values, rng, at_rest=True)[0])
    mode = rng.random()
    if mode < 0.35:  # an open smile that shows teeth
        smile = {
            "jawOpen": rng.uniform(0, 0.2),
            "mouthSmile": rng.uniform(0.35, 1.0),
            "mouthUpperUp": rng.uniform(0.15, 0.6),
            "mouthLowerDown": rng.uniform(0.1, 0.6),
            "mouthStretch": rng.uniform(0, 0.4),
        }
        return symmetric(smile, blink=values[0], rng=rng), 0.0
    if mode < 0.6:
        smile = {
            "mouthSmile": rng.uniform(0, 0.6),
            "mouthPress": rng.uniform(0, 0.3),
            "jawOpen": rng.uniform(0, 0.05),
        }
        return symmetric(smile, blink=values[0], rng=rng), 1.0
    return values[0], closure


def symmetric(shapes: dict[str, float], blink: np.ndarray, rng: Random) -> np.ndarray:
    """(25,) from names without a side, a little uneven; blinks taken from `blink` (25,)."""
    values = np.zeros(len(EXPRESSIONS), np.float32)
    for name, value in shapes.items():
        if name in INDEX:
            values[INDEX[name]] = value
            continue
        uneven = rng.normal(0, 0.05) * value
        values[INDEX[name + "Left"]], values[INDEX[name + "Right"]] = value + uneven, value - uneven
    values[-2:] = blink[-2:]
    return np.clip(values, 0, 1)


def driven_state(rng: Random) -> tuple[np.ndarray, float, np.ndarray]:
    """Expression (25,) with relative blinks, closure and head (5,) as a motion track would ask for."""
    mode = rng.random()
    if mode < 0.65:  # speech
        shapes = {
            "jawOpen": 0.75 * rng.beta(1.2, 2.0),
            "mouthLowerDown": rng.uniform(0, 0.5),
            "mouthUpperUp": rng.uniform(0, 0.4),
            "mouthStretch": rng.uniform(0, 0.45) * (rng.random() < 0.5),
            "mouthSmile": rng.uniform(0, 0.5) * (rng.random() < 0.4),
            "mouthFunnel": rng.uniform(0, 0.7) * (rng.random() < 0.35),
            "mouthPucker": rng.uniform(0, 0.7) * (rng.random() < 0.3),
            "mouthRollLower": rng.uniform(0, 0.4) * (rng.random() < 0.2),
        }
        values = symmetric(shapes, np.zeros(len(EXPRESSIONS)), rng)
        closure = float(rng.random() * 0.6) if rng.random() < 0.15 else 0.0
    else:
        drawn = sample_coefficients(1, rng, at_rest=False)
        values, closure = drawn[0], float(sample_closure(drawn, rng, at_rest=False)[0])
    # A film's blinks come and go: all stages count alike, full closure twice.
    blink = 0.0 if rng.random() < 0.35 else min(1.0, rng.uniform(0.05, 1.4))
    values[-2:] = np.clip(blink + rng.normal(0, 0.02, 2), 0, 1) if blink > 0 else 0.0
    head = np.zeros(5, np.float32)
    if rng.random() < 0.75:
        head[:2] = np.radians(np.clip(rng.normal(0, [4.5, 3.0]), -11, 11))
    return values.astype(np.float32), closure, head


def reached(first: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(25,) the true expression that the motion field's rules make of a photo's and a driven one."""
    values = np.clip(wanted + _KEPT * first, 0, 1)
    values[-2:] = first[-2:] + (1 - first[-2:]) * wanted[-2:]
    return values


def truth_crops(
    inputs: CropInputs, source: np.ndarray, truth: Image, inner: Image, to_crop: np.ndarray
) -> NDArray[np.uint8]:
    """(S, S, C) uint8, the fields of dataset.FIELDS side by side."""
    size = inputs.gate.shape[0]
    as_bytes = lambda planes: np.rint(np.atleast_3d(planes) * 255).astype(np.uint8)  # noqa: E731
    return np.dstack(
        [
            as_bytes(inputs.frame.transpose(1, 2, 0)),
            as_bytes(source.transpose(1, 2, 0)),
            crop_of(truth, to_crop, size),
            as_bytes(inputs.gate),
            inner,
        ]
    )


def make_shard(studio: Studio, number: int, out: Path) -> None:
    """Render one shard: PEOPLE heads, TARGETS pairs of each; the mouth and both eyes where anything is painted."""
    rng = np.random.default_rng([20, number])
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"mouth": [], "eyelid": []}
    views: tuple[MouthView, tuple[EyeView, EyeView]] | None = None
    last: DrawnPortrait | None = None
    for portrait, motion, frame, truth, inside in studio.pairs(rng):
        if portrait is not last or views is None:
            rest = motion.rest()
            views = MouthView(portrait, rest), (EyeView(portrait, rest, 0), EyeView(portrait, rest, 1))
            last = portrait
        picture = warp(portrait.image, frame)
        mouth, eyes = views
        if mouth.asks(frame):
            inputs = mouth.inputs(frame, picture)
            if inputs.gate.max() > 0.05:
                inner = crop_of(inside, np.asarray(frame.mouth_matrix), MOUTH_SIZE)
                crops = truth_crops(inputs, mouth.source, truth, inner, np.asarray(frame.mouth_matrix))
                found["mouth"].append((crops, inputs.drive))
        for eye in eyes:
            if eye.asks(frame):
                inputs = eye.inputs(frame, picture)
                lid = crop_of(frame.lid[eye.eye], shifted(eye.matrix(frame), frame.region), EYE_SIZE)
                crops = truth_crops(inputs, eye.source, truth, lid, eye.matrix(frame))
                found["eyelid"].append((crops, inputs.drive))
    for kind, samples in found.items():
        channels = sum(FIELDS[kind].values())
        pictures = np.stack([sample[0] for sample in samples])
        drive = np.stack([sample[1] for sample in samples])
        assert pictures.shape[1:] == (SIZES[kind], SIZES[kind], channels) and drive.shape[1] == DRIVES[kind]
        save_shard(out, kind, f"{number:04d}", pictures, drive)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--pack", type=Path, required=True, help="pack with the motion field's graphs and mesh"
    )
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--first", type=int, default=0, help="number of the first shard")
    parser.add_argument("--facekit", type=Path, help="folder of the head model")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    pack = ModelPack.load(options.pack)
    field = MotionField(Sessions(pack, "cpu", threads=1), pack)
    studio = Studio(load_facekit(options.facekit) if options.facekit else load_facekit(), field)
    for number in range(options.first, options.first + options.shards):
        # The eyelids are written last: their drive closes a shard.
        if (options.out / f"eyelid_{number:04d}_drive.npy").exists():
            continue
        began = time.monotonic()
        make_shard(studio, number, options.out)
        log.info("shard %d in %.0f s", number, time.monotonic() - began)


if __name__ == "__main__":
    main()
