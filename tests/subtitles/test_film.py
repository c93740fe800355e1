"""The option `subtitles` on one film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.contract import RuntimeProblem
from runtime.speech.script import PlainText
from runtime.subtitles import cues, to_srt, to_vtt
from runtime.subtitles.film import FilmSubtitles
from tests.subtitles.helper import shelf_or_skip, timed

SCRIPT = "Water never stops. It rises, and it falls."


@pytest.mark.parametrize("choice", ["sidecar", "burned", "both"])
@pytest.mark.parametrize("script", [None, " \n"])
def test_without_a_script_there_is_one_sentence(choice: str, script: str | None) -> None:
    with pytest.raises(RuntimeProblem, match=f"subtitles is {choice}, but without a script") as caught:
        FilmSubtitles(choice, script)  # type: ignore[arg-type]
    assert caught.value.code == "script_missing"


@pytest.mark.parametrize(
    ("choice", "beside", "burned"),
    [
        (None, True, False),
        ("sidecar", True, False),
        ("burned", False, True),
        ("both", True, True),
        ("off", False, False),
    ],
)
def test_a_script_makes_what_is_asked_for(
    tmp_path: Path, choice: str | None, beside: bool, burned: bool
) -> None:
    shelf_or_skip(SCRIPT)
    film = FilmSubtitles(choice, SCRIPT, "en")  # type: ignore[arg-type]
    words = timed(SCRIPT)
    assert film.time(words, 4.0) == []
    written = film.write(tmp_path / "film.mp4")
    assert (written is not None) == beside
    assert sorted(path.name for path in tmp_path.iterdir()) == (["film.srt", "film.vtt"] if beside else [])
    if written:
        assert Path(written.srt).read_text("utf-8") == to_srt(cues(words, SCRIPT, "en", 4.0))
        assert Path(written.vtt).read_text("utf-8") == to_vtt(cues(words, SCRIPT, "en", 4.0))
    drawer = film.drawer((256, 256), 25)
    assert (drawer is not None) == burned
    if drawer:
        frame = np.zeros((256, 256, 3), np.uint8)
        drawer(frame, 20)
        assert frame.any()


def test_plain_text_keeps_what_looks_like_markup_in_the_file(tmp_path: Path) -> None:
    script = PlainText("The tag <p> begins, and __init__ makes.")
    film = FilmSubtitles("sidecar", script, "en")
    film.time(timed(script), 9.0)
    written = film.write(tmp_path / "film.mp4")
    assert written is not None and "__init__ makes" in Path(written.srt).read_text("utf-8")
    assert "The tag &lt;p&gt; begins" in Path(written.vtt).read_text("utf-8")


def test_nothing_without_a_script(tmp_path: Path) -> None:
    film = FilmSubtitles(None, None)
    assert film.time([], 2.0) == []
    assert film.write(tmp_path / "film.mp4") is None
    assert film.drawer((64, 64), 25) is None


def test_an_empty_script_is_none() -> None:
    assert FilmSubtitles(None, " \n").time([], 2.0) == []


def test_a_script_that_was_not_heard_is_told(tmp_path: Path) -> None:
    film = FilmSubtitles("sidecar", SCRIPT)
    assert [notice.code for notice in film.time([], 2.0)] == ["subtitles_empty"]
    assert film.write(tmp_path / "film.mp4") is None
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    film = FilmSubtitles("sidecar", SCRIPT)
    film.time(timed(SCRIPT), 4.0)
    with pytest.raises(RuntimeProblem, match=r"film\.srt cannot be written"):
        film.write(tmp_path / "missing" / "film.mp4")
