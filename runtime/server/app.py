"""The HTTP API: /v1/videos and what belongs to it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime import __version__
from runtime.contract import RenderOptions, RuntimeProblem
from runtime.jobs.store import FINISHED, Job, State
from runtime.server.access import Access
from runtime.server.drafts import JobKind
from runtime.server.extras import extra_routes
from runtime.server.intake import accept, receive
from runtime.server.lesson_routes import lesson_routes
from runtime.server.schemas import (
    LANGUAGE,
    SCRIPT,
    Health,
    ProblemAnswer,
    VideoDeleted,
    VideoJob,
    VideoList,
    VideoRequest,
    request_body,
)
from runtime.server.service import Service
from runtime.storage import LocalStorage, content_disposition
from runtime.subtitles.files import SUFFIXES

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15.0
RETRY_AFTER_SECONDS = 30
STATUS_BY_CODE = {
    "unauthorised": 401,
    "forbidden": 403,
    "video_unknown": 404,
    "subtitles_unknown": 404,
    "video_unfinished": 409,
    "request_timeout": 408,
    "image_too_large": 413,
    "audio_too_large": 413,
    "request_too_large": 413,
    "content_type_unknown": 415,
    "queue_full": 429,
    "stopping": 503,
    "disk_full": 507,
}
UNPROCESSABLE = 422  # what is left is wrong input
Answers = dict[int | str, dict[str, Any]]
ERRORS: Answers = {status: {"model": ProblemAnswer} for status in (401, 404, 409, 413, 422, 429, 507)}
EXISTS: Answers = {200: {"model": VideoJob, "description": "The film exists already"}}
SUBTITLES: Answers = {200: {"content": {"application/x-subrip": {}, "text/vtt": {}}}, 307: {}}
FILM: Answers = {200: {"content": {"video/mp4": {}}}, 206: {}, 307: {}}


def create_app(service: Service) -> FastAPI:
    """Return the API of a service. Starting and stopping the service is the caller's business."""
    app = FastAPI(
        title="Sonic Talking Video",
        version=__version__,
        description="A portrait and a piece of speech in, a lip-synced film out.",
    )
    access = Access(service.settings, service.folder.secret())
    app.state.service = service
    app.add_exception_handler(RuntimeProblem, _show_problem)
    app.add_exception_handler(RequestValidationError, _show_validation)
    app.add_exception_handler(HTTPException, _show_http_fault)
    app.add_middleware(Journal, service=service)
    links = Links(service, access)

    def permitted(request: Request) -> None:
        access.check(request.headers)

    guarded = [Depends(permitted)]

    @app.post(
        "/v1/videos",
        status_code=202,
        response_model=VideoJob,
        dependencies=guarded,
        responses=EXISTS | ERRORS,
        openapi_extra=_request_body(),
        tags=["videos"],
    )
    async def create_video(request: Request, response: Response) -> VideoJob:
        """Have a film made. Inputs are stored when this returns; the same request returns the same job."""
        draft = await receive(request, service)
        return links.add(await accept(draft, service, response), request)

    for kind in get_args(JobKind):
        app.include_router(job_routes(service, access, kind, guarded))
    app.include_router(extra_routes(service, links.add, guarded))
    app.include_router(lesson_routes(service, links.add, guarded))

    @app.get("/healthz", response_model=Health, responses={503: {"model": Health}}, tags=["operation"])
    def health(response: Response) -> Health:
        """Whether the server is live and ready; 503 when it is not ready."""
        reasons = service.unready()
        if reasons:
            response.status_code = 503
        trouble = service.storage_trouble()
        return Health(
            ready=not reasons,
            # Films wait for a storage that is down, so jobs are taken all the same.
            reasons=reasons + ([trouble] if trouble else []),
            version=__version__,
            queued=service.store.counts()["queued"],
            running=service.pool.running(),
        )

    @app.get("/healthz/live", tags=["operation"])
    async def live() -> dict[str, bool]:
        """Answers as long as the server runs."""
        return {"live": True}

    @app.get("/metrics", dependencies=guarded, tags=["operation"])
    def metrics() -> Response:
        """Prometheus' text format."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app


def job_routes(
    service: Service, access: Access, kind: JobKind, guarded: Sequence[params.Depends]
) -> APIRouter:
    """Return what can be asked of jobs of a kind once they are there."""
    # The prefix belongs here, not to its inclusion, so that a route's own path (logs, metrics) is whole.
    routes = APIRouter(prefix=f"/v1/{kind}s", tags=[f"{kind}s"])
    links = Links(service, access)

    def finished(video_id: str, request: Request) -> tuple[Job, str]:
        """The job of a link and its film's key, for who has the key or a signature."""
        if not access.is_signed(video_id, request.query_params):
            access.check(request.headers)
        job = service.find(video_id)
        if job.state != "completed" or job.key is None:
            raise RuntimeProblem(
                "video_unfinished", f"The video is {service.view(job).status}; it has no film."
            )
        return job, job.key

    @routes.get("", response_model=VideoList, dependencies=guarded, responses=ERRORS)
    def list_videos(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        before: Annotated[float | None, Query(description="only those created before (Unix seconds)")] = None,
        state: Annotated[State | None, Query()] = None,
    ) -> VideoList:
        """List jobs, newest first."""
        jobs = service.store.newest(limit + 1, before, state, kind)
        # A long script's words are many; who wants them asks for the job itself.
        views = [
            links.add(service.view(job), request).model_copy(update={"words": []}) for job in jobs[:limit]
        ]
        return VideoList(data=views, has_more=len(jobs) > limit)

    @routes.get(
        "/{video_id}",
        response_model=VideoJob,
        dependencies=guarded,
        responses=ERRORS,
    )
    def get_video(video_id: str, request: Request) -> VideoJob:
        """Tell how far a job is, and where its film is."""
        return links.add(service.get(video_id), request)

    @routes.delete(
        "/{video_id}",
        response_model=VideoJob | VideoDeleted,
        dependencies=guarded,
        responses=ERRORS,
    )
    def delete_video(video_id: str, request: Request) -> VideoJob | VideoDeleted:
        """Cancel a job that is under way (it stays, as cancelled); remove one that has ended, film and all."""
        cancelled = service.cancel(video_id)
        if cancelled is not None:
            return links.add(cancelled, request)
        service.delete(video_id)
        return VideoDeleted(id=video_id)

    @routes.get("/{video_id}/events", dependencies=guarded, responses=ERRORS)
    async def follow_video(video_id: str, request: Request) -> StreamingResponse:
        """Server-sent events: `progress` with the job at every change, then `completed`, `failed` or
        `cancelled`."""
        await run_in_threadpool(service.find, video_id)
        return StreamingResponse(
            _events(service, video_id, lambda job: links.add(job, request)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @routes.head("/{video_id}/content", include_in_schema=False)
    @routes.get(
        "/{video_id}/content",
        response_class=FileResponse,
        responses=FILM | ERRORS,
    )
    def get_content(video_id: str, request: Request) -> Response:
        """The film, with Range support; or a redirect to the object storage. Links need no key."""
        job, key = finished(video_id, request)
        return _stored(service, job, key, "video/mp4", job.request.filename)

    @routes.get(
        "/{video_id}/subtitles.{suffix}",
        response_class=FileResponse,
        responses=SUBTITLES | ERRORS,
    )
    def get_subtitles(video_id: str, suffix: Literal["srt", "vtt"], request: Request) -> Response:
        """The subtitles as SubRip or WebVTT; or a redirect to the object storage. Links need no key."""
        job, _ = finished(video_id, request)
        if suffix not in job.subtitles:
            raise RuntimeProblem(
                "subtitles_unknown",
                "The video has no subtitles.",
                "They are made where a script is given and subtitles are sidecar or both.",
            )
        name = str(Path(job.request.filename).with_suffix(f".{suffix}"))
        return _stored(service, job, job.subtitles[suffix], SUFFIXES[suffix], name)

    return routes


def _stored(service: Service, job: Job, key: str, kind: str, filename: str) -> Response:
    """A stored file, from this machine's disk or by way of the object storage."""
    if isinstance(service.storage, LocalStorage) and job.storage == "local":
        return FileResponse(
            service.storage.path(key),
            media_type=kind,
            headers={
                "Content-Disposition": content_disposition(filename),
                "Cache-Control": "private, max-age=604800",
            },
        )
    link = service.storage.link(key) if job.storage == service.storage.name else None
    if link is None:
        raise RuntimeProblem("video_unknown", "The film is in a storage that this server no longer uses.")
    return RedirectResponse(link, headers={"Cache-Control": "no-store"})


class Links:
    """Adds to a job the links to its film and subtitles, signed anew."""

    def __init__(self, service: Service, access: Access) -> None:
        self._service = service
        self._access = access

    def add(self, view: VideoJob, request: Request) -> VideoJob:
        """Return the job with its links, if it has a film."""
        if view.status != "completed":
            return view
        job = self._service.store.get(view.id)
        if job is None or job.key is None or job.storage != self._service.storage.name:
            return view
        links = {"url": self._link(job, job.key, "content", request)}
        names = {"srt": "subtitles_url", "vtt": "subtitles_vtt_url"}
        for suffix, key in job.subtitles.items():
            links[names[suffix]] = self._link(job, key, f"subtitles.{suffix}", request)
        return view.model_copy(update=links)

    def _link(self, job: Job, key: str, name: str, request: Request) -> str:
        direct = self._service.storage.link(key)
        return direct or f"{self._base(request)}/v1/{job.kind}s/{job.id}/{name}?{self._access.sign(job.id)}"

    def _base(self, request: Request) -> str:
        settings = self._service.settings
        if settings.public_url:
            return settings.public_url.rstrip("/")
        # Who talks through a Unix socket cannot hand on an address of it; a path is all there is.
        return "" if settings.socket else str(request.base_url).rstrip("/")


async def _events(
    service: Service, video_id: str, show: Callable[[VideoJob], VideoJob]
) -> AsyncIterator[str]:
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def notice(job_id: str) -> None:
        if job_id in ("", video_id):
            loop.call_soon_threadsafe(changed.set)

    leave = service.board.listen(notice)
    last = ""
    try:
        while not service.stopping:
            changed.clear()
            try:
                job = show(await run_in_threadpool(service.get, video_id))
            except RuntimeProblem:
                yield _event("deleted", {"id": video_id})
                return
            body = job.model_dump_json()
            if body != last:
                last = body
                yield _event(job.status if job.status in FINISHED else "progress", body)
            if job.status in FINISHED:
                return
            try:
                await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield ": still here\n\n"
    finally:
        leave()


def _event(name: str, data: str | dict[str, Any]) -> str:
    return f"event: {name}\ndata: {data if isinstance(data, str) else json.dumps(data)}\n\n"


class Journal:
    """Logs and measures every request by its route; addresses, which may hold signatures, are left out."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            seconds = time.monotonic() - began
            route = getattr(scope.get("route"), "path", "unknown")
            self._service.metrics.request(scope["method"], route, status, seconds)
            extra: dict[str, Any] = {
                "method": scope["method"],
                "route": route,
                "status": status,
                "ms": round(seconds * 1000),
            }
            if "video_id" in scope.get("path_params", {}):
                extra["job"] = scope["path_params"]["video_id"][:60]
            # Clients ask again and again how far a job is; that is no news.
            dull = scope["method"] in ("GET", "HEAD") and status < 400
            log.log(logging.DEBUG if dull else logging.INFO, "request", extra=extra)


async def _show_problem(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, RuntimeProblem)
    status = STATUS_BY_CODE.get(fault.code, UNPROCESSABLE)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status in (429, 503, 507) else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _answer(status, fault.code, fault.sentence, fault.hint, headers)


async def _show_validation(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, RequestValidationError)
    first = fault.errors()[0]
    return _answer(UNPROCESSABLE, "request_unreadable", f"{first['loc'][-1]}: {first['msg']}.")


async def _show_http_fault(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    sentence = {404: "There is nothing at this address.", 405: "This method is not known here."}.get(
        fault.status_code, str(fault.detail)
    )
    return _answer(fault.status_code, "http_error", sentence, None, dict(fault.headers or {}))


def _answer(
    status: int, code: str, sentence: str, hint: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    body = {"error": {"code": code, "sentence": sentence, "hint": hint}}
    return JSONResponse(body, status, headers=headers)


def _request_body() -> dict[str, Any]:
    fields = {
        "script": {"type": "string", "description": SCRIPT},
        "language": {"type": "string", "description": LANGUAGE},
        **RenderOptions.model_json_schema()["properties"],
    }
    return request_body(fields, {"audio": "recordings, joined in order; or give audio_url"}, VideoRequest)
