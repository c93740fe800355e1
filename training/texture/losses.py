"""What the texture networks are asked for: right colours and, as much, right edges, where they paint."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES = 3


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Mean of values (B, C, H, W) under weights (B, 1, H, W), each sample counting by its weight."""
    return (values * weights).sum() / (weights.sum() * values.shape[1] + 1e-3)


def gradient_loss(picture: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """L1 of the differences between neighbouring pixels on a pyramid of three scales.

    It asks for edges rather than for levels, so that teeth do not dissolve into their average. Pictures (B, 3, H, W),
    weights (B, 1, H, W).
    """
    error = picture - truth
    total = error.new_zeros(())
    for _ in range(SCALES):
        across = error[..., :, 1:] - error[..., :, :-1]
        down = error[..., 1:, :] - error[..., :-1, :]
        total = total + weighted_mean(across.abs(), torch.minimum(weights[..., :, 1:], weights[..., :, :-1]))
        total = total + weighted_mean(down.abs(), torch.minimum(weights[..., 1:, :], weights[..., :-1, :]))
        error, weights = F.avg_pool2d(error, 2), F.avg_pool2d(weights, 2)
    return total / SCALES


def texture_loss(picture: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Right colours and, as much, edges in their place."""
    colours = weighted_mean((picture - truth).abs(), weights)
    return colours + gradient_loss(picture, truth, weights)
