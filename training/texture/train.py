"""Train the networks of stage 4 on shards made by `training.texture.pairs`, and export them.

    python -m training.texture.train mouth --data DIR --work DIR --minutes 30
    python -m training.texture.train eyelid --data DIR --work DIR --minutes 10
    python -m training.texture.train mouth --data DIR --work DIR --export runtime/models/sonic-int8

A training may be stopped and run again: it goes on from the last checkpoint. The last 4 % of the samples are held out;
export measures them, with the moving average of the weights, and records the figures in the pack.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.exporting import write_onnx
from training.landmarks.network import LandmarkNetwork
from training.packing import add_graph
from training.texture.critic import (
    LandmarkFeatures,
    PatchCritic,
    adversarial_loss,
    balance,
    critic_loss,
    feature_loss,
)
from training.texture.cutting import add_mouth
from training.texture.dataset import SIZES, Batch, Shards, augmented, mirrored
from training.texture.losses import texture_loss
from training.texture.networks import (
    EyelidNetwork,
    MouthNetwork,
    compose_eyelid,
    compose_mouth,
    coordinates,
    mean_rows_of_teeth,
    tone_of,
)

log = logging.getLogger("training.texture")

PEAK_RATE = 1.5e-3
LAST_RATE = 5e-5
WARM_UP = 100  # steps
CHECKPOINT_SECONDS = 120
AVERAGE = 0.998
HELD_OUT = 0.04
INNER_WEIGHT = 1.5  # how much more the judged part counts than the rim round it
QUIET_WEIGHT = 0.02  # price of painting where the photo would have done
CRITIC_START = 0.12  # of the training: before, the critic would judge noise
CRITIC_RATE = 4e-4
ADVERSARIAL_SHARE = 0.5  # of the pull of colours and edges
CRITIC_FEATURE_WEIGHT = 0.2
LANDMARK_FEATURE_WEIGHT = 0.1


@dataclass(frozen=True)
class Task:
    """What differs between the two networks."""

    name: str
    batch: int

    def network(self) -> nn.Module:
        """A new network."""
        return MouthNetwork() if self.name == "mouth" else EyelidNetwork()

    def compose(self, batch: Batch, painted: Tensor) -> Tensor:
        """The picture (B, 3, S, S) that the runtime would show."""
        if self.name == "mouth":
            return compose_mouth(batch.frame, batch.source, painted, batch.gate)
        return compose_eyelid(batch.frame, painted, batch.gate)

    def loss(self, batch: Batch, painted: Tensor, picture: Tensor) -> Tensor:
        """Scalar loss of an answer (B, 5 or 4, S, S) and the picture (B, 3, S, S) it makes: colours, edges, thrift."""
        idle = (painted[:, 3:4] * batch.gate * (1 - batch.inner)).mean()
        return texture_loss(picture, batch.target, judged(batch)) + QUIET_WEIGHT * idle


def judged(batch: Batch) -> Tensor:
    """(B, 1, S, S) how much each pixel counts."""
    return batch.gate * (1 + INNER_WEIGHT * batch.inner)


TASKS = {"mouth": Task("mouth", 8), "eyelid": Task("eyelid", 48)}


class Trainer:
    """Painter and critic, their optimisers, schedule by elapsed time, checkpoints."""

    def __init__(
        self,
        task: Task,
        shards: Shards,
        work: Path,
        seed: int,
        device: str,
        landmarks: Path | None = None,
        start: Path | None = None,
    ) -> None:
        """`landmarks`: checkpoint of the landmark network for its features; `start`: of another run, to begin with."""
        torch.manual_seed(seed)
        self.task, self.shards, self.device = task, shards, device
        self.path = work / f"{task.name}.pt"
        self.training, self.held_out = split(len(shards))
        network = task.network()
        if isinstance(network, MouthNetwork):
            self._start_atlases(network)
        if start is not None:
            network.load_state_dict(torch.load(start, weights_only=False, map_location="cpu")["average"])
        self.network = network.to(device, memory_format=torch.channels_last)
        self.critic = PatchCritic().to(device, memory_format=torch.channels_last)
        self.place = coordinates(SIZES[task.name]).to(device)
        self.critic_optimiser = torch.optim.Adam(self.critic.parameters(), CRITIC_RATE, betas=(0.5, 0.99))
        self.features = landmark_features(landmarks).to(device) if landmarks else None
        self.average = copy.deepcopy(self.network)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), PEAK_RATE, weight_decay=1e-4)
        self.random = np.random.default_rng(seed)
        self.step, self.seconds = 0, 0.0
        if self.path.exists():
            self._resume()

    def _resume(self) -> None:
        saved = torch.load(self.path, weights_only=False, map_location=self.device)
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.critic.load_state_dict(saved["critic"])
        self.critic_optimiser.load_state_dict(saved["critic_optimiser"])
        self.random.bit_generator.state = saved["random"]
        self.step, self.seconds = saved["step"], saved["seconds"]
        log.info("going on from step %d (%.0f s)", self.step, self.seconds)

    def _start_atlases(self, network: MouthNetwork) -> None:
        seen = self.shards.read(self.training[:: max(1, len(self.training) // 400)])
        upper, lower = mean_rows_of_teeth(seen.target, seen.inner, seen.drive)
        with torch.no_grad():
            network.upper.features[0, 0] = 0.5 * upper
            network.lower.features[0, 0] = 0.5 * lower

    def save(self) -> None:
        """Write the checkpoint in one step."""
        saved = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "critic": self.critic.state_dict(),
            "critic_optimiser": self.critic_optimiser.state_dict(),
            "random": self.random.bit_generator.state,
            "step": self.step,
            "seconds": self.seconds,
        }
        aside = self.path.with_suffix(".new")
        torch.save(saved, aside)
        aside.replace(self.path)

    def run(self, seconds: float) -> None:
        """Train until `seconds` of training (all runs together) have passed."""
        began, saved = time.monotonic() - self.seconds, time.monotonic()
        while self.seconds < seconds:
            self._set_rate(self.seconds / seconds)
            losses = self._update(criticised=self.seconds > CRITIC_START * seconds)
            self.seconds = time.monotonic() - began
            if self.step % 50 == 0:
                shown = ", ".join(f"{name} {float(value.detach()):.4f}" for name, value in losses.items())
                log.info("step %d, %.0f s: %s", self.step, self.seconds, shown)
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                saved = time.monotonic()
                self.save()
                log.info("held out: %s", self.measure(96))
        self.save()
        log.info("held out: %s", self.measure())

    def _set_rate(self, progress: float) -> None:
        warm = min(1.0, (self.step + 1) / WARM_UP)
        rate = LAST_RATE + (PEAK_RATE - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * min(progress, 1)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * warm

    def _update(self, criticised: bool) -> dict[str, Tensor]:
        """One step of the painter and, if `criticised`, of the critic; returns the parts of the loss."""
        self.network.train()
        batch = self._draw()
        with torch.autocast(self.device, torch.bfloat16):
            painted = self.network(batch.frame, batch.source, batch.drive)
        tone, (rows, columns) = tone_of(batch.source), batch.box()
        batch, painted = batch.cut(rows, columns), painted[..., rows, columns].float()
        picture = self.task.compose(batch, painted)
        # Outside the gate the painter has no say, so the critic must not learn to tell there.
        truth = batch.frame[:, :3] + batch.gate * (batch.target - batch.frame[:, :3])
        losses = {"pixels": self.task.loss(batch, painted, picture)}
        with torch.autocast(self.device, torch.bfloat16):
            if self.features is not None:
                seen, wanted = self.features(picture, truth), self.features(truth, truth)
                losses["landmark features"] = LANDMARK_FEATURE_WEIGHT * feature_loss(
                    seen, wanted, judged(batch)
                )
            if criticised:
                place = self.place[..., rows, columns]
                losses |= self._criticise(
                    batch, picture, truth, lambda p: self.critic(p, batch.inner, place, tone)
                )
                against = losses["adversarial"], losses["pixels"]
                losses["adversarial"] = ADVERSARIAL_SHARE * balance(*against, picture) * against[0]
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack([value for name, value in losses.items() if name != "critic"]).sum().backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self._average()
        return losses

    def _draw(self) -> Batch:
        numbers = self.random.choice(
            self.training, self.task.batch, replace=len(self.training) < self.task.batch
        )
        batch = augmented(self.shards.read(np.sort(numbers)), self.random)
        if self.task.name == "mouth" and self.random.random() < 0.5:
            batch = mirrored(batch)
        return moved_to(batch, self.device)

    def _criticise(
        self, batch: Batch, picture: Tensor, truth: Tensor, ask: Callable[[Tensor], list[Tensor]]
    ) -> dict[str, Tensor]:
        """Teach the critic this batch, then ask it: the painter's losses, and the critic's own for the log."""
        self.critic.requires_grad_(True)
        of_truth = ask(truth)
        own = critic_loss(of_truth, ask(picture.detach()), batch.inner)
        self.critic_optimiser.zero_grad(set_to_none=True)
        own.backward()
        self.critic_optimiser.step()
        self.critic.requires_grad_(False)
        of_paint = ask(picture)
        distance = feature_loss(of_paint[:-1], of_truth[:-1], judged(batch))
        return {
            "adversarial": adversarial_loss(of_paint, batch.inner),
            "critic features": CRITIC_FEATURE_WEIGHT * distance,
            "critic": own.detach(),
        }

    def _average(self) -> None:
        """Bring the moving average of the weights up to date."""
        self.step += 1
        keep = min(AVERAGE, self.step / (self.step + 20))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(value, 1 - keep)
            for mean, value in zip(self.average.buffers(), self.network.buffers(), strict=True):
                mean.copy_(value)

    def measure(self, most: int = 1000) -> dict[str, float]:
        """Figures of the averaged weights on held-out samples (the first `most`), without augmentation.

        PSNR in dB over the part that must be invented (`inner`; also for the warped photo alone, unpainted) and over
        all that may be painted (`gate`), from the mean squared error of all pixels together.
        """
        self.average.eval()
        sums = {"inner": 0.0, "gate": 0.0, "inner_unpainted": 0.0}
        pixels = dict.fromkeys(sums, 1e-6)
        numbers = self.held_out[:most]
        with torch.no_grad():
            for part in np.array_split(numbers, max(1, len(numbers) // 32)):
                batch = moved_to(self.shards.read(part), self.device)
                picture = self.task.compose(batch, self.average(batch.frame, batch.source, batch.drive))
                for name, shown, weights in (
                    ("inner", picture, batch.inner),
                    ("gate", picture, batch.gate),
                    ("inner_unpainted", batch.frame[:, :3], batch.inner),
                ):
                    sums[name] += float(((shown - batch.target) ** 2 * weights).sum())
                    pixels[name] += 3 * float(weights.sum())
        figures = {f"psnr_{name}": -10 * math.log10(sums[name] / pixels[name] + 1e-9) for name in sums}
        return {name: round(value, 2) for name, value in figures.items()} | {"held_out": len(numbers)}


def landmark_features(checkpoint: Path) -> LandmarkFeatures:
    """The first layers of a landmark network, from a checkpoint of its training."""
    network = LandmarkNetwork()
    network.load_state_dict(torch.load(checkpoint, weights_only=False, map_location="cpu")["average"])
    return LandmarkFeatures(network)


def split(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the training samples and of the held-out ones: whole blocks, since neighbours share a head."""
    blocks = np.arange(count) // 32
    out = blocks % round(1 / HELD_OUT) == round(1 / HELD_OUT) - 1
    return np.flatnonzero(~out), np.flatnonzero(out)


def moved_to(batch: Batch, device: str) -> Batch:
    """The batch on a device, pictures in channels-last layout."""
    frame, source, target, gate, inner = (
        planes.to(device, memory_format=torch.channels_last) for planes in batch.pictures
    )
    return Batch(frame, source, target, gate, inner, batch.drive.to(device))


def export(trainer: Trainer, pack_dir: Path, command: str, seed: int, note: str = "") -> list[Path]:
    """Write the averaged network as ONNX and add it to the pack with its record; the files that are now in it."""
    network = trainer.average.cpu().float().to(memory_format=torch.contiguous_format).eval()
    fold_batch_norm(network)
    record: dict[str, Any] = {
        "command": command,
        "seed": seed,
        "data": f"{len(trainer.shards)} pairs rendered from the ICT-FaceKit head model (MIT), "
        f"{trainer.step} steps of {trainer.task.batch}, {trainer.seconds / 60:.0f} minutes{'; ' * bool(note)}{note}",
        "metrics": trainer.measure(),
        "licence": "Apache-2.0",
    }
    if isinstance(network, MouthNetwork):
        return add_mouth(network, pack_dir, trainer.path.parent, record)
    path = trainer.path.with_suffix(".onnx")
    samples = trainer.shards.read(trainer.held_out[:2])
    write_onnx(
        network,
        {"frame": samples.frame, "source": samples.source, "drive": samples.drive},
        ["painted"],
        path,
    )
    return [add_graph(pack_dir, trainer.task.name, path, record)]


def fold_batch_norm(network: nn.Module) -> None:
    """Replace every convolution followed by a BatchNorm by one convolution, in place."""
    for module in network.modules():
        if not isinstance(module, nn.Sequential):
            continue
        names = list(module._modules)
        for first, second in itertools.pairwise(names):
            conv, norm = module._modules[first], module._modules[second]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module._modules[first] = torch.nn.utils.fusion.fuse_conv_bn_eval(conv, norm)
                module._modules[second] = nn.Identity()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("--data", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--minutes", type=float, default=30.0, help="training time, all runs together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--landmarks", type=Path, help="checkpoint of the landmark network, for its features")
    parser.add_argument("--start", type=Path, help="checkpoint of another run whose weights to begin with")
    parser.add_argument("--export", type=Path, help="export the last checkpoint into this pack; do not train")
    parser.add_argument("--note", default="", help="what else the pack's record should say of the training")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    options.work.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(
        TASKS[options.task],
        Shards(options.data, options.task),
        options.work,
        options.seed,
        options.device,
        options.landmarks,
        options.start,
    )
    if options.export is None:
        trainer.run(options.minutes * 60)
        return
    command = (
        f"python -m training.texture.train {options.task} --data DIR --work DIR --minutes {options.minutes:g}"
    )
    command += " --landmarks CHECKPOINT" * bool(options.landmarks)
    for path in export(trainer, options.export, command, options.seed, options.note):
        log.info("exported %s", path)


if __name__ == "__main__":
    main()
