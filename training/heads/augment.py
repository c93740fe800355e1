"""From linear light to the pixels of some photo, painting or drawing: tone, colour, brush, blur, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import GROUPS

Floats = NDArray[Any]  # float32, but the stubs of cv2 promise no type
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Development:
    """A tone and colour rendition, the same for every picture it is applied to."""

    gamma: float
    contrast: float
    brightness: float
    balance: tuple[float, float, float]
    saturation: float
    sepia: float

    def apply(self, linear: Floats) -> Floats:
        """Linear light (..., 3) -> display values (..., 3) float32 0..1."""
        image = linear / (1 + 0.36 * np.clip(linear - 0.7, 0, None))
        image = np.clip(image, 0, 1) ** (1 / self.gamma)
        image = (image - 0.5) * self.contrast + 0.5 + self.brightness
        image = image * np.array(self.balance, np.float32)
        grey = image @ np.array([0.299, 0.587, 0.114], np.float32)
        image = grey[..., None] + (image - grey[..., None]) * self.saturation
        if self.sepia > 0:
            tint = grey[..., None] * np.array([1.08, 0.98, 0.8], np.float32)
            image = image + self.sepia * (tint - image)
        return np.asarray(np.clip(image, 0, 1), np.float32)


def sample_development(rng: np.random.Generator) -> Development:
    """Everyday photos mostly; some faded, tinted, grey or brown."""
    plain = rng.random() < 0.5
    balance = 1 + rng.normal(0, 0.06, 3)
    grey = rng.random() < 0.1
    return Development(
        gamma=float(rng.uniform(1.15, 2.0)),
        contrast=1.0 if plain else float(rng.uniform(0.7, 1.35)),
        brightness=0.0 if plain else float(rng.normal(0, 0.07)),
        balance=(float(balance[0]), float(balance[1]), float(balance[2])),
        saturation=0.0 if grey else float(rng.uniform(0.45, 1.35)),
        sepia=float(rng.uniform(0.2, 0.9)) if rng.random() < 0.08 else 0.0,
    )


def paint(picture: Floats, rng: np.random.Generator) -> Floats:
    """A brush: (S, S, 3) display values smoothed along shapes, perhaps posterised, on a woven canvas."""
    mode = rng.random()
    image: Floats = picture
    side = image.shape[0]
    if mode < 0.5:
        radius = max(3, int(side / 64) * 2 + 1)
        image = _displayed(cv2.medianBlur(np.asarray(image * 255, np.uint8), radius))
    elif mode < 0.8:
        image = cv2.bilateralFilter(image, 5, 0.15, side / 40)
    else:
        levels = rng.uniform(4, 10)
        soft = cv2.bilateralFilter(image, 5, 0.2, side / 40)
        image = np.round(soft * levels) / np.float32(levels)
    if rng.random() < 0.5:
        weave: Floats = rng.standard_normal((side, side, 1)).astype(np.float32)
        weave = cv2.GaussianBlur(weave, (0, 0), float(rng.uniform(0.5, 1.2)))[..., None]
        image = image * (1 + rng.uniform(0.02, 0.12) * weave)
    return np.asarray(np.clip(image, 0, 1), np.float32)


def _displayed(pixels: NDArray[Any]) -> Floats:
    return pixels.astype(np.float32) / 255


def sketch(image: Floats, rng: np.random.Generator) -> Floats:
    """Lines of a pencil or an etching: the picture divided by its own blur."""
    grey = image.mean(axis=-1)
    soft = cv2.GaussianBlur(grey, (0, 0), float(rng.uniform(1.5, 5)))
    lines = np.clip(grey / (soft + 0.05), 0, 1.1) ** rng.uniform(1.5, 4)
    tone = rng.uniform(0.2, 0.8)
    drawn = np.clip((1 - tone) * lines + tone * lines * (0.4 + 0.6 * grey), 0, 1)
    return np.asarray(drawn[..., None] * rng.uniform([0.85, 0.8, 0.7], [1, 1, 1]), np.float32)


def developed(linear: Floats, rng: np.random.Generator, paintings: float) -> Image:
    """A linear render as a picture: tone, style (a share of `paintings`, 2.5 % sketches) and loss of quality."""
    image = sample_development(rng).apply(linear)
    style = rng.random()
    if style < paintings:
        image = paint(image, rng)
    elif style < paintings + 0.025:
        image = sketch(image, rng)
    return degrade(image, rng)


def degrade(image: Floats, rng: np.random.Generator) -> Image:
    """Display values (S, S, 3) -> uint8, after blur or coarse pixels or sharpening, noise and JPEG."""
    side = image.shape[0]
    mode = rng.random()
    if mode < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.6)) * side / 128)
    elif mode < 0.42:
        small = int(side * rng.uniform(0.3, 0.8))
        method = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)[rng.integers(3)]
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (side, side), interpolation=method)
    elif mode < 0.55:
        blurred = cv2.GaussianBlur(image, (0, 0), side / 128)
        image = image + rng.uniform(0.3, 1.2) * (image - blurred)
    if rng.random() < 0.5:
        image = image + rng.normal(0, rng.uniform(0.003, 0.05), image.shape)
    pixels = np.clip(image * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))])
        pixels = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return pixels


def enlarge_eyes(image: Floats, landmarks: Floats, amount: float) -> tuple[Floats, Floats]:
    """Caricature: magnify round each eye by up to ``1 / (1 - amount)``; returns picture and landmarks (116, 2)."""
    side = image.shape[0]
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    grid = np.stack([columns, rows], axis=-1)
    eyes = np.stack([landmarks[GROUPS[name]].mean(axis=0) for name in ("eye_right", "eye_left")])
    radius = max(0.48 * float(np.linalg.norm(eyes[1] - eyes[0])), 4.0)

    def pull(points: Floats) -> Floats:
        """Where in the original the points of the caricature come from."""
        source = points.copy()
        for eye in eyes:
            offset = points - eye
            near = np.clip(1 - (offset**2).sum(axis=-1, keepdims=True) / radius**2, 0, 1)
            source -= offset * amount * near**2
        return source

    source = pull(grid)
    image = cv2.remap(
        image, source[..., 0], source[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    moved = landmarks.copy()
    for _ in range(12):
        moved += landmarks - pull(moved)
    return np.asarray(image, np.float32), moved


def occlude(
    image: Floats, landmarks: Floats, skin: tuple[float, float, float], rng: np.random.Generator
) -> None:
    """Lay a hand-like or coloured blob over part of the face, in place."""
    span = float(np.ptp(landmarks[:, 0]))
    centre = landmarks[rng.integers(len(landmarks))] + rng.normal(0, 0.25, 2) * span
    radius = rng.uniform(0.06, 0.28) * span
    mask = np.zeros(image.shape[:2], np.uint8)
    axes = (int(radius) + 1, int(radius * rng.uniform(0.3, 2.0)) + 1)
    middle = (int(centre[0]), int(centre[1]))
    cv2.ellipse(mask, middle, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    weight = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 1.0)[..., None]
    colour = np.array(skin) if rng.random() < 0.5 else rng.random(3)
    grain = cv2.resize(rng.uniform(0.6, 1.3, (6, 6)).astype(np.float32), image.shape[:2])
    image += weight * (colour * grain[..., None] - image).astype(np.float32)
