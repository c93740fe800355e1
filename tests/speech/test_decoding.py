"""Decisions about the lips from the network's probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.speech.decoding import (
    CERTAINTY,
    Calibration,
    Evidence,
    close_lips,
    closing_probability,
    closing_threshold,
    contact_probability,
    decode,
    pauses,
    rest_mouth,
)
from runtime.stages.articulation import CONTROLS, EXPRESSIONS, PHONE_NAMES


def evidence(frames: int = 100, **contacts: slice) -> Evidence:
    """Speech with an open mouth, and contacts where slices say so."""
    logits = np.full((frames, 4), -6, np.float32)
    logits[:, 3] = 6
    for name, part in contacts.items():
        logits[part, ("bilabial", "labiodental", "rest", "voice").index(name)] = 6
    controls = np.zeros((frames, len(CONTROLS)), np.float32)
    controls[:, 0] = 0.5
    return Evidence(controls, logits, np.zeros((frames, 3), np.float32), np.full(frames, 0.9, np.float32))


def half(probability: np.ndarray) -> np.ndarray:
    return np.full_like(probability, 0.5)


def loud(frames: int = 100) -> np.ndarray:
    """Loudness that rises and falls as syllables do."""
    return (-12 + 8 * np.sin(np.arange(frames) * 2 * np.pi / 12)).astype(np.float32)


def test_a_believed_closure_is_complete_and_lasts_three_frames() -> None:
    probability = np.zeros(20, np.float32)
    probability[9:12] = 0.2, 0.8, 0.1
    closure = close_lips(probability, half(probability))
    np.testing.assert_array_equal(np.flatnonzero(closure == 1), [9, 10, 11])
    assert closure[:9].max() < 0.1


def test_a_clear_closure_ends_where_it_is_half_as_likely() -> None:
    probability = np.array([0, 0.1, 0.2, 0.6, 0.9, 0.9, 0.8, 0.3, 0.2, 0.1, 0], np.float32)
    closed = close_lips(probability, np.full_like(probability, 0.1)) == 1
    np.testing.assert_array_equal(np.flatnonzero(closed), [3, 4, 5, 6])


def test_a_sound_between_two_clear_closures_opens_the_lips() -> None:
    probability = np.array([0, 0.9, 0.9, 0.9, 0.3, 0.3, 0.9, 0.9, 0.9, 0], np.float32)
    closed = close_lips(probability, np.full_like(probability, 0.1)) == 1
    assert not closed[4:6].any() and closed[1:4].all() and closed[6:9].all()


def test_doubt_only_brings_the_lips_nearer() -> None:
    probability = np.zeros(20, np.float32)
    probability[10] = 0.45
    assert 0.2 < close_lips(probability, half(probability))[10] < 0.5


def test_closures_at_the_ends_stay_inside() -> None:
    probability = np.zeros(8, np.float32)
    probability[0] = probability[7] = 0.9
    np.testing.assert_array_equal(
        np.flatnonzero(close_lips(probability, half(probability)) == 1), [0, 1, 2, 5, 6, 7]
    )
    assert close_lips(np.array([0.9], np.float32), np.array([0.5], np.float32))[0] == 1


def test_what_is_well_understood_must_be_surer_to_close_the_lips() -> None:
    frames = 1500
    heard = evidence(frames)
    certainty = np.full(frames, CERTAINTY[0] - 0.1, np.float32)
    certainty[frames // 2 :] = CERTAINTY[1] + 0.1
    odds = np.full((frames, 3), -6, np.float32)
    odds[::3, 2] = 6  # silent frames, of which nothing can be learned
    certainty[::3] = 1.0
    threshold = closing_threshold(
        Evidence(heard.controls, heard.contacts, odds, certainty), Calibration(closing=(0.05, 0.4))
    )
    np.testing.assert_allclose(threshold[:500], 0.05, rtol=1e-3)
    np.testing.assert_allclose(threshold[-500:], 0.4, rtol=1e-3)
    assert np.all(np.diff(threshold) > -1e-3)


def test_lips_do_not_close_where_they_rather_touch_the_teeth() -> None:
    heard = evidence(bilabial=slice(20, 25), labiodental=slice(22, 25))
    likely = contact_probability(heard, "bilabial", Calibration())
    heard.contacts[22:25, 1] = 8
    probability = closing_probability(heard, Calibration())
    np.testing.assert_array_equal(probability[:22], likely[:22])
    assert likely[22:25].min() > 0.9 and probability[22:25].max() == 0


def test_a_short_pause_must_be_sure_and_a_long_one_may_be_faint() -> None:
    probability = np.zeros(80, np.float32)
    probability[5:12] = 0.2
    probability[20:27] = 0.2
    probability[23] = 0.9
    probability[40:60] = 0.2
    np.testing.assert_array_equal(np.flatnonzero(pauses(probability, 0.1)), [*range(20, 27), *range(40, 60)])


def test_blips_do_not_open_a_pause_and_gaps_do_not_make_one() -> None:
    silent = np.ones(60, bool)
    silent[20:22] = False  # 40 ms of "speech"
    assert np.all(rest_mouth(silent) == 1)
    spoken = np.zeros(60, bool)
    spoken[20:24] = True  # 80 ms of "silence"
    assert np.all(rest_mouth(spoken) == 0)


def test_contacts_shape_the_mouth() -> None:
    track = decode(
        evidence(bilabial=slice(20, 25), labiodental=slice(40, 45), rest=slice(60, 80)), loud(), Calibration()
    )
    jaw = track.expression[:, EXPRESSIONS.index("jawOpen")]
    assert jaw[10] == pytest.approx(0.5, abs=0.02)
    assert np.all(track.closure[20:25] == 1) and jaw[22] == 0
    assert track.expression[42, EXPRESSIONS.index("mouthRollLower")] > 0.5 and track.closure[42] < 0.1
    assert np.all(track.closure[62:78] == 1) and np.all(track.expression[62:78] == 0)


def test_inaudible_frames_rest_whatever_the_network_says() -> None:
    loudness = loud()
    loudness[30:60] = -70
    track = decode(evidence(), loudness, Calibration())
    assert np.all(track.closure[32:58] == 1) and np.all(track.voice[30:60] == 0)
    assert track.voice[10] > 0.99


def test_steady_sound_is_nobody_and_syllables_are_somebody() -> None:
    rng = np.random.default_rng(0)
    loudness = np.concatenate([loud(150), rng.normal(-14, 1, 200), loud(150)]).astype(np.float32)
    track = decode(evidence(500), loudness, Calibration())
    assert np.all(track.closure[195:305] == 1) and np.all(track.voice[195:305] == 0)
    assert track.closure[:140].max() < 0.5 and track.voice[360:].min() > 0.9


def test_phones_support_the_contact_head() -> None:
    phones = np.zeros((2, len(PHONE_NAMES)), np.float32)
    phones[0, PHONE_NAMES.index("m")] = 1
    phones[1, PHONE_NAMES.index("a")] = 1
    heard = Evidence.of(
        np.log(phones + 1e-6), phones, np.zeros((2, 10), np.float32), np.zeros((2, 4), np.float32)
    )
    likely, unlikely = contact_probability(heard, "bilabial", Calibration(bilabial=(1, 1, 0)))
    assert likely > 0.95 and unlikely < 0.05


def test_calibration_is_read_from_a_record_and_defaults_without() -> None:
    stored = {"calibration": {"closing": [0.1, 0.3], "bilabial": [0.5, 0.4, -1.0], "from_the_future": 1}}
    assert Calibration.of(stored) == Calibration(closing=(0.1, 0.3), bilabial=(0.5, 0.4, -1.0))
    assert Calibration.of({}) == Calibration()
