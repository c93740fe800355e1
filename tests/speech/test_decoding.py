"""Decisions about the lips from the network's probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.speech.decoding import Calibration, Evidence, close_lips, contact_probability, decode, rest_mouth
from runtime.stages.articulation import CONTROLS, EXPRESSIONS, PHONE_NAMES


def evidence(frames: int = 100, **contacts: slice) -> Evidence:
    """Speech with an open mouth, and contacts where slices say so."""
    logits = np.full((frames, 4), -6, np.float32)
    logits[:, 3] = 6
    for name, part in contacts.items():
        logits[part, ("bilabial", "labiodental", "rest", "voice").index(name)] = 6
    controls = np.zeros((frames, len(CONTROLS)), np.float32)
    controls[:, 0] = 0.5
    return Evidence(controls, logits, np.zeros((frames, 3), np.float32))


def loud(frames: int = 100) -> np.ndarray:
    return np.full(frames, -10, np.float32)


def test_a_believed_closure_is_complete_and_lasts_two_frames() -> None:
    probability = np.zeros(20, np.float32)
    probability[9:12] = 0.2, 0.8, 0.1
    closure = close_lips(probability, 0.5)
    assert (closure == 1).sum() == 2 and closure[10] == 1 and closure[9] == 1
    assert closure[:9].max() < 0.1


def test_doubt_only_brings_the_lips_nearer() -> None:
    probability = np.zeros(20, np.float32)
    probability[10] = 0.45
    assert 0.2 < close_lips(probability, 0.5)[10] < 0.5


def test_closures_at_the_ends_stay_inside() -> None:
    probability = np.zeros(5, np.float32)
    probability[0] = probability[4] = 0.9
    np.testing.assert_array_equal(close_lips(probability, 0.5) == 1, [True, True, False, True, True])
    assert close_lips(np.array([0.9], np.float32), 0.5)[0] == 1


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


def test_phones_support_the_contact_head() -> None:
    phones = np.zeros((2, len(PHONE_NAMES)), np.float32)
    phones[0, PHONE_NAMES.index("m")] = 1
    phones[1, PHONE_NAMES.index("a")] = 1
    heard = Evidence.of(phones, np.zeros((2, 10), np.float32), np.zeros((2, 4), np.float32))
    likely, unlikely = contact_probability(heard, "bilabial", Calibration(bilabial=(1, 1, 0)))
    assert likely > 0.95 and unlikely < 0.05


def test_calibration_is_read_from_a_record_and_defaults_without() -> None:
    stored = {"calibration": {"closing": 0.3, "bilabial": [0.5, 0.4, -1.0], "from_the_future": 1}}
    assert Calibration.of(stored) == Calibration(closing=0.3, bilabial=(0.5, 0.4, -1.0))
    assert Calibration.of({}) == Calibration()
