"""The skin of closing eyelids: the photo with its eye taken out, made round, and the photo's own lashes along the rim.

A photo of an open eye hides the lid, but shows all that surrounds it. So a lid is filled in from the skin round the
eye: it is lit as that is, and the folds about it stay, only fainter, since a falling lid smooths them. It bulges over
the eyeball, so it is lighter in its middle; in what hue it darkens is measured in the picture, for skin in the shade
is redder than a darker grey of it. The grain comes from the cheek. The eyelid network has learned from rendered heads
where a lid covers the face and where it folds; but it knows no picture's light, make-up or paint, and so only a
little of the folds, and none of its colours, are taken from it.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.rims import BLINK_MEETS, ramp, share

Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]

EYE_MARGIN: Final = 4  # pixels of the crop (64, 0.75 ipd) round eye and brow that are no skin
# Standard deviations of what skin is compared with, crop pixels, one round each.
NEAR: Final = (20.0, 14.0, 14.0)
DARKEST, BRIGHTEST = 0.72, 1.4  # beyond these shares of it a pixel is hair, fold or highlight
TOLERANCE: Final = 0.2  # within which it counts in part
SOFTNESS: Final = 9.0  # of the lit skin's colour, crop pixels
FILLING: Final = (8.0, 4.0, 2.0)  # how far the surroundings run into the eye, crop pixels, one round each
FILLING_SHARE: Final = 2.5  # of a round's colour for each share of its reach that is no eye
SHADOW: Final = (0.2, 0.5)  # shares of the lit skin between which surroundings are shadow that runs in less
LEAST_SHADOW: Final = 0.3
FOLDS_STAY: Final = 0.6  # exponent: what a closed lid keeps of the folds round the open eye
FOLD_RANGE: Final = (0.3, 1.2)
ALONG, ACROSS = 3.0, 0.6  # crop pixels over which folds are smoothed: they run along the lid, lashes across
SHADES: Final = (-1.2, -0.1)  # logarithms of the shares of skin from which the hue of its shades is measured
SHADES_DOUBT: Final = 2.0  # sum of these logarithms squared with which the measured hue counts half
PORE: Final = 2.5  # crop pixels; what is smaller than that on the cheek is grain
GRAIN: Final = (0.85, 1.1)  # its range
FOLD: Final = 4.0  # crop pixels; what is smaller than that is a fold in what the network paints
FOLDS_KEPT: Final = 0.7  # exponent
FOLDS_PAINTED: Final = (0.86, 1.06)  # range of what is left of them
BULGE: Final = 4.0  # crop pixels over which a lid's edges lie in the shade
BULGE_LIGHT: Final = 0.5  # how much lighter its middle is than its edges
BULGE_EVEN: Final = 0.7  # share of a pixel's surroundings that are lid at which it has the skin's own light
BULGE_DARKEST: Final = 0.88
LASHES: Final = 0.95  # how opaque the lash line is
LASH_WIDTH: Final = (1.2, 2.0)  # crop pixels above and below the rim: the fringe hangs down
CORNER: Final = (0.3, 0.9)  # shares of the columns about one that have a rim, between which the lashes set in
BELOW: Final = (1.0, 4.5)  # crop pixels under the rim that lid skin may cover: of an open eye, of a shut one
UPPER_RIM: Final = slice(1, 8)  # of the 16 points round an eye, without the corners
_FAINT: Final = np.float32(1e-3)
_RIM_KERNEL: Final = cv2.getGaussianKernel(17, 2.5)  # columns, over which the rim is smoothed


class LidSkin:
    """The lid of one eye of one photo, in the eye's crop.

    `bare` (3, S, S) 0..1: the photo without the eye, with the grain of its cheek; `lashes` (3,) 0..1: the colour of
    the open eye's upper rim; `shades` (3,): how much faster than their mean red, green and blue darken on this skin.
    """

    def __init__(self, source: Floats, eye: Floats, brow: Floats, cheek: Floats) -> None:
        """`source` (3, S, S) 0..1 is the photo's crop, `eye` (16, 2) and `brow` (8, 2) the landmarks in it; `cheek`
        (3, S, S) 0..1 a crop of the skin below."""
        picture = np.ascontiguousarray(source.transpose(1, 2, 0))
        around = 1 - _surrounded(eye, picture.shape[:2])
        skin = around * (1 - _surrounded(brow, picture.shape[:2]))
        lit = _lit_skin(picture, skin)
        self.shades = _hue_of_shades(picture, lit, skin)
        self.lashes = _darkest_along(eye[UPPER_RIM], picture)
        bare = _without_eye(picture, around, lit).transpose(2, 0, 1)
        self.bare = np.ascontiguousarray(bare) * _grain(cheek)

    def layer(self, painted: Floats, gate: Floats, lid: Floats, blink: float, box: Box) -> Floats:
        """What is laid over a box (x0, y0, x1, y1) of the crop: (h, w, 4) RGB 0..255 and cover 0..1.

        `painted` (4, S, S): the network's picture and cover, 0..1; `gate` (S, S) 0..1: where it may paint, nowhere
        beyond the box; `lid` (S, S) 0..1: coverage of new lid skin; `blink` 0..1: 1 = shut.
        """
        x0, y0, x1, y1 = box
        painted, gate, lid, bare = (plane[..., y0:y1, x0:x1] for plane in (painted, gate, lid, self.bare))
        lashes, above = _rim(lid, share(blink, *BLINK_MEETS))
        cover = np.maximum(gate * painted[3], lid) * above
        light = _folds(painted[:3].mean(axis=0), cover) * _bulge(lid)
        colour = bare * (1 + self.shades[:, None, None] * (light - 1))
        # The lashes lie over the skin and, where they hang beyond it, over the open eye.
        cover += lashes * (1 - cover)
        colour += lashes / np.maximum(cover, _FAINT) * (self.lashes[:, None, None] - colour)
        layer = np.empty((*lid.shape, 4), np.float32)
        layer[..., :3] = np.minimum(colour, 1).transpose(1, 2, 0) * 255
        layer[..., 3] = cover
        return layer


def _lit_skin(picture: Floats, skin: Floats) -> Floats:
    """(S, S, 3) the colour of the skin round the eye without its folds and shadows, spread smoothly."""
    level, weight = picture.mean(axis=2), skin
    for reach in NEAR:
        shares = level / np.maximum(_spread(picture, weight, reach).mean(axis=2), _FAINT)
        lit = np.clip((shares - DARKEST) / TOLERANCE, 0, 1) * np.clip((BRIGHTEST - shares) / TOLERANCE, 0, 1)
        weight = skin * lit.astype(np.float32)
    return _spread(picture, weight, SOFTNESS)


def _without_eye(picture: Floats, around: Floats, lit: Floats) -> Floats:
    """(S, S, 3): the eye filled with what surrounds it, `around` (S, S), and with lit skin (S, S, 3) in its middle.

    What surrounds it keeps a part of its folds, and nothing of lashes.
    """
    shares = picture.mean(axis=2) / np.maximum(lit.mean(axis=2), _FAINT)
    start, end = SHADOW
    weight = around * np.clip((shares - start) / (end - start), LEAST_SHADOW, 1).astype(np.float32)
    filled = lit.copy()
    for reach in FILLING:
        known = np.minimum(FILLING_SHARE * _blurred(weight, reach), 1)[..., None]
        filled += known * (_spread(picture, weight, reach) - filled)
    sharp = np.clip(picture / np.maximum(filled, _FAINT), *FOLD_RANGE) ** np.float32(FOLDS_STAY)
    folds = cv2.GaussianBlur(sharp, (0, 0), ALONG, sigmaY=ACROSS)
    return np.asarray(filled * (1 + around[..., None] * (folds - 1)), np.float32)


def _grain(cheek: Floats) -> Floats:
    """(S, S) about 1: the pores or brush strokes of a crop (3, S, S) of skin."""
    level = cheek.mean(axis=0)
    return np.asarray(np.clip(level / np.maximum(_blurred(level, PORE), _FAINT), *GRAIN), np.float32)


def _hue_of_shades(picture: Floats, lit: Floats, skin: Floats) -> Floats:
    """(3,) about 1: how steeply the logarithm of each channel falls with that of their mean, as skin gets darker."""
    logarithms = np.log(np.maximum(picture, 0.02) / np.maximum(lit, 0.02))
    level = logarithms.mean(axis=2)
    weight = skin * ((level > SHADES[0]) & (level < SHADES[1]))
    along = (weight[..., None] * logarithms * level[..., None]).sum(axis=(0, 1))
    return np.asarray((along + SHADES_DOUBT) / ((weight * level**2).sum() + SHADES_DOUBT), np.float32)


def _darkest_along(rim: Floats, picture: Floats) -> Floats:
    """(3,) the colour of the lashes: that of the darkest pixel across the rim, its median along it."""
    size = len(picture) - 1
    columns, rows = np.clip(np.round(rim).astype(int), 0, size).T
    fine = _blurred(picture, 0.8)
    across = np.stack([fine[np.clip(rows + step, 0, size), columns] for step in (-2, -1, 0, 1)])
    darkest = across.mean(axis=2).argmin(axis=0)
    return np.asarray(np.median(across[darkest, np.arange(len(rim))], axis=0), np.float32)


def _folds(level: Floats, cover: Floats) -> Floats:
    """(S, S) about 1: the folds of a painted lid, given its light and shade, without their larger part."""
    weight = cover + _FAINT
    light = _blurred(level * weight, FOLD) / _blurred(weight, FOLD)
    folds = cv2.pow(level / np.maximum(light, _FAINT), FOLDS_KEPT)
    return np.asarray(np.clip(folds, *FOLDS_PAINTED), np.float32)


def _bulge(lid: Floats) -> Floats:
    """(S, S) about 1: the light on a lid, which is round."""
    light = 1 + BULGE_LIGHT * (_blurred(lid, BULGE) - np.float32(BULGE_EVEN))
    return np.asarray(np.maximum(light, BULGE_DARKEST), np.float32)


def _rim(lid: Floats, shut: float) -> tuple[Floats, Floats]:
    """(S, S) 0..1 each: the lashes along the lower edge of a lid (S, S), and where its skin may cover the photo.

    `shut` 0..1: how far the lid has come down on the lower one, whose wet rim it then hides.
    """
    seen = float(lid.max())
    row, there = _lower_edge(lid / max(seen, 1e-3))
    below = np.arange(len(lid), dtype=np.float32)[:, None] - row
    away = below / np.where(below < 0, np.float32(LASH_WIDTH[0]), np.float32(LASH_WIDTH[1]))
    strength = LASHES * seen * ramp(there, *CORNER)
    reach = BELOW[0] + shut * (BELOW[1] - BELOW[0])
    return np.exp(-away * away) * strength, ramp(-below, -reach, 2 - reach) * ramp(there, 0, CORNER[0])


def _lower_edge(lid: Floats) -> tuple[Floats, Floats]:
    """(S,) each: the row at which a mask ends below, smoothed along the rim, and 0..1 how much of a rim there is."""
    columns, upwards = np.arange(lid.shape[1]), lid[::-1] >= 0.5
    last = len(lid) - 1 - upwards.argmax(axis=0)
    inner, outer = lid[last, columns], lid[np.minimum(last + 1, len(lid) - 1), columns]
    row = last + np.clip((inner - 0.5) / np.maximum(inner - outer, _FAINT), 0, 1)
    found = upwards.any(axis=0)
    along = np.asarray([found * row, found], np.float32)
    rows, there = cv2.sepFilter2D(along, -1, _RIM_KERNEL, np.ones(1), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(rows / np.maximum(there, _FAINT), np.float32), np.asarray(there, np.float32)


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
