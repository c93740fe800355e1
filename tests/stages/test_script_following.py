"""A recording and its script: lips, words, and what is said about scripts that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.media.audio import AudioFile
from runtime.stages.audio_encoding import AudioEncoder, Hearing
from runtime.stages.script_following import follow_script

SPEECH = Path(__file__).parents[2] / "_assets" / "demo_speech.ogg"
SAID = "Bring me a portrait and a recording, and a moment later your film is ready."  # its second half
NOT_SAID = "Snow leopards live in the high mountains of central Asia and hunt wild sheep at dawn."


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    encoder = AudioEncoder(Sessions(ModelPack.load(), "cpu", threads=1))
    return encoder.hear(AudioFile.open(SPEECH).mono())


def test_a_script_of_the_second_half_is_found_there(hearing: Hearing) -> None:
    followed = follow_script(hearing, SAID)
    assert not followed.notices
    assert all(word.trusted for word in followed.words)
    assert [SAID[word.start_char : word.end_char] for word in followed.words][:3] == ["Bring", "me", "a"]
    times = [time for word in followed.words for time in (word.start, word.end)]
    assert times == sorted(times) and 4.0 < times[0] < 5.2 and 8.7 < times[-1] < 9.2
    alone = hearing.track()
    before = slice(0, int(50 * (times[0] - 0.3)))
    np.testing.assert_array_equal(followed.track.expression[before], alone.expression[before])


def test_lips_meet_at_every_p_b_m_of_the_script(hearing: Hearing) -> None:
    followed = follow_script(hearing, SAID, "en")
    for text in ("Bring", "me", "portrait", "moment"):
        word = next(word for word in followed.words if word.text == text)
        onset = slice(int(50 * word.start) - 1, int(50 * word.start) + 6)
        assert followed.track.closure[onset].max() > 0.95, text


def test_another_script_changes_nothing_and_is_named(hearing: Hearing) -> None:
    followed = follow_script(hearing, NOT_SAID)
    alone = hearing.track()
    np.testing.assert_array_equal(followed.track.expression, alone.expression)
    np.testing.assert_array_equal(followed.track.closure, alone.closure)
    assert [notice.code for notice in followed.notices] == ["script_mismatch"]
    assert "Snow leopards live" in followed.notices[0].sentence
    assert not any(word.trusted for word in followed.words)


def test_a_skipped_sentence_is_named_with_its_time(hearing: Hearing) -> None:
    first, second = SAID.split(", ")
    followed = follow_script(hearing, f"{first}. Snow leopards hunt wild sheep. {second}")
    assert [notice.code for notice in followed.notices] == ["script_differs"]
    assert "Snow leopards hunt wild sheep" in followed.notices[0].sentence
    assert "0:06" in followed.notices[0].sentence
    assert {word.text for word in followed.words if not word.trusted} == {
        "Snow",
        "leopards",
        "hunt",
        "wild",
        "sheep",
    }


@pytest.mark.parametrize(("script", "language"), [("Dzień dobry.", "pl"), ("… — !", None)])
def test_a_script_without_rules_leaves_the_sound(hearing: Hearing, script: str, language: str | None) -> None:
    followed = follow_script(hearing, script, language)
    np.testing.assert_array_equal(followed.track.closure, hearing.track().closure)
    assert [notice.code for notice in followed.notices] == ["script_unsupported"]
    assert "sound alone" in followed.notices[0].sentence and followed.words == ()
