"""Train the audio encoder on the shards of `training.voices.synthesise`.

    python -m training.audio.train --data SHARDS --work RUN --minutes 50

A GPU is used when there is one. RUN/last.pt is written every few minutes and resumed from; the learning rate
follows the time spent, so that a run that goes on later ends as it would have. RUN/last.pt can be exported at any
time with `training.audio.export`. With `--from RUN1 --blocks N` the run begins with the averaged weights of another,
grown to N blocks: a shallow network learns the coarse things several times faster.
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.audio.augmentation import STRETCH, Example, augment
from training.audio.data import SpeechData
from training.audio.network import CONTACTS, DILATIONS, AudioNetwork

log = logging.getLogger(__name__)

FRAMES = 400
PEAK_RATE = 3e-3
EMA_DECAY = 0.999
CONTROL_WEIGHTS = torch.tensor([4.0, 2.0, 2.0, 2.0, 2.0, 1.5, 1.5, 1.0, 1.0, 1.0])
CONTACT_WEIGHTS = torch.tensor([2.0, 1.5, 1.0, 1.0])  # the rare lip contacts count more when they are there
CONTACTS_SHARE = 2.0  # of their loss beside that of the phones


def losses(
    network: AudioNetwork, example: Example, contacts_share: float = CONTACTS_SHARE
) -> dict[str, Tensor]:
    """Cross-entropy of the sounds, squared error of the controls, binary cross-entropy of the contacts."""
    device = next(network.parameters()).device
    with torch.autocast(device.type, torch.bfloat16):
        phones, controls, contacts = network(example.mel.to(device))
    target = example.phone.to(device)
    weights = CONTROL_WEIGHTS.to(device)
    return {
        "phones": F.cross_entropy(phones.float().transpose(1, 2), target, label_smoothing=0.05),
        "controls": 10 * ((controls.float() - example.controls.to(device)) ** 2 * weights).mean(),
        "contacts": F.binary_cross_entropy_with_logits(
            contacts.float(), example.contacts.to(device), pos_weight=CONTACT_WEIGHTS.to(device)
        )
        * contacts_share,
    }


def load_average(folder: Path) -> AudioNetwork:
    """The averaged weights of a run, ready for inference."""
    stored = torch.load(folder / "last.pt", map_location="cpu")
    network = AudioNetwork(stored["channels"], stored["blocks"])
    network.load_state_dict(stored["average"])
    log.info("step %d after %.0f s", stored["step"], stored["seconds"])
    return network.eval()


def save_average(network: AudioNetwork, folder: Path) -> None:
    """A network that no optimiser belongs to, as a run that others can begin with."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {"average": network.state_dict(), "channels": network.channels, "blocks": network.depth}
    torch.save({**state, "step": 0, "seconds": 0.0}, folder / "last.pt")


class Run:
    """A training run that can be stopped and taken up again."""

    def __init__(self, folder: Path, network: AudioNetwork, device: str) -> None:
        self.path = folder / "last.pt"
        self.network = network.to(device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(network)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), PEAK_RATE, weight_decay=1e-2)
        self.step = 0
        self.seconds = 0.0
        if self.path.exists():
            stored = torch.load(self.path, map_location=device)
            self.network.load_state_dict(stored["network"])
            self.average.load_state_dict(stored["average"])
            self.optimiser.load_state_dict(stored["optimiser"])
            self.step, self.seconds = stored["step"], stored["seconds"]
            log.info("resumed at step %d after %.0f s", self.step, self.seconds)

    def update(self, loss: Tensor, rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self.optimiser.step()
        self.step += 1
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            pairs = zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True)
            for average, current in pairs:
                if average.dtype.is_floating_point:
                    average.lerp_(current, 1 - decay)
                else:
                    average.copy_(current)

    def save(self) -> None:
        partial = self.path.with_suffix(".partial.pt")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "channels": self.network.channels,
                "blocks": self.network.depth,
                "step": self.step,
                "seconds": self.seconds,
            },
            partial,
        )
        partial.replace(self.path)


def learning_rate(peak: float, step: int, progress: float) -> float:
    """Warm-up over 200 steps, then half a cosine over the time that is given."""
    return peak * min(1.0, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * min(progress, 1.0))) + 2e-5


def train(
    run: Run,
    data: SpeechData,
    minutes: float,
    peak: float,
    batch: int,
    contacts_share: float,
    rng: np.random.Generator,
) -> None:
    """Until the run's total time reaches `minutes`; the learning rate begins at `peak`."""
    run.network.train()
    sums: dict[str, float] = {}
    saved = looked = time.monotonic()
    clock = time.monotonic()
    while run.seconds < minutes * 60:
        crops = data.batch(batch, math.ceil(FRAMES * STRETCH) + 1)
        parts = losses(run.network, augment(crops, FRAMES, data, rng), contacts_share)
        rate = learning_rate(peak, run.step, run.seconds / (minutes * 60))
        run.update(torch.stack(list(parts.values())).sum(), rate)
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + value.item()
        now = time.monotonic()
        run.seconds += now - clock
        clock = now
        if run.step % 200 == 0:
            report = ", ".join(f"{name} {total / 200:.4f}" for name, total in sums.items())
            log.info("step %d, %.0f s: %s", run.step, run.seconds, report)
            sums.clear()
        if now - looked > 240:
            data.rescan()
            looked = now
        if now - saved > 180:
            run.save()
            saved = now
    run.save()
    log.info("done: %d steps in %.0f s", run.step, run.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="shards of training.voices.synthesise")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder of the run; resumed from if it has one"
    )
    parser.add_argument(
        "--minutes", type=float, default=50.0, help="time in all, earlier parts of the run included"
    )
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="highest learning rate")
    parser.add_argument(
        "--contacts-share", type=float, default=CONTACTS_SHARE, help="weight of the lip contacts' loss"
    )
    parser.add_argument("--channels", type=int, default=192)
    parser.add_argument("--blocks", type=int, default=len(DILATIONS), help="depth of the network")
    parser.add_argument("--from", type=Path, dest="beginning", help="run whose network this one goes on from")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(arguments.seed)
    arguments.work.mkdir(parents=True, exist_ok=True)
    network = (
        AudioNetwork(arguments.channels, arguments.blocks)
        if arguments.beginning is None
        else load_average(arguments.beginning).grown(arguments.blocks)
    )
    run = Run(arguments.work, network, device)
    rng = np.random.default_rng(arguments.seed + run.step)
    data = SpeechData(arguments.data, rng)
    data.rescan()
    log.info("%s, %d parameters, %s", device, sum(p.numel() for p in run.network.parameters()), CONTACTS)
    train(run, data, arguments.minutes, arguments.rate, arguments.batch, arguments.contacts_share, rng)


if __name__ == "__main__":
    main()
