"""Answers of text-to-speech models: told apart by their bytes, and made into files that a decoder opens."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from plugin.speech import Voice, playable
from runtime.contract import RuntimeProblem
from runtime.media.audio import AudioFile

RATE = 24000


def tone(seconds: float, rate: int = RATE) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def encoded(samples: np.ndarray, rate: int, form: str) -> bytes:
    """Samples as a file of a format that PyAV writes."""
    sink = io.BytesIO()
    with av.open(sink, "w", format=form) as container:
        codec = {"mp3": "libmp3lame", "adts": "aac", "ogg": "libopus"}[form]
        stream: Any = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.format.name, "mono", rate)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(part))
    return sink.getvalue()


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    sink = io.BytesIO()
    soundfile.write(sink, samples, rate, format="WAV", subtype="PCM_16")
    return sink.getvalue()


def seconds_of(audio: bytes, suffix: str, folder: Path) -> float:
    path = folder / f"audio{suffix}"
    path.write_bytes(audio)
    return sum(len(block) for block in AudioFile.open(path).mono()) / 16000


@pytest.mark.parametrize(
    ("form", "rate", "suffix"),
    [("mp3", 24000, ".mp3"), ("mp3", 44100, ".mp3"), ("adts", 24000, ".aac"), ("ogg", 48000, ".ogg")],
)
def test_encoded_speech_keeps_its_bytes(form: str, rate: int, suffix: str, tmp_path: Path) -> None:
    answer = encoded(tone(1.0, rate), rate, form)
    audio, found = playable(answer, RATE)
    assert (audio, found) == (answer, suffix)
    assert seconds_of(audio, found, tmp_path) == pytest.approx(1.0, abs=0.1)


def test_mp3_is_known_without_its_tag() -> None:
    answer = encoded(tone(0.5), RATE, "mp3")
    frame = next(
        place for place in range(len(answer)) if answer[place] == 0xFF and answer[place + 1] & 0xE0 == 0xE0
    )
    assert playable(answer[frame:], RATE)[1] == ".mp3"


def test_wav_files_in_a_row_become_one(tmp_path: Path) -> None:
    audio, suffix = playable(wav(tone(0.5)) + wav(tone(0.25)) + wav(tone(0.25)), RATE)
    assert suffix == ".wav"
    assert seconds_of(audio, suffix, tmp_path) == pytest.approx(1.0, abs=0.01)


def test_streamed_wav_header_without_a_length(tmp_path: Path) -> None:
    answer = bytearray(wav(tone(0.5)))
    answer[4:8] = answer[40:44] = b"\xff\xff\xff\xff"
    audio, suffix = playable(bytes(answer), RATE)
    assert seconds_of(audio, suffix, tmp_path) == pytest.approx(0.5, abs=0.01)


def test_wav_parts_of_two_rates_are_refused() -> None:
    with pytest.raises(RuntimeProblem, match="different sampling rates"):
        playable(wav(tone(0.2), 16000) + wav(tone(0.2), 24000), RATE)


def test_samples_without_a_header(tmp_path: Path) -> None:
    samples = (tone(0.5, 16000) * 32767).astype("<i2").tobytes()
    audio, suffix = playable(samples + b"\0", 16000)
    assert suffix == ".wav"
    assert seconds_of(audio, suffix, tmp_path) == pytest.approx(0.5, abs=0.01)


def test_near_silent_samples_are_not_taken_for_mp3() -> None:
    # -1 is FF FF: the first eleven bits of an MPEG frame.
    samples = np.random.default_rng(0).integers(-6, 2, 24000).astype("<i2").tobytes()
    for shift in range(0, 400, 2):
        assert playable(samples[shift:], RATE)[1] == ".wav"


def test_text_instead_of_sound_is_passed_on() -> None:
    with pytest.raises(RuntimeProblem, match="quota exceeded"):
        playable(b'{"error": "quota exceeded"}', RATE)


def test_voice_may_be_picked_with_the_model() -> None:
    selector = {"provider": "p", "model": "m", "model_type": "tts", "voice": "alloy"}
    assert Voice.chosen(selector, "").name == "alloy"
    assert Voice.chosen(selector, "nova").name == "nova"
    with pytest.raises(RuntimeProblem, match="voice is empty"):
        Voice.chosen({"provider": "p", "model": "m"}, None)
    with pytest.raises(RuntimeProblem, match="no tts_model"):
        Voice.chosen({}, "nova")
