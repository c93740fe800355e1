"""Counting closures in a film whose lips are known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.evaluation.alignment import Interval
from runtime.evaluation.closures import (
    closed_frames,
    closed_threshold,
    closure_runs,
    count_closures,
    f_score,
    noisy_frames,
    quiet_frames,
    silent_frames,
    spoken_frames,
)

FPS = 25.0
# 0.6 s silence, "a m a b a v a", 0.6 s silence: vowels 0.2 s, consonants 0.08 s
PHONES = [
    Interval("", 0.0, 0.6),
    Interval("AA1", 0.6, 0.8),
    Interval("M", 0.8, 0.88),
    Interval("AA1", 0.88, 1.08),
    Interval("B", 1.08, 1.16),
    Interval("AA1", 1.16, 1.36),
    Interval("V", 1.36, 1.44),
    Interval("AA1", 1.44, 1.64),
    Interval("", 1.64, 2.24),
]
FRAMES = 56


def gap_for(closed: list[tuple[float, float]]) -> np.ndarray:
    """Lip gap of 0.2 ipd, 0.01 while a frame's middle lies in one of the spans."""
    middle = (np.arange(FRAMES) + 0.5) / FPS
    shut = np.zeros(FRAMES, bool)
    for start, end in closed:
        shut |= (middle >= start) & (middle < end)
    return np.where(shut, 0.01, 0.2)


SILENCES = [(0.0, 0.6), (1.64, 2.3)]


def test_a_film_that_closes_where_it_should() -> None:
    closed = closed_frames(gap_for([*SILENCES, (0.8, 0.88), (1.08, 1.16)]))
    rates = count_closures(closed, PHONES, FPS).rates()
    assert rates["bilabials"] == 2
    assert rates["recall"] == 1.0
    assert rates["closures"] == 2
    assert rates["precision"] == 1.0
    chance = rates["recall_by_chance"]
    assert chance is not None
    assert chance < 0.4


def test_a_closure_is_right_though_its_sound_ends_in_the_easing() -> None:
    phones = [Interval("AA1", 0.0, 1.12), Interval("M", 1.12, 1.24), Interval("AA1", 1.24, 1.6)]
    closed = np.zeros(40, bool)
    closed[28:30] = True
    rates = count_closures(closed, phones, FPS).rates()
    assert rates["bilabials"] == 0
    assert rates["closures"] == 1
    assert rates["precision"] == 1.0


def test_missed_wrong_and_labiodental_closures() -> None:
    closed = closed_frames(gap_for([*SILENCES, (0.8, 0.88), (0.96, 1.0), (1.36, 1.44)]))
    count = count_closures(closed, PHONES, FPS)
    assert (count.hits, count.closures, count.right, count.labiodental) == (1, 3, 1, 1)
    assert count.near_hits == 1
    both = count + count
    assert both.rates()["precision"] == pytest.approx(1 / 3)
    assert both.bilabials == 4


def test_a_closure_beside_its_phone_is_near() -> None:
    closed = closed_frames(gap_for([*SILENCES, (0.88, 0.92), (1.16, 1.2)]))
    count = count_closures(closed, PHONES, FPS)
    assert (count.hits, count.near_hits, count.right) == (0, 2, 2)


def test_a_mouth_that_never_opens_gets_no_precision() -> None:
    closed = closed_frames(np.full(FRAMES, 0.005))
    count = count_closures(closed, PHONES, FPS)
    assert count.hits == 2
    assert count.closures == 0  # nothing opened between, so no closure was made


def test_frames_without_a_face_are_open() -> None:
    gap = gap_for(SILENCES)
    gap[3] = np.nan
    assert not closed_frames(gap)[3]
    assert closed_frames(gap)[2]


def test_threshold_shrinks_with_a_mumbling_mouth() -> None:
    assert closed_threshold(np.linspace(0, 0.4, 100)) == pytest.approx(0.03)
    assert closed_threshold(np.linspace(0, 0.08, 1000)) == pytest.approx(0.019, abs=1e-3)


def test_silence_leaves_out_edges_ease_in_and_short_pauses() -> None:
    phones = [*PHONES[:3], Interval("sp", 0.88, 0.98), *PHONES[4:]]
    silent = silent_frames(phones, FRAMES, FPS)
    assert np.flatnonzero(silent).tolist() == [10, 11, 12, 43, 44, 45]
    assert not (silent & spoken_frames(phones, FRAMES, FPS)).any()


def test_unknown_noises_are_neither_speech_nor_silence() -> None:
    phones = [*PHONES[:-1], Interval("spn", 1.64, 2.24)]
    assert not spoken_frames(phones, FRAMES, FPS)[42:].any()
    assert not silent_frames(phones, FRAMES, FPS)[42:].any()


def test_runs_that_touch_silence_do_not_count() -> None:
    closed = np.array([1, 0, 1, 1, 0, 1, 0], bool)
    speech = np.array([1, 1, 1, 1, 1, 0, 1], bool)
    assert closure_runs(closed, speech) == [slice(2, 4)]


def test_quiet_frames_from_sound_alone() -> None:
    rate = 16_000
    time = np.arange(2 * rate) / rate
    sound = (0.3 * np.sin(2 * np.pi * 900 * time)).astype(np.float32)
    sound[int(0.8 * rate) : int(1.4 * rate)] *= 1e-3
    quiet = quiet_frames(sound, rate, 50, FPS)
    found = np.flatnonzero(quiet)
    assert len(found) >= 8
    assert found.min() >= 22  # 0.8 s and the margin
    assert found.max() <= 32


def test_a_cough_is_no_silence() -> None:
    rate = 16_000
    noise = np.random.default_rng(0).normal(size=int(FRAMES / FPS * rate)).astype(np.float32)
    speech = spoken_frames(PHONES, FRAMES, FPS)
    sound = 0.001 * noise
    for frame in np.flatnonzero(speech):
        sound[int(frame / FPS * rate) : int((frame + 1) / FPS * rate)] *= 100
    sound[int(1.8 * rate) : int(1.84 * rate)] *= 300
    noisy = noisy_frames(sound, rate, speech, FPS)
    assert np.flatnonzero(noisy[43:]).tolist() == [0, 1, 2, 3, 4]


def test_f_score_by_hand() -> None:
    assert f_score(0.6, 0.3) == pytest.approx(2 * 0.18 / 0.9)  # the harmonic mean
    assert f_score(0.6, 0.3, recall_weight=2.0) == pytest.approx(5 * 0.18 / (4 * 0.3 + 0.6))
    assert f_score(0.7, 0.7, recall_weight=2.0) == pytest.approx(0.7)
    assert f_score(0.0, 0.0) == 0
