"""Train the face detector on composed pictures and export it into the pack.

    python -m training.detector.train --data data/detector --work runs/detector --export runtime/models/sonic-int8

Goes on from ``checkpoint.pt`` in the work folder if there is one; ``--minutes`` pauses it.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from training.detector.network import SIDE, DetectorNetwork
from training.detector.pictures import Composer, Face, targets
from training.runs import AveragedRun, training_options

log = logging.getLogger(__name__)

BATCH = 48
PEAK_RATE = 2e-3
HELD_OUT = 320  # cut-outs that only validation pictures show


def stacked(pictures: list[tuple[np.ndarray, list[Face]]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures (B, 3, S, S), heat (B, 1, C, C), geometry (B, 11, C, C), weight (B, 1, C, C)."""
    images = torch.from_numpy(np.stack([image for image, _ in pictures])).permute(0, 3, 1, 2).float()
    heat, geometry, weight = zip(*(targets(faces) for _, faces in pictures), strict=True)
    tensors = [torch.from_numpy(np.stack(values)) for values in (heat, geometry, weight)]
    images = images.contiguous(memory_format=torch.channels_last)
    return images, tensors[0][:, None], tensors[1], tensors[2][:, None]


def loss_of(logits: Tensor, geometry: Tensor, heat: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Penalty-reduced focal loss on the heat map (Zhou et al., Objects as Points, 2019) and L1 on the geometry."""
    probability = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    peak = (heat >= 0.999).float()
    found = -peak * (1 - probability) ** 2 * probability.log()
    false = -(1 - peak) * (1 - heat) ** 4 * probability**2 * (1 - probability).log()
    focal = (found + false).sum() / peak.sum().clamp_min(1)
    error = F.smooth_l1_loss(geometry, truth, reduction="none", beta=0.02)
    return focal + 0.6 * (error * weight).sum() / weight.sum().clamp_min(1)


Run = AveragedRun[DetectorNetwork]


@torch.inference_mode()
def validate(network: DetectorNetwork, composer: Composer, count: int = 192) -> dict[str, float]:
    """Recall at score 0.5, false alarms a picture, and error of the five points in per cent of the face's size."""
    rng = np.random.default_rng(12345)
    pictures = [composer.compose(rng, slice(0, HELD_OUT)) for _ in range(count)]
    found, faces, alarms, errors = 0, 0, 0, []
    for start in range(0, count, BATCH):
        part = pictures[start : start + BATCH]
        images, *_ = stacked(part)
        score, geometry = network(images)
        peaks = (score >= 0.5) & (score == F.max_pool2d(score, 5, 1, 2))
        for i, (_, truth) in enumerate(part):
            rows, columns = (v.numpy() for v in torch.nonzero(peaks[i, 0], as_tuple=True))
            centres = np.stack([columns, rows], axis=1) * 8 + 3.5
            faces += len(truth)
            hit = np.zeros(len(centres), bool)
            for face in truth:
                distance = np.abs(centres - face.centre).max(axis=1) if len(centres) else np.array([1e9])
                nearest = int(distance.argmin())
                if distance[nearest] < max(8.0, 0.3 * face.size):
                    found += 1
                    hit[nearest] = True
                    offsets = (
                        geometry[i, 1:, rows[nearest], columns[nearest]].numpy().reshape(5, 2) * face.size
                    )
                    error = np.linalg.norm(centres[nearest] + offsets - face.points, axis=1).mean()
                    errors.append(100 * error / face.size)
            alarms += int((~hit).sum())
    return {
        "recall": round(found / max(faces, 1), 4),
        "false_alarms_per_picture": round(alarms / count, 4),
        "five_points_percent_of_size": round(float(np.mean(errors)), 2) if errors else 100.0,
    }


def export(run: Run, composer: Composer, folder: Path, pack: Path, options: argparse.Namespace) -> None:
    """Write the averaged network as ONNX and put it into the pack as ``face_detector``."""
    from training.packing import add_graph

    path = folder / "face_detector.onnx"
    run.write_onnx(path, SIDE, ["score", "geometry"])
    record = {
        "command": "python -m training.detector.train --data DATA --work WORK "
        f"--steps {options.steps} --seed {options.seed}",
        "seed": options.seed,
        "data": f"{composer.count} rendered heads (python -m training.detector.generate --seed 2) "
        "laid over procedural backgrounds",
        "metrics": {
            **validate(run.average, composer),
            "unit": "held-out heads, 192 px pictures",
            "steps": run.step,
        },
        "licence": "Apache-2.0",
    }
    add_graph(pack, "face_detector", path, record)


def main() -> None:
    options = training_options(__doc__, "training.detector.generate", steps=700)
    cv2.setNumThreads(1)
    composer = Composer(options.data)
    run = Run(DetectorNetwork(), options.work, PEAK_RATE, warm_up=60, memory=0.995)
    rng = np.random.default_rng(options.seed + run.step)
    trained = slice(HELD_OUT, composer.count)

    def loss() -> Tensor:
        images, *truth = stacked([composer.compose(rng, trained) for _ in range(BATCH)])
        with torch.autocast("cpu", torch.bfloat16):
            logits, geometry = run.network.logits(images)
        return loss_of(logits, geometry, *truth)

    run.learn(
        loss,
        options.steps,
        options.minutes,
        BATCH,
        every=100,
        measure=lambda: validate(run.average, composer),
    )
    if options.export is not None:
        export(run, composer, options.work, options.export, options)


if __name__ == "__main__":
    main()
