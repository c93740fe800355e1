"""A training run with a moving average of its weights and a checkpoint, for networks that learn from rendered heads."""

from __future__ import annotations

import argparse
import copy
import logging
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from training.exporting import write_onnx

log = logging.getLogger(__name__)

SAVED_EVERY = 120.0  # seconds
RECENT = 200  # steps whose mean loss is logged

Network = TypeVar("Network", bound=nn.Module)


class AveragedRun(Generic[Network]):  # noqa: UP046 - PyTorch may sit in a Python 3.11
    """Network, optimiser (AdamW) and moving average; goes on from ``checkpoint.pt`` in `work` if there is one.

    The learning rate warms up over `warm_up` steps to `peak_rate` and falls by a cosine; `memory` < 1 is how much
    of the average a step keeps in the long run.
    """

    def __init__(self, network: Network, work: Path, peak_rate: float, warm_up: int, memory: float) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.path = work / "checkpoint.pt"
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average: Network = copy.deepcopy(self.network).eval()
        self.optimiser = torch.optim.AdamW(self.network.parameters(), peak_rate, weight_decay=0.02)
        self.peak_rate, self.warm_up, self.memory = peak_rate, warm_up, memory
        self.step = 0
        if self.path.exists():
            state = torch.load(self.path, weights_only=True)
            for name in ("network", "average", "optimiser"):
                getattr(self, name).load_state_dict(state[name])
            self.step = state["step"]
            log.info("went on from step %d", self.step)

    def save(self) -> None:
        """Write the checkpoint aside, then put it in place."""
        state = {name: getattr(self, name).state_dict() for name in ("network", "average", "optimiser")}
        partial = self.path.with_suffix(".new")
        torch.save({**state, "step": self.step}, partial)
        partial.replace(self.path)

    def advance(self, loss: Tensor, steps: int) -> float:
        """One step down the loss, of `steps` in all; returns the loss."""
        falling = 0.51 + 0.49 * math.cos(math.pi * self.step / steps)
        for group in self.optimiser.param_groups:
            group["lr"] = self.peak_rate * min(1, (self.step + 1) / self.warm_up) * falling
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        self._average()
        return float(loss.detach())

    def learn(
        self,
        loss: Callable[[], Tensor],
        steps: int,
        minutes: float,
        batch: int,
        every: int,
        measure: Callable[[], object],
    ) -> None:
        """Advance to `steps` in all, or until the minutes are over, and save.

        `loss` is that of the next batch, of so many samples; what `measure` says is logged `every` so many steps.
        """
        began = saved = time.monotonic()
        losses: list[float] = []
        while self.step < steps and time.monotonic() - began < minutes * 60:
            losses.append(self.advance(loss(), steps))
            if time.monotonic() - saved > SAVED_EVERY:
                self.save()
                saved = time.monotonic()
            if self.step % every == 0:
                pace = len(losses) * batch / (time.monotonic() - began)
                recent = sum(losses[-RECENT:]) / len(losses[-RECENT:])
                log.info("step %d, %.0f samples/s: loss %.3f, %s", self.step, pace, recent, measure())
        self.save()

    @torch.no_grad()
    def _average(self) -> None:
        blend = 1 - min(self.memory, self.step / (self.step + 20))
        for mean, value in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(value, blend)
        for mean, value in zip(self.average.buffers(), self.network.buffers(), strict=True):
            mean.copy_(value)

    def write_onnx(self, path: Path, side: int, outputs: list[str]) -> None:
        """The averaged network as ONNX: ``input`` (batch, 3, side, side) float32 -> `outputs`."""
        network = self.average.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        write_onnx(network, {"input": torch.zeros(1, 3, side, side)}, outputs, path)


def training_options(
    description: str | None, generator: str, steps: int, more: Mapping[str, str] | None = None
) -> argparse.Namespace:
    """Command line of a training on a folder that `generator` wrote; `more` folders: option -> help."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help=f"folder written by {generator}")
    for option, text in (more or {}).items():
        parser.add_argument(option, type=Path, required=True, help=text)
    parser.add_argument("--work", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument(
        "--minutes", type=float, default=1e9, help="pause after this long; run again to go on"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--export", type=Path, default=None, help="pack folder to put the network into, at the end"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    return options
