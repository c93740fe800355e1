"""Log-mel features: what the audio encoder sees of speech."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

RATE = 16000
HOP = 160  # 10 ms
FFT = 512
WINDOW = 400  # 25 ms
MELS = 80
LOWEST_HZ, HIGHEST_HZ = 40.0, 7800.0
FEATURE_FPS = RATE / HOP
_FLOOR = 1e-12  # -120 dB, below the quantisation noise of 16-bit audio

THROATS = (0.92, 1.08)
LEVEL_RANGE = (-80.0, 20.0)
"""dB around the speech level that the network sees; quieter and louder is clipped."""


def frame_count(samples: int) -> int:
    """How many 10 ms frames a recording of so many samples has."""
    return 1 + samples // HOP


def log_mel(samples: FloatArray) -> FloatArray:
    """Mono samples at 16 kHz -> (T, 80) power in dB; frame i is centred at i * 10 ms, T = frame_count."""
    return framed_log_mel(np.pad(samples.astype(np.float32, copy=False), FFT // 2))


def framed_log_mel(padded: FloatArray) -> FloatArray:
    """The same for samples that already carry FFT / 2 samples of context on both sides."""
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    spectrum = np.fft.rfft(frames * _window(), axis=1)
    mel = (spectrum.real**2 + spectrum.imag**2) @ _filter_bank().T
    return np.ascontiguousarray(10 * np.log10(mel + _FLOOR), dtype=np.float32)


@cache
def _window() -> FloatArray:
    """A periodic Hann window in the middle of the FFT's frame, as `librosa.stft` lays it.

    That function itself would load the whole of scipy.signal, which takes longer than a short recording's features.
    """
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    return np.pad(hann, (FFT - WINDOW) // 2).astype(np.float32)


@cache
def _filter_bank() -> FloatArray:
    from librosa.filters import mel

    return mel(sr=RATE, n_fft=FFT, n_mels=MELS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ).astype(np.float32)


def frame_peak(mel: FloatArray) -> FloatArray:
    """Loudest band of each frame in dB, (T,): what levels are measured by."""
    return mel.max(axis=1)


def scale_for_network(mel: FloatArray, level: FloatArray | float) -> FloatArray:
    """dB relative to the speech level, clipped and brought to about unit variance."""
    relative = mel - (level if isinstance(level, float) else level[:, None])
    return ((np.clip(relative, *LEVEL_RANGE) + 40.0) / 20.0).astype(np.float32)


def heard_twice(scaled: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Network input (T, 80) as a shorter and as a longer throat would have said it, each (T, 80).

    Formants are moved by 8 % either way, as in training, and what the network says of both is averaged: it errs
    less about people unlike those it learned from (vocal tract length perturbation: Jaitly & Hinton, 2013).
    """
    shorter, longer = (_tract_stretched(scaled, factor) for factor in THROATS)
    return shorter, longer


def heard_together(logits: FloatArray) -> FloatArray:
    """What is heard of the throats (N, T, P) as one (T, P): logarithms of the mean probabilities, natural.

    Means of logits would let a throat that is nobody's rule out what the right one is sure of.
    """
    probability = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probability /= probability.sum(axis=-1, keepdims=True)
    return np.log(probability.mean(axis=0) + 1e-9).astype(np.float32)


def _tract_stretched(scaled: FloatArray, factor: float) -> FloatArray:
    """The bands read at places `factor` times as far from the middle one."""
    middle = (MELS - 1) / 2
    place = np.clip(middle + factor * (np.arange(MELS) - middle), 0, MELS - 1)
    return np.ascontiguousarray(between_bands(scaled, place))


def between_bands(spectra: NDArray[Any], place: NDArray[np.float64]) -> NDArray[Any]:
    """Spectra (T, B) read at fractional bands `place` (P,) of 0..B - 1, linearly: (T, P)."""
    below = np.minimum(place.astype(int), spectra.shape[1] - 2)
    share = (place - below).astype(spectra.dtype)
    return np.asarray(spectra[:, below] * (1 - share) + spectra[:, below + 1] * share)
