import argparse
import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime.cli import main, script_from
from runtime.contract import RuntimeProblem

from .media.sounds import tone, write_sound
from .media.test_image import png_header

ASSETS = Path(__file__).parents[1] / "_assets"
PORTRAIT, SPEECH = ASSETS / "demo_portrait.jpg", ASSETS / "demo_speech.ogg"
Files = dict[str, Path]


def _render(portrait: Path, audio: Path, out: Path, *more: str) -> list[str]:
    return ["render", "--portrait", str(portrait), "--audio", str(audio), "--out", str(out), *more]


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Inputs with something wrong."""
    folder = tmp_path_factory.mktemp("bad")
    files = {
        name: folder / name
        for name in ("notes.jpg", "cut.jpg", "huge.png", "empty.wav", "notes.mp3", "cut.wav")
    }
    files["notes.jpg"].write_text("no picture")
    files["cut.jpg"].write_bytes(PORTRAIT.read_bytes()[:9000])
    files["huge.png"].write_bytes(png_header(12_000, 12_000))
    files["empty.wav"].write_bytes(b"")
    files["notes.mp3"].write_text("no sound")
    whole = write_sound(folder / "whole.wav", tone(4.0, 16_000), 16_000)
    files["cut.wav"].write_bytes(whole.read_bytes()[:40_000])
    files["wall.png"] = folder / "wall.png"
    Image.effect_noise((400, 300), 40).convert("RGB").save(files["wall.png"])
    files["tiny.png"] = folder / "tiny.png"
    page = Image.new("RGB", (700, 500), (120, 130, 140))
    page.paste(Image.open(PORTRAIT).resize((64, 64)), (300, 200))
    page.save(files["tiny.png"])
    files["long.wav"] = write_sound(folder / "long.wav", tone(20.0, 8_000), 8_000)
    return files


@pytest.mark.usefixtures("bundled_pack")
@pytest.mark.parametrize(
    ("portrait", "audio", "options", "words"),
    [
        ("notes.jpg", None, (), "not a picture"),
        ("cut.jpg", None, (), "cannot be read"),
        ("huge.png", None, (), "100 megapixels or more"),
        ("wall.png", None, (), "face"),
        ("tiny.png", None, (), "face"),
        (None, "empty.wav", (), "cannot be read"),
        (None, "notes.mp3", (), "cannot be read"),
        (None, "cut.wav", (), "ends after 1.2 s, though its header states 4.0 s"),
        (None, "long.wav", ("--max-audio-minutes", "0.2"), "0.2 minutes are allowed"),
        (None, None, ("--duration", "1e6"), "Option duration is 1e+06, but must be at most 1800"),
        (None, None, ("--fps", "120"), "Option fps is 120, but must be a number from 12 to 60."),
        (None, None, ("--min-resolution", "500"), "in steps of 64"),
        (None, None, ("--provider", "tpu"), "one of auto, tensorrt, cuda, openvino, cpu"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(
    bad: Files,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    portrait: str | None,
    audio: str | None,
    options: tuple[str, ...],
    words: str,
) -> None:
    picture = bad[portrait] if portrait else PORTRAIT
    sound = bad[audio] if audio else SPEECH
    assert main(_render(picture, sound, tmp_path / "film.mp4", *options)) == 2
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if "%" not in line]
    assert len(lines) == 1 and words in lines[0]
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("bundled_pack")
def test_missing_folder_and_missing_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(_render(PORTRAIT, SPEECH, tmp_path / "absent" / "film.mp4")) == 2
    assert "does not exist" in capsys.readouterr().err
    assert main(_render(tmp_path / "absent.jpg", SPEECH, tmp_path / "film.mp4")) == 2
    assert "no picture at" in capsys.readouterr().err
    assert main(_render(PORTRAIT, tmp_path / "absent.wav", tmp_path / "film.mp4")) == 2
    assert "no audio file at" in capsys.readouterr().err


def test_a_film_does_not_take_the_place_of_its_own_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.ogg"
    mine.write_bytes(SPEECH.read_bytes())
    assert main(_render(PORTRAIT, mine, mine)) == 2
    assert "which it is made of" in capsys.readouterr().err
    assert mine.read_bytes() == SPEECH.read_bytes()


def test_unknown_option_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(_render(PORTRAIT, SPEECH, tmp_path / "film.mp4", "--frames", "3"))
    assert caught.value.code == 2
    assert "--frames" in capsys.readouterr().err


@pytest.mark.usefixtures("bundled_pack")
def test_our_own_fault_is_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.pipeline.perform", lambda *_: 1 / 0)
    assert main(_render(PORTRAIT, SPEECH, tmp_path / "film.mp4")) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.usefixtures("bundled_pack")
def test_render_prints_one_json_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = tmp_path / "film.mp4"
    options = ("--min-resolution", "256", "--fps", "12", "--duration", "1", "--json", "--no-lip-alignment")
    assert main(_render(PORTRAIT, SPEECH, film, *options)) == 0
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert result["path"] == str(film) and film.exists()
    assert {"duration", "frames", "fps", "width", "height", "warnings", "timings", "real_time_factor", "provider",
            "model_pack"} <= result.keys()  # fmt: skip
    assert "100 %" in said.err


def _in_a_process(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )


@pytest.mark.usefixtures("bundled_pack")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interruption_leaves_nothing(tmp_path: Path, number: signal.Signals, code: int) -> None:
    options = ("--duration", "60", "--min-resolution", "256", "--fps", "12")
    command = [
        sys.executable,
        "-m",
        "runtime",
        *_render(PORTRAIT, SPEECH, tmp_path / "film.mp4", *options),
    ]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ASSETS.parent
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("rendering"):
                break
        process.send_signal(number)
        rest = process.stderr.read()
    assert process.returncode == code
    assert "Traceback" not in rest
    if number == signal.SIGINT:
        assert rest.strip().endswith("Interrupted; nothing was written.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("bundled_pack")
def test_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    program = """
        import resource, sys
        from runtime.cli import main, script_from
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
        sys.exit(main(sys.argv[1:]))
    """
    options = ("--quality", "1", "--fps", "25", "--duration", "5", "--min-resolution", "512")
    with _in_a_process(program, *_render(PORTRAIT, SPEECH, tmp_path / "film.mp4", *options)) as process:
        _, said = process.communicate()
    assert process.returncode == 2
    assert "There is no room left" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("bundled_pack")
def test_inspect_tells_landmarks_in_pixels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overlay = tmp_path / "overlay.png"
    assert main(["inspect", "--portrait", str(PORTRAIT), "--json", "--overlay", str(overlay)]) == 0
    seen = json.loads(capsys.readouterr().out)
    landmarks = np.array(seen["landmarks"])
    assert landmarks.shape == (116, 2) and landmarks.min() > 0 and landmarks.max() < 768
    start, stop = seen["landmark_groups"]["lip_outer"]
    lips = landmarks[start:stop].mean(axis=0)
    assert abs(lips[0] - 384) < 30 and abs(lips[1] - 485) < 30  # where the demo's lips are
    assert abs(seen["pose_degrees"]["yaw"] - 3.4) < 6
    assert seen["face_count"] == 1
    assert Image.open(overlay).size == (768, 768)


@pytest.mark.usefixtures("bundled_pack")
def test_articulate_writes_a_row_a_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "track.csv"
    assert main(["articulate", "--audio", str(SPEECH), "--out", str(table)]) == 0
    head, *rows = table.read_text().splitlines()
    assert head.startswith("time,jawOpen,") and head.endswith("closure,voice,loudness")
    assert len(rows) == pytest.approx(9.2 * 50, abs=3)
    jaw = np.array([float(row.split(",")[1]) for row in rows])
    assert jaw.max() > 0.15 and jaw.min() < 0.02
    command = ["articulate", "--audio", str(SPEECH), "--out"]
    assert main([*command, str(tmp_path / "absent" / "t.csv")]) == 2
    capsys.readouterr()
    assert main([*command, str(table), "--max-audio-minutes", "0"]) == 2
    assert "max_audio_minutes is 0, but must be a number from 0.1 to 600" in capsys.readouterr().err


def test_doctor_says_what_will_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "films will be rendered with" in said and "providers, fastest first" in said
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["providers"]["cpu"] == "runs"
    assert report["pack"]["faults"] == []


def test_help_comes_quickly_and_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    from runtime.contract import RenderOptions

    with pytest.raises(SystemExit) as caught:
        main(["render", "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    for name in RenderOptions.model_fields:
        assert "--" + name.replace("_", "-") in said


def test_a_script_is_a_text_or_the_file_that_holds_it(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("\ufeffGrüße, 世界!", encoding="utf-8")

    def given(script: str | None) -> argparse.Namespace:
        return argparse.Namespace(script=script)

    assert script_from(given(str(file))) == "Grüße, 世界!"
    for text in ("Hello.", str(tmp_path), "A long one. " * 500, "two\nlines", "nul\0 inside"):
        assert script_from(given(text)) == text
    assert script_from(given(None)) is None
    with pytest.raises(RuntimeProblem, match=r"no script file at .*missing\.md"):
        script_from(given(str(tmp_path / "missing.md")))
    file.write_bytes(b"\xff\xfe\x00caf\xe9")
    with pytest.raises(RuntimeProblem, match="UTF-8"):
        script_from(given(str(file)))
