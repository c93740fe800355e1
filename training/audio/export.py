"""Calibrate a trained audio encoder, write it as ONNX and put it into a model pack.

    python -m training.audio.export --run RUN --data SHARDS [--pack runtime/models/sonic-int8] [--aligned FOLDER]

With --aligned (recordings with TextGrid or phone.json beside them, never trained on) the pack's record gets the
metrics of `training.audio.evaluate`.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from runtime.inference.packs import BUNDLED_PACK
from runtime.speech.features import MELS
from runtime.speech.sequence import PhoneSequence
from training.audio.calibrate import calibrate, count_transitions
from training.audio.evaluate import evaluate
from training.audio.network import AudioNetwork, Block
from training.audio.train import load_average
from training.exporting import write_onnx
from training.packing import add_asset, add_graph

log = logging.getLogger(__name__)

FRAMES = 2480  # the shape that the runtime uses; the graph takes any even number
RECORD: dict[str, Any] = {
    "command": "python -m training.voices.recognise --clips CORPUS/librispeech --out phones.tsv && "
    "python -m training.voices.synthesise --out SHARDS --corpus CORPUS --recognised phones.tsv --hours 4 "
    "--seed 3 && python -m training.voices.synthesise --out SHARDS --hours 4 --seed 4 && "
    "python -m training.audio.train --data SHARDS --work RUN1 --minutes 235 --channels 176 --blocks 8 --batch 16 && "
    "python -m training.audio.train --data SHARDS --work RUN2 --from RUN1 --minutes 104 --rate 1.6e-3 "
    "--channels 176 --blocks 13 --seed 5 && "
    "python -m training.audio.train --data SHARDS --work RUN3 --from RUN2 --minutes 75 --rate 1.2e-3 "
    "--channels 176 --blocks 13 --batch 16 --contacts-share 5 --seed 7 && "
    "python -m training.audio.average --runs RUN2 RUN3 --out RUN4 && "
    "python -m training.audio.export --run RUN4 --data SHARDS; then, from that graph and speech made anew: "
    "python -m training.voices.synthesise --out SHARDS2 --corpus CORPUS --recognised phones.tsv --hours 0 --seed 3 "
    "--revoice && python -m training.voices.synthesise --out SHARDS2 --corpus CORPUS --hours 4.5 --seed 11 && "
    "python -m training.audio.unfold --graph audio_encoder.fp16.onnx --data SHARDS2 --out RUN5 && "
    "python -m training.audio.train --data SHARDS2 --work RUN6 --from RUN5 --minutes 70 --rate 1.5e-3 --batch 16 "
    "--contacts-share 3 --seed 11 && python -m training.audio.train --data SHARDS2 --work RUN7 --from RUN5 "
    "--minutes 70 --rate 1.5e-3 --batch 16 --contacts-share 3 --seed 12 && "
    "python -m training.audio.average --runs RUN6 RUN7 --out RUN8 && "
    "python -m training.audio.export --run RUN8 --data SHARDS2 --aligned ALIGNED",
    "seed": 1,
    "data": "first about 6 h of flite, festival and espeak-ng speech in 14 languages with the engines' own phone "
    "times, then 4.3 h more, some of it hurried, a third of the English worded as people talk; human speech: LJ Speech "
    "(public domain, 1.7 h), the recordings of festvox-ru (Nickolay V. Shmyrev, BSD-like, 1.6 h), Mandarin syllables "
    "(Unlicense, 0.6 h), 351 LibriSpeech clips (CC BY 4.0, Panayotov et al., 1 h) with phones recognised by "
    "pocketsphinx, and from RUN6 on the same by other voices (WORLD vocoder); synthetic noise and music",
    "note": "the first 50 minutes saw an earlier draw of this speech (seed 1, 152 LibriSpeech clips) with some stops "
    "labelled late, the next 95 the draw of seed 3 alone, espeak-ng's Japanese and Russian in part unlabelled; the "
    "rest of RUN1 flite and festival of seeds 3 and 4, espeak-ng of seed 4, and human speech, which weighs more since; "
    "RUN1 knew neither uneven tempo nor resonances, nor the first 12 minutes of RUN2 rumble; RUN7 had half a core",
    "licence": "Apache-2.0",
}


def fold_norms(network: AudioNetwork) -> AudioNetwork:
    """Batch normalisations absorbed by the convolutions before them."""
    network.stem = fuse_conv_bn_eval(network.stem, network.stem_norm)
    network.stem_norm = nn.Identity()  # type: ignore[assignment]
    for block in network.blocks:
        assert isinstance(block, Block)
        block.spread = fuse_conv_bn_eval(block.spread, block.spread_norm)
        block.mix = fuse_conv_bn_eval(block.mix, block.mix_norm)
        block.spread_norm = block.mix_norm = nn.Identity()  # type: ignore[assignment]
    return network


def export_onnx(network: AudioNetwork, path: Path) -> None:
    """Input (batch, 80, time) -> phones, controls, contacts, each (batch, time / 2, channels)."""
    outputs = ["phones", "controls", "contacts"]
    axes = {"input": {2: "time"}, **{name: {1: "rows"} for name in outputs}}
    write_onnx(fold_norms(network), {"input": torch.zeros(1, MELS, FRAMES)}, outputs, path, axes)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of training.audio.train")
    parser.add_argument("--data", type=Path, required=True, help="shards; the held-out ones calibrate")
    parser.add_argument("--pack", type=Path, default=BUNDLED_PACK)
    parser.add_argument("--aligned", type=Path, help="real speech with phone times, for the metrics")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    network = load_average(arguments.run)
    counts = count_transitions(arguments.data)
    np.savez(arguments.run / "phone_transitions.npz", counts=counts.astype(np.int32))
    calibration, fit = calibrate(network, arguments.data, PhoneSequence.of_counts(counts))
    log.info("%s", calibration)
    path = arguments.run / "audio_encoder.onnx"
    export_onnx(network, path)
    record = {**RECORD, "calibration": dataclasses.asdict(calibration), "metrics": {"held_out": fit}}
    add_graph(arguments.pack, "audio_encoder", path, record)
    add_asset(
        arguments.pack,
        "phone_transitions",
        arguments.run / "phone_transitions.npz",
        {
            "data": "counts of phones following each other in the encoder's training speech",
            "licence": "Apache-2.0",
        },
    )
    if arguments.aligned is not None:
        record["metrics"] = {
            "held_out": fit,
            "aligned_real_speech": evaluate(arguments.pack, arguments.aligned),
        }
        add_graph(arguments.pack, "audio_encoder", path, record)
        log.info("%s", record["metrics"])


if __name__ == "__main__":
    main()
