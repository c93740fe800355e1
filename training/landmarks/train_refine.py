"""Train the second landmark network, which reads the lips from near by, and export it into the pack.

    python -m training.landmarks.train_refine --data data/mouths --faces data/landmarks --work runs/refine \
        --export runtime/models/sonic-int8

``--data`` was written by training.landmarks.generate_mouths, ``--faces`` by training.landmarks.generate: mouths cut
from whole faces are what a small face in a photo looks like. The run goes on from ``checkpoint.pt`` in the work
folder; ``--minutes`` pauses it. The first 512 samples of both folders are for validation alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from runtime.stages.landmarks import (
    CROP_SIZE,
    FLIP,
    LIP_COUNT,
    LIP_LOWER,
    LIP_UPPER,
    mouth_matrix,
    outer_eye_distance,
    transformed,
)
from training.heads.collection import HeadCollection
from training.landmarks.network import LandmarkNetwork
from training.landmarks.train import loss_of
from training.runs import AveragedRun, training_options

log = logging.getLogger(__name__)

Image = NDArray[np.uint8]
Points = NDArray[np.float32]
Run = AveragedRun[LandmarkNetwork]

HELD_OUT = 512
BATCH = 64
PEAK_RATE = 2.5e-3
WIDTHS = (16, 32, 64, 96)
NEAR = 0.65  # share of mouths that were rendered from near by
INNER_WEIGHT = 1.3  # of the inner lips against the outer


@dataclass(frozen=True)
class Aim:
    """How far the crop misses: standard deviations, and those of shapes beyond what the head model has."""

    turn: float = 0.07  # radians
    zoom: float = 0.09  # of the logarithm
    shift: float = 0.035  # of the crop's side
    squeeze: float = 0.06  # of the logarithm of width over height
    shear: float = 0.04
    bend: float = 2.0  # pixels; the most that a smooth field moves the lips about

    def missed(self, matrix: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """A crop's map (2, 3) as an uncertain first network would place it."""
        turn, zoom, squeeze = rng.normal(0, (self.turn, self.zoom, self.squeeze))
        shift = np.clip(rng.normal(0, self.shift, 2), -2.5 * self.shift, 2.5 * self.shift) * CROP_SIZE
        cosine, sine = np.cos(turn), np.sin(turn)
        stretch = np.array([[np.exp(squeeze / 2), rng.normal(0, self.shear)], [0, np.exp(-squeeze / 2)]])
        linear = np.exp(zoom) * np.array([[cosine, -sine], [sine, cosine]]) @ stretch
        middle = np.full(2, (CROP_SIZE - 1) / 2)
        offset = linear @ (matrix[:, 2] - middle) + middle + shift
        return np.concatenate([linear @ matrix[:, :2], offset[:, None]], axis=1)


def cut_mouth(
    image: Image, landmarks: Points, aim: Aim, rng: np.random.Generator
) -> tuple[NDArray[np.float32], Points]:
    """A crop (128, 128, 3) float32 0..255 of the mouth, and its lips (40, 2) in the crop's pixels."""
    matrix = aim.missed(mouth_matrix(landmarks), rng)
    field = rng.normal(0, rng.uniform(0, aim.bend), (4, 4, 2)).astype(np.float32)
    bend = np.asarray(cv2.resize(field, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_CUBIC), np.float32)
    rows, columns = np.mgrid[0:CROP_SIZE, 0:CROP_SIZE].astype(np.float32)
    back = cv2.invertAffineTransform(matrix).astype(np.float32)
    source = (np.stack([columns, rows], axis=-1) + bend) @ back[:, :2].T + back[:, 2]
    magnified = np.sqrt(abs(np.linalg.det(matrix[:, :2]))) > 1.5
    crop = cv2.remap(
        image,
        source,
        None,  # type: ignore[call-overload]
        cv2.INTER_CUBIC if magnified else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    straight = transformed(landmarks[:LIP_COUNT], matrix)
    lips = straight.copy()
    for _ in range(4):  # where the bent picture shows what lies at `straight`
        lips = straight - _sampled(bend, lips)
    return np.asarray(crop, np.float32), lips


def _sampled(field: Points, places: Points) -> Points:
    """Values (n, 2) of a field (128, 128, 2) at places (n, 2), the border's beyond it."""
    found = cv2.remap(
        field,
        np.ascontiguousarray(places[:, None, :]),
        None,  # type: ignore[call-overload]
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(found[:, 0], np.float32)


def spoil(crop: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Coarse pixels of a small face, noise, another light, a patch over part of it."""
    if rng.random() < 0.3:
        side = int(CROP_SIZE * rng.uniform(0.25, 0.8))
        small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        crop = np.asarray(cv2.resize(small, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_CUBIC))
    if rng.random() < 0.25:
        crop = crop + rng.uniform(1, 10) * rng.standard_normal(crop.shape, np.float32)
    crop = crop * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    if rng.random() < 0.25:  # light that falls off across the mouth
        slope = np.linspace(-1, 1, CROP_SIZE, dtype=np.float32)
        across, down = rng.normal(0, 0.15, 2).astype(np.float32)
        crop = crop * (1 + across * slope[None, :, None] + down * slope[:, None, None])
    if rng.random() < 0.12:
        crop = np.repeat(crop.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < 0.06:
        x, y = rng.integers(0, 110, 2)
        width, height = rng.integers(6, 32, 2)
        crop[y : y + height, x : x + width] = rng.uniform(0, 255)
    return np.asarray(np.clip(crop, 0, 255), np.float32)


class Batches:
    """Random training batches from mouths seen from near by and from whole faces."""

    def __init__(self, near: HeadCollection, faces: HeadCollection, seed: int) -> None:
        self.near, self.faces = near, faces
        self.rng = np.random.default_rng(seed)

    def next(self) -> tuple[Tensor, Tensor]:
        """Images (B, 3, 128, 128) float 0..255 and lips (B, 40, 2) in pixels."""
        rng, aim = self.rng, Aim()
        images = np.empty((BATCH, CROP_SIZE, CROP_SIZE, 3), np.float32)
        lips = np.empty((BATCH, LIP_COUNT, 2), np.float32)
        for i in range(BATCH):
            data = self.near if rng.random() < NEAR else self.faces
            row = int(rng.integers(HELD_OUT, len(data.images)))
            crop, points = cut_mouth(data.images[row], data.landmarks[row], aim, rng)
            crop = spoil(crop, rng)
            if rng.random() < 0.5:
                crop, points = crop[:, ::-1], points[FLIP[:LIP_COUNT]]
                points[:, 0] = CROP_SIZE - 1 - points[:, 0]
            images[i], lips[i] = crop, points
        pictures = torch.from_numpy(images).permute(0, 3, 1, 2)
        return pictures.contiguous(memory_format=torch.channels_last), torch.from_numpy(lips)


@torch.inference_mode()
def validate(network: nn.Module, data: HeadCollection) -> dict[str, float]:
    """Mean error and error of the opening on held-out samples, per cent of the outer-eye distance."""
    rng, aim = np.random.default_rng(0), Aim(squeeze=0, shear=0, bend=0)
    count = min(HELD_OUT, len(data.images))
    crops, truth, unit = [], [], []
    for image, landmarks in zip(data.images[:count], data.landmarks[:count], strict=True):
        crop, lips = cut_mouth(image, landmarks, aim, rng)
        scale = np.sqrt(abs(np.linalg.det(mouth_matrix(landmarks)[:, :2])))
        crops.append(crop)
        truth.append(lips)
        unit.append(max(outer_eye_distance(landmarks) * scale, 40.0) / 100)
    pictures = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
    found = np.concatenate([network(part)[0].numpy() for part in pictures.split(BATCH)])
    return {name: round(value, 2) for name, value in errors(found, np.stack(truth), np.array(unit)).items()}


def errors(found: Points, truth: Points, unit: NDArray[np.float64]) -> dict[str, float]:
    """Of lips (N, 40, 2): outer and inner mean distance, and mean difference of the lips' gaps; unit (N,) pixels."""
    apart = np.linalg.norm(found - truth, axis=2) / unit[:, None]
    gaps = [np.linalg.norm(p[:, LIP_LOWER] - p[:, LIP_UPPER], axis=2).max(axis=1) for p in (found, truth)]
    return {
        "lip_outer": float(apart[:, :20].mean()),
        "lip_inner": float(apart[:, 20:].mean()),
        "opening": float((np.abs(gaps[0] - gaps[1]) / unit).mean()),
    }


def train(
    run: Run, near: HeadCollection, faces: HeadCollection, steps: int, minutes: float, seed: int
) -> None:
    """Train to ``steps`` in all, or until the minutes are over."""
    batches = Batches(near, faces, seed + run.step)
    weights = torch.ones(LIP_COUNT)
    weights[20:] = INNER_WEIGHT

    def loss() -> Tensor:
        images, target = batches.next()
        with torch.autocast("cpu", torch.bfloat16):
            points, scale = run.network(images)
        return loss_of(points, scale, target, weights, LIP_UPPER, LIP_LOWER)

    def measure() -> dict[str, dict[str, float]]:
        return {"near": validate(run.average, near), "far": validate(run.average, faces)}

    run.learn(loss, steps, minutes, BATCH, every=300, measure=measure)


def export(
    run: Run, data: Sequence[HeadCollection], folder: Path, pack: Path, seed: int, command: str
) -> None:
    """Write the averaged network as ONNX and put it into the pack as ``landmarks_refine``."""
    from training.packing import add_graph

    near, faces = data
    path = folder / "landmarks_refine.onnx"
    run.write_onnx(path, CROP_SIZE, ["points", "error"])
    record = {
        "command": command,
        "seed": seed,
        "data": f"{len(near.images)} mouths of rendered heads (python -m training.landmarks.generate_mouths --seed 3) "
        f"and {len(faces.images)} whole faces (python -m training.landmarks.generate --seed 1)",
        "metrics": {
            "unit": "per cent of the outer-eye distance, held-out renders",
            "near": validate(run.average, near),
            "far": validate(run.average, faces),
            "steps": run.step,
        },
        "licence": "Apache-2.0",
    }
    add_graph(pack, "landmarks_refine", path, record)


def main() -> None:
    more = {"--faces": "folder written by training.landmarks.generate"}
    options = training_options(__doc__, "training.landmarks.generate_mouths", steps=6000, more=more)
    cv2.setNumThreads(1)
    near, faces = HeadCollection.load(options.data), HeadCollection.load(options.faces)
    run = Run(LandmarkNetwork(WIDTHS, LIP_COUNT), options.work, PEAK_RATE, warm_up=150, memory=0.998)
    train(run, near, faces, options.steps, options.minutes, options.seed)
    if options.export is not None:
        arguments = f"--steps {options.steps} --seed {options.seed}"
        command = (
            f"python -m training.landmarks.train_refine --data DATA --faces FACES --work WORK {arguments}"
        )
        export(run, (near, faces), options.work, options.export, options.seed, command)


if __name__ == "__main__":
    main()
