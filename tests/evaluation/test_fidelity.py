"""PSNR and the background's mask."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.evaluation.fidelity import IDENTICAL, background, psnr
from tests.evaluation.faces import frontal_face


def test_psnr_by_hand() -> None:
    photo = np.full((4, 6, 3), 100, np.uint8)
    changed = photo.copy()
    changed[0, 0] = 110
    assert psnr(photo, photo) == IDENTICAL
    assert psnr(changed, photo) == pytest.approx(10 * np.log10(255**2 / (100 / 24)))
    elsewhere = np.ones((4, 6), bool)
    elsewhere[0, 0] = False
    assert psnr(changed, photo, elsewhere) == IDENTICAL
    assert np.isnan(psnr(changed, photo, np.zeros((4, 6), bool)))


def test_background_leaves_out_head_and_shoulders() -> None:
    mask = background(frontal_face(ipd=40, centre=(200, 160)), 500, 400)
    assert mask[20, 20]
    assert mask[160, 370]
    assert not mask[160, 200]  # between the eyes
    assert not mask[90, 200]  # hair
    assert not mask[260, 200]  # chin
    assert not mask[450, 200]  # chest
    assert not mask[480, 60]  # shoulder
