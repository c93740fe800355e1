"""Sounds that are not speech: the mouth must stay closed while they play.

Coloured and modulated noise, hum, breaths, clicks, tones and simple music, all made from random numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from runtime.stages.articulation import Segment
from training.voices.engines import Utterance
from training.voices.recordings import RATE

Samples = NDArray[np.float32]


def coloured_noise(rng: np.random.Generator, count: int) -> Samples:
    """Noise with a random spectral slope, random bumps and a slow swell: wind, rain, traffic, fans."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    shape: NDArray[np.float64] = np.maximum(hertz, 40.0) ** -rng.choice([0.0, 0.5, rng.uniform(0, 1.2)])
    for _ in range(rng.choice([0, rng.integers(1, 5)])):
        centre, width = rng.uniform(100, 6000), rng.uniform(80, 1500)
        shape = shape * (1 + rng.uniform(0, 8) * np.exp(-0.5 * ((hertz - centre) / width) ** 2))
    noise = np.fft.irfft(spectrum * shape, count)
    return (noise * (_swell(rng, count) if rng.random() < 0.6 else 1.0)).astype(np.float32)


def _swell(rng: np.random.Generator, count: int) -> Samples:
    """A random positive envelope that changes within 0.1 to 2 seconds."""
    points = max(3, int(count / RATE / rng.uniform(0.1, 2.0)))
    depth = rng.uniform(0, 1.2)
    return np.exp(
        np.interp(np.linspace(0, points - 1, count), np.arange(points), depth * rng.standard_normal(points))
    ).astype(np.float32)


def breaths(rng: np.random.Generator, count: int) -> Samples:
    """Breathing in and out, coughs of noise: a throat's bumps on noise, 0.2 to 1 s each."""
    out = 1e-4 * rng.standard_normal(count)
    clock = 0
    while clock < count:
        clock += int(rng.uniform(0.1, 1.2) * RATE)
        length = int(rng.uniform(0.15, 1.0) * RATE)
        if clock + length >= count:
            break
        spectrum = np.fft.rfft(rng.standard_normal(length))
        hertz = np.fft.rfftfreq(length, 1 / RATE)
        shape = 0.1 + sum(
            rng.uniform(0.3, 1) * np.exp(-0.5 * ((hertz - rng.normal(f, 0.15 * f)) / (0.15 * f)) ** 2)
            for f in (600, 1500, 2600, 4200)
        )
        window = np.hanning(length) ** rng.uniform(0.4, 1.5)
        out[clock : clock + length] += (
            rng.uniform(0.05, 0.5) * np.fft.irfft(spectrum * shape, length) * window
        )
        clock += length
    return out.astype(np.float32)


def clicks(rng: np.random.Generator, count: int) -> Samples:
    """Knocks, keys and claps: short decaying bursts, with or without a pitch."""
    out = 10 ** rng.uniform(-5, -3) * rng.standard_normal(count)
    for start in rng.integers(0, max(count - 4000, 1), int(count / RATE * rng.uniform(1, 8))):
        length = int(rng.uniform(0.01, 0.2) * RATE)
        time = np.arange(length) / RATE
        body = rng.standard_normal(length) * rng.uniform(0, 1) + np.sin(
            2 * np.pi * rng.uniform(80, 4000) * time
        )
        part = out[start : start + length]
        part += (rng.uniform(0.1, 1) * body * np.exp(-time / rng.uniform(0.003, 0.05)))[: len(part)]
    return out.astype(np.float32)


def hum(rng: np.random.Generator, count: int) -> Samples:
    """Mains hum, engines and tones with a few harmonics, steady or sliding, over a little noise."""
    time = np.arange(count) / RATE
    base = rng.uniform(40, 600) * np.exp(
        rng.uniform(-0.2, 0.2) * np.sin(2 * np.pi * rng.uniform(0.05, 3) * time)
    )
    phase = 2 * np.pi * np.cumsum(base) / RATE
    tone = sum(rng.uniform(0, 1) / k * np.sin(k * phase) for k in range(1, rng.integers(2, 12)))
    return (tone * _swell(rng, count) + 10 ** rng.uniform(-4, -1) * rng.standard_normal(count)).astype(
        np.float32
    )


def music(rng: np.random.Generator, count: int) -> Samples:
    """Chords, a melody, bass and drums on a beat: harmonic tones with attacks and decays."""
    out = np.zeros(count)
    beat = rng.uniform(0.15, 0.6)
    root = rng.uniform(50, 110)
    scale = [0, 2, 4, 5, 7, 9, 11] if rng.random() < 0.5 else [0, 2, 3, 5, 7, 8, 10]
    brightness = rng.uniform(0.4, 2.0)
    decay = rng.uniform(0.1, 1.5)
    for step in range(int(count / RATE / beat)):
        start = int(step * beat * RATE)
        for layer, octave in (("bass", 1), ("chord", 2), ("melody", 4)):
            if rng.random() < {"bass": 0.6, "chord": 0.5, "melody": 0.8}[layer]:
                for _ in range(3 if layer == "chord" else 1):
                    pitch = root * octave * 2 ** (rng.choice(scale) / 12)
                    _add_note(out, start, pitch, rng.uniform(0.5, 3) * beat, brightness, decay, rng)
        if rng.random() < 0.5:
            length = int(rng.uniform(0.03, 0.15) * RATE)
            part = out[start : start + length]
            burst = rng.standard_normal(length) * np.exp(-np.arange(length) / RATE / rng.uniform(0.01, 0.05))
            part += rng.uniform(0.1, 1.5) * burst[: len(part)]
    return (out + 1e-4 * rng.standard_normal(count)).astype(np.float32)


def _add_note(
    out: NDArray[np.float64],
    start: int,
    pitch: float,
    seconds: float,
    brightness: float,
    decay: float,
    rng: np.random.Generator,
) -> None:
    length = min(int(seconds * RATE), len(out) - start)
    if length <= 0:
        return
    time = np.arange(length) / RATE
    vibrato = 1 + rng.uniform(0, 0.01) * np.sin(2 * np.pi * rng.uniform(4, 7) * time)
    phase = 2 * np.pi * pitch * np.cumsum(vibrato) / RATE
    harmonics = int(min(12, 7000 / pitch))
    tone = sum(rng.uniform(0.3, 1) * k**-brightness * np.sin(k * phase) for k in range(1, harmonics + 1))
    envelope = np.minimum(time / rng.uniform(0.003, 0.08), 1) * np.exp(-time / decay)
    out[start : start + length] += rng.uniform(0.2, 1) * tone * envelope


KINDS: tuple[Callable[[np.random.Generator, int], Samples], ...] = (
    coloured_noise,
    breaths,
    clicks,
    hum,
    music,
    music,
)


def make_noises(rng: random.Random, texts: list[str]) -> Iterator[Utterance]:
    """Clips of 6 to 12 seconds without speech, at random levels. Endless; `texts` is not used."""
    generator = np.random.default_rng(rng.randrange(2**31))
    while True:
        kind = rng.choice(KINDS)
        count = int(rng.uniform(6, 12) * RATE)
        samples = kind(generator, count)
        if rng.random() < 0.3:
            samples = samples + rng.uniform(0.1, 1) * rng.choice(KINDS)(generator, count)
        samples = samples / max(float(np.abs(samples).max()), 1e-6) * 10 ** rng.uniform(-2.0, -0.05)
        yield Utterance(
            samples.astype(np.float32), [Segment("sil", 0, count / RATE)], f"noise_{kind.__name__}"
        )
