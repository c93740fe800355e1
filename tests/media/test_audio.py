import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from runtime.contract import RuntimeProblem
from runtime.media.audio import AudioFile

from .sounds import CODECS, tone, write_sound


def _pitch(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * rate / len(samples))


@pytest.mark.parametrize("suffix", [*CODECS, ".ogg"])
def test_every_format_is_heard_at_16_khz(tmp_path: Path, suffix: str) -> None:
    path = write_sound(tmp_path / f"tone{suffix}", tone(2.0, 48_000), 48_000)
    heard = np.concatenate(list(AudioFile.open(path).mono()))
    assert heard.dtype == np.float32 and heard.ndim == 1
    assert len(heard) / 16_000 == pytest.approx(2.0, abs=0.06)
    assert _pitch(heard, 16_000) == pytest.approx(440, abs=1)
    loudness = float(np.sqrt(np.mean(heard[8000:24000] ** 2)))
    assert loudness == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000])
def test_every_rate_keeps_pitch_and_length(tmp_path: Path, rate: int) -> None:
    path = write_sound(tmp_path / "tone.wav", tone(1.5, rate), rate)
    heard = np.concatenate(list(AudioFile.open(path).mono()))
    assert len(heard) == pytest.approx(24_000, abs=20)
    assert _pitch(heard, 16_000) == pytest.approx(440, abs=1)


def test_stereo_and_surround_are_mixed(tmp_path: Path) -> None:
    left = tone(1.0, 48_000)
    stereo = np.stack([left, np.zeros_like(left)], axis=1)
    surround = np.stack(
        [np.zeros_like(left)] * 2 + [left] + [np.zeros_like(left)] * 3, axis=1
    )  # speech in the centre
    for name, values, layout in (("stereo", stereo, "stereo"), ("surround", surround, "5.1")):
        audio = AudioFile.open(write_sound(tmp_path / f"{name}.wav", values, 48_000, layout))
        assert audio.channels == values.shape[1]
        heard = np.concatenate(list(audio.mono()))
        assert np.abs(heard[4000:12000]).max() > 0.1
        both = np.concatenate(list(audio.blocks(48_000, 2)))
        assert both.shape == (48_000, 2)


@pytest.mark.parametrize("layout", ["stereo", "5.1"])
def test_mixing_neither_raises_the_level_nor_cuts_off(tmp_path: Path, layout: str) -> None:
    loud = 1.9 * tone(1.0, 48_000)
    count = {"stereo": 2, "5.1": 6}[layout]
    path = write_sound(tmp_path / "loud.wav", np.stack([loud] * count, axis=1), 48_000, layout)
    for channels in (1, 2):
        heard = np.concatenate(list(AudioFile.open(path).blocks(48_000, channels)))
        assert np.allclose(heard, loud[:, None], atol=1e-3)
    alone = write_sound(tmp_path / "alone.wav", loud, 48_000)
    both = np.concatenate(list(AudioFile.open(alone).blocks(48_000, 2)))
    assert np.allclose(both, loud[:, None], atol=1e-3)


def test_any_number_of_channels(tmp_path: Path) -> None:
    values = np.stack([tone(0.5, 16_000)] * 9, axis=1)
    soundfile.write(tmp_path / "nine.wav", values, 16_000)
    heard = np.concatenate(list(AudioFile.open(tmp_path / "nine.wav").mono()))
    assert np.allclose(heard, values[:, 0], atol=1e-3)


def test_a_comment_is_not_taken_for_the_sound(tmp_path: Path) -> None:
    plain = write_sound(tmp_path / "plain.wav", tone(2.0, 16_000), 16_000).read_bytes()
    form = plain.index(b"fmt ")
    sound = form + 8 + int.from_bytes(plain[form + 4 : form + 8], "little")
    text = b"Test data for the talk"
    comment = (
        b"LIST"
        + (12 + len(text)).to_bytes(4, "little")
        + b"INFOICMT"
        + len(text).to_bytes(4, "little")
        + text
    )
    path = tmp_path / "talk.wav"
    path.write_bytes(plain[:sound] + comment + plain[sound:])
    audio = AudioFile.open(path)
    assert audio.stated_duration == pytest.approx(2.0, abs=0.01)
    assert sum(map(len, audio.mono())) == 32_000


def _film(path: Path, seconds: float, sound: np.ndarray, begins: float) -> Path:
    """A film with a picture of so many seconds and a sound at 48 kHz that begins later."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream("aac", rate=48_000, layout="mono")
        for number in range(round(seconds * 10)):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 10)
            container.mux(video.encode(picture))
        for start in range(0, len(sound) // 1024 * 1024, 1024):
            frame = av.AudioFrame.from_ndarray(sound[None, start : start + 1024].copy(), "fltp", "mono")
            frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
            frame.pts = start + round(begins * 48_000)
            container.mux(audio.encode(frame))
        for stream in (video, audio):
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
@pytest.mark.parametrize(("seconds", "begins"), [(5.0, 0.0), (4.0, 1.0)])
def test_a_films_sound_may_be_shorter_or_begin_later(
    tmp_path: Path, suffix: str, seconds: float, begins: float
) -> None:
    film = _film(tmp_path / f"film{suffix}", seconds, tone(3.0, 48_000), begins)
    heard = np.concatenate(list(AudioFile.open(film).mono()))
    assert len(heard) / 16_000 == pytest.approx(3.0, abs=0.1)


def test_a_name_with_a_colon_is_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_sound(tmp_path / "tone.wav", tone(1.0, 16_000), 16_000).rename(tmp_path / "12:30.wav")
    assert sum(map(len, AudioFile.open("12:30.wav").mono())) == 16_000


def test_blocks_are_of_equal_size_and_lose_nothing(tmp_path: Path) -> None:
    audio = AudioFile.open(write_sound(tmp_path / "tone.wav", tone(2.3, 16_000), 16_000))
    blocks = list(audio.mono(block_seconds=0.5))
    assert [len(block) for block in blocks] == [8000, 8000, 8000, 8000, 4800]
    assert np.allclose(np.concatenate(blocks), tone(2.3, 16_000), atol=1e-4)


def test_too_long_is_refused_by_the_header_or_while_decoding(tmp_path: Path) -> None:
    stated = write_sound(tmp_path / "stated.wav", tone(8.0, 8_000), 8_000)
    with pytest.raises(RuntimeProblem, match=r"0\.1 minutes long, and 0\.1 minutes are allowed"):
        AudioFile.open(stated, max_minutes=0.1)
    unstated = AudioFile.open(
        write_sound(tmp_path / "unstated.mp3", tone(8.0, 16_000), 16_000), max_minutes=0.1
    )
    with pytest.raises(RuntimeProblem, match="minutes are allowed") as caught:
        list(unstated.mono())
    assert caught.value.code == "audio_too_long"


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".m4a"])
def test_cut_off_file_gets_a_sentence(tmp_path: Path, suffix: str) -> None:
    whole = write_sound(tmp_path / f"whole{suffix}", tone(6.0, 48_000) * np.linspace(0, 1, 288_000), 48_000)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(RuntimeProblem, match=rf"cut\{suffix}") as caught:
        list(AudioFile.open(cut).mono())
    assert caught.value.code in ("audio_truncated", "audio_unreadable")


def test_what_holds_no_sound_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.mp3").write_text("These are notes, not sounds. " * 20)
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0), 16_000)
    for name, code in (
        ("notes.mp3", "audio_unreadable"),
        ("empty.wav", "audio_unreadable"),
        ("nothing.wav", "audio_empty"),
        ("absent.wav", "audio_missing"),
    ):
        with pytest.raises(RuntimeProblem, match=name) as caught:
            list(AudioFile.open(tmp_path / name).mono())
        assert caught.value.code == code


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from Linux's /proc")
def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    program = (
        "import sys; from runtime.media.audio import AudioFile\n"
        "n = sum(len(block) for block in AudioFile.open(sys.argv[1]).mono())\n"
        "print(n, [line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    )
    peaks = []
    for seconds in (20, 600):
        path = write_sound(tmp_path / f"{seconds}.flac", tone(seconds, 16_000), 16_000)
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
        ).stdout.split()
        assert int(done[0]) == seconds * 16_000
        peaks.append(int(done[1]))
    assert peaks[1] < peaks[0] * 1.1


def test_sound_that_is_cut_fades_out(tmp_path: Path) -> None:
    audio = AudioFile.open(write_sound(tmp_path / "tone.wav", tone(3.0, 48_000), 48_000))
    heard = np.concatenate(list(audio.blocks(48_000, 1, block_seconds=0.4, end=1.5)))[:, 0]
    assert np.abs(heard[:60_000]).max() == pytest.approx(0.5, abs=0.01)
    assert np.abs(heard[71_500:72_000]).max() < 0.2
    assert np.abs(heard[72_000:]).max(initial=0) == 0
    assert len(heard) < 3.0 * 48_000
