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
TEETH_GAIN = 0.2
FLESH_TINT, FLESH_GLOW = (1.1, 0.82, 0.82), (0.06, 0.02, 0.02)
DISPLAY_EXPONENT = 1 / 1.5  # of light in the renderings' development, on average
DRIVE_NOISE = 0.004
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

    def box(self, multiple: int = 16) -> tuple[slice, slice]:
        """Rows and columns, whole multiples, of the least box outside which nothing may be painted."""
        asked = self.gate.amax((0, 1)) > 0.004
        spans = []
        for line in (asked.any(1), asked.any(0)):
            where = torch.nonzero(line).flatten()
            first, last = (int(where[0]), int(where[-1])) if len(where) else (0, 0)
            spans.append(slice(first // multiple * multiple, (last // multiple + 1) * multiple))
        return spans[0], spans[1]

    def cut(self, rows: slice, columns: slice) -> Batch:
        """The same samples, cut down to a box; the drive stays."""
        frame, source, target, gate, inner = (planes[..., rows, columns] for planes in self.pictures)
        return Batch(frame, source, target, gate, inner, self.drive)


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
        if kind == "eyelid":
            self._drop_pierced_lids()
        log.info("%d %s samples in %d shards", len(self.where), kind, len(sizes))

    def __len__(self) -> int:
        return len(self.where)

    def _drop_pierced_lids(self) -> None:
        """Leave out truths in which the eyeball comes through its closed lid, a fault of the head model."""
        whole = [
            lid_is_whole(self.read(part))
            for part in np.array_split(np.arange(len(self)), len(self) // 256 + 1)
        ]
        self.where = self.where[np.concatenate(whole)]

    def read(self, numbers: np.ndarray) -> Batch:
        """The samples of some numbers, as they are."""
        places = [self.where[n] for n in numbers]
        pictures = np.stack([self.pictures[s][i] for s, i in places])
        drive = np.stack([self.drives[s][i] for s, i in places])
        planes = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
        frame, source, target, gate, inner = torch.split(planes, list(FIELDS[self.kind].values()), dim=1)
        if self.kind == "mouth":
            colours = source[:, :3].mean((2, 3), keepdim=True)
            target = relit_mouth(target, inner, colours)
            source = torch.cat([relit_mouth(source[:, :3], source[:, 3:], colours), source[:, 3:]], 1)
        return Batch(frame, source, target, gate, inner, torch.from_numpy(drive))


def lid_is_whole(batch: Batch) -> np.ndarray:
    """(B,) bool: the truth is even skin well inside the lid; also true where there is too little lid to tell."""
    margin = 7
    inside = (F.avg_pool2d((batch.inner > 0.95).float(), margin, 1, margin // 2) > 0.99).float()
    area = inside.sum((1, 2, 3))
    share = inside / area.clamp(min=1).view(-1, 1, 1, 1)
    grey = batch.target.mean(1, keepdim=True)
    mean = (grey * share).sum((1, 2, 3), keepdim=True)
    deviation = ((grey - mean) ** 2 * share).sum((1, 2, 3)).sqrt() / mean.flatten().clamp(min=0.03)
    darkest = torch.where(inside > 0, grey, torch.ones_like(grey)).amin((1, 2, 3)) / mean.flatten().clamp(
        min=0.03
    )
    return ((area < 40) | ((deviation < 0.2) & (darkest > 0.5))).numpy()


def relit_mouth(picture: Tensor, inside: Tensor, colours: Tensor) -> Tensor:
    """Light an open mouth as photographs show it, in photo and truth alike.

    `pairs.shaded_mouth` lets too little light past the upper lip and into the corners, where in speech all that is seen
    of the upper teeth lies: part of that shade is taken back. Teeth gain some brightness (in photographs their median
    is the skin's), and what is not tooth turns from grey to flesh, if the photo has colours at all. picture
    (B, 3, S, S), inside (B, 1, S, S), colours (B, 3, 1, 1) mean of the photo's crop.
    """
    tone = colours.mean(1, keepdim=True)
    colourful = ((colours.amax(1, keepdim=True) - colours.amin(1, keepdim=True)) / (0.2 * tone + 1e-3)).clamp(
        max=1
    )
    unit = 1.2 / picture.shape[-1]  # ipd of a pixel
    # A slit stays dark; and in photos landmarks easily count a slit's lips as its inside.
    inside = inside * ((unit * inside.sum(2, keepdim=True) - 0.03) / 0.05).clamp(0, 1)
    under_lip = torch.exp(-unit * inside.cumsum(2) / 0.035)
    columns = torch.linspace(-1, 1, inside.shape[3]).view(1, 1, 1, -1).expand(len(inside), 1, 1, -1)
    open_there = inside.amax(2, keepdim=True) > 0.5
    left = torch.where(open_there, columns, 1.0).amin(3, keepdim=True)
    right = torch.where(open_there, columns, -1.0).amax(3, keepdim=True)
    across = (columns - (left + right) / 2).abs() / ((right - left) / 2).clamp(min=0.05)
    corner = ((across - 0.35) / 0.65).clamp(0, 1)
    lighter = (1 - 0.25 * under_lip) / (1 - 0.55 * under_lip) * (1 - 0.3 * corner) / (1 - 0.6 * corner)
    picture = picture * (1 + inside * (lighter**DISPLAY_EXPONENT - 1))
    bright = ((picture.mean(1, keepdim=True) / tone.clamp(min=0.04) - 0.35) / 0.35).clamp(0, 1)
    tooth = bright * bright * (3 - 2 * bright)
    flesh = inside * (1 - tooth) * colourful
    picture = picture * (1 + TEETH_GAIN * inside * tooth)
    tint, glow = (torch.tensor(values).view(1, 3, 1, 1) for values in (FLESH_TINT, FLESH_GLOW))
    return (picture * (1 + flesh * (tint - 1)) + flesh * tone * glow).clamp(max=1.0)


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

    Grain comes only to what the networks see: the truth they should paint is clean. A little error of the drive,
    another in each step, keeps the answer from leaping with it from frame to frame.
    """
    count = len(batch.drive)
    draw = lambda *shape: torch.from_numpy(random.random((count, *shape)).astype(np.float32))  # noqa: E731
    gamma = torch.exp((draw(1, 1, 1) - 0.5) * 0.7)
    gain = 1 + (draw(3, 1, 1) - 0.5) * 0.24
    # Old varnish and warm light: what is white turns yellow, teeth with it.
    varnish = draw(1, 1, 1) * (draw(1, 1, 1) < 0.35)
    gain = gain * (1 - varnish * torch.tensor([0.0, 0.08, 0.42]).view(1, 3, 1, 1))
    level = 0.75 + 0.45 * draw(1, 1, 1)
    lift = 0.10 * (draw(1, 1, 1) - 0.4)
    colourful = torch.where(draw(1, 1, 1) < 0.04, 0.0, 0.7 + 0.7 * draw(1, 1, 1))
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    blur = 0.5 + 1.0 * random.random() if random.random() < 0.3 else None

    def look(planes: Tensor) -> Tensor:
        picture = planes.clamp(min=1e-3) ** gamma * gain * level + lift
        grey = (picture * weights).sum(1, keepdim=True)
        picture = (grey + (picture - grey) * colourful).clamp(0, 1)
        return picture if blur is None else blurred_picture(picture, blur)

    grain = draw(1, 1, 1) * 0.035 if random.random() < 0.5 else None

    def seen(planes: Tensor) -> Tensor:
        picture = look(planes[:, :3])
        if grain is not None:
            picture = (picture + torch.randn(picture.shape) * grain).clamp(0, 1)
        return torch.cat([picture, planes[:, 3:]], 1)

    drive = batch.drive + DRIVE_NOISE * torch.randn(batch.drive.shape)
    return Batch(seen(batch.frame), seen(batch.source), look(batch.target), batch.gate, batch.inner, drive)


def blurred_picture(picture: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, C, H, W), 5 pixels wide."""
    taps = torch.exp(-0.5 * (torch.arange(-2.0, 3.0) / sigma) ** 2)
    taps = taps / taps.sum()
    channels = picture.shape[1]
    rows = taps.view(1, 1, 1, 5).expand(channels, 1, 1, 5)
    picture = F.conv2d(F.pad(picture, (2, 2, 0, 0), mode="replicate"), rows, groups=channels)
    return F.conv2d(F.pad(picture, (0, 0, 2, 2), mode="replicate"), rows.transpose(2, 3), groups=channels)
