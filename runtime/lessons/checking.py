"""What can be told of a lesson before anybody pays for its voice: its slides, drawn, all fonts, portrait and device.

All that happens in a process of its own (see apart.py). The typesetter keeps fonts and much of what it has laid out;
this way its memory is given back before the first scene is rendered.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.apart import answer, ask_apart
from runtime.contract import Notice, RenderOptions, RuntimeProblem
from runtime.lessons.scenes import SceneFolder
from runtime.lessons.slideshow import SlideShow
from runtime.lessons.utterances import utterances

if TYPE_CHECKING:
    from runtime.lessons.options import LessonOptions
    from runtime.lessons.script import Lesson

SECONDS = 60.0
SECONDS_A_SCENE = 2.0


@dataclass(frozen=True)
class Checked:
    """What is to be known of a lesson, and the picture of each scene's slide where they were to be kept."""

    notices: Sequence[Notice]
    slides: Sequence[Path]


def check_lesson(task: dict[str, Any], scenes: int, keep: Path | None = None) -> Checked:
    """Draw every slide of a task (see task.py) with so many scenes; where it has a portrait, look at that, and see
    whether the networks run.

    Slides are kept in the folder `keep`, where one is given. Raises `RuntimeProblem`.
    """
    limit = SECONDS + SECONDS_A_SCENE * scenes
    question = {"task": task, "keep": str(keep) if keep else None}
    found = ask_apart("runtime.lessons.checking", question, limit, "Looking at the lesson")
    if problem := found.get("problem"):
        raise RuntimeProblem(problem["code"], problem["sentence"], problem["hint"])
    notices = [Notice(**notice) for notice in found["notices"]]
    return Checked(notices, [Path(slide) for slide in found["slides"]])


def _reply(question: dict[str, Any]) -> dict[str, Any]:
    from runtime.lessons.task import LessonTask

    task, keep = question["task"], question["keep"]
    try:
        read = LessonTask.read(task)
        notices = read.show.notices
        check_letters(read.show.lesson, read.render, read.options)
        slides = _drawn(read.show, SceneFolder(Path(keep)) if keep else None)
        if task["portrait"]:
            _look_at(Path(task["portrait"]))
            _check_provider(read.render)
    except RuntimeProblem as problem:
        return {"problem": {"code": problem.code, "sentence": problem.sentence, "hint": problem.hint}}
    return {"notices": [notice.model_dump() for notice in notices], "slides": slides}


def check_letters(lesson: Lesson, render: RenderOptions, options: LessonOptions) -> None:
    """Raise `RuntimeProblem` where the burned subtitles need letters that no font has."""
    from runtime.subtitles.film import FilmSubtitles

    if words := "\n".join(utterances(lesson)):
        FilmSubtitles(render.subtitles, words, options.language)


def _check_provider(render: RenderOptions) -> None:
    """Raise `RuntimeProblem` where the networks cannot run on what was asked for; a small one is tried."""
    from runtime.inference.packs import ModelPack
    from runtime.inference.sessions import LIGHT_GRAPHS, Sessions

    Sessions(ModelPack.load(), render.provider, render.threads, render.int8).get(LIGHT_GRAPHS[0])


def _drawn(show: SlideShow, folder: SceneFolder | None) -> list[str]:
    """Draw all slides; the paths of those that are kept."""
    paths = []
    for number in range(len(show.lesson.scenes)):
        picture = show.draw(number)
        if folder is not None:
            paths.append(str(folder.keep_picture(picture)))
    return paths


def _look_at(portrait: Path) -> None:
    from runtime.portraits import examine

    for finding in examine(portrait)["findings"]:
        if finding["severity"] == "error":
            raise RuntimeProblem(finding["code"], finding["sentence"])


if __name__ == "__main__":
    sys.exit(answer(_reply))
