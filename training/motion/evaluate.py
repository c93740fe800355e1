"""How well the motion field's networks know where vertices go, on heads they were not trained on.

    python -m training.motion.evaluate --work DIR

Errors are per cent of the ipd.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from training.motion.sampling import PairSampler
    from training.motion.train import Models

log = logging.getLogger("training.motion")

HELD_OUT_SEED = 90210  # never used for training
BATCHES, BATCH = 8, 512
OPEN = 0.05  # ipd; mouths open by more count as open, those under a tenth of it as closed


def opening_gain(models: Models, sampler: PairSampler) -> float:
    """The factor by which predicted changes of the mouth's opening come out too small (least squares)."""
    random = np.random.default_rng(HELD_OUT_SEED + 1)
    cross, power = 0.0, 0.0
    mesh = models.topology.mesh
    for _ in range(BATCHES):
        batch = sampler.batch(BATCH, random)
        with torch.no_grad():
            nodes, expression = models.source(batch.landmarks)
            found = _driven(models, batch.landmarks, batch.drive, nodes, expression) - nodes
        true = batch.driven - batch.source
        rise = [_gap(points, mesh.lip_upper, mesh.lip_lower) for points in (found, true)]
        opened = rise[1].mean(dim=1) > OPEN
        cross += float((rise[0][opened] * rise[1][opened]).sum())
        power += float((rise[0][opened] ** 2).sum())
    return cross / power


def _driven(
    models: Models,
    landmarks: torch.Tensor,
    drive: torch.Tensor,
    nodes: torch.Tensor,
    expression: torch.Tensor,
) -> torch.Tensor:
    """S + f(drive) - f(own expression), as the runtime does it."""
    own = torch.cat([expression.clamp(0, 1), torch.zeros(len(drive), 2)], dim=1)
    return nodes + models.motion(landmarks, drive) - models.motion(landmarks, own)


def _gap(points: torch.Tensor, upper: np.ndarray, lower: np.ndarray) -> torch.Tensor:
    return points[:, lower.astype(np.int64), 1] - points[:, upper.astype(np.int64), 1]


def measure(models: Models, sampler: PairSampler, gain: float = 1.0) -> dict[str, float]:
    """Mean errors in per cent of the ipd; openings are heights between the inner lips after calibration by ``gain``."""
    random = np.random.default_rng(HELD_OUT_SEED)
    mesh = models.topology.mesh
    skin = np.arange(mesh.surface_count)
    lips = np.unique(np.concatenate([mesh.mouth_loop, mesh.lip_loop])).astype(np.int64)
    lids = np.unique(mesh.eye_loops).astype(np.int64)
    rows: dict[str, list[torch.Tensor]] = {}

    def note(name: str, value: torch.Tensor) -> None:
        rows.setdefault(name, []).append(value.flatten())

    for _ in range(BATCHES):
        batch = sampler.batch(BATCH, random)
        with torch.no_grad():
            nodes, expression = models.source(batch.landmarks)
            direct = models.motion(batch.landmarks, batch.drive)
            driven = _driven(models, batch.landmarks, batch.drive, nodes, expression)
        unit = batch.unit[:, None]
        at_source = (nodes - batch.source).norm(dim=-1) / unit
        at_driven = (driven - batch.driven).norm(dim=-1) / unit
        moved = (direct - (batch.driven - batch.source)).norm(dim=-1) / unit
        note("source_all", at_source[:, skin])
        note("source_lips", at_source[:, lips])
        note("driven_all", at_driven[:, skin])
        note("driven_lips", at_driven[:, lips])
        note("driven_lids", at_driven[:, lids])
        note("offset_all", moved[:, skin])
        note("offset_lips", moved[:, lips])
        true = _gap(batch.driven, mesh.lip_upper, mesh.lip_lower).mean(dim=1) / unit[:, 0]
        rest = _gap(nodes, mesh.lip_upper, mesh.lip_lower).clamp(min=0)
        found = _gap(driven, mesh.lip_upper, mesh.lip_lower)
        found = (rest + gain * (found - rest)).clamp(min=0) * (1 - batch.drive[:, 25:26])
        error = found.mean(dim=1) / unit[:, 0] - true.clamp(min=0)
        note("opening_closed", error[true < OPEN / 10].abs())
        note("opening_open", error[true > OPEN].abs())
        note("opening_bias", error[true > OPEN])
    figures = {name: round(float(torch.cat(values).mean()) * 100, 3) for name, values in rows.items()}
    return {**figures, "opening_gain": round(gain, 4)}


def main() -> None:
    """Command line."""
    from training.heads.contact import Contact
    from training.heads.facekit import load_facekit
    from training.motion.sampling import PairSampler
    from training.motion.topology import build_topology
    from training.motion.train import Models

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder with the checkpoint")
    parser.add_argument("--facekit", type=Path, help="folder or file of the head model")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    kit = load_facekit(arguments.facekit)
    contact = Contact(kit)
    models = Models.new(build_topology(kit, contact))
    models.restore(torch.load(arguments.work / "motion.pt", weights_only=False))
    sampler = PairSampler(kit, contact, models.topology)
    gain = opening_gain(models, sampler)
    for name, value in measure(models, sampler, gain).items():
        log.info("%-16s %.3f", name, value)


if __name__ == "__main__":
    main()
