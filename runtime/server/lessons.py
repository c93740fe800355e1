"""What a request for a lesson amounts to."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from runtime.contract import Notice, RenderOptions, RuntimeProblem
from runtime.jobs.identity import job_id
from runtime.jobs.store import LessonRequest, Request
from runtime.lessons.checking import check_lesson, check_letters
from runtime.lessons.options import LessonOptions, split_options
from runtime.lessons.script import Lesson, Picture, parse_lesson
from runtime.lessons.utterances import check_recordings
from runtime.server.drafts import Draft, Plan


def read_lesson(draft: Draft) -> Lesson:
    """Understand a draft's script, which is checked before anything else. Raises `RuntimeProblem`."""
    script = draft.values.get("script")
    if not isinstance(script, str) or not script.strip():
        raise RuntimeProblem("script_missing", "The request has no script.")
    return parse_lesson(script)


def picture_sources(lesson: Lesson, options: LessonOptions) -> dict[str, int]:
    """Return what the slides show, each with the line of the script that names it (0 = none does)."""
    shown = [
        (block.source, block.line)
        for scene in lesson.scenes
        for block in scene.body
        if isinstance(block, Picture)
    ]
    if logo := options.look(lesson.look).get("logo"):
        shown.append((logo, 0))
    return dict(reversed(shown))


def plan_lesson(draft: Draft, decide: Callable[[dict[str, Any]], RenderOptions], pack: str) -> Plan:
    """Check a draft and return its plan; `decide` applies what the operator has decided of render options."""
    lesson, own, render, pictures = _understood(draft, decide)
    if draft.portrait is None:
        raise RuntimeProblem("portrait_missing", "The request has no portrait.")
    check_recordings(lesson, len(draft.audio))
    slides = draft.extras["slides"]
    request = Request(
        render.model_dump(mode="json"),
        draft.portrait,
        draft.audio,
        lesson_name(lesson),
        script=draft.values["script"],
        lesson=LessonRequest(
            own.model_dump(mode="json"),
            [slide.file for slide in slides],
            {source: file for source, (file, _) in pictures.items()},
            len(lesson.scenes),
        ),
    )
    identity = job_id(
        draft.portrait_sha256,
        draft.audio_sha256,
        render,
        pack,
        script=draft.values["script"],
        lesson={
            "options": own.model_dump(mode="json"),
            "slides": [slide.sha256 for slide in slides],
            "pictures": {source: sha256 for source, (_, sha256) in pictures.items()},
        },
    )
    return Plan(identity, request)


def check_draft(
    draft: Draft, decide: Callable[[dict[str, Any]], RenderOptions]
) -> tuple[Lesson, list[Notice]]:
    """Look at all of a lesson but its sound. Raises `RuntimeProblem` for what would make it fail."""
    lesson, own, render, pictures = _understood(draft, decide)
    task = {
        "script": draft.values["script"],
        "portrait": str(draft.folder / draft.portrait) if draft.portrait else None,
        "options": render.model_dump(mode="json"),
        "lesson": {
            "options": own.model_dump(mode="json"),
            "slides": [str(draft.folder / slide.file) for slide in draft.extras["slides"]],
            "pictures": {source: str(draft.folder / file) for source, (file, _) in pictures.items()},
        },
    }
    return lesson, [*lesson.notices, *check_lesson(task, len(lesson.scenes)).notices]


def _understood(
    draft: Draft, decide: Callable[[dict[str, Any]], RenderOptions]
) -> tuple[Lesson, LessonOptions, RenderOptions, dict[str, tuple[str, str]]]:
    """Script, options and pictures of a draft."""
    lesson = read_lesson(draft)
    own, asked = split_options({name: value for name, value in draft.values.items() if name != "script"})
    render = decide(asked.model_dump())
    check_letters(lesson, render, own)
    return lesson, own, render, _pictures(draft, picture_sources(lesson, own))


def _pictures(draft: Draft, sources: dict[str, int]) -> dict[str, tuple[str, str]]:
    """File and checksum of every picture that is shown; those that came along go by their names."""
    came = {picture.name: (picture.file, picture.sha256) for picture in draft.extras["pictures"]}
    for source, line in sources.items():
        if source not in came:
            where = f"Line {line} of the script: the" if line else "The"
            raise RuntimeProblem(
                "image_missing",
                f"{where} picture {source[:80]} is not there.",
                "Send it as a file of that name in the field pictures.",
            )
    return {source: came[source] for source in sources}


def lesson_name(lesson: Lesson) -> str:
    """A readable file name for the film."""
    return (re.sub(r"[^\w .-]+", "", lesson.title).strip(" .")[:60] or "lesson") + ".mp4"
