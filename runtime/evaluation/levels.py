"""How loud the voice is, moment by moment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

STEP = 0.01
"""Seconds from one level to the next."""

_BAND = (300.0, 4000.0)  # Hz; rumble, hum and knocks on the table lie below
_FAINTEST = 1e-12


def voice_levels(audio: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Levels (n,) in dB of mono sound in the band of the voice; entry i covers i * STEP to (i + 1) * STEP."""
    hop = round(rate * STEP)
    windows = len(audio) // hop
    if windows < 3:
        return np.full(max(windows, 1), 10 * np.log10(_FAINTEST))
    high = min(_BAND[1], 0.45 * rate)
    voice = sosfiltfilt(butter(2, (_BAND[0], high), "bandpass", fs=rate, output="sos"), audio)
    power = (voice[: windows * hop].reshape(windows, hop) ** 2).mean(axis=1)
    return 10 * np.log10(power + _FAINTEST)
