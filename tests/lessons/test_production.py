"""Whole lessons, small ones, with the engine itself: the demo portrait speaks parts of the demo speech."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.filter import Graph

from runtime.contract import LessonResult, RenderOptions, RuntimeProblem
from runtime.inference.packs import ModelPack
from runtime.lessons.layout import plan
from runtime.lessons.loudness import TARGET, measure
from runtime.lessons.narration import recorded_takes
from runtime.lessons.options import LessonOptions
from runtime.lessons.production import LessonWork, make_lesson
from runtime.lessons.scenes import SceneFolder
from runtime.lessons.script import parse_lesson
from runtime.media.audio import AudioFile
from tests.media.sounds import write_sound

ROOT = Path(__file__).parents[2]
PORTRAIT, SPEECH = ROOT / "_assets/demo_portrait.jpg", ROOT / "_assets/demo_speech.ogg"
SCRIPT = "# One\n\nFirst words.\n\n# Two\n\nOther words.\n\n# Three\n\nLast words.\n"
FPS = 12.0
STAGE = plan("16:9", 720, "corner")
Make = Callable[..., LessonResult]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three stretches of speech, each at another loudness."""
    folder = tmp_path_factory.mktemp("recordings")
    sound = np.concatenate(list(AudioFile.open(SPEECH).mono(16_000)))
    parts = [(0.0, 1.2, 1.0), (2.0, 1.5, 0.2), (4.0, 1.0, 0.05)]
    return [
        write_sound(
            folder / f"{number}.wav", gain * sound[int(start * 16000) :][: int(length * 16000)], 16_000
        )
        for number, (start, length, gain) in enumerate(parts)
    ]


@pytest.fixture(scope="module")
def make(bundled_pack: ModelPack, recordings: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes the lesson of a script; all of them keep their scenes in one folder."""
    folder = SceneFolder(tmp_path_factory.mktemp("kept"))

    def call(out: Path, script: str = SCRIPT, shade: int = 230, **more: object) -> LessonResult:
        lesson = parse_lesson(script)

        # Slides without letters: scene 1 can be told another colour.
        slides = [
            folder.keep_picture(np.full((STAGE.size[1], STAGE.size[0], 3), colour, np.uint8))
            for colour in (230, shade, 230)
        ]
        render = RenderOptions.checked(
            {"fps": FPS, "subtitles": "sidecar", "preset": "ultrafast", "quality": 10, "threads": 2}
        )
        work = LessonWork(
            lesson,
            recorded_takes(lesson, recordings),
            PORTRAIT,
            STAGE,
            slides,
            LessonOptions(language="en"),
            render,
            folder,
            **more,  # type: ignore[arg-type]
        )
        return make_lesson(work, out)

    return call


@pytest.fixture(scope="module")
def made(make: Make, tmp_path_factory: pytest.TempPathFactory) -> LessonResult:
    return make(tmp_path_factory.mktemp("made") / "lesson.mp4")


def frames(path: str) -> list[np.ndarray]:
    with av.open(path) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_the_result_tells_what_is_in_the_film(made: LessonResult) -> None:
    assert [chapter.title for chapter in made.chapters] == ["One", "Two", "Three"]
    assert made.chapters[0].start == 0 and made.chapters[-1].end == pytest.approx(made.duration)
    for scene, following in zip(made.scenes, [*made.scenes[1:], None], strict=True):
        assert following is None or scene.end == following.start
        assert scene.speech_start is not None and scene.speech_end is not None
        assert scene.start < scene.speech_start < scene.speech_end < scene.end
        assert not scene.reused
    with av.open(made.path) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height, video.frames) == (1280, 720, made.frames)
        assert video.duration and sound.duration and video.time_base and sound.time_base
        assert float(video.duration * video.time_base) == pytest.approx(made.duration)
        assert float(sound.duration * sound.time_base) == pytest.approx(made.duration, abs=1 / FPS)
        assert len(container.chapters()) == 3 and "AIGC" in container.metadata


def test_subtitles_lie_beside_it_in_the_film_s_own_time(made: LessonResult) -> None:
    assert made.subtitles is not None
    shown = Path(made.subtitles.vtt).read_text()
    assert all(words in shown for words in ("First words.", "Other words.", "Last words."))
    starts = [line.split(" --> ")[0] for line in shown.splitlines() if "-->" in line]
    seconds = [60 * int(start[3:5]) + float(start[6:]) for start in starts]
    for start, scene in zip(seconds, made.scenes, strict=True):
        assert scene.start <= start < scene.end


def test_scenes_are_equally_loud(made: LessonResult) -> None:
    sound = np.concatenate([block[:, 0] for block in AudioFile.open(made.path).blocks(48_000, 1)])
    for scene in made.scenes:
        part = sound[round(scene.start * 48_000) : round(scene.end * 48_000)]
        assert measure([part], 48_000) == pytest.approx(TARGET, abs=1.0)


def test_the_presenter_does_not_jump_where_scenes_meet(made: LessonResult) -> None:
    box = STAGE.presenter
    # Small, so that what the video encoder adds is averaged away.
    pictures = [
        cv2.resize(frame[box.y : box.bottom, box.x : box.right], (30, 30), interpolation=cv2.INTER_AREA)
        for frame in frames(made.path)
    ]
    steps = np.array([np.abs(a.astype(int) - b).max() for a, b in zip(pictures[1:], pictures, strict=False)])
    joints = [round(scene.start * FPS) - 1 for scene in made.scenes[1:]]
    assert steps[joints].max() < 0.3 * steps.max()


def test_only_what_has_changed_is_rendered_again(make: Make, made: LessonResult, tmp_path: Path) -> None:
    again = make(tmp_path / "again.mp4")
    assert [scene.reused for scene in again.scenes] == [True] * 3
    assert np.array_equal(frames(again.path)[-1], frames(made.path)[-1])
    changed = make(tmp_path / "changed.mp4", shade=90)
    assert [scene.reused for scene in changed.scenes] == [True, False, True]
    at = round((changed.scenes[1].start + 0.5) * FPS)
    assert abs(int(frames(changed.path)[at][10, 10, 0]) - 90) < 4


def test_cancelling_leaves_nothing_but_finished_scenes(make: Make, tmp_path: Path) -> None:
    stages: list[str] = []

    def cancelled() -> bool:
        return "scene 3 of 3" in stages

    script = SCRIPT.replace("words", "speech")
    with pytest.raises(RuntimeProblem) as caught:
        make(
            tmp_path / "a.mp4", script, cancelled=cancelled, progress=lambda done, stage: stages.append(stage)
        )
    assert caught.value.code == "cancelled" and list(tmp_path.iterdir()) == []
    after = make(tmp_path / "a.mp4", script)
    assert [scene.reused for scene in after.scenes] == [True, True, False]


def test_what_a_scene_s_sound_took_is_given_back(make: Make, tmp_path: Path) -> None:
    """Filter graphs hold themselves: without a search for such circles each scene would leave its own behind."""
    stages: list[str] = []
    gc.disable()
    try:
        with pytest.raises(RuntimeProblem, match="cancelled"):
            make(
                tmp_path / "a.mp4",
                SCRIPT.replace("words", "sounds"),
                cancelled=lambda: "scene 1 of 3" in stages,
                progress=lambda done, stage: stages.append(stage),
            )
        left = [one for one in gc.get_objects() if isinstance(one, Graph)]
        assert len(left) <= 1  # that of the scene which was about to be rendered
    finally:
        gc.enable()


@pytest.mark.slow
def test_scenes_side_by_side_are_the_same_films(make: Make, made: LessonResult, tmp_path: Path) -> None:
    script = SCRIPT.replace("# Two", "# 2").replace("words", "phrases")
    told: list[float] = []
    beside = make(tmp_path / "a.mp4", script, workers=2, progress=lambda done, stage: told.append(done))
    assert told == sorted(told) and told[-1] == 1.0
    assert beside.frames == made.frames
    assert np.abs(frames(beside.path)[5].astype(int) - frames(made.path)[5]).mean() < 1.0


@pytest.mark.slow
@pytest.mark.usefixtures("bundled_pack")
def test_killed_it_resumes_at_the_scene_it_was_in(recordings: list[Path], tmp_path: Path) -> None:
    (tmp_path / "lesson.md").write_text(SCRIPT)
    command = [
        *(sys.executable, "-m", "runtime", "lesson", str(tmp_path / "lesson.md"), "--json", "--fps", "12"),
        *(
            "--portrait",
            str(PORTRAIT),
            "--audio",
            str(recordings[0].parent),
            "--keep",
            str(tmp_path / "keep"),
        ),
        *("--out", str(tmp_path / "lesson.mp4"), "--preset", "ultrafast", "--language", "en"),
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("scene 2 of 3"):
                break
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "lesson.mp4").exists()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert [scene["reused"] for scene in json.loads(done.stdout)["scenes"]] == [True, False, False]
