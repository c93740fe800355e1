"""The trained mouth network, cut up so that what runs for every frame is convolutions and nothing else.

What depends on the photo alone runs once for a portrait (`MouthSource`), what depends on the drive alone is a few small
matrix products (`MouthDrive`), and the atlases are sampled outside (`atlases`): the runtime interpolates faster, and as
well. `MouthPainter` is left. Together they give the answer of `MouthNetwork`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.exporting import write_onnx
from training.packing import add_asset, add_graph
from training.texture.networks import (
    ATLAS_CHANNELS,
    DRIVE_MOUTH,
    MOUTH_SIZE,
    MOUTH_SPAN,
    PALE,
    TONE_IN,
    TONE_MOUTH,
    Atlas,
    Merge,
    MouthNetwork,
    tone_of,
)

SURE = 7.0  # logits beyond which colours and weights are 0 or 1 in eight bits
SEEN = (
    12  # channels of `near` that the encoder sees: lips and mask 4, photo and mask 4, two coordinate frames 4
)
IMAGES = 8  # of them the first, which are pictures


class MouthSource(nn.Module):
    """What the painter knows of a photo: source (B, 4, S, S) 0..1 -> photo, code, gain_in, gain_out.

    photo (B, 4, S, S): the crop as the painter wants it; code (B, 51) for `MouthDrive`; gain_in (B, 3): what RGB 0..1
    of every frame's crop is to be multiplied by; gain_out (B, 3): what the painter's colours are shares of, RGB 0..1.
    """

    def __init__(self, network: MouthNetwork) -> None:
        super().__init__()
        self.portrait = network.portrait

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        tone = tone_of(source)
        gain = TONE_IN / tone
        photo = torch.cat([source[:, :3] * gain, source[:, 3:]], 1)
        code = torch.cat([self.portrait(photo), tone.flatten(1)], 1)
        # Teeth are nearer to grey than the skin round them.
        paler = tone + PALE * (tone.mean(1, keepdim=True) - tone)
        return photo, code, gain.flatten(1), TONE_MOUTH * paler.flatten(1)


class MouthDrive(nn.Module):
    """What the painter is told of a frame: code (B, 51), drive (B, 30) -> rows, told_fine, told_coarse.

    rows (B, 2, 2, 3): pixels of the crop -> pixels of the upper and of the lower teeth's atlas; told_fine (B, 48) and
    told_coarse (B, 96) are for the painter.
    """

    still: Tensor

    def __init__(self, network: MouthNetwork) -> None:
        super().__init__()
        self.place, self.tell = network.place, network.tell
        self.tell8, self.tell32 = network.tell8, network.tell32
        self.register_buffer("still", torch.eye(2, 3).expand(2, 2, 3).contiguous(), persistent=False)

    def forward(self, code: Tensor, drive: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        words = torch.cat([code, drive], 1)
        told = self.tell(words)
        # In units of -1..1 a row shows what lies at still @ (x - jaw, 1) + 0.1 * place.
        affine = self.still + 0.1 * self.place(words).view(-1, 2, 2, 3)
        turn, shift = affine[..., :2], affine[..., 2:]
        jaw = drive[:, 28:30, None] * (2.0 / MOUTH_SPAN)
        moved = torch.stack([torch.zeros_like(jaw), jaw], 1)
        half = MOUTH_SIZE / 2
        # A pixel p lies at (p + 0.5) / half - 1.
        corner = turn @ (0.5 / half - 1.0 - moved) + shift
        return torch.cat([turn, (corner + 1.0) * half - 0.5], 3), self.tell32(told), self.tell8(told)


def enlarge(features: Tensor) -> Tensor:
    """Every pixel twice along both sides, by copies of whole rows.

    Convolutions in INT8 keep channels together; there ONNX Runtime resizes byte by byte, in ten times the time.
    """
    channels, height, width = features.shape[1:]
    rows = features.permute(0, 2, 3, 1)
    rows = torch.cat([rows, rows], 3).reshape(-1, height, 1, 2 * width * channels)
    rows = torch.cat([rows, rows], 2).reshape(-1, 2 * height, 2 * width, channels)
    return rows.permute(0, 3, 1, 2)


class SplitMerge(nn.Module):
    """`Merge` with its 1x1 convolution done for the coarse features before they are enlarged: a quarter of the work."""

    def __init__(self, merge: Merge, coarse: int) -> None:
        super().__init__()
        joint = merge[0]
        assert isinstance(joint, nn.Conv2d) and joint.bias is not None  # BatchNorm is folded
        fine = joint.in_channels - coarse
        self.coarse = nn.Conv2d(coarse, joint.out_channels, 1, bias=False)
        self.fine = nn.Conv2d(fine, joint.out_channels, 1)
        with torch.no_grad():
            self.coarse.weight.copy_(joint.weight[:, :coarse])
            self.fine.weight.copy_(joint.weight[:, coarse:])
            assert self.fine.bias is not None
            self.fine.bias.copy_(joint.bias)
        self.rest = merge[3]

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        return self.rest(torch.relu(enlarge(self.coarse(coarse)) + self.fine(fine)))


class MouthPainter(nn.Module):
    """What runs for every frame: near (B, 20, S, S), told_fine (B, 48), told_coarse (B, 96) -> painted (B, 5, S, S).

    near: RGB of the warped photo times `gain_in`, 0 inside the open mouth; coverage of the open mouth; the `photo` (4);
    the crop's coordinates -1..1 (2), and these minus the jaw's offset in the same units (2); the atlases of the upper
    and of the lower teeth (4 each), sampled through `rows`.
    painted, 0..1: RGB as a share of `gain_out`, the rim's weight, the weight of the photo's own teeth.
    """

    def __init__(self, network: MouthNetwork) -> None:
        """`network` with its BatchNorm folded."""
        super().__init__()
        first = network.down1[0][0]
        self.down1 = copy.deepcopy(network.down1)
        # One tensor serves as input twice: weights of 0 for what only the other reader looks at.
        self.down1[0][0] = widened(first, [*range(SEEN)], SEEN + 2 * ATLAS_CHANNELS)
        self.down2, self.down3, self.down4 = network.down2, network.down3, network.down4
        w1, w2, w3, w4 = (
            down[1][0].out_channels for down in (network.down1, self.down2, self.down3, self.down4)
        )
        self.up3 = SplitMerge(network.up3, w4)
        self.up2 = SplitMerge(network.up2, w3)
        self.up1 = SplitMerge(network.up1, w2)
        self.up0 = SplitMerge(network.up0, w1)
        read = [*range(IMAGES), *range(SEEN, SEEN + 2 * ATLAS_CHANNELS)]
        self.up0.fine = widened(self.up0.fine, read, SEEN + 2 * ATLAS_CHANNELS)
        self.head = network.head

    def forward(self, near: Tensor, told_fine: Tensor, told_coarse: Tensor) -> Tensor:
        d1 = self.down1(near)
        d2 = self.down2(d1) + told_fine[:, :, None, None]
        d3 = self.down3(d2)
        d4 = self.down4(d3) + told_coarse[:, :, None, None]
        u3 = self.up3(d4, d3)
        u2 = self.up2(u3, d2)
        u1 = self.up1(u2, d1)
        # Within narrower bounds eight bits tell the answers apart more finely.
        return torch.sigmoid(self.head(self.up0(u1, near)).clamp(-SURE, SURE))


def widened(convolution: nn.Module, reads: list[int], channels: int) -> nn.Conv2d:
    """The same convolution over an input of more channels, of which it reads some."""
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    wide = nn.Conv2d(
        channels,
        convolution.out_channels,
        convolution.kernel_size,  # type: ignore[arg-type]
        convolution.stride,  # type: ignore[arg-type]
        convolution.padding,  # type: ignore[arg-type]
    )
    with torch.no_grad():
        wide.weight.zero_()
        wide.weight[:, reads] = convolution.weight
        assert wide.bias is not None
        wide.bias.copy_(convolution.bias)
    return wide


def atlases(network: MouthNetwork) -> NDArray[np.float32]:
    """(2, S, S, 4): the atlases of the upper and of the lower teeth."""
    rows: list[Atlas] = [network.upper, network.lower]
    planes = torch.cat([(row.features * row.window).detach() for row in rows])
    return planes.permute(0, 2, 3, 1).contiguous().numpy()


def add_mouth(network: MouthNetwork, pack_dir: Path, work: Path, record: Mapping[str, Any]) -> list[Path]:
    """Put a trained mouth network, its BatchNorm folded, into a pack: three graphs and the atlases."""
    source, drive, painter = (part(network).eval() for part in (MouthSource, MouthDrive, MouthPainter))
    crop, words = torch.rand(2, 4, MOUTH_SIZE, MOUTH_SIZE), torch.zeros(2, DRIVE_MOUTH)
    with torch.no_grad():
        _, code, *_ = source(crop)
        _, told_fine, told_coarse = drive(code, words)
    near = torch.rand(2, SEEN + 2 * ATLAS_CHANNELS, MOUTH_SIZE, MOUTH_SIZE)
    told = {"told_fine": told_fine, "told_coarse": told_coarse}
    graphs: list[tuple[str, nn.Module, dict[str, Tensor], list[str]]] = [
        ("mouth_source", source, {"source": crop}, ["photo", "code", "gain_in", "gain_out"]),
        ("mouth_drive", drive, {"code": code, "drive": words}, ["rows", *told]),
        ("mouth", painter, {"near": near, **told}, ["painted"]),
    ]
    added = []
    for name, module, inputs, outputs in graphs:
        path = work / f"{name}.onnx"
        write_onnx(module, inputs, outputs, path)
        added.append(add_graph(pack_dir, name, path, record))
    stored = work / "mouth_atlases.npz"
    np.savez_compressed(stored, atlases=atlases(network).astype(np.float16))
    return [*added, add_asset(pack_dir, "mouth_atlases", stored, record)]
