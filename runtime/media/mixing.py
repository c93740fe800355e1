"""Channels of a recording mixed to one or two without getting louder: what fits in -1..1 still does."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# Gains of each channel on the left and on the right: ITU-R BS.775-4, the low-frequency channel left out.
_SIDE = float(np.sqrt(0.5))
_GAINS: dict[str, tuple[float, float]] = {
    "FL": (1.0, 0.0), "FR": (0.0, 1.0), "FC": (_SIDE, _SIDE), "LFE": (0.0, 0.0),
    "BL": (_SIDE, 0.0), "BR": (0.0, _SIDE), "SL": (_SIDE, 0.0), "SR": (0.0, _SIDE), "BC": (0.5, 0.5),
}  # fmt: skip


def mixed(samples: Floats, names: list[str], channels: int) -> Floats:
    """Samples (n, C) whose channels are called `names` -> (n, 1 or 2); where a name is unknown all count the same."""
    if samples.shape[1] == channels:
        return samples
    if samples.shape[1] == 1:
        return np.repeat(samples, channels, axis=1)
    sides = samples @ _matrix(tuple(names), samples.shape[1])
    return sides if channels == 2 else sides.mean(axis=1, keepdims=True)


@cache
def _matrix(names: tuple[str, ...], count: int) -> Floats:
    """(C, 2), the gains of either side adding up to 1."""
    known = len(names) == count and all(name in _GAINS for name in names)
    gains = np.array([_GAINS[name] for name in names] if known else np.ones((count, 2)), np.float32)
    total = gains.sum(axis=0)
    return gains / total if total.all() else np.full((count, 2), 1 / count, np.float32)
