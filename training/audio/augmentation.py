"""Make clean speech sound like anybody's recording: other tempo, throat, room, microphone, noise and level.

All of it works on mel power spectra, where it costs a few milliseconds a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from runtime.speech.features import LEVEL_RANGE
from training.audio.data import Batch, SpeechData

STRETCH = 1.4
"""Crops must be this much longer than what comes out, so that speech can be sped up."""


@dataclass
class Example:
    """What the network trains on: scaled mel (B, 80, T) at 100 fps; targets at 50 fps, (B, T / 2, ...)."""

    mel: Tensor
    phone: Tensor
    controls: Tensor
    contacts: Tensor  # bilabial, labiodental, rest, voice


def augment(batch: Batch, frames: int, data: SpeechData, rng: np.random.Generator) -> Example:
    """Warp, filter, drown, level and mask a batch of crops."""
    mel, phone, controls, contacts = _warp(batch, frames, rng)
    mel = _equalise(mel, rng)
    power = torch.pow(10.0, mel / 10)
    power = _reverberate(power, rng)
    power = _add_noise(power, data, rng)
    power = _rumble(power, rng)
    power = _limit_band(power, rng)
    mel = _codec(10 * torch.log10(power + 1e-10), rng)
    mel = _set_level(mel, rng)
    _mask(mel, rng)
    scaled = (mel.clamp(*LEVEL_RANGE) + 40) / 20
    half = slice(0, frames, 2)
    voice = (phone[:, half] != 0).float()[..., None]
    targets = torch.cat([contacts[:, half], voice], dim=2)
    return Example(scaled.transpose(1, 2).contiguous(), phone[:, half], controls[:, half], targets)


def _uniform(rng: np.random.Generator, low: float, high: float, size: int) -> Tensor:
    return torch.from_numpy(rng.uniform(low, high, size).astype(np.float32))


def _chosen(rng: np.random.Generator, size: int, probability: float) -> np.ndarray:
    return np.flatnonzero(rng.random(size) < probability)


def _warp(batch: Batch, frames: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Uneven tempo, formants +-13 % (a shorter or longer throat); targets follow in time."""
    size, available, bands = batch.mel.shape
    time = _uneven_time(size, frames, available, rng)  # frame of the crop that each output frame shows
    tract = _uniform(rng, 0.87, 1.13, size)[:, None]
    shift = _uniform(rng, -0.05, 0.05, size)[:, None]
    band = torch.linspace(-1, 1, bands)[None] * tract + shift
    at = time / (available - 1) * 2 - 1
    grid = torch.stack([band[:, None].expand(-1, frames, -1), at[..., None].expand(-1, -1, bands)], dim=-1)
    mel = F.grid_sample(
        torch.from_numpy(batch.mel)[:, None], grid, padding_mode="border", align_corners=True
    )[:, 0]
    low = time.floor().long()
    high = (low + 1).clamp(max=available - 1)
    mix = (time - low)[..., None]
    row = torch.arange(size)[:, None]

    def follow(values: np.ndarray) -> Tensor:
        source = torch.from_numpy(values)
        return source[row, low] * (1 - mix) + source[row, high] * mix

    phone = torch.from_numpy(batch.phone)[row, time.round().long()]
    return mel, phone, follow(batch.controls), follow(batch.contacts)


def _uneven_time(size: int, frames: int, available: int, rng: np.random.Generator) -> Tensor:
    """Positions (size, frames) in the crops: as a whole 0.8 to 1.25 times as fast, hurrying and dwelling in between.

    People who speak freely do both within a sentence; synthesisers and readers keep their pace.
    """
    whole = rng.uniform(-np.log(1.25), np.log(1.25), (size, 1))
    knots = torch.from_numpy(whole + 0.22 * rng.standard_normal((size, max(2, frames // 40))))
    speed = torch.exp(F.interpolate(knots[:, None], frames, mode="linear", align_corners=True)[:, 0])
    time = torch.cumsum(speed, dim=1) - speed[:, :1]
    excess = (time[:, -1:] / (available - 1)).clamp(min=1.0)
    return (time / excess).float()


def _equalise(mel: Tensor, rng: np.random.Generator) -> Tensor:
    """A random tilt, a random smooth curve and a few resonances or notches for each recording."""
    size, _, bands = mel.shape
    tilt = _uniform(rng, -8, 8, size)[:, None] * torch.linspace(-1, 1, bands)
    knots = torch.from_numpy(3 * rng.standard_normal((size, 1, 8)).astype(np.float32))
    curve = F.interpolate(knots, bands, mode="linear", align_corners=True)[:, 0]
    for index in _chosen(rng, size, 0.4):
        for _ in range(rng.integers(1, 4)):
            distance = (torch.arange(bands) - rng.uniform(0, bands)) / rng.uniform(1.5, 6)
            curve[index] += rng.uniform(-18, 9) * torch.exp(-0.5 * distance**2)
    return mel + (tilt + curve)[:, None]


def _reverberate(power: Tensor, rng: np.random.Generator) -> Tensor:
    """An exponential tail on half of the crops: reverberation time 0.1 to 0.6 s."""
    chosen = _chosen(rng, len(power), 0.5)
    if not len(chosen):
        return power
    decay = (10 ** (-6 * 0.01 / rng.uniform(0.1, 0.6, (len(chosen), 1)))).astype(np.float32)
    amount = rng.uniform(0.02, 0.25, (len(chosen), 1)).astype(np.float32)
    dry = power[chosen].numpy()
    tail = np.zeros_like(dry[:, 0])
    wet = np.empty_like(dry)
    for frame in range(dry.shape[1]):
        wet[:, frame] = dry[:, frame] + amount * tail
        tail = decay * (tail + dry[:, frame])
    power[chosen] = torch.from_numpy(wet)
    return power


def _loudness(power: Tensor) -> Tensor:
    """The level that 90 % of the frames' loudest bands stay under, (B,)."""
    return torch.quantile(power.amax(dim=2), 0.9, dim=1)


def _add_noise(power: Tensor, data: SpeechData, rng: np.random.Generator) -> Tensor:
    """Steady noise, sounds that are not speech, or babble, 0 to 35 dB under the speech."""
    size, frames, bands = power.shape
    chosen = _chosen(rng, size, 0.75)
    kind = rng.choice(3, len(chosen), p=[0.45, 0.37, 0.18])
    recorded = data.noise(int((kind == 1).sum()), frames) if (kind == 1).any() else None
    clean = power.clone()
    used = 0
    for index, sort in zip(chosen, kind, strict=True):
        if sort == 1 and recorded is not None:
            noise = torch.from_numpy(recorded[used])
            used += 1
        elif sort == 2:
            noise = (
                clean[torch.from_numpy(rng.integers(0, size, 4))]
                .sum(dim=0)
                .roll(int(rng.integers(frames)), 0)
            )
        else:
            slope = rng.uniform(-2, 20) * -torch.linspace(-1, 1, bands)
            colour = slope + torch.from_numpy(1.5 * rng.standard_normal(bands).astype(np.float32))
            noise = torch.pow(10.0, colour / 10)[None] * torch.empty(frames, bands).exponential_(1.0)
        snr = rng.uniform(8 if sort == 2 else 0, 35)
        gain = (
            _loudness(clean[index : index + 1]) / _loudness(noise[None]).clamp(min=1e-12) * 10 ** (-snr / 10)
        )
        power[index] += noise * gain
    return power


def _rumble(power: Tensor, rng: np.random.Generator) -> Tensor:
    """What hums and rolls under 150 Hz on 30 % of the crops: mains, engines, wind, a table that is touched."""
    for index in _chosen(rng, len(power), 0.3):
        frames, bands = power[index].shape
        shape = 10 ** (-torch.arange(bands) / rng.uniform(0.7, 2.5))
        wavering = torch.ones(frames) if rng.random() < 0.4 else torch.empty(frames).exponential_(1.0)
        level = _loudness(power[index : index + 1]) * 10 ** -rng.uniform(0, 3)
        power[index] += level * wavering[:, None] * shape
    return power


def _limit_band(power: Tensor, rng: np.random.Generator) -> Tensor:
    """Telephones, cheap microphones: nothing above, or below, some band."""
    for index in _chosen(rng, len(power), 0.25):
        power[index, :, rng.integers(46, 76) :] *= 10 ** -rng.uniform(2, 7)
    for index in _chosen(rng, len(power), 0.15):
        power[index, :, : rng.integers(3, 12)] *= 10 ** -rng.uniform(1, 4)
    return power


def _codec(mel: Tensor, rng: np.random.Generator) -> Tensor:
    """Lossy coding drops what the loud bands of a frame mask: flatten or cut everything far below the peak."""
    for index in _chosen(rng, len(mel), 0.2):
        threshold = mel[index].amax(dim=1, keepdim=True) - rng.uniform(30, 55)
        if rng.random() < 0.5:
            mel[index] = torch.maximum(mel[index], threshold)
        else:
            mel[index] = torch.where(mel[index] < threshold, mel[index] - rng.uniform(10, 40), mel[index])
    return mel


def _set_level(mel: Tensor, rng: np.random.Generator) -> Tensor:
    """Relative to the loud frames as at run time, with an error of its estimate; a random noise floor."""
    size = len(mel)
    peak = torch.quantile(mel.amax(dim=2), 0.95, dim=1)
    error = _uniform(rng, -10, 5, size)
    quiet = _chosen(rng, size, 0.08)
    error[quiet] -= _uniform(rng, 0, 20, len(quiet))
    mel = mel - peak[:, None, None] + error[:, None, None]
    floor = _uniform(rng, -80, -50, size)[:, None, None]
    return torch.maximum(mel, floor + torch.randn(size, mel.shape[1], 1))


def _mask(mel: Tensor, rng: np.random.Generator) -> None:
    """SpecAugment (Park et al. 2019), short in time so that no sound is lost altogether."""
    size, frames, bands = mel.shape
    for index in _chosen(rng, size, 0.3):
        start = rng.integers(0, frames - 8)
        mel[index, start : start + rng.integers(2, 7)] = mel[index].mean()
    for index in _chosen(rng, size, 0.3):
        start = rng.integers(0, bands - 9)
        mel[index, :, start : start + rng.integers(2, 9)] = mel[index].mean()
