"""Train the landmark network on rendered crops and export it into the pack.

    python -m training.landmarks.train --data data/landmarks --work runs/landmarks --export runtime/models/sonic-int8

The run goes on from ``checkpoint.pt`` in the work folder if there is one; ``--minutes`` pauses it. Data
that is still growing is read as far as it is finished. Validation uses the first 512 samples, which are never
trained on.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from runtime.stages.landmarks import (
    COUNT,
    CROP_SIZE,
    FLIP,
    GROUPS,
    LID_LOWER,
    LID_UPPER,
    LIP_LOWER,
    LIP_UPPER,
)
from training.heads.collection import HeadCollection
from training.landmarks.network import LandmarkNetwork
from training.runs import AveragedRun, training_options

log = logging.getLogger(__name__)

HELD_OUT = 512
BATCH = 64
PEAK_RATE = 2.5e-3
GROUP_WEIGHTS = {
    "lip_outer": 1.2,
    "lip_inner": 1.5,
    "eye_right": 1.3,
    "eye_left": 1.3,
    "iris": 1.3,
    "brow_right": 0.7,
}
GROUP_WEIGHTS |= {"brow_left": 0.7, "nose": 0.8, "jaw": 0.6}
# Gaps that must not shrink towards the mean: between the lips and between the lids.
GAP_UPPER = np.concatenate([LIP_UPPER, LID_UPPER.ravel()])
GAP_LOWER = np.concatenate([LIP_LOWER, LID_LOWER.ravel()])


def point_weights() -> Tensor:
    """(116,) weight of each landmark in the loss."""
    weights = torch.ones(COUNT)
    for name, weight in GROUP_WEIGHTS.items():
        weights[GROUPS[name]] = weight
    return weights


def sampling_weights(landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """How often each sample (landmarks (N, 116, 2)) is drawn.

    Smiles that show the teeth are common in portraits and rare among random expressions, so they count more.
    """
    eyes = np.linalg.norm(
        landmarks[:, GROUPS["eye_left"].start] - landmarks[:, GROUPS["eye_right"].start], axis=1
    )
    inner = landmarks[:, GROUPS["lip_inner"]]
    width = np.linalg.norm(inner[:, 10] - inner[:, 0], axis=1) / eyes
    opening = np.linalg.norm(landmarks[:, LIP_LOWER] - landmarks[:, LIP_UPPER], axis=-1).max(axis=1) / eyes
    return 1.0 + 3.0 * ((width > 0.58) & (opening > 0.05) & (opening < 0.35))


class Batches:
    """Random training batches with cheap augmentation: mirror, shift, colour, grey, patches."""

    def __init__(self, data: HeadCollection, seed: int) -> None:
        self.data = data
        self.rng = np.random.default_rng(seed)
        self.flip = torch.from_numpy(FLIP)
        chance = sampling_weights(data.landmarks[HELD_OUT:])
        self.limits = np.cumsum(chance) / chance.sum()

    def next(self) -> tuple[Tensor, Tensor]:
        """Images (B, 3, 128, 128) float 0..255 and landmarks (B, 116, 2) in pixels."""
        rng = self.rng
        rows = HELD_OUT + np.searchsorted(self.limits, rng.random(BATCH))
        images = torch.from_numpy(self.data.images[rows]).permute(0, 3, 1, 2).float()
        points = torch.from_numpy(self.data.landmarks[rows])
        if rng.random() < 0.5:
            images, points = images.flip(3), points[:, self.flip].clone()
            points[..., 0] = CROP_SIZE - 1 - points[..., 0]
        images, points = self._shift(images, points)
        gain = torch.from_numpy(rng.uniform(0.85, 1.15, (BATCH, 3, 1, 1)).astype(np.float32))
        images = images * gain
        grey = torch.from_numpy(rng.random((BATCH, 1, 1, 1)) < 0.12)
        images = torch.where(grey, images.mean(dim=1, keepdim=True), images)
        for i in range(0, BATCH, 4):
            if rng.random() < 0.5:
                x, y = rng.integers(0, 110, 2)
                width, height = rng.integers(6, 32, 2)
                images[i, :, y : y + height, x : x + width] = float(rng.uniform(0, 255))
        return images.contiguous(memory_format=torch.channels_last), points

    def _shift(self, images: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        margin = 4
        x, y = (int(v) for v in self.rng.integers(-margin, margin + 1, 2))
        padded = F.pad(images, (margin,) * 4, mode="replicate")
        top, left = margin + y, margin + x
        moved = padded[:, :, top : top + CROP_SIZE, left : left + CROP_SIZE]
        return moved, points - torch.tensor([x, y], dtype=torch.float32)


def loss_of(
    points: Tensor,
    scale: Tensor,
    target: Tensor,
    weights: Tensor,
    gap_upper: NDArray[np.int64] = GAP_UPPER,
    gap_lower: NDArray[np.int64] = GAP_LOWER,
) -> Tensor:
    """Weighted L1 in pixels, its Laplace likelihood, and L1 on the gaps of lips and lids."""
    inside = ((target > -1) & (target < CROP_SIZE)).all(dim=-1).float() * weights
    error = (points - target).abs().sum(dim=-1)
    likelihood = error / scale + scale.log()
    main = ((0.25 * error + 0.12 * likelihood) * inside).sum() / inside.sum()
    gap = points[:, gap_lower] - points[:, gap_upper] - (target[:, gap_lower] - target[:, gap_upper])
    return main + 0.25 * gap.abs().sum(dim=-1).mean()


@torch.inference_mode()
def validate(network: nn.Module, data: HeadCollection) -> dict[str, float]:
    """Mean error of each group in per cent of the outer-eye distance, on the held-out samples."""
    errors = []
    for start in range(0, HELD_OUT, BATCH):
        images = torch.from_numpy(data.images[start : start + BATCH]).permute(0, 3, 1, 2).float()
        target = torch.from_numpy(data.landmarks[start : start + BATCH])
        points, _ = network(images.contiguous(memory_format=torch.channels_last))
        corners = target[:, GROUPS["eye_left"].start] - target[:, GROUPS["eye_right"].start]
        errors.append((points - target).norm(dim=-1) / corners.norm(dim=-1, keepdim=True).clamp_min(12) * 100)
    every = torch.cat(errors)
    return {name: round(float(every[:, group].mean()), 2) for name, group in GROUPS.items()}


Run = AveragedRun[LandmarkNetwork]


def train(run: Run, data: HeadCollection, steps: int, minutes: float, seed: int) -> None:
    """Train to ``steps`` in all, or until the minutes are over."""
    batches = Batches(data, seed + run.step)
    weights = point_weights()

    def loss() -> Tensor:
        images, target = batches.next()
        with torch.autocast("cpu", torch.bfloat16):
            points, scale = run.network(images)
        return loss_of(points, scale, target, weights)

    run.learn(loss, steps, minutes, BATCH, every=150, measure=lambda: validate(run.average, data))


def export(run: Run, data: HeadCollection, folder: Path, pack: Path, seed: int, command: str) -> None:
    """Write the averaged network as ONNX and put it into the pack as ``landmarks``."""
    from training.packing import add_graph

    path = folder / "landmarks.onnx"
    run.write_onnx(path, CROP_SIZE, ["points", "error"])
    record = {
        "command": command,
        "seed": seed,
        "data": f"{len(data.images)} crops of rendered heads: python -m training.landmarks.generate --seed 1",
        "metrics": {
            "unit": "per cent of the outer-eye distance, held-out renders",
            **validate(run.average, data),
            "steps": run.step,
        },
        "licence": "Apache-2.0",
    }
    add_graph(pack, "landmarks", path, record)


def main() -> None:
    options = training_options(__doc__, "training.landmarks.generate", steps=2000)
    data = HeadCollection.load(options.data)
    run = Run(LandmarkNetwork(), options.work, PEAK_RATE, warm_up=100, memory=0.998)
    train(run, data, options.steps, options.minutes, options.seed)
    if options.export is not None:
        arguments = f"--steps {options.steps} --seed {options.seed}"
        command = f"python -m training.landmarks.train --data DATA --work WORK {arguments}"
        export(run, data, options.work, options.export, options.seed, command)


if __name__ == "__main__":
    main()
