"""Long sounds: "um", "mmm", drawn-out vowels, which neither synthesisers nor readers of books produce.

Some nasals and vowels of existing utterances are stretched to up to 0.7 s, features and targets alike.
"""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.stages.articulation import PHONE_NAMES

_CHANCE = {"m": 0.35, "n": 0.1, "ng": 0.1, "ah": 0.12, "ax": 0.1, "er": 0.1, "uh": 0.06, "a": 0.06, "i": 0.04}
_LONGEST = 70  # frames of 10 ms
_MARGIN = 2  # frames at either end of a sound that keep their pace: transitions are not drawn out


def lengthen(source: Path, target: Path, rng: random.Random) -> float:
    """Write a shard like `source` with some sounds drawn out; returns its seconds."""
    with np.load(source) as stored:
        columns = {name: stored[name] for name in ("mel", "phone", "controls", "contacts")}
        offsets, voices = stored["offsets"], stored["voices"]
    pieces = [_positions(columns["phone"][a:b], rng) + a for a, b in itertools.pairwise(offsets)]
    position = np.concatenate(pieces)
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, len(columns["phone"]) - 1)
    mix = (position - low).astype(np.float32)[:, None]

    def follow(values: NDArray[np.floating]) -> NDArray[np.float16]:
        return (values[low] * (1 - mix) + values[high] * mix).astype(np.float16)

    mel = follow(columns["mel"])
    drawn = np.diff(position, prepend=-1.0)[:, None] < 0.9
    mel = (mel + drawn * np.random.default_rng(rng.randrange(2**31)).normal(0, 1.2, mel.shape)).astype(
        np.float16
    )
    partial = target.with_suffix(".partial.npz")
    np.savez(
        partial,
        mel=mel,
        phone=columns["phone"][np.round(position).astype(np.int64)],
        controls=follow(columns["controls"]),
        contacts=follow(columns["contacts"]),
        offsets=np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])]),
        voices=voices,
    )
    partial.replace(target)
    return len(position) / 100


def _positions(phone: NDArray[np.int8], rng: random.Random) -> NDArray[np.float64]:
    """Which frame of an utterance (fractional) is heard at each frame of the longer one."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(phone)) + 1, [len(phone)]])
    steps: list[NDArray[np.float64]] = []
    for start, stop in itertools.pairwise(edges):
        step = np.ones(stop - start)
        inner = stop - start - 2 * _MARGIN
        if inner > 1 and rng.random() < _CHANCE.get(PHONE_NAMES[phone[start]], 0.0):
            longer = min(int(inner * rng.uniform(2, 8)), _LONGEST)
            middle = np.full(longer, inner / longer)
            step = np.concatenate([np.ones(_MARGIN), middle, np.ones(_MARGIN)])
        steps.append(step)
    path = np.cumsum(np.concatenate(steps)) - 1
    return np.clip(path, 0, len(phone) - 1)
