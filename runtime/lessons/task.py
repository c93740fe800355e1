"""A lesson as the service asks for it: plain values in, plain values out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.contract import RenderOptions
from runtime.lessons.narration import recorded_takes
from runtime.lessons.options import LessonOptions
from runtime.lessons.production import LessonWork, make_lesson
from runtime.lessons.scenes import SceneFolder
from runtime.lessons.script import parse_lesson
from runtime.lessons.slides import Theme
from runtime.lessons.slideshow import SlideShow
from runtime.media.labels import Provenance


def render_lesson(
    task: dict[str, Any], progress: Callable[[float, str], None], provenance: Provenance
) -> dict[str, Any]:
    """Make the lesson of a task (see runtime/jobs/renderer.py) and return its result.

    task["script"] is its text; task["lesson"] holds `options`, `slides` (paths), `pictures` (path of each source),
    `scenes` (the folder that keeps them) and `workers`.
    """
    asked = task["lesson"]
    lesson = parse_lesson(task["script"])
    options, render = LessonOptions(**asked["options"]), RenderOptions(**task["options"])
    folder = SceneFolder(Path(asked["scenes"]))
    pictures = {source: Path(path) for source, path in asked["pictures"].items()}
    slides = [Path(path) for path in asked["slides"]]
    theme = Theme.checked(options.look(lesson.look))
    stage = options.stage(render.subtitles)
    show = SlideShow.of(lesson, stage, theme, pictures, slides, options.language)
    work = LessonWork(
        lesson,
        recorded_takes(lesson, [Path(path) for path in task["audio"]]),
        Path(task["portrait"]),
        stage,
        show.draw,
        options,
        render,
        folder,
        asked["workers"],
        show.notices,
        provenance,
        progress,
    )
    return make_lesson(work, Path(task["out"])).model_dump()
