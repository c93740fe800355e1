"""Stage 1 on the bundled network: any length, any blocks, silence closed; and its CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.media.audio import AudioFile
from runtime.stages.articulation import EXPRESSIONS, ArticulationTrack, Segment, articulate
from runtime.stages.audio_encoding import AudioEncoder, write_csv

RATE = 16000
DEMO_SPEECH = Path(__file__).parents[2] / "_assets" / "demo_speech.ogg"


@pytest.fixture(scope="module")
def sessions() -> Sessions:
    return Sessions(ModelPack.load(), "cpu", threads=1)


@pytest.fixture(scope="module")
def encoder(sessions: Sessions) -> AudioEncoder:
    return AudioEncoder(sessions)


def buzz(seconds: float, seed: int = 0) -> np.ndarray:
    """A pulse train through moving resonances with pauses: no speech, but it keeps the network busy."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    time = np.arange(count) / RATE
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * time)
    pulses = (np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0) > 0).astype(np.float32)
    spectrum = np.fft.rfft(pulses)
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    for centre in (600, 1200, 2600):
        spectrum = spectrum * (1 + 6 * np.exp(-0.5 * ((hertz - centre) / 150) ** 2))
    voice = np.fft.irfft(spectrum, count)
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time) + 0.6, 0, 1) * (np.sin(2 * np.pi * 0.17 * time) > -0.5)
    out = 0.3 * voice / np.abs(voice).max() * syllables + 1e-4 * rng.standard_normal(count)
    return out.astype(np.float32)


@pytest.mark.parametrize("seconds", [0.011, 0.5, 3.017, 21.3])
def test_rows_cover_the_audio(encoder: AudioEncoder, seconds: float) -> None:
    samples = buzz(seconds)
    track = encoder.encode(samples)
    assert len(track) == -(-len(samples) // 320) and track.fps == 50
    assert track.expression.min() >= 0 and track.expression.max() <= 1
    assert np.isfinite(track.loudness).all()


def test_windows_do_not_show(sessions: Sessions) -> None:
    speech = np.concatenate(list(AudioFile.open(DEMO_SPEECH).mono()))
    samples = np.resize(speech, 47 * RATE)
    whole, cut = (list(AudioEncoder(sessions, seconds).windows(iter([samples]))) for seconds in (60, 7))
    assert (len(whole), len(cut)) == (1, 7)
    assert [window.start for window in cut] == [350 * number for number in range(7)]
    for name in ("controls", "contacts", "odds"):
        once = getattr(whole[0].evidence, name)
        joined = np.concatenate([getattr(window.evidence, name) for window in cut])
        assert once.std(axis=0).min() > 1e-3  # something happens
        np.testing.assert_allclose(joined, once, atol=1e-3)
    np.testing.assert_allclose(
        np.concatenate([window.loudness for window in cut]), whole[0].loudness, atol=1e-3
    )


def test_blocks_of_any_size_give_the_same(encoder: AudioEncoder) -> None:
    samples = buzz(26.0, seed=3)
    whole = encoder.encode(samples)

    def blocks() -> Iterator[np.ndarray]:
        rng, start = np.random.default_rng(0), 0
        while start < len(samples):
            stop = start + int(rng.integers(1, 30000))
            yield samples[start:stop]
            start = stop

    told: list[float] = []
    track = encoder.encode(blocks(), progress=told.append)
    np.testing.assert_allclose(track.expression, whole.expression, atol=1e-3)
    assert told == [20.0, 26.0]


def test_level_does_not_matter(encoder: AudioEncoder) -> None:
    speech = np.concatenate(list(AudioFile.open(DEMO_SPEECH).mono()))
    loud, quiet = encoder.encode(speech), encoder.encode(speech * np.float32(0.05))
    apart = np.abs(loud.expression - quiet.expression).max(axis=1)
    assert (apart < 0.1).mean() > 0.98, "but for a doubtful closure here and there"


@pytest.mark.parametrize("level", [0.0, 1e-4, 3e-3])
def test_silence_and_room_noise_keep_the_lips_closed(encoder: AudioEncoder, level: float) -> None:
    noise = level * np.random.default_rng(1).standard_normal(6 * RATE).astype(np.float32)
    track = encoder.encode(noise.astype(np.float32))
    assert (track.closure > 0.99).mean() >= 0.98
    assert track.expression.max() < 0.05 or (track.expression.max(axis=1) < 0.05).mean() >= 0.98
    assert (track.voice < 0.5).mean() >= 0.98


def test_another_rate_is_resampled_and_blocks_of_it_refused(encoder: AudioEncoder) -> None:
    samples = buzz(4.0)
    track = encoder.encode(np.repeat(samples, 3), sample_rate=48000)
    assert len(track) == 200
    with pytest.raises(ValueError, match="16000"):
        encoder.encode(iter([samples]), sample_rate=48000)
    with pytest.raises(ValueError, match="mono"):
        encoder.encode(np.zeros((100, 2), np.float32))


def test_empty_audio_is_one_closed_frame(encoder: AudioEncoder) -> None:
    track = encoder.encode(np.zeros(0, np.float32))
    assert len(track) == 1 and track.closure[0] == 1


def read(path: Path) -> tuple[list[str], np.ndarray]:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    return rows[0], np.array(rows[1:], float)


def test_csv_has_arkit_names_and_one_row_a_frame(tmp_path: Path) -> None:
    track = articulate([Segment("a", 0.5, 0.8), Segment("m", 0.8, 0.9), Segment("u", 0.9, 1.2)], 2.0)
    write_csv(track, tmp_path / "track.csv")
    header, values = read(tmp_path / "track.csv")
    assert header == ["time", *EXPRESSIONS, "closure", "voice", "loudness"]
    assert values.shape == (100, 29)
    np.testing.assert_allclose(values[:, 1:26], track.expression, atol=1e-4)
    np.testing.assert_allclose(values[:, 0], np.arange(100) / 50, atol=1e-4)


def test_csv_at_another_frame_rate_keeps_the_closure(tmp_path: Path) -> None:
    track: ArticulationTrack = articulate(
        [Segment("a", 0.5, 0.8), Segment("m", 0.8, 0.85), Segment("a", 0.85, 1.2)], 2
    )
    write_csv(track, tmp_path / "track.csv", fps=12)
    header, values = read(tmp_path / "track.csv")
    closure = values[:, header.index("closure")]
    assert len(values) == 24
    assert closure[6:14].max() > 0.95 and closure[6:14].min() < 0.2
