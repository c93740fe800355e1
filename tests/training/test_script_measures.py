"""What the measuring of alignments counts as right, and that its texts can be read."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.speech.alignment.aligner import Alignment
from runtime.speech.script import TimedWord
from runtime.stages.articulation import Segment
from training.alignment.compare import errors_of
from training.alignment.speech import ESPEAK_VOICES
from training.alignment.texts import TEXTS


def segments(phones: str, start: float = 0.0) -> tuple[Segment, ...]:
    return tuple(
        Segment(phone, start + 0.1 * index, start + 0.1 * (index + 1))
        for index, phone in enumerate(phones.split())
    )


def alignment(phones: str, shift: float, trusted: bool = True) -> Alignment:
    found = segments(phones, shift)
    word = TimedWord("word", found[0].start, found[-1].end, 0, 4, 1.0, trusted)
    return Alignment((word,), found, np.ones(100, np.float32))


def test_the_same_sounds_are_compared_by_their_onsets() -> None:
    errors = errors_of(alignment("m a p", 0.02), segments("m a p"))
    assert errors.sounds == pytest.approx([0.02] * 3) and errors.words == pytest.approx([0.02] * 2)
    assert (errors.words_in_all, errors.lost) == (1, 0)


def test_other_sounds_count_for_words_but_not_for_themselves() -> None:
    errors = errors_of(alignment("m ax p", 0.0), segments("sil m a p sil"))
    assert errors.sounds == pytest.approx([-0.1, -0.1]) and errors.words == pytest.approx([-0.1, -0.1])


def test_sounds_that_one_side_lacks_shift_nothing_else() -> None:
    errors = errors_of(alignment("b a l o", 0.0), segments("b a t l o"))
    assert errors.sounds == pytest.approx([0.0, 0.0, -0.1, -0.1])


def test_words_that_are_not_trusted_are_lost() -> None:
    errors = errors_of(alignment("m a p", 0.5, trusted=False), segments("m a p"))
    assert errors.lost == 1 and not errors.words


def test_texts_know_how_they_are_spoken() -> None:
    assert {text.language for text in TEXTS} == set(ESPEAK_VOICES)
    assert all(bool(text.spoken) == (text.language in ("yue", "ja")) for text in TEXTS)
    assert not any("|" in text.script + text.spoken for text in TEXTS)
