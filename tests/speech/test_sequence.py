"""Smoothing of phone posteriors by what may follow what."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path

import numpy as np

from runtime.speech.sequence import PhoneSequence

COUNTS = np.array([[80.0, 15, 5], [10, 60, 30], [20, 5, 75]])


def test_it_is_the_sum_over_all_paths() -> None:
    sequence = PhoneSequence.of_counts(COUNTS)
    logits = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    score = np.exp(logits - 0.8 * np.log(sequence.frequency))
    total = np.zeros((5, 3))
    for path in product(range(3), repeat=5):
        weight = sequence.frequency[path[0]] * np.prod([score[row, phone] for row, phone in enumerate(path)])
        weight *= np.prod([sequence.transitions[a, b] for a, b in pairwise(path)])
        for row, phone in enumerate(path):
            total[row, phone] += weight
    np.testing.assert_allclose(
        sequence.posteriors(logits), total / total.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-6
    )


def test_a_blip_is_smoothed_away_and_a_clear_sound_stays() -> None:
    sequence = PhoneSequence.of_counts(np.full((2, 2), 2.0) + 98 * np.eye(2))
    logits = np.zeros((21, 2), np.float32)
    logits[:, 0] = 3
    logits[10] = 0, 2  # one doubtful frame
    assert sequence.posteriors(logits)[10, 1] < 0.2
    logits[8:13] = 0, 4
    assert sequence.posteriors(logits)[10, 1] > 0.9


def test_distant_frames_do_not_matter() -> None:
    sequence = PhoneSequence.of_counts(COUNTS)
    logits = np.random.default_rng(1).normal(size=(300, 3)).astype(np.float32)
    whole, part = sequence.posteriors(logits), sequence.posteriors(logits[100:250])
    np.testing.assert_allclose(part[50:100], whole[150:200], atol=1e-5)


def test_loading(tmp_path: Path) -> None:
    np.savez(tmp_path / "counts.npz", counts=COUNTS)
    loaded = PhoneSequence.load(tmp_path / "counts.npz")
    np.testing.assert_allclose(loaded.transitions.sum(axis=1), 1)
