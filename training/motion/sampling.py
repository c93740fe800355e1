"""Training pairs made on the fly: the landmarks of a head in one state, and its mesh in that state and in another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from runtime.stages.articulation import EXPRESSIONS
from runtime.stages.landmarks import GROUPS
from training.heads.contact import Contact
from training.heads.facekit import FaceKit
from training.motion.geometry import CanonicalFrame, Heads, Projector, iris_distance
from training.motion.topology import Topology

COUNT = len(EXPRESSIONS)
INDEX = {name: number for number, name in enumerate(EXPRESSIONS)}
PAIRS = [(INDEX[n], INDEX[n.removesuffix("Left") + "Right"]) for n in EXPRESSIONS if n.endswith("Left")]
BLINKS = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
MAX_NOISE = 0.015  # of the ipd: largest standard deviation of the landmarks' independent errors
Random = np.random.Generator
Array = NDArray[np.float32]


@dataclass(frozen=True)
class PairBatch:
    """B pairs, all points in the canonical frame that the noisy landmarks of the first state give.

    Attributes:
        landmarks: (B, 116, 2) of the first state, with errors.
        drive: (B, 28): 25 coefficients, closure, yaw and pitch offset (radians) of the second state.
        expression: (B, 26): coefficients and closure of the first state.
        source, driven: (B, V, 2) nodes in both states.
        unit: (B,) true iris distance in canonical units (about 1).
    """

    landmarks: Tensor
    drive: Tensor
    expression: Tensor
    source: Tensor
    driven: Tensor
    unit: Tensor


def sample_coefficients(count: int, random: Random, at_rest: bool) -> Array:
    """(count, 25) coefficients; ``at_rest`` favours the faces that photos show over those of speech."""
    sparse = random.random((count, COUNT)) < 0.28
    dense = random.random((count, COUNT)) < 0.65
    speaking = random.random((count, 1)) < 0.45
    value = random.random((count, COUNT)) * np.where(speaking, dense * 0.65, sparse)
    value *= random.choice([0.5, 1.0], (count, 1))
    jaw = np.where(random.random(count) < 0.3, 0, random.random(count) ** 1.3 * 0.85)
    value[:, INDEX["jawOpen"]] = jaw
    value[:, INDEX["mouthClose"]] = np.where(random.random(count) < 0.15, random.random(count) * jaw, 0)
    value[:, INDEX["jawForward"]] *= 0.5
    for left, right in PAIRS:
        wobble = 0.08 * random.standard_normal(count)
        value[:, right] = np.clip(value[:, left] + wobble * (value[:, left] > 0), 0, 1)
    if at_rest:
        value[random.random(count) < 0.5] *= 0.25
    value[:, BLINKS[0]] = _blinks(count, random, 0.85 if at_rest else 0.55)
    wobble = 0.05 * random.standard_normal(count)
    value[:, BLINKS[1]] = np.clip(value[:, BLINKS[0]] + wobble * (value[:, BLINKS[0]] > 0), 0, 1)
    return np.asarray(value, np.float32)


def _blinks(count: int, random: Random, awake: float) -> NDArray[np.float64]:
    wide, any_ = random.random(count) * 0.2, random.random(count) * 1.05
    return np.clip(np.where(random.random(count) < awake, wide, any_), 0, 1)


def sample_closure(coefficients: Array, random: Random, at_rest: bool) -> Array:
    """(B,) closure; rarely more than 0 where the jaw hangs far down."""
    count = len(coefficients)
    shut = np.where(random.random(count) < (0.55 if at_rest else 0.25), 1.0, 0.0)
    partly = (shut == 0) & (random.random(count) < 0.2)
    closure = np.where(partly, random.random(count), shut)
    hanging = (coefficients[:, INDEX["jawOpen"]] > 0.35) & (random.random(count) < 0.85)
    return np.asarray(np.where(hanging, 0, closure), np.float32)


def landmark_errors(landmarks: Tensor, random: Random) -> Tensor:
    """Errors (B, 116, 2) like a landmark network's: jitter, whole groups shifted, curves bent; in units of the ipd.

    A third of the faces has almost none. The jaw's outline, which is hard to see, errs three times as much.
    """
    count = len(landmarks)

    def normal(*shape: int) -> Array:
        return random.standard_normal(shape, np.float32)

    strength = np.where(random.random(count) < 0.33, 0.001, random.random(count) * MAX_NOISE)
    errors = normal(count, landmarks.shape[1], 2) * 0.6
    for group in GROUPS.values():
        size = group.stop - group.start
        phase = np.linspace(0, 2 * np.pi, size, endpoint=False, dtype=np.float32)[None, :, None]
        errors[:, group] += 0.6 * normal(count, 1, 2)
        for wave in (1, 2):
            errors[:, group] += (
                0.45 * normal(count, 1, 2) * np.sin(wave * phase + 2 * np.pi * random.random())
            )
    errors[:, GROUPS["jaw"]] *= 3
    return torch.from_numpy((errors * strength[:, None, None]).astype(np.float32))


class PairSampler:
    """Draws batches of pairs from a head model."""

    def __init__(self, kit: FaceKit, contact: Contact, topology: Topology) -> None:
        self.kit = kit
        self.mean = torch.from_numpy(topology.mesh.landmark_mean)
        self.nodes = Projector(kit, contact, topology.vertices)
        self.rims = torch.from_numpy(topology.mesh.eye_rims.ravel().astype(np.int64))
        self.landmarks = Projector(kit, contact, kit.landmarks)
        self.window = Projector(kit, contact, topology.vertices[topology.mesh.eye_rims.ravel()])
        others = np.setdiff1d(np.arange(len(kit.expression_names)), kit.driven)
        self.nuisance = np.array([o for o in others if not kit.expression_names[o].startswith("eyeLook")])

    def heads(self, count: int, random: Random) -> tuple[Heads, Heads, Array]:
        """The same persons in two states, and the drive (count, 28) that leads from the first to the second."""
        first = sample_coefficients(count, random, at_rest=True)
        second = sample_coefficients(count, random, at_rest=False)
        closures = sample_closure(first, random, True), sample_closure(second, random, False)
        same = random.random(count) < 0.08
        second[same], closures[1][same] = first[same], closures[0][same]
        identity = np.clip(random.standard_normal((count, len(self.kit.identity))), -2.6, 2.6)
        identity *= random.choice([0.6, 1.0, 1.0], (count, 1))
        pose = np.stack(
            [np.clip(random.standard_normal(count) * 12, -35, 35), random.standard_normal(count) * 7], axis=1
        )
        turn = np.stack([random.uniform(-14, 14, count), random.uniform(-10, 10, count)], axis=1)
        turn *= random.random((count, 1)) < 0.7
        pose, turn = np.radians(pose), np.radians(turn)
        distance = 1 / random.uniform(1 / 200, 1 / 60, count)
        extra = random.random((count, len(self.nuisance))) * 0.5
        extra *= random.random((count, len(self.nuisance))) < 0.12

        def state(coefficients: Array, closure: Array, angles: NDArray[np.float64]) -> Heads:
            weights = self.kit.full_weights(coefficients)
            weights[:, self.nuisance] = extra
            parts = (identity, weights, closure, angles[:, 0], angles[:, 1], distance)
            return Heads(*(torch.from_numpy(np.ascontiguousarray(part, np.float32)) for part in parts))

        drive = np.concatenate([second, closures[1][:, None], turn], axis=1).astype(np.float32)
        return state(first, closures[0], pose), state(second, closures[1], pose + turn), drive

    def batch(self, count: int, random: Random, noisy: bool = True) -> PairBatch:
        """Draw ``count`` pairs."""
        before, after, drive = self.heads(count, random)
        landmarks = self.landmarks(before)
        unit = iris_distance(landmarks)
        errors = landmark_errors(landmarks, random) * unit[:, None, None]
        seen = landmarks + errors if noisy else landmarks
        frame = CanonicalFrame(seen, self.mean)
        driven = self.nodes(after)
        # The eyes' windows turn with the head but keep the first state's lids.
        window = Heads(
            before.identity, before.expression, before.closure, after.yaw, after.pitch, before.distance
        )
        driven[:, self.rims] = self.window(window)
        first = sampled_expression(before, self.kit)
        return PairBatch(
            landmarks=frame(seen),
            drive=torch.from_numpy(drive),
            expression=first,
            source=frame(self.nodes(before)),
            driven=frame(driven),
            unit=iris_distance(frame(landmarks)),
        )


def sampled_expression(heads: Heads, kit: FaceKit) -> Tensor:
    """(B, 26) driving coefficients and closure of a state."""
    return torch.cat([heads.expression[:, torch.from_numpy(kit.driven)], heads.closure[:, None]], dim=1)
