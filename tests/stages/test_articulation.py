"""Phones to mouth movement: contacts that must happen, anticipation, silence, resampling."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.stages.articulation import (
    CONTROLS,
    EXPRESSIONS,
    PHONES,
    ArticulationTrack,
    Segment,
    articulate,
    compose,
    gestures,
)


def spell(word: str, start: float = 0.3, step: float = 0.09) -> list[Segment]:
    """Phones of equal length, e.g. "m u n"."""
    return [Segment(name, start + i * step, start + (i + 1) * step) for i, name in enumerate(word.split())]


def column(track: ArticulationTrack, name: str) -> np.ndarray:
    return track.expression[:, EXPRESSIONS.index(name)]


def test_there_are_25_expressions_and_every_phone_has_a_target() -> None:
    assert len(EXPRESSIONS) == len(set(EXPRESSIONS)) == 25
    assert EXPRESSIONS[0] == "jawOpen" and EXPRESSIONS[-1] == "eyeBlinkRight"
    for phone in PHONES.values():
        assert phone.target.shape == (len(CONTROLS),)
        assert phone.target.min() >= 0 and phone.target.max() <= 1


@pytest.mark.parametrize("bilabial", ["p", "b", "m"])
@pytest.mark.parametrize("vowel", ["a", "i", "u"])
def test_bilabials_close_exactly_and_vowels_open(bilabial: str, vowel: str) -> None:
    track = articulate(spell(f"{vowel} {bilabial} {vowel}", step=0.12), 1.0)
    middle, first = round((0.3 + 0.17) * 50), round(0.36 * 50)
    assert track.closure[middle] == 1.0
    assert column(track, "jawOpen")[middle] == 0 and column(track, "mouthLowerDownLeft")[middle] == 0
    assert track.closure[first] < 0.05
    assert column(track, "jawOpen")[first] > 0.05


def test_even_the_shortest_bilabial_is_seen() -> None:
    segments = [Segment("a", 0.2, 0.403), Segment("b", 0.403, 0.421), Segment("a", 0.421, 0.6)]
    assert articulate(segments, 1.0).closure[15:25].max() == 1.0


def test_f_touches_the_teeth_without_closing() -> None:
    track = articulate(spell("a f a"), 1.0)
    middle = round((0.3 + 0.135) * 50)
    assert column(track, "mouthRollLower")[middle] > 0.5
    assert column(track, "jawOpen")[middle] < 0.15
    assert column(track, "mouthUpperUpLeft")[middle] > 0.5, "the teeth show"
    assert column(track, "mouthPucker")[middle] > 0.2, "but not those beside the incisors"
    assert track.closure[middle] < 0.05


def test_the_wider_the_jaw_falls_the_more_it_bares_the_upper_teeth() -> None:
    controls = np.zeros((3, len(CONTROLS)), np.float32)
    controls[:, CONTROLS.index("jawOpen")] = 0.2, 0.4, 0.8
    nothing = np.zeros(3, np.float32)
    expression, _ = compose(controls, nothing, nothing, nothing)
    little, some, much = expression[:, EXPRESSIONS.index("mouthUpperUpLeft")]
    assert little < 0.05 and some < 0.2 and 0.5 < much < 0.65
    controls[:, CONTROLS.index("mouthUpperUp")] = 0.7
    lifted, _ = compose(controls, nothing, nothing, nothing)
    assert np.allclose(lifted[:, EXPRESSIONS.index("mouthUpperUpLeft")], 0.7), (
        "a lip lifted anyway rises no further"
    )


def test_rounding_starts_before_the_rounded_vowel() -> None:
    track = articulate(spell("s t u"), 1.0)
    during_t = round((0.3 + 0.15) * 50)
    flat = articulate(spell("s t i"), 1.0)
    assert column(track, "mouthPucker")[during_t] > column(flat, "mouthPucker")[during_t] + 0.15


def test_silence_and_gaps_are_closed_and_relaxed() -> None:
    segments = [Segment("a", 0.5, 0.8), Segment("a", 1.4, 1.7)]
    track = articulate(segments, 2.2)
    times = np.arange(len(track)) / track.fps
    silent = (times < 0.45) | ((times > 0.85) & (times < 1.35)) | (times > 1.75)
    assert np.all(track.closure[silent] == 1.0)
    assert np.all(track.expression[silent] == 0)
    assert np.all(track.voice[silent] == 0) and track.voice[round(0.65 * 50)] == 1


def test_a_short_pause_does_not_snap_the_mouth_shut() -> None:
    segments = [Segment("a", 0.2, 0.5), Segment("sil", 0.5, 0.56), Segment("a", 0.56, 0.9)]
    assert articulate(segments, 1.2).closure[20:32].max() < 0.5


def test_empty_script_is_a_closed_mouth() -> None:
    track = articulate([], 0.4)
    assert len(track) == 20 and np.all(track.closure == 1)


def test_unknown_phone_is_an_error() -> None:
    with pytest.raises(KeyError):
        gestures([Segment("qq", 0, 1)], 1.0)


def test_rounding_survives_a_closure() -> None:
    controls = np.zeros((1, len(CONTROLS)), np.float32)
    controls[0, CONTROLS.index("mouthPucker")] = 0.8
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    expression, closure = compose(controls, one, zero, zero)
    assert expression[0, EXPRESSIONS.index("mouthPucker")] == pytest.approx(0.4)
    assert closure[0] == 1


def closures_seen(track: ArticulationTrack) -> int:
    closed = (track.closure > 0.5).astype(int)
    return int((np.diff(closed) == 1).sum())


@pytest.mark.parametrize("fps", [12.0, 24.0, 25.0, 29.97, 60.0])
def test_resampling_keeps_every_closure(fps: float) -> None:
    segments = [
        item
        for k in range(12)
        for item in (
            Segment("a", 0.2 + k * 0.313, 0.46 + k * 0.313),
            Segment("b", 0.46 + k * 0.313, 0.513 + k * 0.313),
        )
    ]
    track = articulate([*segments, Segment("a", 3.956, 4.2)], 4.5)
    slow = track.resampled(fps)
    assert slow.fps == fps and len(slow) == round(4.5 * fps)
    assert closures_seen(slow) == closures_seen(track) == 13


def test_resampling_to_the_same_rate_changes_nothing() -> None:
    track = articulate(spell("m a p i"), 1.0)
    same = track.resampled(50.0)
    np.testing.assert_allclose(same.expression, track.expression, atol=1e-6)
    np.testing.assert_allclose(same.closure, track.closure, atol=1e-6)


def test_a_track_with_wrong_shapes_is_refused() -> None:
    with pytest.raises(ValueError, match="closure"):
        ArticulationTrack(50.0, np.zeros((4, 25), np.float32), *(np.zeros(3, np.float32),) * 3)
