"""Where the mesh's nodes and the landmarks of a head appear in a picture, for batches of heads at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from runtime.stages.landmarks import GROUPS
from runtime.stages.mesh import STABLE
from training.heads.contact import BLINK_FULL, BLINK_START, LID_OVERLAP, LIP_OVERLAP, Contact
from training.heads.facekit import FaceKit, Ints


@dataclass(frozen=True)
class Heads:
    """B heads, each in one state.

    Attributes:
        identity: (B, 100); expression: (B, 53) weights of the kit; closure: (B,) 0..1.
        yaw, pitch: (B,) radians, signs as in ``runtime.stages.landmarks.head_rotation``.
        distance: (B,) centimetres from the camera to the head's origin.
    """

    identity: Tensor
    expression: Tensor
    closure: Tensor
    yaw: Tensor
    pitch: Tensor
    distance: Tensor


class Projector:
    """Pictures of a chosen set of vertices, lips and lids in contact as :class:`Contact` puts them."""

    def __init__(self, kit: FaceKit, contact: Contact, vertices: Ints) -> None:
        rims = [
            contact.lip_upper,
            contact.lip_lower,
            contact.lid_upper[0],
            contact.lid_lower[0],
            contact.lid_upper[1],
            contact.lid_lower[1],
        ]
        table = np.concatenate([vertices, *rims])
        self.count = len(vertices)
        ends = self.count + np.cumsum([0] + [len(rim) for rim in rims])
        self.rims = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        basis = np.concatenate([kit.identity[:, table], kit.expressions[:, table]])
        self.mean = torch.from_numpy(kit.vertices[table].reshape(-1).copy())
        self.basis = torch.from_numpy(basis.reshape(len(basis), -1).copy())
        self.lip_weights = torch.from_numpy(contact.lip_weights[vertices].T.copy())
        self.lid_weights = [torch.from_numpy(contact.lid_weights[eye][vertices].T.copy()) for eye in (0, 1)]
        self.blinks = [kit.expression_index(name) for name in ("eyeBlink_R", "eyeBlink_L")]

    def shape(self, heads: Heads) -> Tensor:
        """(B, N, 3) vertices in the head's frame, centimetres."""
        weights = torch.cat([heads.identity, heads.expression], dim=1)
        table = torch.addmm(self.mean, weights, self.basis).view(len(weights), -1, 3)
        points = table[:, : self.count].clone()
        self._meet_lips(points, table, heads.closure)
        for eye, weight in enumerate(self.blinks):
            amount = ((heads.expression[:, weight] - BLINK_START) / (BLINK_FULL - BLINK_START)).clamp(0, 1)
            upper, lower = table[:, self.rims[2 + 2 * eye]], table[:, self.rims[3 + 2 * eye]]
            gap = (upper[..., 1] - lower[..., 1] + LID_OVERLAP).clamp(min=0)
            points[..., 1] -= (amount[:, None] * gap) @ self.lid_weights[eye]
        return points

    def _meet_lips(self, points: Tensor, table: Tensor, closure: Tensor) -> None:
        """The batched form of ``Contact.resolve``'s first half."""
        gap = table[:, self.rims[0]] - table[:, self.rims[1]]
        height = gap[..., 1]
        excess = height + LIP_OVERLAP
        pull = torch.where(height < -LIP_OVERLAP, excess, excess * closure[:, None])
        safe = torch.where(height.abs() < 1e-3, torch.ones_like(height), height)
        depth = (pull / safe).clamp(0, 1) * gap[..., 2]
        points[..., 1] -= pull @ self.lip_weights
        points[..., 2] -= depth @ self.lip_weights

    def __call__(self, heads: Heads) -> Tensor:
        """(B, N, 2) in the image's directions (x right, y down), centimetres at the depth of the head's origin."""
        x, y, z = self.shape(heads).unbind(-1)
        cos_yaw, sin_yaw = heads.yaw.cos()[:, None], heads.yaw.sin()[:, None]
        cos_pitch, sin_pitch = heads.pitch.cos()[:, None], heads.pitch.sin()[:, None]
        turned, depth = cos_yaw * x + sin_yaw * z, cos_yaw * z - sin_yaw * x
        height, depth = cos_pitch * y + sin_pitch * depth, cos_pitch * depth - sin_pitch * y
        distance = heads.distance[:, None]
        return torch.stack([turned, -height], dim=-1) * (distance / (distance - depth))[..., None]


class CanonicalFrame:
    """The batched form of ``FaceMesh.frame``: pictures -> canonical frame, by the stable landmarks."""

    def __init__(self, landmarks: Tensor, landmark_mean: Tensor) -> None:
        stable = torch.from_numpy(STABLE)
        source, target = landmarks[:, stable], landmark_mean[stable]
        self.middle, self.target = source.mean(dim=1, keepdim=True), target.mean(dim=0)
        p, t = source - self.middle, target - self.target
        power = (p**2).sum(dim=(1, 2))
        a = (p * t).sum(dim=(1, 2)) / power
        b = (p[..., 0] * t[:, 1] - p[..., 1] * t[:, 0]).sum(dim=1) / power
        self.matrix = torch.stack([torch.stack([a, -b], -1), torch.stack([b, a], -1)], dim=1)

    def __call__(self, points: Tensor) -> Tensor:
        """Map points (B, N, 2)."""
        return (points - self.middle) @ self.matrix.transpose(1, 2) + self.target


def iris_distance(landmarks: Tensor) -> Tensor:
    """(B,) distance of the irises."""
    iris = landmarks[:, GROUPS["iris"]]
    return (iris[:, 1] - iris[:, 0]).norm(dim=1)
