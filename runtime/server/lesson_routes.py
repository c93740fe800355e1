"""Lessons: a script, a portrait and recordings of what is said become a narrated film with slides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from runtime.contract import Notice, RenderOptions, RuntimeProblem
from runtime.jobs.folders import remove
from runtime.lessons.options import DECIDED, LessonOptions, split_options
from runtime.lessons.utterances import utterances
from runtime.server.drafts import Draft
from runtime.server.intake import accept, fetch_file, receive
from runtime.server.lessons import check_draft, picture_sources, read_lesson
from runtime.server.schemas import ProblemAnswer, VideoJob, request_body
from runtime.server.service import Service

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemAnswer} for status in (401, 413, 422, 429, 507)
}
FILES = {
    "audio": "recordings, one for each scene that speaks or one for each paragraph, in order; or give audio_url",
    "slides": "pictures or one PDF instead of drawn slides, one for each scene; or give slides_url",
    "pictures": "pictures that the script names by their file names",
}
SCRIPT = "the lesson in Markdown, or as JSON text with the same fields"


class LessonCheck(BaseModel):
    """A lesson that can be made: its title, how many scenes it has, and the paragraphs that are to be spoken."""

    object: Literal["lesson.check"] = "lesson.check"
    title: str
    scenes: int
    spoken: list[str]
    warnings: list[Notice]


def lesson_routes(
    service: Service, show: Callable[[VideoJob, Request], VideoJob], guarded: Sequence[Depends]
) -> APIRouter:
    """Return the routes that take lessons; `show` adds a film's links to a job."""
    routes = APIRouter(dependencies=list(guarded), responses=ERRORS)

    @routes.post(
        "/v1/lessons",
        status_code=202,
        response_model=VideoJob,
        openapi_extra=_described(),
        tags=["lessons"],
    )
    async def create_lesson(request: Request, response: Response) -> VideoJob:
        """Have a lesson made of a `script` and recordings of what it says. The same request is the same job."""
        draft = await receive(request, service, "lesson")
        try:
            await _fetch_pictures(draft, service)
        except BaseException:
            remove(draft.folder)
            raise
        return show(await accept(draft, service, response), request)

    @routes.post(
        "/v1/lessons/check", response_model=LessonCheck, openapi_extra=_described(), tags=["lessons"]
    )
    async def check_lesson(request: Request) -> LessonCheck:
        """Say what is wrong with a lesson before its script is spoken: slides too full, letters without a font, a
        portrait (if one is sent) without a face. Takes what /v1/lessons takes but `audio`. Nothing is kept."""
        draft = await receive(request, service, "lesson")
        try:
            await _fetch_pictures(draft, service)
            lesson, notices = await run_in_threadpool(check_draft, draft, service.options)
        finally:
            remove(draft.folder)
        return LessonCheck(
            title=lesson.title, scenes=len(lesson.scenes), spoken=utterances(lesson), warnings=notices
        )

    return routes


async def _fetch_pictures(draft: Draft, service: Service) -> None:
    """Bring the pictures here that the script names by addresses; each goes by its address from then on."""
    lesson = await run_in_threadpool(read_lesson, draft)
    options, _ = split_options({name: value for name, value in draft.values.items() if name != "script"})
    for source, line in picture_sources(lesson, options).items():
        if not source.startswith(("http://", "https://")):
            continue
        try:
            await fetch_file(draft, service.fetcher, "pictures", source, name=source)
        except RuntimeProblem as fault:
            where = f"Line {line} of the script: " if line else ""
            raise RuntimeProblem(fault.code, where + fault.sentence, fault.hint) from None


def _described() -> dict[str, Any]:
    """Describe the two forms of a request for /docs."""
    options = LessonOptions.model_json_schema()["properties"] | {
        name: described
        for name, described in RenderOptions.model_json_schema()["properties"].items()
        if name not in DECIDED
    }
    return request_body({"script": {"type": "string", "description": SCRIPT}} | options, FILES)
