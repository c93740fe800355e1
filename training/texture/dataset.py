"""Shards of training pairs on disk, and the batches drawn from them with the photometry of many kinds of pictures."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from runtime.stages.articulation import EXPRESSIONS

log = logging.getLogger(__name__)

SIZES = {"mouth": 128, "eyelid": 64}
DRIVES = {"mouth": 30, "eyelid": 4}
# Per sample: warped crop + mask, photo's crop (+ its own open mouth), truth, gate, parts seen in the truth.
FIELDS = {
    "mouth": {"frame": 4, "source": 4, "target": 3, "gate": 1, "inner": 1},
    "eyelid": {"frame": 4, "source": 3, "target": 3, "gate": 1, "inner": 1},
}
TEETH_GAIN = 0.3
Random = np.random.Generator


@dataclass
class Batch:
    """Float32 on the training device, pictures 0..1 in channels-first order.

    frame (B, 4, S, S), source (B, 4 or 3, S, S), target (B, 3, S, S), gate and inner (B, 1, S, S), drive (B, D).
    `inner` marks what is judged apart: teeth, tongue and cavity, or the lid.
    """

    frame: Tensor
    source: Tensor
    target: Tensor
    gate: Tensor
    inner: Tensor
    drive: Tensor

    @property
    def pictures(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """All but the drive."""
        return self.frame, self.source, self.target, self.gate, self.inner


class Shards:
    """All samples of one kind ("mouth" or "eyelid") under a folder, memory-mapped."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.kind = kind
        self.pictures: list[np.ndarray] = []
        self.drives: list[np.ndarray] = []
        for path in sorted(folder.glob(f"{kind}_*_pictures.npy")):
            drive = path.with_name(path.name.replace("pictures", "drive"))
            if drive.exists():
                self.pictures.append(np.load(path, mmap_mode="r"))
                self.drives.append(np.load(drive))
        if not self.pictures:
            raise FileNotFoundError(f"no {kind} shards in {folder}")
        sizes = [len(drive) for drive in self.drives]
        self.where = np.concatenate([np.c_[np.full(n, s), np.arange(n)] for s, n in enumerate(sizes)])
        log.info("%d %s samples in %d shards", len(self.where), kind, len(sizes))

    def __len__(self) -> int:
        return len(self.where)

    def read(self, numbers: np.ndarray) -> Batch:
        """The samples of some numbers, as they are."""
        places = [self.where[n] for n in numbers]
        pictures = np.stack([self.pictures[s][i] for s, i in places])
        drive = np.stack([self.drives[s][i] for s, i in places])
        planes = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
        frame, source, target, gate, inner = torch.split(planes, list(FIELDS[self.kind].values()), dim=1)
        if self.kind == "mouth":
            tone = source[:, :3].mean((1, 2, 3)).view(-1, 1, 1, 1)
            target = with_lit_teeth(target, inner, tone)
            source = torch.cat([with_lit_teeth(source[:, :3], source[:, 3:], tone), source[:, 3:]], 1)
        return Batch(frame, source, target, gate, inner, torch.from_numpy(drive))


def with_lit_teeth(picture: Tensor, inside: Tensor, tone: Tensor) -> Tensor:
    """Brighten what is bright in an open mouth, in photo and truth alike.

    The renderer lights teeth as if little light came through the lips: their median is 0.8 of the skin's brightness, in
    photographs it is about 1. picture (B, 3, S, S), inside (B, 1, S, S), tone (B, 1, 1, 1) mean brightness of the crop.
    """
    bright = ((picture.mean(1, keepdim=True) / tone.clamp(min=0.04) - 0.35) / 0.35).clamp(0, 1)
    gain = 1 + TEETH_GAIN * inside * bright * bright * (3 - 2 * bright)
    return (picture * gain).clamp(max=1.0)


def save_shard(folder: Path, kind: str, name: str, pictures: np.ndarray, drive: np.ndarray) -> None:
    """Write pictures (N, S, S, C) uint8, fields side by side in the order of FIELDS, and drive (N, D) float32."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{kind}_{name}_pictures.npy", pictures)
    np.save(folder / f"{kind}_{name}_drive.npy", drive.astype(np.float32))


def _swaps() -> np.ndarray:
    """Where each of the 25 coefficients goes when the face is mirrored."""
    names = list(EXPRESSIONS)
    other = [
        n.replace("Left", "Right")
        if n.endswith("Left")
        else n.replace("Right", "Left")
        if n.endswith("Right")
        else n
        for n in names
    ]
    return np.array([names.index(n) for n in other])


SWAPS = _swaps()


def mirrored(batch: Batch) -> Batch:
    """The same mouths seen in a mirror. (Eyelids have their mirror built in: the left eye is the right's.)"""
    drive = batch.drive.clone()
    drive[:, :25] = batch.drive[:, SWAPS]
    drive[:, 26] = -batch.drive[:, 26]  # yaw
    drive[:, 28] = -batch.drive[:, 28]  # the jaw's sideways movement
    frame, source, target, gate, inner = (planes.flip(-1) for planes in batch.pictures)
    return Batch(frame, source, target, gate, inner, drive)


def augmented(batch: Batch, random: Random) -> Batch:
    """Change light, colour, contrast, sharpness and grain of photo and truth alike, sample by sample.

    Grain comes only to what the networks see: the truth they should paint is clean.
    """
    count = len(batch.drive)
    draw = lambda *shape: torch.from_numpy(random.random((count, *shape)).astype(np.float32))  # noqa: E731
    gamma = torch.exp((draw(1, 1, 1) - 0.5) * 0.7)
    gain = 1 + (draw(3, 1, 1) - 0.5) * 0.24
    level = 0.75 + 0.45 * draw(1, 1, 1)
    lift = 0.10 * (draw(1, 1, 1) - 0.4)
    colourful = torch.where(draw(1, 1, 1) < 0.04, 0.0, 0.7 + 0.7 * draw(1, 1, 1))
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    blur = 0.5 + 1.0 * random.random()
    blurred = draw(1, 1, 1) < 0.3

    def look(planes: Tensor) -> Tensor:
        picture = planes.clamp(min=1e-3) ** gamma * gain * level + lift
        grey = (picture * weights).sum(1, keepdim=True)
        picture = (grey + (picture - grey) * colourful).clamp(0, 1)
        return torch.where(blurred, blurred_picture(picture, blur), picture)

    grain = draw(1, 1, 1) * 0.035 * (draw(1, 1, 1) < 0.5)

    def seen(planes: Tensor) -> Tensor:
        noise = torch.randn(planes[:, :3].shape) * grain
        return torch.cat([(look(planes[:, :3]) + noise).clamp(0, 1), planes[:, 3:]], 1)

    return Batch(
        seen(batch.frame), seen(batch.source), look(batch.target), batch.gate, batch.inner, batch.drive
    )


def blurred_picture(picture: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, C, H, W), 5 pixels wide."""
    taps = torch.exp(-0.5 * (torch.arange(-2.0, 3.0) / sigma) ** 2)
    taps = taps / taps.sum()
    channels = picture.shape[1]
    rows = taps.view(1, 1, 1, 5).expand(channels, 1, 1, 5)
    picture = F.conv2d(F.pad(picture, (2, 2, 0, 0), mode="replicate"), rows, groups=channels)
    return F.conv2d(F.pad(picture, (0, 0, 2, 2), mode="replicate"), rows.transpose(2, 3), groups=channels)
