"""Crops of training speech from the shards of `training.voices.synthesise`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

GROUP_SHARES = {
    # by the beginning of the shard's name; human voices weigh more than their hours, many speakers most
    "flite": 0.07,
    "festival": 0.11,
    "espeak": 0.15,
    "human_lj": 0.17,
    "human_russian": 0.13,
    "human_mandarin": 0.04,
    "human_libri": 0.27,
    "noise": 0.06,
}
SILENT_DB = -75.0


@dataclass
class Shard:
    """One file of utterances: arrays as `write_shard` stores them."""

    mel: NDArray[np.float16]
    phone: NDArray[np.int8]
    controls: NDArray[np.float16]
    contacts: NDArray[np.float16]
    offsets: NDArray[np.int64]

    @classmethod
    def load(cls, path: Path) -> Shard:
        with np.load(path) as stored:
            return cls(*(stored[name] for name in ("mel", "phone", "controls", "contacts", "offsets")))


@dataclass
class Batch:
    """Crops at 100 frames a second: mel (B, T, 80) dB, phone (B, T), controls (B, T, 10), contacts (B, T, 3)."""

    mel: NDArray[np.float32]
    phone: NDArray[np.int64]
    controls: NDArray[np.float32]
    contacts: NDArray[np.float32]


def is_held_out(path: Path) -> bool:
    """The first shard of each human corpus is kept for calibration and never trained on."""
    return path.name.startswith("human_") and path.stem.endswith("_000") and "mandarin" not in path.name


class SpeechData:
    """All shards of a folder; `rescan` takes in those that have appeared since."""

    def __init__(self, folder: Path, rng: np.random.Generator) -> None:
        self.folder = folder
        self.rng = rng
        self._seen: set[str] = set()
        self._groups: dict[str, list[Shard]] = {}

    def rescan(self) -> None:
        for path in sorted(self.folder.glob("*.npz")):
            group = next((name for name in GROUP_SHARES if path.name.startswith(name)), None)
            if path.name in self._seen or ".partial" in path.name or group is None or is_held_out(path):
                continue
            self._seen.add(path.name)
            self._groups.setdefault(group, []).append(Shard.load(path))
        if not self._groups:
            raise FileNotFoundError(f"no shards in {self.folder}: run training.voices.synthesise first")
        hours = {
            name: round(sum(len(s.mel) for s in shards) / 360000, 2) for name, shards in self._groups.items()
        }
        log.info("hours of speech: %s", hours)

    def batch(self, size: int, frames: int) -> Batch:
        """`size` crops of `frames` each."""
        names = list(self._groups)
        shares = np.array([GROUP_SHARES[name] for name in names])
        groups = self.rng.choice(len(names), size=size, p=shares / shares.sum())
        crops = [self._crop(names[group], frames) for group in groups]
        return Batch(*(np.stack(parts) for parts in zip(*crops, strict=True)))

    def noise(self, size: int, frames: int) -> NDArray[np.float32] | None:
        """Power spectra (size, frames, 80) of sounds that are not speech, or None when there are none."""
        if "noise" not in self._groups:
            return None
        return np.stack([10 ** (self._crop("noise", frames)[0] / 10) for _ in range(size)])

    def _crop(self, group: str, frames: int) -> tuple[NDArray[np.float32], ...]:
        """Pieces of utterances of one kind until `frames` are full, half of the time with a pause between them."""
        parts: list[tuple[NDArray[np.float32], ...]] = []
        missing = frames
        shards = self._groups[group]
        while missing > 0:
            shard = shards[self.rng.integers(len(shards))]
            utterance = self.rng.integers(len(shard.offsets) - 1)
            start, end = shard.offsets[utterance], shard.offsets[utterance + 1]
            if not parts:
                start = self.rng.integers(start, max(end - frames // 2, start + 1))
            end = min(end, start + missing)
            parts.append(
                (
                    shard.mel[start:end].astype(np.float32),
                    shard.phone[start:end].astype(np.int64),
                    shard.controls[start:end].astype(np.float32),
                    shard.contacts[start:end].astype(np.float32),
                )
            )
            missing -= int(end - start)
            if missing > 0 and self.rng.random() < 0.5:
                parts.append(self._pause(min(int(self.rng.integers(12, 80)), missing)))
                missing -= len(parts[-1][0])
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    def _pause(self, frames: int) -> tuple[NDArray[np.float32], ...]:
        quiet = SILENT_DB + 2 * self.rng.standard_normal((frames, 80))
        rest = np.tile(np.array([0, 0, 1], np.float32), (frames, 1))
        return quiet.astype(np.float32), np.zeros(frames, np.int64), np.zeros((frames, 10), np.float32), rest
