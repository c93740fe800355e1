"""Reading recordings for training: mono, 16 kHz, float32."""

from __future__ import annotations

from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 16000


def read_mono(path: Path) -> NDArray[np.float32]:
    """A recording as float32 mono at 16 kHz in -1..1."""
    import soundfile

    samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    return resample(samples.mean(axis=1), rate)


def resample(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """To 16 kHz by a polyphase filter."""
    if rate == RATE:
        return samples.astype(np.float32)
    from scipy.signal import resample_poly

    common = gcd(rate, RATE)
    return resample_poly(samples, RATE // common, rate // common).astype(np.float32)
