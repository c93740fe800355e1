"""Beside /v1/videos: a look at a portrait before anybody waits for a render, and previews to choose scales from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from runtime.contract import RuntimeProblem
from runtime.jobs.folders import remove
from runtime.portraits import examine_apart
from runtime.previews import SECONDS, variants_of
from runtime.server.intake import accept, receive
from runtime.server.schemas import ProblemAnswer, VideoJob
from runtime.server.service import Service

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemAnswer} for status in (401, 413, 422, 429, 507)
}
SCALES = ("dynamic_scales", "motion_scales")


class Finding(BaseModel):
    """Something about a portrait: `error` means that no film can be made of it."""

    code: str
    severity: Literal["info", "warning", "error"]
    sentence: str


class PortraitCheck(BaseModel):
    """What is seen in a portrait. Boxes are x0, y0, x1, y1 in pixels, angles degrees."""

    object: Literal["portrait.check"] = "portrait.check"
    usable: bool
    findings: list[Finding]
    width: int | None = None
    height: int | None = None
    face_box: list[float] | None = None
    face_count: int | None = None
    pose_degrees: dict[str, float] | None = Field(None, description="yaw, pitch, roll")


def extra_routes(
    service: Service, show: Callable[[VideoJob, Request], VideoJob], guarded: Sequence[Depends]
) -> APIRouter:
    """Return the routes; `show` adds a film's link to a job."""
    routes = APIRouter(dependencies=list(guarded), responses=ERRORS)

    @routes.post("/v1/portraits/check", response_model=PortraitCheck, tags=["portraits"])
    async def check_portrait(request: Request) -> PortraitCheck:
        """Say whether a portrait will do and what to change. Nothing is kept."""
        draft = await receive(request, service)
        try:
            if draft.portrait is None:
                raise RuntimeProblem("portrait_missing", "The request has no portrait.")
            found = await run_in_threadpool(examine_apart, draft.folder / draft.portrait)
        finally:
            remove(draft.folder)
        return PortraitCheck(**found)

    @routes.post("/v1/previews", status_code=202, response_model=VideoJob, tags=["videos"])
    async def create_preview(request: Request, response: Response) -> VideoJob:
        """Have a few seconds made with every pair of `dynamic_scales` and `motion_scales`, side by side in one film.

        Takes what /v1/videos takes beside the two lists ("0.8, 1, 1.3"); the job is asked for at /v1/videos/{id}.
        """
        draft = await receive(request, service)
        try:
            draft.variants = variants_of({name: draft.values.pop(name, None) for name in SCALES})
        except BaseException:
            remove(draft.folder)
            raise
        draft.values.setdefault("preview_seconds", SECONDS)
        return show(await accept(draft, service, response), request)

    return routes
