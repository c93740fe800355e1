"""Recordings as other people would have said them: the same movements of the mouth, another voice.

Few people read the corpora. A vocoder takes their speech apart into pitch, envelope and breath (Morise, Yokomori &
Ozawa, "WORLD: a vocoder-based high-quality speech synthesis system", 2016), and what comes out again has another
height, throat and roughness, is whispered, or has a cold, at the very same times.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from runtime.speech.features import between_bands
from runtime.speech.filters import gaussian_filter
from training.voices.engines import Utterance
from training.voices.recordings import RATE

Spectra = NDArray[np.float64]  # (T, 513) from 0 to 8 kHz, a row every _PERIOD

_PERIOD = 10.0  # ms
_HERTZ = (70.0, 300.0)  # mean pitch of low and high voices
_THROAT_OF_PITCH = 0.22  # octaves that formants rise with each octave of pitch: from men to children both do
_NASALS = frozenset({"m", "n", "ng"})
_COLD, _WHISPER, _ROUGH = 0.25, 0.05, 0.35  # how many voices have it


def revoiced(utterances: Iterable[Utterance], rng: random.Random) -> Iterator[Utterance]:
    """Each utterance by another voice; those in which no pitch is found are left out."""
    for utterance in utterances:
        samples = _say_again(utterance, np.random.default_rng(rng.randrange(2**31)))
        if samples is not None:
            yield Utterance(samples, utterance.segments, f"{utterance.voice}_revoiced")


def _say_again(utterance: Utterance, rng: np.random.Generator) -> NDArray[np.float32] | None:
    import pyworld

    samples = utterance.samples.astype(np.float64)
    pitch, times = pyworld.dio(samples, RATE, f0_floor=60.0, f0_ceil=500.0, frame_period=_PERIOD)
    pitch = pyworld.stonemask(samples, pitch, times, RATE)
    if (pitch > 0).sum() < 20:
        return None
    envelope = pyworld.cheaptrick(samples, pitch, times, RATE)
    breath = pyworld.d4c(samples, pitch, times, RATE)
    new_pitch, octaves = _other_pitch(pitch, rng)
    tract = 2 ** (_THROAT_OF_PITCH * octaves) * np.exp(rng.uniform(-0.08, 0.08))
    envelope = np.exp(_moved_formants(np.log(envelope + 1e-12), tract))
    breath = np.clip(_moved_formants(breath, tract), 0, 1)
    if rng.random() < _COLD:
        envelope *= _blocked_nose(utterance, len(envelope), rng)
    if rng.random() < _ROUGH:
        breath = 1 - (1 - breath) * rng.uniform(0.2, 0.9)
    if rng.random() < _WHISPER:
        new_pitch = np.zeros_like(new_pitch)
    said = pyworld.synthesize(
        new_pitch, np.ascontiguousarray(envelope), np.ascontiguousarray(breath), RATE, _PERIOD
    )
    said = np.pad(said, (0, max(0, len(samples) - len(said))))[: len(samples)]
    loud = np.abs(said).max()
    return (said * min(1.0, 0.99 / max(loud, 1e-9))).astype(np.float32)


def _other_pitch(pitch: NDArray[np.float64], rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Pitch (T,) in hertz, 0 where unvoiced, of another voice and melody; by how many octaves it is higher."""
    voiced = pitch > 0
    height = np.log2(pitch[voiced])
    middle = float(np.median(height))
    wanted = rng.uniform(*np.log2(_HERTZ))
    octaves = float(np.clip(wanted - middle, -1.2, 1.2))
    wander = gaussian_filter(rng.standard_normal(len(pitch)), 40.0)
    wander *= rng.uniform(0, 0.12) / max(float(wander.std()), 1e-9)
    out = np.zeros_like(pitch)
    melody = middle + octaves + rng.uniform(0.3, 1.5) * (height - middle) + wander[voiced]
    out[voiced] = np.clip(2**melody, 50, 500)
    return out, octaves


def _moved_formants(spectra: Spectra, factor: float) -> Spectra:
    """Spectra whose features lie at `factor` times the frequency."""
    bins = spectra.shape[1]
    return between_bands(spectra, np.clip(np.arange(bins) / factor, 0, bins - 1))


def _blocked_nose(utterance: Utterance, frames: int, rng: np.random.Generator) -> Spectra:
    """Gain (T, 513): with a cold, m and n lose what sounds through the nose and are little more than b and d."""
    nasal = np.zeros(frames)
    for segment in utterance.segments:
        if segment.phone in _NASALS:
            nasal[round(segment.start * 1000 / _PERIOD) : round(segment.end * 1000 / _PERIOD)] = 1
    nasal = gaussian_filter(nasal, 1.5)
    hertz = np.linspace(0, RATE / 2, 513)
    depth = rng.uniform(6, 25) * np.clip((hertz - rng.uniform(150, 400)) / 400, 0.15, 1)
    return np.asarray(10 ** (-nasal[:, None] * depth / 10))
