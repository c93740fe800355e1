"""Texts that are spoken while a call has time for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.narration import Narration
from runtime.contract import RuntimeProblem

LONG = 60.0


@pytest.fixture
def silence() -> Iterator[threading.Event]:
    """Ends when set, and at the end of the test in any case."""
    over = threading.Event()
    yield over
    over.set()


def test_each_text_is_spoken_once_and_in_order() -> None:
    said: list[str] = []

    def speak(text: str) -> Path:
        said.append(text)
        return Path(text)

    narration = Narration(speak, ["one", "two", "one"], time.monotonic() + LONG)
    list(narration.go_on())
    assert narration.complete and sorted(said) == ["one", "two"]
    assert narration.files() == [Path("one"), Path("two"), Path("one")]


def test_when_time_is_up_what_was_spoken_stays_and_the_rest_goes_on(silence: threading.Event) -> None:
    kept = threading.Event()

    def speak(text: str) -> Path:
        if text == "long":
            silence.wait(LONG)
            kept.set()
        return Path(text)

    narration = Narration(speak, ["short", "long"], time.monotonic() + 0.5)
    list(narration.go_on())
    assert not silence.is_set() and not narration.complete
    assert (narration.done, narration.total) == (1, 2)
    silence.set()
    assert kept.wait(LONG)


def test_it_gives_signs_of_life(silence: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.narration.SIGN_SECONDS", 0.05)

    def speak(text: str) -> Path:
        assert silence.wait(LONG)
        return Path(text)

    narration = Narration(speak, ["one"], time.monotonic() + LONG)
    signs = narration.go_on()
    next(signs)
    next(signs)
    silence.set()
    list(signs)
    assert narration.complete


def test_a_voice_is_asked_as_often_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.narration.RETRY_SECONDS", 0.01)
    asked: list[str] = []

    def speak(text: str) -> Path:
        asked.append(text)
        raise RuntimeProblem("tts_failed", "No voice.")

    for attempts in (1, 3):
        asked.clear()
        with pytest.raises(RuntimeProblem, match="No voice"):
            list(Narration(speak, ["one"], time.monotonic() + LONG, attempts).go_on())
        assert len(asked) == attempts
