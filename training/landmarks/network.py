"""The landmark network: a small U-Net whose 32 x 32 heat maps are read by a soft arg-max."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from runtime.stages.landmarks import COUNT, CROP_SIZE

GRID = 32


def block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = block(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


class LandmarkNetwork(nn.Module):
    """Crops (B, 3, 128, 128), RGB 0..255 -> points (B, 116, 2) and their expected error (B, 116), crop pixels.

    The error is the scale of a Laplace distribution, learned with the points (Kendall & Gal, 2017).
    """

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 64, 128), points: int = COUNT) -> None:
        super().__init__()
        a, b, c, d = widths
        self.points = points
        self.stem = nn.Sequential(block(3, a, 3, 2), block(a, b, 3, 2))
        self.down32 = Residual(b)
        self.down16 = nn.Sequential(block(b, c, 3, 2), Residual(c))
        self.down8 = nn.Sequential(block(c, d, 3, 2), Residual(d), Residual(d))
        self.down4 = nn.Sequential(block(d, d, 3, 2), Residual(d))
        self.lift8, self.lift16, self.lift32 = block(d, d, 1), block(d, c, 1), block(c, b, 1)
        self.up16, self.up32 = Residual(c), Residual(b)
        self.heat = nn.Conv2d(b, points, 1)
        self.scale = nn.Linear(d, points)
        self.register_buffer("axis", (torch.arange(GRID) + 0.5) * (CROP_SIZE / GRID) - 0.5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = standardised(x)
        at32 = self.down32(self.stem(x))
        at16 = self.down16(at32)
        at8 = self.down8(at16)
        at4 = self.down4(at8)
        y = at8 + F.interpolate(self.lift8(at4), scale_factor=2, mode="nearest")
        y = self.up16(at16 + F.interpolate(self.lift16(y), scale_factor=2, mode="nearest"))
        y = self.up32(at32 + F.interpolate(self.lift32(y), scale_factor=2, mode="nearest"))
        heat = F.softmax(self.heat(y).float().flatten(2), dim=2).unflatten(2, (GRID, GRID))
        across = (heat.sum(dim=2) * self.axis).sum(dim=-1)
        down = (heat.sum(dim=3) * self.axis).sum(dim=-1)
        log_scale = self.scale(at4.mean(dim=(2, 3))).float().clamp(-4, 3)
        return torch.stack([across, down], dim=-1), log_scale.exp()


def standardised(x: Tensor) -> Tensor:
    """Each image with its mean taken away and divided by its contrast, so that exposure does not matter."""
    centred = x - x.mean(dim=(1, 2, 3), keepdim=True)
    contrast = (centred * centred).mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return centred / (contrast + 4)
