"""What is wrong with a lesson, found before anybody pays for its voice: its slides, their fonts, the portrait.

A server finds out in a process of its own (see apart.py); the question is a task as in task.py, without sound.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from runtime.apart import answer, ask_apart
from runtime.contract import Notice, RuntimeProblem
from runtime.lessons.slideshow import SlideShow

SECONDS = 60.0
SECONDS_A_SCENE = 2.0


def check_lesson(show: SlideShow, portrait: Path | None) -> list[Notice]:
    """Draw every slide, look at the portrait, and return what is to be known. Raises `RuntimeProblem`."""
    from runtime.portraits import examine  # which loads what options alone can do without

    for number in range(len(show.lesson.scenes)):
        show.draw(number)
    for finding in examine(portrait)["findings"] if portrait else ():
        if finding["severity"] == "error":
            raise RuntimeProblem(finding["code"], finding["sentence"])
    return [*show.lesson.notices, *show.notices]


def check_apart(task: dict[str, Any], scenes: int) -> list[Notice]:
    """The same in a child process, for a task with so many scenes."""
    limit = SECONDS + SECONDS_A_SCENE * scenes
    found = ask_apart("runtime.lessons.checking", task, limit, "Looking at the lesson")
    if problem := found.get("problem"):
        raise RuntimeProblem(problem["code"], problem["sentence"], problem["hint"])
    return [Notice(**notice) for notice in found["notices"]]


def _reply(task: dict[str, Any]) -> dict[str, Any]:
    from runtime.lessons.task import LessonTask

    try:
        portrait = Path(task["portrait"]) if task["portrait"] else None
        notices = check_lesson(LessonTask.read(task).show, portrait)
    except RuntimeProblem as problem:
        return {"problem": {"code": problem.code, "sentence": problem.sentence, "hint": problem.hint}}
    return {"notices": [notice.model_dump() for notice in notices]}


if __name__ == "__main__":
    sys.exit(answer(_reply))
