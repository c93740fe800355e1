from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.stages.lid_skin import LidSkin

Floats = NDArray[np.float32]

SIZE = 64
WHOLE = (0, 0, SIZE, SIZE)
SKIN = np.array([0.8, 0.6, 0.44], np.float32)
TURN = np.linspace(np.pi, 3 * np.pi, 17)[:-1]  # from the outer corner over the upper lid and back below
EYE = np.stack([32 + 16 * np.cos(TURN), 34 + 7 * np.sin(TURN)], axis=1).astype(np.float32)
BROW = np.array([[12 + 5.5 * n, 8] for n in range(8)], np.float32)
BROW[4:] = BROW[4:][::-1] + np.array([0, 4], np.float32)
MIDDLE = np.s_[..., 30:37, 26:39]  # of the eye


def crop(skin: Floats = SKIN, lashes: float = 0.1, iris: float = 0.15) -> Floats:
    """A flat face with a dark eye, its lashes and its brow: (3, 64, 64) 0..1."""
    image = np.broadcast_to(skin, (SIZE, SIZE, 3)).copy()
    cv2.fillPoly(image, [EYE.astype(np.int32)], (iris, iris, iris))
    cv2.polylines(image, [EYE[:9].astype(np.int32)], False, (skin * lashes).tolist(), 2)
    cv2.fillPoly(image, [BROW.astype(np.int32)], (0.1, 0.1, 0.1))
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def lid_of(photo: Floats, cheek: Floats | None = None) -> LidSkin:
    return LidSkin(photo, EYE, BROW, flat(0.5)[:3] if cheek is None else cheek)


def lid() -> Floats:
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[26:40, 18:46] = 1
    return mask


def flat(level: float, hue: tuple[float, float, float] = (1, 1, 1)) -> Floats:
    """An even picture by the network, with full cover."""
    painted = np.ones((4, SIZE, SIZE), np.float32)
    painted[:3] *= np.array(hue, np.float32)[:, None, None] * level
    return painted


def drawn(
    skin: LidSkin, painted: Floats | None = None, blink: float = 1.0, mask: Floats | None = None
) -> Floats:
    """The layer (4, 64, 64) 0..1."""
    mask = lid() if mask is None else mask
    layer = skin.layer(flat(0.5) if painted is None else painted, mask, mask, blink, WHOLE)
    return layer.transpose(2, 0, 1) / np.array([255, 255, 255, 1], np.float32)[:, None, None]


def test_the_eye_and_its_lashes_are_taken_out_of_the_photo() -> None:
    bare = lid_of(crop()).bare
    assert np.abs(bare - SKIN[:, None, None])[:, 22:44, 14:50].max() < 0.03


def test_a_bluish_or_dark_painting_gives_a_lid_of_skin() -> None:
    skin = lid_of(crop())
    for painted in (flat(0.3, (0.8, 0.9, 1.3)), flat(0.15), flat(0.9)):
        seen = drawn(skin, painted)[:3, 30:36, 24:40]
        assert seen.mean(axis=(1, 2)) == pytest.approx(SKIN, rel=0.1)


def test_light_on_one_side_stays_on_that_side() -> None:
    shade = np.linspace(1.0, 0.5, SIZE, dtype=np.float32)
    across = lid_of(crop() * shade).bare[:, 34].mean(axis=0)
    assert across[20] > 1.12 * across[44]


def test_a_shadow_round_the_eye_runs_into_the_lid() -> None:
    photo = crop()
    photo[:, :24] *= 0.7
    bare = lid_of(photo).bare.mean(axis=0)
    assert bare[26, 32] < 0.95 * bare[42, 32]


def test_a_lid_is_round() -> None:
    level = drawn(lid_of(crop())).mean(axis=0)
    assert level[32, 32] > 1.1 * level[26, 32]
    assert level[32, 32] > 1.05 * level[32, 20]


def test_the_crease_of_the_photo_stays_fainter_and_its_lashes_do_not() -> None:
    photo = crop()
    photo[:, 21, 10:54] *= 0.6
    photo[:, 16:20, 32] *= 0.3
    bare = lid_of(photo).bare.mean(axis=0)
    plain = float(SKIN.mean())
    assert 0.65 * plain < bare[21, 32] < 0.9 * plain
    assert bare[17, 32] > 0.8 * plain


def test_folds_that_the_network_paints_are_kept_in_part() -> None:
    painted = flat(0.5)
    painted[:3, 32] *= 0.6
    seen = drawn(lid_of(crop()), painted)[:3].mean(axis=0)[:, 32]
    assert 0.75 * seen[29] < seen[32] < 0.93 * seen[29]


def test_the_grain_of_the_cheek_is_on_the_lid() -> None:
    rough = np.random.default_rng(0).uniform(0.45, 0.55, (1, SIZE, SIZE)).astype(np.float32)
    even, grained = (lid_of(crop(), cheek).bare[MIDDLE] for cheek in (None, np.repeat(rough, 3, axis=0)))
    assert even.std(axis=(1, 2)).max() < 0.01
    assert grained.std(axis=(1, 2)).min() > 0.02
    assert grained.mean() == pytest.approx(even.mean(), rel=0.03)


def test_shades_have_the_hue_that_they_have_in_the_photo() -> None:
    shadow = np.ones((3, SIZE, SIZE), np.float32)
    shadow[:, 46:54] = np.array([0.6**power for power in (0.7, 1.0, 1.3)])[:, None, None]
    red, _, blue = lid_of(crop() * shadow).shades
    assert red < 0.85 and blue > 1.15
    grey = crop(np.full(3, 0.6, np.float32)) * shadow[1]
    assert lid_of(grey).shades == pytest.approx([1, 1, 1], abs=0.01)


def test_the_lash_line_has_the_colour_of_the_open_eyes() -> None:
    photo = crop()
    brown = np.array([0.3, 0.15, 0.05])
    image = np.ascontiguousarray(photo.transpose(1, 2, 0))
    cv2.polylines(image, [EYE[:9].astype(np.int32)], False, brown.tolist(), 3)
    skin = lid_of(np.ascontiguousarray(image.transpose(2, 0, 1)))
    line = drawn(skin)[:3, 39, 32]
    assert line == pytest.approx(brown, abs=0.1)
    faint = drawn(lid_of(crop(lashes=0.8, iris=0.7)))[:3, 39, 32]
    assert faint.mean() > 2 * line.mean()


def test_a_statue_has_no_lashes() -> None:
    stone = np.broadcast_to(SKIN[:, None, None], (3, SIZE, SIZE)).copy()
    assert lid_of(stone).lashes == pytest.approx(SKIN, rel=0.02)


def test_a_crop_without_skin_does_no_harm() -> None:
    seen = drawn(lid_of(np.zeros((3, SIZE, SIZE), np.float32)))
    assert np.isfinite(seen).all() and seen[:3].max() < 0.01


def test_the_rim_of_a_ragged_mask_is_smooth() -> None:
    ragged = lid()
    ragged[38:40, 18:46:3] = 0
    darkness = 1 - drawn(lid_of(crop()), mask=ragged)[:3].mean(axis=0)[34:46, 24:40]
    heights = (darkness**4 * np.arange(12)[:, None]).sum(axis=0) / (darkness**4).sum(axis=0)
    assert np.abs(np.diff(heights)).max() < 0.4


def test_only_a_shut_lid_hides_the_rim_under_it() -> None:
    wide = np.zeros((SIZE, SIZE), np.float32)
    wide[22:50, 14:50] = 1
    skin = lid_of(crop())
    half, shut = (skin.layer(flat(0.5), wide, lid(), blink, WHOLE)[..., 3] for blink in (0.4, 1.0))
    for cover in (half, shut):
        assert cover[28:40, 22:42].min() > 0.9  # the lid and its lashes
        assert cover[46:].max() < 0.01
    assert shut[41, 32] > 0.8 > 0.6 > half[41, 32]


def test_a_lid_that_only_begins_to_show_is_as_faint() -> None:
    cover = drawn(lid_of(crop()), blink=0.1, mask=0.1 * lid())[3]
    assert 0 < cover.max() < 0.21


def test_a_box_of_the_crop_is_that_part_of_the_whole() -> None:
    skin, mask = lid_of(crop()), lid()
    whole = skin.layer(flat(0.5), mask, mask, 1.0, WHOLE)
    part = skin.layer(flat(0.5), mask, mask, 1.0, (8, 12, 58, 54))
    seen = whole[12:54, 8:58, 3:] > 0
    assert np.abs((whole[12:54, 8:58] - part) * seen).max() < 1.5
