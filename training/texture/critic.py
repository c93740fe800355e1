"""What makes painted teeth sharp: a critic that tells patches of truth from patches of paint, and borrowed features.

Losses that compare pixels answer with the mean of all that might be there, which is a blur. The critic (a patch
discriminator with hinge loss, Miyato et al., 2018; Isola et al., 2017) asks for something that might be there, and
the features in which it sees the difference hold the paint close to the truth (Wang et al., 2018).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from training.landmarks.network import LandmarkNetwork
from training.texture.losses import weighted_mean
from training.texture.networks import TONE_IN

STEEPNESS = (
    10.0  # of the scores: spectral normalisation bounds it at 1, and teeth differ from their blur by less
)


class PatchCritic(nn.Module):
    """Scores overlapping patches of 38 pixels; sees colours as multiples of the photo's tone, and where it looks.

    Picture (B, 3, h, w), judged part (B, 1, h, w), place (1, 2, h, w) in the crop, tone (B, 3, 1, 1) of the photo ->
    the features of each layer, finest first, the last of them the scores (B, 1, h/8, w/8), high for truth.
    """

    def __init__(self, widths: tuple[int, int, int] = (16, 32, 64)) -> None:
        super().__init__()
        inputs = (6, *widths[:2])
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(before, after, 4, 2, 1))
            for before, after in zip(inputs, widths, strict=True)
        )
        self.score = spectral_norm(nn.Conv2d(widths[-1], 1, 3, 1, 1))

    def forward(self, picture: Tensor, inner: Tensor, place: Tensor, tone: Tensor) -> list[Tensor]:
        x = torch.cat([picture * (TONE_IN / tone), inner, place.expand(len(picture), -1, -1, -1)], 1)
        x = x.contiguous(memory_format=torch.channels_last)
        seen = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            seen.append(x)
        return [*seen, STEEPNESS * self.score(x)]


def critic_loss(of_truth: list[Tensor], of_paint: list[Tensor], inner: Tensor) -> Tensor:
    """Hinge loss of the critic, patches counting by how much of them is judged."""
    weights = resized(inner, of_truth[-1])
    wrong = F.relu(1 - of_truth[-1].float()) + F.relu(1 + of_paint[-1].float())
    return weighted_mean(wrong, weights)


def adversarial_loss(of_paint: list[Tensor], inner: Tensor) -> Tensor:
    """What the painter pays for patches that the critic takes for paint."""
    return -weighted_mean(of_paint[-1].float(), resized(inner, of_paint[-1]))


def balance(loss: Tensor, against: Tensor, picture: Tensor) -> Tensor:
    """The factor at which `loss` pulls at the picture as strongly as `against` does (Esser et al., 2021)."""
    pulls = [torch.autograd.grad(part, picture, retain_graph=True)[0].norm() for part in (against, loss)]
    return (pulls[0] / (pulls[1] + 1e-6)).clamp(max=10.0).detach()


def feature_loss(of_paint: list[Tensor], of_truth: list[Tensor], weights: Tensor) -> Tensor:
    """Mean L1 distance of features (B, C, ., .), each layer in units of its own size, under weights (B, 1, h, w)."""
    total = weights.new_zeros(())
    for paint, truth in zip(of_paint, of_truth, strict=True):
        truth = truth.detach().float()
        distance = weighted_mean((paint.float() - truth).abs(), resized(weights, truth))
        total = total + distance / (truth.abs().mean() + 1e-3)
    return total / len(of_paint)


def resized(weights: Tensor, like: Tensor) -> Tensor:
    """Weights (B, 1, h, w) averaged down to the resolution of features."""
    return F.adaptive_avg_pool2d(weights, like.shape[-2:])


class LandmarkFeatures(nn.Module):
    """The first layers of our own landmark network, fixed: edges and shapes as it has learned to see them."""

    def __init__(self, network: LandmarkNetwork) -> None:
        super().__init__()
        self.first, self.second = network.stem[0], network.stem[1]
        self.third = network.down32
        self.eval().requires_grad_(False)

    def forward(self, picture: Tensor, like: Tensor) -> list[Tensor]:
        """Features of a picture (B, 3, h, w) 0..1, standardised by the mean and contrast of `like` (B, 3, h, w)."""
        mean = like.mean((1, 2, 3), keepdim=True)
        contrast = (like - mean).square().mean((1, 2, 3), keepdim=True).sqrt()
        first = self.first((picture - mean) / (contrast + 4 / 255))
        second = self.second(first)
        return [first, second, self.third(second)]
