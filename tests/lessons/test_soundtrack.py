import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from runtime.contract import RuntimeProblem
from runtime.lessons.loudness import TARGET, measure
from runtime.lessons.soundtrack import GAP, LEAD, MARGIN, RATE, SILENT_SCENE, TAIL, SceneSound, Take, record
from tests.media.sounds import tone, write_sound


def clip(path: Path, seconds: float, level: float = 0.3, silence: float = 0.0, rate: int = 16_000) -> Path:
    """A tone with silence before and after it."""
    quiet = np.zeros(round(silence * rate), np.float32)
    return write_sound(path, np.concatenate([quiet, level * tone(seconds, rate), quiet]), rate)


def samples(sound: SceneSound) -> np.ndarray:
    with wave.open(str(sound.path)) as source:
        assert (source.getnchannels(), source.getframerate()) == (1, RATE)
        return np.frombuffer(source.readframes(source.getnframes()), "<i2").astype(np.float32) / 32768


def test_takes_stand_one_after_the_other_with_natural_gaps(tmp_path: Path) -> None:
    takes = [
        Take("One.", clip(tmp_path / "a.wav", 1.0, silence=0.8), pause_after=1.5),
        Take("Two.", clip(tmp_path / "b.wav", 2.0, rate=24_000)),
    ]
    sound = record(takes, tmp_path / "scene.wav", 25.0)
    first, second = sound.spoken
    assert (first.text, second.text) == ("One.", "Two.")
    assert first.start == pytest.approx(LEAD, abs=0.001)
    assert first.end - first.start == pytest.approx(1.0 + 2 * MARGIN, abs=0.03)
    assert second.start - first.end == pytest.approx(GAP + 1.5, abs=0.001)
    assert sound.seconds - second.end == pytest.approx(TAIL, abs=0.05)
    frames = sound.seconds * 25
    assert frames == pytest.approx(round(frames)) and len(samples(sound)) == round(sound.seconds * RATE)


def test_what_is_said_is_heard_where_it_says(tmp_path: Path) -> None:
    takes = [Take(str(n), clip(tmp_path / f"{n}.wav", 0.5, silence=0.3 * n)) for n in range(3)]
    sound = record(takes, tmp_path / "scene.wav", 30.0)
    heard = np.abs(samples(sound)) > 0.01
    for one in sound.spoken:
        inside = heard[round((one.start + MARGIN + 0.02) * RATE) : round((one.end - MARGIN - 0.02) * RATE)]
        assert inside.mean() > 0.5
        heard[round(one.start * RATE) : round(one.end * RATE)] = False
    assert not heard.any()


@pytest.mark.parametrize("level", [0.02, 0.9])
def test_every_scene_is_equally_loud(tmp_path: Path, level: float) -> None:
    sound = record([Take("a", clip(tmp_path / "a.wav", 9.0, level))], tmp_path / "scene.wav", 25.0)
    assert measure([samples(sound)], RATE) == pytest.approx(TARGET, abs=0.3)


def test_scenes_without_words(tmp_path: Path) -> None:
    silent = record([], tmp_path / "silent.wav", 25.0)
    assert silent.seconds == SILENT_SCENE and not samples(silent).any()
    waits = record([Take("", None, 2.0)], tmp_path / "waits.wav", 25.0)
    assert waits.seconds == pytest.approx(LEAD + 2.0 + TAIL, abs=0.04)


def test_a_recording_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("nothing")
    with pytest.raises(RuntimeProblem, match=r"a\.wav cannot be read"):
        record([Take("a", tmp_path / "a.wav")], tmp_path / "scene.wav", 25.0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_one_sound_may_be_written_several_times_at_once(tmp_path: Path) -> None:
    takes = [Take("a", clip(tmp_path / "a.wav", 1.0))]
    target = tmp_path / "scene.wav"
    with ThreadPoolExecutor(4) as pool:
        for made in [pool.submit(record, takes, target, 25) for _ in range(8)]:
            made.result()
    assert len(samples(made.result())) == round(made.result().seconds * RATE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "scene.wav"]


def test_what_is_known_of_it_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = SceneSound(tmp_path / "scene.wav", 4.0, ())
    sound.save(tmp_path / "scene.json")

    def full(path: Path, text: str) -> None:
        path.write_bytes(b"{")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        SceneSound(tmp_path / "scene.wav", 5.0, ()).save(tmp_path / "scene.json")
    assert SceneSound.load(sound.path, tmp_path / "scene.json") == sound
    assert [path.name for path in tmp_path.iterdir()] == ["scene.json"]


def test_it_can_be_kept(tmp_path: Path) -> None:
    sound = record([Take("Ça va?", clip(tmp_path / "a.wav", 1.0))], tmp_path / "scene.wav", 25.0)
    sound.save(tmp_path / "scene.json")
    assert SceneSound.load(sound.path, tmp_path / "scene.json") == sound
