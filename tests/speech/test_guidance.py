"""A mouth that is told what is said: contacts from the words, size from the sound, the sound alone where in doubt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runtime.speech.alignment.aligner import Alignment
from runtime.speech.guidance import guide
from runtime.stages.articulation import CONTROLS, Mouth, Segment

ROWS = 150
SAID = (Segment("m", 0.5, 0.6), Segment("a", 0.6, 1.0), Segment("p", 1.0, 1.1), Segment("a", 1.1, 1.5))
INSIDE = slice(30, 70)  # rows of the word, well away from its ends


def heard(opening: float = 0.2, closed: slice = slice(0, 0)) -> Mouth:
    controls = np.full((ROWS, len(CONTROLS)), opening, np.float32)
    nothing = np.zeros(ROWS, np.float32)
    bilabial = nothing.copy()
    bilabial[closed] = 1
    return Mouth(controls, bilabial, nothing, nothing)


def alignment(trusted: slice = slice(25, 75)) -> Alignment:
    trust = np.zeros(ROWS, np.float32)
    trust[trusted] = 1
    return Alignment((), SAID, trust)


VOICE = np.full(ROWS, 0.2, np.float32)


def test_lips_close_where_the_words_say_so_and_nowhere_else() -> None:
    mouth, _ = guide(heard(closed=slice(40, 44)), VOICE, alignment())
    assert mouth.bilabial[26:30].max() == 1 and mouth.bilabial[51:54].max() == 1
    assert mouth.bilabial[36:47].max() < 0.1


def test_a_closure_begins_sooner_where_that_is_heard_but_not_much() -> None:
    silent = guide(heard(), VOICE, alignment())[0].bilabial
    first = int(np.flatnonzero(silent[40:60] == 1)[0]) + 40
    sooner = guide(heard(closed=slice(first - 2, first)), VOICE, alignment())[0].bilabial
    assert sooner[first - 2 : first].min() == 1 and sooner[first - 4] < 1
    much = guide(heard(closed=slice(first - 9, first)), VOICE, alignment())[0].bilabial
    assert much[first - 3 : first].min() == 1 and much[first - 4] < 1


@pytest.mark.parametrize(
    ("vowel", "heard_closed", "stays"), [(0.06, True, True), (0.06, False, False), (0.2, True, False)]
)
def test_lips_stay_shut_between_near_closures_if_that_is_heard(
    vowel: float, heard_closed: bool, stays: bool
) -> None:
    second = 0.6 + vowel
    words = Alignment(
        (),
        (
            Segment("m", 0.5, 0.6),
            Segment("ax", 0.6, second),
            Segment("b", second, second + 0.1),
            Segment("a", second + 0.1, 1.5),
        ),
        alignment().trust,
    )
    sound = heard(closed=slice(25, 60) if heard_closed else slice(0, 0))
    mouth, _ = guide(sound, VOICE, words)
    between = mouth.bilabial[29 : round((second + 0.03) * 50)]
    assert bool(between.min() == 1) == stays


def test_the_sound_alone_rules_where_the_words_are_not_trusted() -> None:
    source = heard(closed=slice(120, 124))
    mouth, voice = guide(source, VOICE, alignment())
    for name in ("controls", "bilabial", "labiodental", "rest"):
        np.testing.assert_array_equal(getattr(mouth, name)[80:], getattr(source, name)[80:])
    np.testing.assert_array_equal(voice[80:], VOICE[80:])
    nobody, _ = guide(source, VOICE, Alignment((), (), np.zeros(ROWS, np.float32)))
    np.testing.assert_array_equal(nobody.controls, source.controls)


def test_one_passes_into_the_other_without_a_jump() -> None:
    mouth, _ = guide(heard(opening=0.1), VOICE, alignment(slice(40, 48)))
    jaw = mouth.controls[:, 0]
    assert jaw[44] > 0.25 and np.abs(np.diff(jaw[32:56])).max() < 0.5 * (jaw[44] - jaw[32])


@pytest.mark.parametrize(("quiet", "loud"), [(0.05, 0.35), (0.15, 0.5)])
def test_the_sound_says_how_far_the_mouth_opens(quiet: float, loud: float) -> None:
    small, large = (guide(heard(opening=opening), VOICE, alignment())[0] for opening in (quiet, loud))
    assert small.controls[INSIDE, 0].max() < 0.9 * large.controls[INSIDE, 0].max()
    assert large.controls.max() <= 1


def test_a_word_is_spoken_however_faint_its_voice() -> None:
    _, voice = guide(heard(), VOICE, alignment())
    assert voice[INSIDE].min() > 0.5 and voice[:20].max() < 0.5


def test_lips_rest_in_long_pauses_and_not_in_short_ones() -> None:
    apart = (Segment("a", 0.5, 0.9), Segment("a", 1.02, 1.4), Segment("a", 1.8, 2.2))
    trust = np.zeros(ROWS, np.float32)
    trust[20:115] = 1
    mouth, _ = guide(heard(), VOICE, Alignment((), apart, trust))
    assert mouth.rest[44:52].max() == 0 and mouth.rest[78:82].min() == 1


def test_lips_rest_in_a_short_pause_that_is_heard() -> None:
    apart = (Segment("a", 0.5, 0.9), Segment("a", 1.04, 1.4))
    rest = np.zeros(ROWS, np.float32)
    rest[46:51] = 1
    mouth, _ = guide(replace(heard(), rest=rest), VOICE, Alignment((), apart, np.ones(ROWS, np.float32)))
    assert mouth.rest[48] > 0.9 and mouth.rest[40] == 0
