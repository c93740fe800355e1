"""Measure the audio encoder of a pack on real speech whose phones are known.

    python -m training.audio.evaluate --aligned FOLDER [--pack PACK]

FOLDER holds recordings with a TextGrid or a pocketsphinx phone.json of the same name. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.evaluation.alignment import Interval, read_alignment, segments_of
from runtime.evaluation.closures import ClosureCount, count_closures, silent_frames
from runtime.evaluation.films import find_speech
from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.media.audio import AudioFile
from runtime.speech.decoding import Calibration, Evidence, contact_probability, decode
from runtime.stages.articulation import PHONE_NAMES, TRACK_FPS, gestures
from runtime.stages.audio_encoding import AudioEncoder

log = logging.getLogger(__name__)

FILM_FPS = 25.0
# Sounds that look alike, for a coarser accuracy.
_LOOK_ALIKE = (
    "sil", "p b m", "f v bh", "th dh", "t d n l rr", "k g ng x h", "sh zh sj", "s z iz", "r er", "a ae ah", "eh e ax",
    "ih i j", "o ou oe", "uh u w y",
)  # fmt: skip
_CLASS = {name: number for number, names in enumerate(_LOOK_ALIKE) for name in names.split()}
_VOWELS = ["a", "ae", "ah", "eh", "e", "ax", "ih", "i", "o", "ou", "uh", "u", "y", "oe", "er"]


def area_under_curve(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> float:
    """Probability that a positive scores higher than a negative (Mann-Whitney)."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([positive, negative]))
    count = len(positive)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(negative)))


class Tally:
    """Adds up over recordings."""

    def __init__(self) -> None:
        self.closures = ClosureCount()
        self.silent: list[NDArray[np.bool_]] = []
        self.said: list[NDArray[np.int64]] = []
        self.heard: list[NDArray[np.int64]] = []
        self.bilabial: list[NDArray[np.float32]] = []

    def add(
        self, encoder: AudioEncoder, calibration: Calibration, audio: Path, phones: list[Interval]
    ) -> None:
        """Encode one recording and compare."""
        windows = list(encoder.windows(AudioFile.open(audio).mono()))
        evidence = Evidence.join([window.evidence for window in windows])
        track = decode(evidence, np.concatenate([window.loudness for window in windows]), calibration)
        film = track.resampled(FILM_FPS, phase=0.5)
        self.closures += count_closures(film.closure > 0.5, phones, FILM_FPS)
        pauses = silent_frames(phones, len(track), TRACK_FPS)
        self.silent.append(track.closure[pauses] > 0.5)
        truth = gestures(segments_of(phones), track.duration, TRACK_FPS).phone
        posterior = np.concatenate([window.phones for window in windows])
        known = slice(0, int(phones[-1].end * TRACK_FPS))
        self.said.append(truth[known])
        self.heard.append(posterior.argmax(axis=1)[known])
        self.bilabial.append(contact_probability(evidence, "bilabial", calibration)[known])

    def result(self) -> dict[str, Any]:
        said, heard = np.concatenate(self.said), np.concatenate(self.heard)
        closing = np.concatenate(self.bilabial)
        silent = np.concatenate(self.silent)
        look = np.array([_CLASS[name] for name in PHONE_NAMES])
        vowel = np.isin(said, [PHONE_NAMES.index(name) for name in _VOWELS])
        lips = np.isin(said, [PHONE_NAMES.index(name) for name in ("p", "b", "m")])
        rates = self.closures.rates()
        numbers = {
            **rates,
            "closure_auc_against_vowels": area_under_curve(closing[lips], closing[vowel]),
            "silence_closed": float(silent.mean()) if len(silent) else None,
            "silent_frames": len(silent),
            "phone_accuracy": float((said == heard).mean()),
            "look_alike_accuracy": float((look[said] == look[heard]).mean()),
            "frames": len(said),
        }
        return {
            name: round(value, 4) if isinstance(value, float) else value for name, value in numbers.items()
        }


def evaluate(pack_dir: Path | None, folder: Path) -> dict[str, Any]:
    """Metrics over all recordings of a folder."""
    aligned = [(speech.audio, speech.alignment) for speech in find_speech(folder) if speech.alignment]
    if not aligned:
        raise FileNotFoundError(f"no recording with an alignment beside it in {folder}")
    sessions = Sessions(ModelPack.load(pack_dir))
    encoder = AudioEncoder(sessions)
    calibration = Calibration.of(sessions.get("audio_encoder").graph.record)
    tally = Tally()
    for audio, alignment in aligned:
        tally.add(encoder, calibration, audio, read_alignment(alignment))
    return {"recordings": len(aligned), **tally.result()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--aligned", type=Path, required=True)
    parser.add_argument("--pack", type=Path, help="model pack; the bundled one when not given")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sys.stdout.write(json.dumps(evaluate(arguments.pack, arguments.aligned), indent=2) + "\n")


if __name__ == "__main__":
    main()
