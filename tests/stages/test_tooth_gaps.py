"""Gaps drawn into the atlases: where, how deep, and nowhere else."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.inference.packs import ModelPack
from runtime.stages.motion_field import MOUTH_SPAN
from runtime.stages.tooth_gaps import LOWER_EDGES, UPPER_FRONT, with_gaps

SIZE = 128
UPPER_ROW, LOWER_ROW, CHEEK_ROW = 46, 58, 100
Atlases = NDArray[np.float32]


def column(x: float) -> int:
    """Of the atlas, `x` ipd beside its middle."""
    return round(x * SIZE / MOUTH_SPAN + (SIZE - 1) / 2)


def plain() -> Atlases:
    """Both rows of teeth as even bands in the first channel, 1 over a background of 0."""
    atlases = np.zeros((2, SIZE, SIZE, 4), np.float32)
    atlases[:, 40:70, 30:98, 0] = 1
    atlases[..., 1] = 0.3
    return atlases


def test_lower_teeth_stand_apart() -> None:
    row = with_gaps(plain())[1, LOWER_ROW, :, 0]
    for inner, outer in pairwise(LOWER_EDGES):
        for side in (-1, 1):
            tooth = row[column(side * (inner + outer) / 2)]
            assert tooth > 0.95
            assert row[column(side * inner)] < 0.8 * tooth
            assert row[column(side * outer)] < 0.8 * tooth


def test_nothing_but_the_lower_teeths_brightness_changes_there() -> None:
    atlases = plain()
    drawn = with_gaps(atlases)
    assert np.array_equal(drawn[1, ..., 1:], atlases[1, ..., 1:])
    assert np.array_equal(drawn[1, CHEEK_ROW], atlases[1, CHEEK_ROW])
    assert drawn[1, LOWER_ROW, 5, 0] == 0, "what is as dark as most is no tooth"
    assert np.array_equal(atlases, plain()), "the stored atlases stay as they are"


@pytest.mark.parametrize("x", [0.0, 0.12])
def test_faint_upper_gaps_get_deeper(x: float) -> None:
    atlases = plain()
    atlases[0, :, column(x), :] -= 0.1
    drawn = with_gaps(atlases)[0, UPPER_ROW]
    for channel in (0, 1):
        beside = drawn[column(x) + 5, channel]
        assert beside - drawn[column(x), channel] > 0.16
    assert np.array_equal(with_gaps(plain())[0, UPPER_ROW, 40:88], plain()[0, UPPER_ROW, 40:88])


def test_molars_are_left_alone() -> None:
    atlases = plain()
    behind = column(UPPER_FRONT + 0.05)
    atlases[0, :, behind] -= 0.1
    assert np.array_equal(with_gaps(atlases)[0, :, behind], atlases[0, :, behind])


def test_the_packs_lower_teeth_have_gaps_that_training_did_not_give_them() -> None:
    with np.load(ModelPack.load().asset("mouth_atlases")) as stored:
        trained = stored["atlases"].astype(np.float32)
    middle, tooth = column(0), column(LOWER_EDGES[1] / 2)
    before, after = trained[1, 56:62, :, 0].mean(axis=0), with_gaps(trained)[1, 56:62, :, 0].mean(axis=0)
    assert before[tooth] - before[middle] < 0.1 * before[tooth]
    assert after[tooth] - after[middle] > 0.2 * after[tooth]
