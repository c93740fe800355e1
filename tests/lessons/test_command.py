"""The command line's mistakes: one sentence each, exit code 2, and nothing left behind."""

from pathlib import Path

import onnxruntime
import pytest
from PIL import Image

from runtime.cli import main
from runtime.contract import RuntimeProblem
from runtime.inference.providers import PROVIDER_NAMES
from runtime.lessons import production, slideshow
from runtime.lessons.production import LessonWork
from tests.media.sounds import tone, write_sound

PORTRAIT = Path(__file__).parents[2] / "_assets" / "demo_portrait.jpg"
SCRIPT = "# One\n\nSome words.\n\n# Two\n\n![x](there.png)\n\nNarration: More words. [pause 1s] And more.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lesson.md").write_text(SCRIPT)
    (tmp_path / "latin1.md").write_bytes("# Über\n".encode("latin-1"))
    (tmp_path / "gone.md").write_text(SCRIPT.replace("there.png", "gone.png"))
    (tmp_path / "pause.md").write_text(SCRIPT.replace("pause 1s", "pause 99s"))
    Image.new("RGB", (80, 60), (200, 30, 30)).save(tmp_path / "there.png")
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for number in range(4):
        write_sound(sounds / f"{number}.wav", tone(0.2, 16_000), 16_000)
    return tmp_path


@pytest.mark.parametrize(
    ("script", "more", "words"),
    [
        ("absent.md", (), "There is no script at"),
        ("latin1.md", (), "latin1.md is no text in UTF-8 (byte 2)"),
        ("pause.md", (), "Line 9 of the script"),
        ("gone.md", (), "Line 7 of the script"),
        (
            "lesson.md",
            ("--audio", "sounds"),
            "4 recordings came with the script, but 2 scenes with 3 paragraphs",
        ),
        ("lesson.md", ("--audio", "absent"), "There is no folder"),
        ("lesson.md", ("--slides", "there.png"), "There are 1 picture"),
        ("lesson.md", ("--slides", "absent.pdf"), "absent.pdf cannot be read"),
        ("lesson.md", ("--portrait", "absent.jpg"), "no picture at"),
        ("lesson.md", ("--resolution", "500"), "one of 720, 1080"),
        ("lesson.md", ("--theme", "blue"), "Option theme is blue, but must be one of light, dark"),
        ("lesson.md", ("--workers", "0"), "Option workers is 0"),
        ("lesson.md", ("--tts-command", "false {out}"), "false could not speak"),
        ("lesson.md", ("--out", "absent/film.mp4"), "does not exist"),
    ],
)
def test_bad_input_gets_one_sentence(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
    more: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(folder)
    voice = () if {"--audio", "--tts-command"} & set(more) else ("--tts-command", "false {out}")
    command = ["lesson", script, "--out", "film.mp4", "--keep", "keep", "--portrait", str(PORTRAIT), *voice]
    assert main([*command, *more]) == 2
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if "%" not in line]
    assert len(lines) == 1 and words in lines[0], lines
    assert said.out == "" and not list(folder.glob("*film*"))


@pytest.mark.parametrize(
    ("script", "more", "words"),
    [
        ("# One\n\nNarration: The letter \U0001e800.\n", ("--subtitles", "burned"), "\U0001e800"),
        ("# One\n\nSome words.\n", ("--provider", "{absent}"), "is not part of the installed ONNX Runtime"),
    ],
)
def test_no_voice_is_paid_for_where_the_lesson_cannot_be_made(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
    more: tuple[str, str],
    words: str,
) -> None:
    absent = [
        name for name, ort in PROVIDER_NAMES.items() if ort not in onnxruntime.get_available_providers()
    ]
    if "{absent}" in more and not absent:
        pytest.skip("every provider is installed here")
    monkeypatch.chdir(folder)
    (folder / "lesson.md").write_text(script)
    voice = ("--tts-command", "sh -c 'touch spoken; false' {out}")
    chosen = [option.replace("{absent}", absent[0] if absent else "") for option in more]
    command = [
        "lesson",
        "lesson.md",
        "--out",
        "film.mp4",
        "--keep",
        "keep",
        "--portrait",
        str(PORTRAIT),
        *voice,
    ]
    assert main([*command, *chosen]) == 2
    assert words in capsys.readouterr().err and not (folder / "spoken").exists()


@pytest.mark.parametrize(("words", "mirrored"), [("אור לבן", True), ("White light", False)])
def test_the_presenter_stands_where_the_slide_leaves_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: str, mirrored: bool
) -> None:
    """A slide that runs from right to left is turned round, and the presenter with it."""
    made: list[LessonWork] = []

    def stop(work: LessonWork, out: Path) -> None:
        made.append(work)
        raise RuntimeProblem("cancelled", "Far enough.")

    monkeypatch.setattr(production, "make_lesson", stop)
    monkeypatch.delattr(slideshow, "draw_slide")  # slides are drawn in a process of their own
    (folder / "light.md").write_text(f"# {words}\n\n- {words}\n\nNarration: {words}.\n")
    for number in range(1, 4):
        (folder / f"sounds/{number}.wav").unlink()
    command = [
        "lesson",
        str(folder / "light.md"),
        "--portrait",
        str(PORTRAIT),
        "--out",
        str(folder / "o.mp4"),
    ]
    assert main([*command, "--audio", str(folder / "sounds"), "--keep", str(folder / "keep")]) == 2
    (work,) = made
    assert work.stage.leftwards is mirrored
    (slide,) = work.slides
    assert Image.open(slide).size == work.stage.size
