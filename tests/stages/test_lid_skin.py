from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.stages.lid_skin import LEVEL, LidSkin, above_lashes

SIZE = 64
SKIN = np.array([0.8, 0.6, 0.44], np.float32)
TURN = np.linspace(np.pi, 3 * np.pi, 17)[:-1]  # from the outer corner over the upper lid and back below
EYE = np.stack([32 + 16 * np.cos(TURN), 34 + 7 * np.sin(TURN)], axis=1).astype(np.float32)
BROW = np.array([[12 + 5.5 * n, 12] for n in range(8)], np.float32)
BROW[4:] = BROW[4:][::-1] + np.array([0, 4], np.float32)


def crop(skin: NDArray[np.float32] = SKIN, lashes: float = 0.1, iris: float = 0.15) -> NDArray[np.float32]:
    """A flat face with a dark eye, its lashes and its brow: (3, 64, 64) 0..1."""
    image = np.broadcast_to(skin, (SIZE, SIZE, 3)).copy()
    cv2.fillPoly(image, [EYE.astype(np.int32)], (iris, iris, iris))
    cv2.polylines(image, [EYE[:9].astype(np.int32)], False, (skin * lashes).tolist(), 2)
    cv2.fillPoly(image, [BROW.astype(np.int32)], (0.1, 0.1, 0.1))
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def lid() -> NDArray[np.float32]:
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[28:40, 18:46] = 1
    return mask


def flat(level: float, hue: tuple[float, float, float] = (1, 1, 1)) -> NDArray[np.float32]:
    return np.broadcast_to(np.array(hue, np.float32)[:, None, None] * level, (3, SIZE, SIZE)).copy()


def test_the_colour_is_that_of_the_skin_not_of_eye_and_brow() -> None:
    skin = LidSkin(crop(), EYE, BROW)
    assert np.abs(skin.colour - SKIN[:, None, None]).max() < 0.03


def test_a_bluish_or_dark_painting_gives_a_lid_of_skin() -> None:
    skin = LidSkin(crop(), EYE, BROW)
    wanted = LEVEL * SKIN
    for painted in (flat(0.3, (0.8, 0.9, 1.3)), flat(0.15), flat(0.9)):
        seen = skin.paint(painted, lid(), lid())[:, 30:34, 24:40]
        assert seen.mean(axis=(1, 2)) == pytest.approx(wanted, rel=0.05)


def test_light_on_one_side_stays_on_that_side() -> None:
    shade = np.linspace(1.0, 0.5, SIZE, dtype=np.float32)
    skin = LidSkin(crop() * shade, EYE, BROW)
    across = skin.colour[:, 34].mean(axis=0)
    assert across[20] > 1.12 * across[44]


def test_folds_that_the_network_paints_are_kept() -> None:
    painted = flat(0.5)
    painted[:, 32] *= 0.6
    seen = LidSkin(crop(), EYE, BROW).paint(painted, lid(), lid()).mean(axis=0)[:, 32]
    assert seen[32] < 0.85 * seen[29]


def test_the_lash_line_is_as_dark_as_the_open_eyes() -> None:
    dark, faint = (LidSkin(crop(lashes=shade), EYE, BROW) for shade in (0.1, 0.8))
    assert dark.lashes > 0.7 > faint.lashes + 0.3
    lines = [skin.paint(flat(0.5), lid(), lid()).mean(axis=0)[38:40, 32].min() for skin in (dark, faint)]
    assert lines[0] < 0.6 * lines[1]


def test_a_statue_has_no_lashes() -> None:
    stone = np.broadcast_to(SKIN[:, None, None], (3, SIZE, SIZE)).copy()
    assert LidSkin(stone, EYE, BROW).lashes < 0.02


def test_a_crop_without_skin_does_no_harm() -> None:
    black = LidSkin(np.zeros((3, SIZE, SIZE), np.float32), EYE, BROW)
    seen = black.paint(flat(0.5), lid(), lid())
    assert np.isfinite(seen).all() and seen.max() < 0.01


def test_the_eye_under_the_lashes_is_not_painted() -> None:
    allowed = above_lashes(lid())
    assert allowed[10:40, 20:44].min() > 0.95  # the lid, its lashes, and all above them
    assert allowed[46:].max() < 0.01
