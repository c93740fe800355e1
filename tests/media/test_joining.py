"""Several recordings become one, in order, with a breath between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.contract import RuntimeProblem
from runtime.media.audio import AudioFile
from runtime.media.joining import PAUSE, join_recordings


def tone(path: Path, seconds: float, rate: int, channels: int) -> Path:
    wave = 0.5 * np.sin(2 * np.pi * 300 * np.arange(int(seconds * rate)) / rate)
    soundfile.write(path, np.tile(wave[:, None], (1, channels)), rate)
    return path


def test_one_recording_stays_as_it_is(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.wav", 0.2, 16000, 1)
    assert join_recordings([path], tmp_path) == path


def test_recordings_of_any_form_in_order_with_a_pause(tmp_path: Path) -> None:
    first, second = tone(tmp_path / "a.flac", 0.5, 16000, 1), tone(tmp_path / "b.wav", 0.3, 44100, 2)
    joined = AudioFile.open(join_recordings([first, second], tmp_path))
    assert joined.channels == 2
    sound = np.concatenate(list(joined.mono(16000)))
    assert len(sound) / 16000 == pytest.approx(0.5 + PAUSE + 0.3, abs=0.01)
    loud = np.abs(sound[: len(sound) // 160 * 160]).reshape(-1, 160).max(1) > 0.1  # hundredths of a second
    silent = np.flatnonzero(~loud) / 100
    assert silent[0] == pytest.approx(0.5, abs=0.03) and silent[-1] == pytest.approx(0.5 + PAUSE, abs=0.03)


def test_all_recordings_together_may_be_as_long_as_one(tmp_path: Path) -> None:
    clips = [tone(tmp_path / f"{place}.wav", 2.0, 16000, 1) for place in range(3)]
    most = (3 * 2.0 + 2 * PAUSE) / 60  # minutes
    join_recordings(clips, tmp_path, most + 0.01 / 60)
    with pytest.raises(RuntimeProblem, match="recordings together are longer than the 0") as caught:
        join_recordings(clips, tmp_path, 0.1)
    assert caught.value.code == "audio_too_long"


def test_a_mono_recording_beside_a_stereo_one_keeps_its_level(tmp_path: Path) -> None:
    mono, stereo = tone(tmp_path / "a.wav", 0.5, 48000, 1), tone(tmp_path / "b.wav", 0.5, 48000, 2)
    joined = AudioFile.open(join_recordings([mono, stereo], tmp_path))
    sound = np.concatenate(list(joined.blocks(48000, 2)))
    for second in (sound[: 48000 // 2], sound[-48000 // 2 :]):
        assert np.abs(second).max(0) == pytest.approx([0.5, 0.5], abs=0.01)
