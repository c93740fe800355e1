"""A lesson as the service asks for it: plain values in, plain values out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.contract import RenderOptions
from runtime.lessons.checking import check_lesson
from runtime.lessons.options import LessonOptions
from runtime.lessons.scenes import SceneFolder
from runtime.lessons.script import parse_lesson
from runtime.lessons.slides import Theme
from runtime.lessons.slideshow import SlideShow
from runtime.media.labels import Provenance


@dataclass(frozen=True)
class LessonTask:
    """What a task (see runtime/jobs/renderer.py) says of its lesson.

    task["script"] is its text, task["options"] those of its films; task["lesson"] holds `options`, `slides` (paths)
    and `pictures` (path of each source).
    """

    options: LessonOptions
    render: RenderOptions
    show: SlideShow

    @classmethod
    def read(cls, task: dict[str, Any]) -> LessonTask:
        """Understand a task. Raises `RuntimeProblem`."""
        asked = task["lesson"]
        lesson = parse_lesson(task["script"])
        options, render = LessonOptions(**asked["options"]), RenderOptions(**task["options"])
        pictures = {source: Path(path) for source, path in asked["pictures"].items()}
        slides = [Path(path) for path in asked["slides"]]
        theme = Theme.checked(options.look(lesson.look))
        stage = options.stage(render.subtitles)
        show = SlideShow.of(lesson, stage, theme, pictures, slides, options.language)
        return cls(options, render, show)


def render_lesson(
    task: dict[str, Any], progress: Callable[[float, str], None], provenance: Provenance
) -> dict[str, Any]:
    """Make the lesson of a task and return its result.

    Beside the rest, task["lesson"] holds `scenes` (the folder that keeps them) and `workers`.
    """
    from runtime.lessons.narration import recorded_takes  # these load the engine
    from runtime.lessons.production import LessonWork, make_lesson

    read = LessonTask.read(task)
    lesson = read.show.lesson
    folder = SceneFolder(Path(task["lesson"]["scenes"]))
    takes = recorded_takes(lesson, [Path(path) for path in task["audio"]])
    progress(0.0, "slides")
    checked = check_lesson({**task, "portrait": None}, len(lesson.scenes), folder.root)
    work = LessonWork(
        lesson,
        takes,
        Path(task["portrait"]),
        read.show.stage,
        checked.slides,
        read.options,
        read.render,
        folder,
        task["lesson"]["workers"],
        checked.notices,
        provenance,
        progress,
    )
    return make_lesson(work, Path(task["out"])).model_dump()
