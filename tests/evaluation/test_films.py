"""Finding inputs, and reading films and sound back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from runtime.contract import RuntimeProblem
from runtime.evaluation.films import find_portraits, find_speech, frame_rate, is_newer, read_frames, write_wav
from runtime.evaluation.plan import Plan
from runtime.evaluation.resources import looped
from runtime.media.audio import AudioFile
from runtime.media.video import VideoWriter


@pytest.fixture
def speech_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "speech"
    (folder / "aligned").mkdir(parents=True)
    tone = 0.2 * np.sin(np.arange(16_000) * 0.1).astype(np.float32)
    for name, seconds in (("aligned/long", 19), ("aligned/short", 3), ("plain_a", 1), ("plain_b", 1)):
        write_wav(folder / f"{name}.wav", looped(tone, seconds))
    (folder / "aligned" / "long.TextGrid").touch()
    (folder / "aligned" / "short.phone.json").touch()
    (folder / "notes.txt").touch()
    return folder


def plan_for(folder: Path, quick: bool) -> Plan:
    return Plan([], find_speech(folder), [], None, frozenset(), quick, folder)


def test_recordings_find_their_alignment(speech_folder: Path) -> None:
    found = {clip.name: clip for clip in find_speech(speech_folder)}
    assert set(found) == {"long", "short", "plain_a", "plain_b"}
    assert found["long"].alignment == speech_folder / "aligned" / "long.TextGrid"
    assert found["short"].alignment == speech_folder / "aligned" / "short.phone.json"
    assert found["plain_a"].alignment is None
    assert len(found["short"].samples()) == 48_000


def test_a_recording_knows_its_words(speech_folder: Path) -> None:
    labels = ("<sil>", "the(2)", "lips", "<s>")
    words = [{"t": label, "b": 0.5, "d": 0.1, "w": ()} for label in labels]
    (speech_folder / "aligned" / "short.phone.json").write_text(json.dumps({"w": words}))
    found = {clip.name: clip for clip in find_speech(speech_folder)}
    assert found["short"].script == "the lips" and found["plain_a"].script is None


def test_portraits_take_turns_with_the_plain_recordings(speech_folder: Path) -> None:
    plan = plan_for(speech_folder, quick=False)
    assert [[clip.name for clip in plan.clips_for(number)] for number in range(3)] == [
        ["long", "short", "plain_a"],
        ["long", "short", "plain_b"],
        ["long", "short", "plain_a"],
    ]


def test_in_a_hurry_the_shorter_recordings_do(speech_folder: Path) -> None:
    assert [clip.name for clip in plan_for(speech_folder, quick=True).clips_for(0)] == ["short"]


def test_empty_and_missing_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem) as empty:
        find_portraits(tmp_path)
    assert empty.value.code == "folder_empty"
    with pytest.raises(RuntimeProblem) as missing:
        find_speech(tmp_path / "nowhere")
    assert missing.value.code == "folder_missing"


def test_a_film_is_out_of_date_when_what_it_came_from_has_changed(tmp_path: Path) -> None:
    film, source = tmp_path / "film.mp4", tmp_path / "stage.py"
    source.touch()
    assert not is_newer(film, [source])
    film.touch()
    os.utime(source, (0, 0))
    assert is_newer(film, [source])
    os.utime(film, (0, 0))
    assert not is_newer(film, [source])


def test_a_film_reads_back_as_it_was_written(tmp_path: Path) -> None:
    colours = [(200, 60, 40), (30, 160, 90), (90, 90, 220)]
    sound = tmp_path / "sound.wav"
    write_wav(sound, np.zeros(16_000, np.float32))
    with VideoWriter(tmp_path / "film.mp4", 64, 48, 25, AudioFile.open(sound), quality=4) as film:
        for colour in colours:
            film.write(np.full((48, 64, 3), colour, np.uint8))
    assert frame_rate(tmp_path / "film.mp4") == 25
    seen = [frame.reshape(-1, 3).mean(axis=0) for frame in read_frames(tmp_path / "film.mp4")]
    np.testing.assert_allclose(seen, colours, atol=4)
