"""Random looks: skin, lips, brows, beard, hair, eyes and teeth of a person, a statue or a drawing."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.heads.shading import Colour, Material

Kind = Literal["person", "statue", "drawing"]

# Channel order that shading.py counts on.
MASK_ORDER = (
    "lips",
    "brow",
    "liner",
    "socket",
    "blush",
    "nostril",
    "beard",
    "moustache",
    "walrus",
    "goatee",
    "seam",
    "any",
)

_SKINS = np.array(
    [
        [0.90, 0.72, 0.62],
        [0.86, 0.66, 0.54],
        [0.80, 0.60, 0.47],
        [0.72, 0.52, 0.39],
        [0.60, 0.42, 0.30],
        [0.47, 0.31, 0.22],
        [0.34, 0.22, 0.16],
        [0.24, 0.155, 0.115],
        [0.93, 0.78, 0.70],
    ]
)
_HAIRS = np.array(
    [
        [0.06, 0.05, 0.045],
        [0.10, 0.07, 0.05],
        [0.20, 0.12, 0.07],
        [0.32, 0.20, 0.11],
        [0.55, 0.40, 0.22],
        [0.75, 0.60, 0.38],
        [0.50, 0.50, 0.50],
        [0.78, 0.76, 0.73],
        [0.40, 0.15, 0.06],
        [0.04, 0.04, 0.05],
    ]
)
_IRISES = np.array(
    [
        [0.22, 0.12, 0.06],
        [0.12, 0.07, 0.04],
        [0.30, 0.42, 0.55],
        [0.35, 0.42, 0.25],
        [0.40, 0.28, 0.12],
        [0.45, 0.50, 0.52],
    ]
)
_STONES = np.array(
    [[0.62, 0.36, 0.24], [0.75, 0.72, 0.66], [0.5, 0.48, 0.45], [0.35, 0.25, 0.15], [0.3, 0.33, 0.3]]
)


def _colour(values: NDArray[np.floating]) -> Colour:
    red, green, blue = np.clip(values, 0.01, 1.1)
    return float(red), float(green), float(blue)


def sample_material(rng: np.random.Generator, kind: Kind = "person", hat: bool = False) -> Material:
    """Draw the looks of one head. A ``hat`` wears the hair's colour, evenly."""
    if kind == "statue":
        return _statue(rng)
    person = _person(rng, hat)
    return _drawn(person, rng) if kind == "drawing" else person


def _skin_colour(rng: np.random.Generator) -> NDArray[np.float64]:
    first, second = _SKINS[rng.integers(len(_SKINS), size=2)]
    blend = rng.random() * 0.4
    tone = (first * (1 - blend) + second * blend) * rng.uniform(0.85, 1.08) * (1 + rng.normal(0, 0.05, 3))
    return np.asarray(np.clip(tone, 0.05, 1))


def _lip_colour(rng: np.random.Generator, skin: NDArray[np.float64]) -> NDArray[np.float64]:
    if rng.random() < 0.22:
        return rng.uniform([0.45, 0.05, 0.08], [0.85, 0.35, 0.4])
    return np.asarray(skin * rng.uniform([0.85, 0.55, 0.6], [1.08, 0.82, 0.9]))


def _person(rng: np.random.Generator, hat: bool) -> Material:
    skin = _skin_colour(rng)
    lip = _lip_colour(rng, skin)
    hair = np.clip(
        _HAIRS[rng.integers(len(_HAIRS))] * rng.uniform(0.6, 1.3) + rng.normal(0, 0.015, 3), 0.015, 1
    )
    brow = np.clip(hair * rng.uniform(0.5, 1.1), 0.02, 0.6)
    if rng.random() < 0.25:
        brow = np.array([0.1, 0.07, 0.05]) * rng.uniform(0.5, 1.5)
    beard_colour = brow * rng.uniform(0.7, 1.4)
    if hat or rng.random() < 0.04:
        hair = rng.random(3) * rng.uniform(0.3, 1)
    beard, moustache, walrus, goatee = _facial_hair(rng)
    mouth = rng.uniform([0.42, 0.16, 0.16], [0.72, 0.34, 0.34])
    return Material(
        skin=_colour(skin),
        lip=_colour(lip),
        brow=_colour(brow),
        beard=_colour(beard_colour),
        hair=_colour(hair),
        mouth=_colour(mouth),
        tongue=_colour(mouth * rng.uniform([0.95, 0.95, 0.95], [1.25, 1.3, 1.3])),
        blush=_colour(skin * np.array([1.08, 0.72, 0.72])),
        teeth=_colour(
            np.array([0.86, 0.80, 0.70]) * rng.uniform(0.7, 1.1) * rng.uniform([1, 1, 0.85], [1, 1, 1.15])
        ),
        sclera=_colour(np.array([0.90, 0.86, 0.83]) * rng.uniform(0.75, 1.05)),
        iris=_colour(_IRISES[rng.choice(6, p=[0.3, 0.3, 0.13, 0.1, 0.1, 0.07])] * rng.uniform(0.7, 1.2)),
        cloth=_colour(rng.random(3) * rng.uniform(0.15, 1)),
        lip_strength=rng.uniform(0.3, 1.0),
        lip_creases=rng.uniform(0, 0.25),
        lip_gloss=rng.uniform(0, 0.35),
        brow_strength=rng.uniform(0.35, 1.0) if rng.random() < 0.9 else 0.08,
        brow_fill=rng.uniform(0, 1.0),
        liner=rng.uniform(0, 0.75),
        eye_shadow=rng.uniform(0, 0.45),
        blush_strength=rng.uniform(0, 0.6),
        beard_strength=beard,
        moustache_strength=moustache,
        walrus_strength=walrus,
        goatee_strength=goatee,
        stubble_scale=rng.uniform(0.25, 0.9),
        mottle=rng.uniform(0.01, 0.11),
        mottle_scale=rng.uniform(0.5, 2.5),
        freckles=rng.uniform(0, 0.7) if rng.random() < 0.12 else 0.0,
        shine=rng.uniform(0, 0.3),
        gloss=rng.uniform(6, 30),
        iris_radius=rng.uniform(0.105, 0.14),
        pupil_radius=rng.uniform(0.03, 0.065),
        strand_scale=rng.uniform(0.5, 2.2),
        strand_contrast=0.05 if hat else rng.uniform(0.3, 1.0),
        hair_shine=0.0 if hat else rng.uniform(0, 0.4),
        wrap=rng.uniform(0, 0.4),
        teeth_occlusion=rng.uniform(0.15, 0.5),
        neckline=rng.uniform(-14, -9),
        neck_curve=rng.uniform(-0.1, 0.4),
    )


def _facial_hair(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Strengths of beard, moustache, a moustache over the lip, goatee."""
    mode = rng.random()
    if mode > 0.42:
        return 0.0, 0.0, 0.0, 0.0
    strength = rng.uniform(0.15, 1.0)
    heavy = rng.uniform(0.4, 1.0) if rng.random() < 0.3 else 0.0
    if mode < 0.25:
        return strength, min(1.0, strength * rng.uniform(0.6, 1.5)), heavy * strength, 0.0
    if mode < 0.34:
        return 0.0, rng.uniform(0.4, 1.0), heavy, 0.0
    return strength * 0.3, rng.uniform(0, 1.0), heavy * 0.5, rng.uniform(0.4, 1.0)


def _statue(rng: np.random.Generator) -> Material:
    """One stone for everything; only shape and shadow tell lips, eyes and brows."""
    stone = np.clip(_STONES[rng.integers(len(_STONES))] * rng.uniform(0.7, 1.3), 0.05, 1)
    shade = lambda low, high: _colour(stone * rng.uniform(low, high))  # noqa: E731
    carved = rng.random() < 0.5
    return _person(rng, hat=True)._replace(
        skin=_colour(stone),
        lip=shade(0.8, 1.05),
        brow=shade(0.6, 1.0),
        beard=shade(0.6, 1.0),
        hair=shade(0.6, 1.05),
        mouth=shade(0.3, 0.6),
        tongue=shade(0.3, 0.6),
        blush=shade(0.8, 1.0),
        teeth=shade(0.6, 1.1),
        sclera=shade(0.9, 1.1),
        iris=shade(0.35, 0.8) if carved else shade(0.9, 1.05),
        cloth=shade(0.6, 1.0),
        pupil_radius=rng.uniform(0.02, 0.06) if carved else 0.0,
        liner=rng.uniform(0, 0.3),
        brow_strength=rng.uniform(0, 0.8),
        strand_contrast=rng.uniform(0.1, 0.8),
        mottle=rng.uniform(0.03, 0.2),
        freckles=0.0,
        shine=rng.uniform(0, 0.4),
    )


def _drawn(person: Material, rng: np.random.Generator) -> Material:
    """Even colours and strong outlines, as in cartoons."""
    return person._replace(
        mottle=0.0,
        freckles=0.0,
        shine=0.0,
        eye_shadow=rng.uniform(0, 0.2),
        lip_creases=0.0,
        lip_gloss=0.0,
        liner=rng.uniform(0.6, 1.0),
        brow_strength=1.0,
        brow_fill=1.0,
        hair=_colour(np.array(person.hair) * 0.5 + 0.5 * rng.random(3)),
        iris=_colour(rng.random(3) * 0.8),
        iris_radius=rng.uniform(0.13, 0.17),
        strand_contrast=rng.uniform(0, 0.5),
        hair_shine=0.0,
        wrap=0.5,
    )
