"""Take up an exported encoder again: what has become of the runs that it came from does not matter then.

    python -m training.audio.unfold --graph runtime/models/sonic-int8/audio_encoder.fp16.onnx --data SHARDS --out RUN

RUN is for `training.audio.train --from` and `training.audio.average`. The export folded the normalisations into the
convolutions; here they get back what they would have measured, from training speech, and undo exactly that, so that
the network computes what the graph does and still can learn.
"""

from __future__ import annotations

import argparse
import logging
import math
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from training.audio.augmentation import STRETCH, augment
from training.audio.data import SpeechData
from training.audio.network import AudioNetwork, Block
from training.audio.train import FRAMES, save_average

log = logging.getLogger(__name__)

CROPS = 96  # that the normalisations' statistics come from


def read_graph(path: Path) -> dict[str, Tensor]:
    """The graph's weights by name, float32; those that are stored as float16 (NAME.half) under their own name."""
    return {
        tensor.name.removesuffix(".half"): torch.from_numpy(
            onnx.numpy_helper.to_array(tensor).astype(np.float32)
        )
        for tensor in onnx.load(str(path)).graph.initializer
    }


def unfolded(weights: dict[str, Tensor], mel: Tensor) -> AudioNetwork:
    """The network of these weights; its normalisations know the statistics that `mel` (B, 80, T), scaled, gives."""
    blocks = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))
    network = AudioNetwork(weights["stem.weight"].shape[0], blocks)
    pairs = _normalised(network)
    for name, _, norm in pairs:  # each does nothing but add what the folding left in the bias
        weights[f"{name}_norm.bias"] = weights.pop(f"{name}.bias")
        norm.running_var = torch.ones_like(norm.weight) - norm.eps
    missing, unexpected = network.load_state_dict(weights, strict=False)
    if unexpected or any("_norm" not in name for name in missing):
        raise ValueError("this graph is no audio encoder, or one of a newer shape")
    measured = {name: _Moments(convolution) for name, convolution, _ in pairs}
    with torch.inference_mode():
        network.eval()(mel)
    with torch.no_grad():
        for name, _, norm in pairs:
            mean, variance = measured[name].result()
            norm.running_mean, norm.running_var = mean, variance
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias += mean
    return network


class _Moments:
    """Mean and variance of each channel that a convolution puts out, next time it runs."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        self._hook = convolution.register_forward_hook(self._measure)

    def _measure(self, module: nn.Module, inputs: object, output: Tensor) -> None:
        self._mean, self._variance = output.mean(dim=(0, 2, 3)), output.var(dim=(0, 2, 3))
        self._hook.remove()

    def result(self) -> tuple[Tensor, Tensor]:
        return self._mean.clone(), self._variance.clone()


def _normalised(network: AudioNetwork) -> list[tuple[str, nn.Conv2d, nn.BatchNorm2d]]:
    """Every convolution that has a normalisation behind it, with its name."""
    found = [("stem", network.stem, network.stem_norm)]
    for number, block in enumerate(network.blocks):
        assert isinstance(block, Block)
        found.append((f"blocks.{number}.spread", block.spread, block.spread_norm))
        found.append((f"blocks.{number}.mix", block.mix, block.mix_norm))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--graph", type=Path, required=True, help="audio_encoder.fp16.onnx of a pack")
    parser.add_argument("--data", type=Path, required=True, help="shards of training.voices.synthesise")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    data = SpeechData(arguments.data, rng)
    data.rescan()
    crops = data.batch(CROPS, math.ceil(FRAMES * STRETCH) + 1)
    network = unfolded(read_graph(arguments.graph), augment(crops, FRAMES, data, rng).mel)
    save_average(network, arguments.out)


if __name__ == "__main__":
    main()
