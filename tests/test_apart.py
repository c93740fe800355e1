"""Questions to a process of its own: its answer, its crash, its silence, and what it is not told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.apart import answer, ask_apart
from runtime.contract import RuntimeProblem


def ask(question: str, seconds: float = 60.0) -> dict[str, Any]:
    return ask_apart("tests.test_apart", question, seconds, "Looking at the question")


def test_an_answer_comes_back_and_secrets_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONIC_API_KEY", "very secret")
    monkeypatch.setenv("SONIC_LOG_LEVEL", "info")
    told = ask("Grüße")
    assert told["question"] == "Grüße"
    assert told["variables"]["SONIC_LOG_LEVEL"] == "info"
    assert "very secret" not in told["variables"].values()
    assert os.environ["SONIC_API_KEY"] == "very secret"


@pytest.mark.parametrize("question", ["crash", "say nothing"])
def test_a_crash_or_no_answer_is_told(question: str) -> None:
    with pytest.raises(RuntimeProblem, match="Looking at the question failed") as problem:
        ask(question)
    assert problem.value.code == "check_failed"


def test_one_that_takes_too_long_is_ended() -> None:
    began = time.monotonic()
    with pytest.raises(RuntimeProblem, match="Looking at the question took longer than 1 s"):
        ask("hang", 1.0)
    assert time.monotonic() - began < 60


def test_it_ends_with_who_asked(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    words = f"from tests.test_apart import ask; ask('hang {note}')"
    with subprocess.Popen([sys.executable, "-c", words], cwd=Path(__file__).parents[1]) as asker:
        _until(lambda: note.exists() and note.read_text() != "")
        pid = int(note.read_text())
        assert Path(f"/proc/{pid}").exists()
        asker.kill()
    _until(lambda: not Path(f"/proc/{pid}").exists())


def _until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def reply(question: str) -> dict[str, Any]:
    if question == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif question == "say nothing":
        sys.exit(0)
    elif question.startswith("hang"):
        if note := question[len("hang ") :]:
            Path(note).write_text(str(os.getpid()))
        time.sleep(600)
    return {"question": question, "variables": dict(os.environ)}


if __name__ == "__main__":
    sys.exit(answer(reply))
