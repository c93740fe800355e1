"""The skin of closing eyelids: the photo's colours under the relief that the eyelid network paints.

The network has learned from rendered heads how a lid curves and where it folds, but no picture's light, make-up or
paint: in its own colours a lid looks bruised. So the colour comes from the skin round this eye, and of the network
only lighter and darker is kept. The lashes are as dark as those of the open eye.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

EYE_MARGIN: Final = 4  # pixels of the crop (64, 0.75 ipd) round eye and brow that are no skin
NEAR: Final = (
    20.0,
    14.0,
    14.0,
)  # standard deviations of what skin is compared with, crop pixels, one round each
DARKEST, BRIGHTEST = 0.72, 1.4  # beyond these shares of it a pixel is hair, fold or highlight
TOLERANCE: Final = 0.2  # within which it counts in part
SOFTNESS: Final = 9.0  # of the lid's colour, crop pixels
LEVEL: Final = 0.95  # of a lid against the skin round the eye
FOLD: Final = 4.0  # crop pixels; relief smaller than that are folds, larger is the light
FOLDS_KEPT, LIGHT_KEPT = 0.7, 0.3  # exponents
RELIEF: Final = (0.4, 1.12)  # range of what is left of it
LASHES: Final = 0.85  # how dark the lash line is against the open eye's
DARKEST_LASHES: Final = 0.85
LASH_WIDTH: Final = 2  # crop pixels
BEYOND: Final = (3, 5)  # crop pixels below and beside a lid that may be painted: lashes, and where it fades
UPPER_RIM: Final = slice(1, 8)  # of the 16 points round an eye, without the corners


class LidSkin:
    """The lid of one eye of one photo, in the eye's crop.

    `colour` (3, S, S) 0..1: the skin round the eye, spread smoothly over it; `lashes` 0..1: how much darker the upper
    rim of the open eye is.
    """

    def __init__(self, source: Floats, eye: Floats, brow: Floats) -> None:
        """`source` (3, S, S) 0..1 is the photo's crop, `eye` (16, 2) and `brow` (8, 2) the landmarks in it."""
        picture = np.ascontiguousarray(source.transpose(1, 2, 0))
        skin = np.ones(picture.shape[:2], np.float32)
        for ring in (eye, brow):
            skin *= 1 - _surrounded(ring, skin.shape)
        level, weight = picture.mean(axis=2), skin
        for reach in NEAR:
            share = level / np.maximum(_spread(picture, weight, reach).mean(axis=2), 1e-3)
            lit = np.clip((share - DARKEST) / TOLERANCE, 0, 1) * np.clip(
                (BRIGHTEST - share) / TOLERANCE, 0, 1
            )
            weight = skin * lit.astype(np.float32)
        colour = _spread(picture, weight, SOFTNESS)
        self.colour = np.ascontiguousarray(colour.transpose(2, 0, 1))
        self.lashes = _darkness_along(eye[UPPER_RIM], level, colour.mean(axis=2))

    def paint(self, painted: Floats, cover: Floats, lid: Floats) -> Floats:
        """The lid (3, S, S) 0..1 with the relief of a painted one (3, S, S).

        `cover` (S, S): where that will be seen; `lid` (S, S): new lid skin, the lashes along its lower edge.
        """
        level = painted.mean(axis=0)
        weight = cover + np.float32(1e-3)
        light = _blurred(level * weight, FOLD) / _blurred(weight, FOLD)
        mean = float((level * weight).sum() / weight.sum())
        folds = level / np.maximum(light, 1e-3)
        kept = cv2.pow(folds, FOLDS_KEPT) * cv2.pow(light / np.float32(max(mean, 1e-3)), LIGHT_KEPT)
        relief = np.clip(kept, *RELIEF)
        relief *= LEVEL - np.float32(LEVEL * LASHES * self.lashes) * _lower_edge(lid)
        return np.minimum(self.colour * relief, 1, dtype=np.float32)


def above_lashes(lid: Floats) -> Floats:
    """(S, S) 0..1: where a lid may be painted, from its lashes upwards; the eye under them stays the photo's.

    `lid` (S, S): coverage of new lid skin.
    """
    below, beside = BEYOND
    wide = cv2.dilate(lid, np.ones((1, 2 * beside + 1), np.uint8))
    up = np.maximum.accumulate(wide[::-1])[::-1]
    lowered = np.ones_like(up)
    lowered[below:] = up[:-below]
    return _blurred(lowered, 0.7)


def _surrounded(ring: Floats, shape: tuple[int, ...]) -> Floats:
    """(S, S) 1 inside a ring of landmarks (N, 2) and for EYE_MARGIN round it."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(ring * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)  # 1/16 pixels
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * EYE_MARGIN + 1, 2 * EYE_MARGIN + 1))
    return np.asarray(cv2.dilate(mask, disc), np.float32) / np.float32(255)


def _spread(picture: Floats, weight: Floats, reach: float) -> Floats:
    """A picture (S, S, 3) averaged over a bell curve, each pixel counting by its weight (S, S)."""
    weight = weight + np.float32(1e-4)  # a crop without any skin gets its own mean colour
    return np.asarray(_blurred(picture * weight[..., None], reach) / _blurred(weight, reach)[..., None])


def _blurred(values: Floats, reach: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), reach, borderType=cv2.BORDER_CONSTANT), np.float32)


def _darkness_along(rim: Floats, level: Floats, skin: Floats) -> float:
    """How much darker than the skin the lashes are: the darkest pixel across the rim, its median along it."""
    size = len(level) - 1
    columns, rows = np.clip(np.round(rim).astype(int), 0, size).T
    fine = _blurred(level, 0.8)
    across = np.stack([fine[np.clip(rows + step, 0, size), columns] for step in (-2, -1, 0, 1)])
    shares = across.min(axis=0) / np.maximum(skin[rows, columns], 1e-3)
    return float(np.clip(1 - np.median(shares), 0, DARKEST_LASHES))


def _lower_edge(lid: Floats) -> Floats:
    """(S, S) 0..1: the last LASH_WIDTH rows of a mask, column by column."""
    below = np.zeros_like(lid)
    below[:-LASH_WIDTH] = lid[LASH_WIDTH:]
    return _blurred(np.maximum(lid - below, 0), 0.7)
