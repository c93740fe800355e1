"""The network halfway between runs: as good on voices like those it learned from, better on others.

    python -m training.audio.average --runs RUN2 RUN3 --out RUN4

A run that goes on from another fits the training speech ever more closely, and spontaneous speech no longer: the mean
of the weights before and after keeps most of both (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022).
It holds only between runs of which one began with the other's network. Statistics of the normalisations are averaged
with the weights.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from training.audio.network import AudioNetwork
from training.audio.train import load_average, save_average


def mean_of(networks: Sequence[AudioNetwork]) -> AudioNetwork:
    """A network whose every weight is the mean of theirs; ValueError where their sizes differ."""
    first = networks[0]
    if any((other.channels, other.depth) != (first.channels, first.depth) for other in networks):
        raise ValueError("only networks of one size have a mean")
    mean = AudioNetwork(first.channels, first.depth)
    states = [network.state_dict() for network in networks]
    mean.load_state_dict(
        {
            name: torch.stack([state[name] for state in states]).mean(dim=0)
            if value.dtype.is_floating_point
            else value
            for name, value in states[0].items()
        }
    )
    return mean.eval()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders of training.audio.train")
    parser.add_argument("--out", type=Path, required=True, help="folder for training.audio.export")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    network = mean_of([load_average(folder) for folder in arguments.runs])
    save_average(network, arguments.out)


if __name__ == "__main__":
    main()
