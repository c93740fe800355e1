"""Make the audio encoder's training set: speech with known phones as log-mel features and mouth gestures.

    python -m training.voices.synthesise --out DATA --corpus SPEECH_CORPUS [--hours 4] [--seed 1]

needs flite, festival (with its voices) and espeak-ng on the system; SPEECH_CORPUS holds ljspeech/ and
mandarin_syllables/, and --recognised adds clips that `training.voices.recognise` labelled. Work is cut into
shards of about six minutes, each with its own seed; shards that exist are kept, so that a stopped run goes on.
"""

from __future__ import annotations

import argparse
import logging
import random
import zlib
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np

from runtime.speech.features import FEATURE_FPS, frame_count, log_mel
from runtime.stages.articulation import gestures
from training.voices import corpora
from training.voices.engines import ENGINES, Utterance
from training.voices.hesitations import lengthen
from training.voices.noises import make_noises
from training.voices.revoicing import revoiced

log = logging.getLogger(__name__)

SHARD_SECONDS = 360.0
SHORT_SHARD_SECONDS = 120.0  # of LibriSpeech: the first shard is held out, and every speaker is dear
SHARES = {"flite": 0.2, "festival": 0.33, "espeak": 0.42, "noise": 0.1}
FESTVOX_RU = Path("/usr/share/festival/voices/russian/msu_ru_nsh_clunits")


def write_shard(path: Path, utterances: Iterator[Utterance], seconds: float) -> float:
    """Take utterances for `seconds`; store features and targets at 100 frames a second. Returns seconds stored.

    Arrays: mel (N, 80) float16 dB; phone (N,) int8; controls (N, 10) float16; contacts (N, 3) float16 = bilabial,
    labiodental, rest; offsets (U + 1,) first frame of each utterance; voices (U,).
    """
    mel, phone, controls, contacts, voices = [], [], [], [], []
    offsets = [0]
    for utterance in utterances:
        features = log_mel(utterance.samples)
        frames = frame_count(len(utterance.samples))
        moves = gestures(utterance.segments, frames / FEATURE_FPS, FEATURE_FPS)
        mel.append(features.astype(np.float16))
        phone.append(moves.phone[:frames].astype(np.int8))
        controls.append(moves.controls[:frames].astype(np.float16))
        contacts.append(
            np.stack([moves.bilabial, moves.labiodental, moves.rest], axis=1)[:frames].astype(np.float16)
        )
        voices.append(utterance.voice)
        offsets.append(offsets[-1] + frames)
        if offsets[-1] / FEATURE_FPS >= seconds:
            break
    if not mel:
        return 0.0
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        mel=np.concatenate(mel),
        phone=np.concatenate(phone),
        controls=np.concatenate(controls),
        contacts=np.concatenate(contacts),
        offsets=np.array(offsets),
        voices=np.array(voices),
    )
    partial.replace(path)
    return offsets[-1] / FEATURE_FPS


def synthesise(out: Path, hours: float, seed: int, texts: list[str]) -> None:
    """Shards of every engine, in turns, so that a run stopped early still has some of each."""
    sources: dict[str, Callable[[random.Random, list[str]], Iterator[Utterance]]] = {
        **ENGINES,
        "noise": make_noises,
    }
    jobs = []
    for engine, share in SHARES.items():
        shards = max(1, round(hours * share * 3600 / SHARD_SECONDS))
        jobs += [((index + 0.5) / shards, engine, index) for index in range(shards)]
    for _, engine, index in sorted(jobs):
        path = out / f"{engine}_{seed}_{index:03d}.npz"
        if path.exists():
            continue
        rng = random.Random(zlib.crc32(path.name.encode()))
        stored = write_shard(path, sources[engine](rng, texts), SHARD_SECONDS)
        log.info("%s: %.0f s", path.name, stored)


def human_readers(corpus: Path, recognised: Path | None, seed: int) -> dict[str, Iterator[Utterance]]:
    """The human recordings that are there, by the beginnings of their shards' names."""
    readers: dict[str, Iterator[Utterance]] = {}
    lj = corpus / "ljspeech"
    if (lj / "phones.tsv").exists():
        readers["human_lj"] = corpora.read_table(lj / "phones.tsv", lj, "lj")
    if FESTVOX_RU.exists():
        readers["human_russian"] = corpora.read_russian(FESTVOX_RU)
    if (corpus / "mandarin_syllables").exists():
        readers["human_mandarin"] = corpora.read_mandarin_syllables(
            corpus / "mandarin_syllables", random.Random(seed)
        )
    if recognised is not None and recognised.exists():
        readers["human_libri"] = corpora.read_table(recognised, corpus / "librispeech", "libri")
    return readers


def label_recordings(out: Path, corpus: Path, recognised: Path | None, seed: int) -> None:
    """Shards of the human recordings."""
    for name, reader in human_readers(corpus, recognised, seed).items():
        finished = out / f"{name}.done"
        if finished.exists():
            continue
        index = 0
        seconds = SHORT_SHARD_SECONDS if name == "human_libri" else SHARD_SECONDS
        while (stored := write_shard(out / f"{name}_{index:03d}.npz", reader, seconds)) > 0:
            log.info("%s_%03d.npz: %.0f s", name, index, stored)
            index += 1
        finished.touch()


def revoice(out: Path, corpus: Path, recognised: Path | None, seed: int) -> None:
    """The human recordings once more, by other voices; what is held out stays out."""
    for name, reader in human_readers(corpus, recognised, seed).items():
        finished = out / f"{name}_revoiced_{seed}.done"
        if finished.exists() or name == "human_mandarin":
            continue
        with np.load(out / f"{name}_000.npz") as held_out:
            unheard = islice(reader, len(held_out["voices"]), None)
        voices = revoiced(unheard, random.Random(f"{seed} {name}"))
        for index in count(1):
            path = out / f"{name}_revoiced_{seed}_{index:03d}.npz"
            stored = write_shard(path, voices, SHARD_SECONDS)
            if not stored:
                break
            log.info("%s: %.0f s", path.name, stored)
        finished.touch()


def draw_out(out: Path, seed: int) -> None:
    """A second version of every third human shard, with hesitations; held-out shards are left alone."""
    for path in sorted(out.glob("human_*.npz")):
        name, _, number = path.stem.rpartition("_")
        target = out / f"{name}_drawn_{number}.npz"
        if (
            "_drawn" in name
            or "_revoiced" in name
            or number == "000"
            or int(number) % 3
            or "mandarin" in name
            or target.exists()
        ):
            continue
        log.info("%s: %.0f s", target.name, lengthen(path, target, random.Random(f"{seed} {path.name}")))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of shards")
    parser.add_argument(
        "--corpus", type=Path, help="human speech: ljspeech/, mandarin_syllables/, librispeech/"
    )
    parser.add_argument("--recognised", type=Path, help="phones.tsv from training.voices.recognise")
    parser.add_argument("--revoice", action="store_true", help="human speech once more, by other voices")
    parser.add_argument("--hours", type=float, default=4.0, help="hours of synthetic speech (0 = none)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    arguments.out.mkdir(parents=True, exist_ok=True)
    texts: list[str] = []
    if arguments.corpus is not None:
        label_recordings(arguments.out, arguments.corpus, arguments.recognised, arguments.seed)
        draw_out(arguments.out, arguments.seed)
        if arguments.revoice:
            revoice(arguments.out, arguments.corpus, arguments.recognised, arguments.seed)
        table = arguments.corpus / "ljspeech" / "phones.tsv"
        if table.exists():
            texts = [line.split("\t")[1] for line in table.read_text().splitlines()]
    if arguments.hours > 0:
        synthesise(arguments.out, arguments.hours, arguments.seed, texts)


if __name__ == "__main__":
    main()
