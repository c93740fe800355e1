"""The two networks of the motion field. Both see landmarks (B, 116, 2) in the canonical frame."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 512
COEFFICIENTS = 25
_GAIN_IN, _GAIN_OUT = 4.0, 0.1  # canonical deviations are near 0.1: keep what the layers see near 1
_GAIN_ANGLE = 6.0


class Residual(nn.Module):
    """A fully connected layer whose result is added to what it saw."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, width) -> (B, width)."""
        return hidden + F.relu(self.layer(hidden))


class MeshSource(nn.Module):
    """Where the mesh lies on a photo, and the expression that its face already wears."""

    landmark_mean: Tensor
    node_mean: Tensor

    def __init__(self, landmark_mean: Tensor, node_mean: Tensor, width: int = WIDTH) -> None:
        super().__init__()
        self.register_buffer("landmark_mean", landmark_mean)
        self.register_buffer("node_mean", node_mean)
        inputs, outputs = landmark_mean.numel(), node_mean.numel()
        self.linear = nn.Linear(inputs, outputs)
        self.hidden = nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), Residual(width), Residual(width))
        self.nodes = nn.Linear(width, outputs)
        self.expression = nn.Linear(width, COEFFICIENTS + 1)
        for layer in (self.linear, self.nodes):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, landmarks: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 116, 2) -> nodes (B, V, 2), expression (B, 26): 25 coefficients and closure."""
        seen = ((landmarks - self.landmark_mean) * _GAIN_IN).flatten(1)
        hidden = self.hidden(seen)
        moved = _GAIN_OUT * (self.linear(seen) + self.nodes(hidden)).float()
        return self.node_mean + moved.view(-1, *self.node_mean.shape), self.expression(hidden).float()


class MeshMotion(nn.Module):
    """How the mesh moves when the face is driven.

    An expression's offsets are nearly linear in its coefficients, with a basis that the face's shape and pose decide:
    the drive's features are multiplied by the face's, and a residual network adds what is not linear (contact,
    perspective).
    """

    landmark_mean: Tensor

    def __init__(self, landmark_mean: Tensor, node_count: int, width: int = WIDTH) -> None:
        super().__init__()
        self.register_buffer("landmark_mean", landmark_mean)
        self.node_count = node_count
        self.face = nn.Sequential(nn.Linear(landmark_mean.numel(), width), nn.ReLU(), Residual(width))
        self.drive = nn.Linear(COEFFICIENTS + 3, width)
        self.shaped, self.gate = nn.Linear(width, width), nn.Linear(COEFFICIENTS + 3, width)
        self.mixed = nn.Sequential(Residual(width), Residual(width))
        self.offsets = nn.Linear(width, node_count * 2)
        nn.init.zeros_(self.offsets.weight)
        nn.init.zeros_(self.offsets.bias)

    def forward(self, landmarks: Tensor, drive: Tensor) -> Tensor:
        """(B, 116, 2) and (B, 28): coefficients, closure, yaw, pitch -> offsets (B, V, 2)."""
        seen = ((landmarks - self.landmark_mean) * _GAIN_IN).flatten(1)
        drive = torch.cat([drive[:, : COEFFICIENTS + 1], drive[:, COEFFICIENTS + 1 :] * _GAIN_ANGLE], dim=1)
        face = self.face(seen)
        moved = self.offsets(
            self.mixed(face + self.drive(drive) + self.shaped(face) * self.gate(drive))
        ).float()
        return _GAIN_OUT * moved.view(-1, self.node_count, 2)
