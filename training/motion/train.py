"""Train the motion field's two networks on heads made on the fly.

    python -m training.motion.train --work DIR --steps 4500
    python -m training.motion.train --work DIR --export runtime/models/sonic-int8

The first command may be stopped and run again: it goes on from the last checkpoint, and its random numbers with it. The
second measures the result on held-out heads, exports both graphs and the mesh, and records all in the pack.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.heads.contact import Contact
from training.heads.facekit import load_facekit
from training.motion.networks import MeshMotion, MeshSource
from training.motion.sampling import PairBatch, PairSampler
from training.motion.topology import Topology, build_topology

log = logging.getLogger("training.motion")

BATCH = 320
PEAK_RATE = 1.5e-3
CHECKPOINT_SECONDS = 90


@dataclass
class Models:
    """Both networks, with the mesh they belong to."""

    topology: Topology
    source: MeshSource
    motion: MeshMotion

    @classmethod
    def new(cls, topology: Topology) -> Models:
        mesh = topology.mesh
        mean = torch.from_numpy(mesh.landmark_mean)
        return cls(topology, MeshSource(mean, torch.from_numpy(mesh.mean)), MeshMotion(mean, mesh.node_count))

    def parameters(self) -> list[nn.Parameter]:
        """All weights."""
        return [*self.source.parameters(), *self.motion.parameters()]

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"source": self.source.state_dict(), "motion": self.motion.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.source.load_state_dict(state["source"])
        self.motion.load_state_dict(state["motion"])


PLAYED_SHARE = 3  # one batch element in three is also driven as the runtime does it


class Loss:
    """Mean distance of nodes, those of lips and lids counting more, plus the gaps between the rims that meet.

    Besides each network by itself, what the runtime makes of both is judged: the estimated mesh, moved by the offsets
    of the drive less those of the estimated expression.
    """

    def __init__(self, topology: Topology) -> None:
        mesh = topology.mesh
        weight = np.ones(mesh.node_count, np.float32)
        weight[: mesh.surface_count] += 2 * (np.abs(mesh.lip_weights).sum(axis=1) > 0.15)
        weight[mesh.lip_loop] = 4
        weight[mesh.mouth_loop] = 5
        weight[mesh.eye_loops] = 4
        weight[mesh.eye_rims] = 2
        weight[np.r_[mesh.upper_teeth, mesh.lower_teeth]] = 3
        self.weight = torch.from_numpy(weight / weight.mean())
        loop = mesh.mouth_loop
        lips = np.stack([loop[1:20], loop[:20:-1]])
        lids = np.concatenate([np.stack([eye[1:12], eye[:12:-1]]) for eye in mesh.eye_loops], axis=1)
        self.rims = torch.from_numpy(np.concatenate([lips, lids], axis=1).astype(np.int64))

    def gaps(self, nodes: Tensor) -> Tensor:
        """(B, 41, 2) from upper to lower rim."""
        return nodes[:, self.rims[1]] - nodes[:, self.rims[0]]

    def _distance(self, found: Tensor, true: Tensor) -> Tensor:
        return ((found - true).abs().sum(-1) * self.weight).mean()

    def __call__(self, models: Models, batch: PairBatch) -> dict[str, Tensor]:
        nodes, expression = models.source(batch.landmarks)
        moved = models.motion(batch.landmarks, batch.drive)
        truth = batch.driven - batch.source
        gap_error = self.gaps(nodes) - self.gaps(batch.source)
        # The opening is judged by its square: the mean of what may be, not the (smaller) median.
        moved_gap_error = self.gaps(moved) - self.gaps(truth)
        few = len(nodes) // PLAYED_SHARE
        own = torch.cat([expression[:few].clamp(0, 1), torch.zeros(few, 2)], dim=1)
        played = nodes[:few] + moved[:few] - models.motion(batch.landmarks[:few], own)
        return {
            "source": self._distance(nodes, batch.source),
            "motion": self._distance(moved, truth),
            "played": 0.5 * self._distance(played, batch.driven[:few]),
            "gaps": gap_error.abs().sum(-1).mean() + 20 * moved_gap_error.square().sum(-1).mean(),
            "expression": 0.02 * F.mse_loss(expression, batch.expression),
        }


class Trainer:
    """Optimiser, schedule, checkpoints."""

    def __init__(self, work: Path, sampler: PairSampler, models: Models, seed: int) -> None:
        self.path = work / "motion.pt"
        self.sampler, self.models, self.seed = sampler, models, seed
        self.loss = Loss(models.topology)
        self.optimiser = torch.optim.AdamW(models.parameters(), PEAK_RATE, weight_decay=1e-4)
        self.random = np.random.default_rng(seed)
        self.step = 0
        if self.path.exists():
            self._resume()

    def _resume(self) -> None:
        saved = torch.load(self.path, weights_only=False)
        self.models.restore(saved)
        self.optimiser.load_state_dict(saved["optimiser"])
        self.random.bit_generator.state = saved["random"]
        self.step = saved["step"]
        log.info("going on from step %d", self.step)

    def save(self) -> None:
        """Write the checkpoint in one step."""
        saved = self.models.state() | {
            "optimiser": self.optimiser.state_dict(),
            "random": self.random.bit_generator.state,
            "step": self.step,
            "seed": self.seed,
        }
        aside = self.path.with_suffix(".new")
        torch.save(saved, aside)
        aside.replace(self.path)

    def run(self, steps: int, minutes: float) -> None:
        """Train until ``steps`` have been made (all runs together), but stop after ``minutes`` of this run."""
        began = saved = time.monotonic()
        while self.step < steps and time.monotonic() - began < minutes * 60:
            self._set_rate(self.step / steps)
            parts = self._update()
            if self.step % 200 == 0:
                figures = " ".join(f"{name} {float(value) * 100:.3f}" for name, value in parts.items())
                log.info("step %d, %.0f s: %s (%% ipd)", self.step, time.monotonic() - began, figures)
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                self.save()
                saved = time.monotonic()
        self.save()

    def _set_rate(self, progress: float) -> None:
        warm = min(1.0, self.step / 100 + 0.01)
        for group in self.optimiser.param_groups:
            group["lr"] = PEAK_RATE * warm * (0.5 + 0.5 * math.cos(math.pi * min(1.0, progress))) + 1e-6

    def _update(self) -> dict[str, Tensor]:
        batch = self.sampler.batch(BATCH, self.random)
        with torch.autocast("cpu", torch.bfloat16):
            parts = self.loss(self.models, batch)
        total = torch.stack(list(parts.values())).sum()
        self.optimiser.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(self.models.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        return {name: value.detach() for name, value in parts.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--facekit", type=Path, help="folder or file of the head model")
    parser.add_argument("--steps", type=int, default=4500, help="length of the training, all runs together")
    parser.add_argument(
        "--minutes", type=float, default=1e6, help="stop this run after so long; run again to go on"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--export", type=Path, help="write the graphs and the mesh into this model pack and stop"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    arguments.work.mkdir(parents=True, exist_ok=True)
    kit = load_facekit(arguments.facekit)
    contact = Contact(kit)
    models = Models.new(build_topology(kit, contact))
    trainer = Trainer(arguments.work, PairSampler(kit, contact, models.topology), models, arguments.seed)
    if arguments.export:
        from training.motion.export import export_models

        export_models(models, trainer.sampler, arguments.export, arguments.work, trainer.seed, trainer.step)
        return
    trainer.run(arguments.steps, arguments.minutes)


if __name__ == "__main__":
    main()
