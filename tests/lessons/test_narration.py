import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.contract import RuntimeProblem
from runtime.lessons.narration import SpeakingCommand, recorded_takes, sound_files, spoken_takes
from runtime.lessons.script import parse_lesson
from tests.media.sounds import tone, write_sound

LESSON = parse_lesson("""# One

First words. [pause 2s] Second words.

Third words.

# A picture

[pause 3s]

# Two

First words.
""")
# A voice that says a tone to everything, and writes the text behind it, where no player looks.
WRITER = "sh -c 'cat {folder}/tone.wav - > \"$0\"; echo x >> {folder}/calls' {{out}}"


def writer(folder: Path) -> SpeakingCommand:
    write_sound(folder / "tone.wav", tone(0.2, 16_000), 16_000)
    return SpeakingCommand(WRITER.format(folder=folder), folder / "speech")


def wave_of(samples: np.ndarray) -> bytes:
    sound = io.BytesIO()
    soundfile.write(sound, samples, 16_000, format="WAV")
    return sound.getvalue()


def written(take: Path) -> str:
    return take.read_bytes().removeprefix((take.parents[1] / "tone.wav").read_bytes()).decode()


def test_every_paragraph_is_spoken_once_and_kept(tmp_path: Path) -> None:
    speaker = writer(tmp_path)
    told: list[tuple[int, int]] = []
    takes = spoken_takes(LESSON, speaker.speak, lambda done, total: told.append((done, total)))
    said = [[written(take.path) if take.path else None for take in scene] for scene in takes]
    assert said == [["First words.", "Second words.", "Third words."], [None], ["First words."]]
    assert [take.pause_after for take in takes[0] + takes[1]] == [2.0, 0.0, 0.0, 3.0]
    assert told == [(1, 3), (2, 3), (3, 3)]
    # A changed sentence is the only one that is spoken again.
    changed = parse_lesson("# One\n\nFirst words.\n\nSecond words!")
    spoken_takes(changed, speaker.speak)
    assert (tmp_path / "calls").read_text().count("x") == 4


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("espeak-ng --stdin", r"must name the file to write as \{out\}"),
        ("espeak 'unclosed {out}", "cannot be read: No closing quotation"),
        ("no-such-voice {out}", "There is no program no-such-voice"),
        ("sh -c 'echo out of paint >&2; exit 3' {out}", r"status 3\): out of paint"),
        ("true {out}", "it wrote no file"),
    ],
)
def test_a_voice_that_fails_is_told_in_its_own_words(tmp_path: Path, command: str, words: str) -> None:
    with pytest.raises(RuntimeProblem, match=words):
        SpeakingCommand(command, tmp_path).speak("Hello")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b'{"error": "rate limit"}', "is no sound file"),
        (wave_of(tone(0.0, 16_000)), "holds no sound"),
        (wave_of(tone(3.0, 16_000))[:40_000], "ends after 1.2 s, though its header states 3.0 s"),
    ],
)
def test_what_is_no_sound_is_told_and_not_kept(tmp_path: Path, answer: bytes, words: str) -> None:
    (tmp_path / "answer").write_bytes(answer)
    speaker = SpeakingCommand(f"cp {tmp_path}/answer {{out}}", tmp_path / "speech")
    with pytest.raises(
        RuntimeProblem, match=f"wrote for 'Every drop of water on Earth has been h…' {words}"
    ) as told:
        speaker.speak("Every drop of water on Earth has been here for more than 4 billion years.")
    assert told.value.code == "tts_failed" and list((tmp_path / "speech").iterdir()) == []
    (tmp_path / "answer").write_bytes(wave_of(tone(0.2, 16_000)))
    assert speaker.speak("Every drop of water on Earth has been here for more than 4 billion years.").exists()


def test_words_are_no_part_of_a_shell(tmp_path: Path) -> None:
    speaker = writer(tmp_path)
    text = f"'; touch {tmp_path}/broken; $(touch {tmp_path}/broken) `touch {tmp_path}/broken`"
    assert written(speaker.speak(text)) == text
    assert not (tmp_path / "broken").exists()


def test_a_voice_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.lessons.narration.SPEAKING_SECONDS", 0.2)
    with pytest.raises(RuntimeProblem, match=r"more than 0\.2 s"):
        SpeakingCommand("sh -c 'sleep 60' {out}", tmp_path).speak("Hello")


def test_recordings_one_a_scene_or_one_a_paragraph() -> None:
    scenes = recorded_takes(LESSON, [Path("1"), Path("2")])
    assert [[take.path and take.path.name for take in scene] for scene in scenes] == [["1"], [None], ["2"]]
    assert scenes[0][0].text == "First words.\nSecond words.\nThird words."
    assert scenes[1][0].pause_after == 3.0
    parts = recorded_takes(LESSON, [Path(str(n)) for n in range(4)])
    assert [[take.path and take.path.name for take in scene] for scene in parts] == [
        ["0", "1", "2"],
        [None],
        ["3"],
    ]
    with pytest.raises(RuntimeProblem, match=r"3 recordings came .* 2 scenes with 4 paragraphs"):
        recorded_takes(LESSON, [Path("1")] * 3)


def test_recordings_are_sorted_as_people_number_them(tmp_path: Path) -> None:
    for name in ("10.wav", "2.mp3", "1 intro.wav", "notes.txt", "Scene 3.ogg"):
        (tmp_path / name).touch()
    assert [path.name for path in sound_files(tmp_path)] == ["1 intro.wav", "2.mp3", "10.wav", "Scene 3.ogg"]
    with pytest.raises(RuntimeProblem, match="no folder"):
        sound_files(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RuntimeProblem, match="no recordings"):
        sound_files(tmp_path / "empty")
