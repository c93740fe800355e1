"""The service behind the HTTP API: takes requests in, has them rendered and stored, and tells how far they are."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runtime.contract import RenderOptions, RuntimeProblem
from runtime.inference.packs import BUNDLED_PACK
from runtime.inference.processor import usable_cores
from runtime.jobs.folders import StateFolder, make_durable, remove
from runtime.jobs.identity import job_id, pack_identity
from runtime.jobs.progress import ProgressBoard
from runtime.jobs.render_process import RENDERER
from runtime.jobs.resources import (
    MemoryGuard,
    default_workers,
    list_devices,
    total_memory_mb,
)
from runtime.jobs.retention import Janitor, RetentionSettings
from runtime.jobs.store import Job, JobStore, Request
from runtime.jobs.uploads import Uploader
from runtime.jobs.workers import PoolHooks, PoolSettings, WorkerPool
from runtime.media.fetching import Fetcher, FetchPolicy
from runtime.server.drafts import Draft, JobKind, Plan
from runtime.server.lessons import plan_lesson
from runtime.server.metrics import Metrics
from runtime.server.schemas import Problem, Status, VideoJob
from runtime.server.settings import Settings
from runtime.subtitles.film import FilmSubtitles

log = logging.getLogger(__name__)

PREVIEW_PRIORITY = 1
MEGABYTE = 1024 * 1024
STORAGE_CHECK_SECONDS = 30.0


class Service:
    """Owns a state folder. `command` starts a render process; the default is the engine."""

    def __init__(
        self, settings: Settings, command: Sequence[str] = RENDERER, fetcher: Fetcher | None = None
    ) -> None:
        self.settings = settings
        self.folder = StateFolder(settings.state)
        self.folder.take()
        self.store = JobStore(self.folder.database)
        self.storage = settings.make_storage(self.folder.store)
        self.board = ProgressBoard()
        self.fetcher = fetcher or Fetcher(fetch_policy(settings))
        self.pack = pack_identity()
        self.metrics = Metrics(self)
        self.stopping = False
        self.guard = MemoryGuard(
            settings.render_memory_mb, settings.reserve_memory_mb, settings.gpu_render_memory_mb
        )
        pool = pool_settings(settings)
        self.uploader = Uploader(
            self.store, self.folder, self.board, self.storage, ended=self._ended, counted=self.metrics.upload
        )
        hooks = PoolHooks(self.uploader.wake, self._ended, self.metrics.rendered, self.metrics.failure)
        self.pool = WorkerPool(
            self.store, self.folder, self.board, self.guard, self.storage.name, pool, hooks, command
        )
        self.janitor = Janitor(
            self.store,
            self.folder,
            RetentionSettings(
                settings.retention_input_hours,
                settings.retention_days,
                settings.retention_gb * 1e9,
                settings.retention_remote,
            ),
            self.board.announce,
            self.uploader.wake,
        )
        self._storage_checked = (0.0, "")
        self._storage_lock = threading.Lock()

    def start(self) -> None:
        """Take up what an earlier server left, sweep its leftovers, and begin to work."""
        lost = self.store.recover()
        swept = self.folder.sweep(*self.store.folders())
        log.info(
            "server started",
            extra={
                "workers": self.pool.settings.workers,
                "storage": self.storage.name,
                "requeued": sum(job.state == "queued" for job in lost),
                "swept": swept,
            },
        )
        for job in lost:
            if job.error is not None:
                self._given_up(job.id, Problem(**job.error))
        self.uploader.start()
        self.pool.start()
        self.janitor.start()

    def begin_stop(self) -> None:
        """Take no more requests, start no more renders, and let waiting clients go."""
        self.stopping = True
        self.pool.halt()
        self.board.announce("")

    def stop(self, grace: float | None = None) -> None:
        """Finish or requeue what runs, and let the state folder go."""
        self.begin_stop()
        self.pool.stop(self.settings.stop_grace if grace is None else grace)
        self.uploader.stop()
        self.janitor.stop()
        self.store.close()
        self.folder.release()
        log.info("server stopped")

    def draft(self, kind: JobKind = "video") -> Draft:
        """Begin to take a request in. Raises `RuntimeProblem` when nothing can be taken."""
        if self.stopping:
            raise RuntimeProblem("stopping", "The server is being stopped; try again in a while.")
        if self.folder.free_bytes() < self.settings.reserve_disk_mb * MEGABYTE:
            raise RuntimeProblem("disk_full", "The server's disk is full.", "Try again later.")
        return Draft(self.folder.new_inputs(), kind)

    def options(self, values: dict[str, Any]) -> RenderOptions:
        """Check option values and apply what the operator has decided."""
        options = RenderOptions.checked(values)
        decided: dict[str, Any] = {
            "max_audio_minutes": min(options.max_audio_minutes, self.settings.max_audio_minutes)
        }
        if self.settings.label_enforced or options.label == "auto":
            decided["label"] = self.settings.label
        return RenderOptions.checked(options.model_dump() | decided)

    def accept(self, draft: Draft) -> tuple[VideoJob, bool]:
        """Turn a draft into a job, durably, and return the job and whether it is new.

        The draft's folder belongs to the job afterwards, or is removed.
        """
        try:
            plan = (
                plan_lesson(draft, self.options, self.pack) if draft.kind == "lesson" else self._plan(draft)
            )
            make_durable(draft.folder)
            before = self.store.get(plan.identity)
            job, fresh = self.store.add(
                plan.identity,
                plan.request,
                draft.folder.name,
                plan.priority,
                self.settings.queue_limit,
                self.storage.name,
            )
        except BaseException:
            remove(draft.folder)
            raise
        if not fresh:
            remove(draft.folder)
            return self.view(job), False
        if before is not None and before.inputs:
            remove(self.folder.inputs / before.inputs)
        log.info("job accepted", extra={"job": job.id, "priority": plan.priority})
        self.metrics.accepted()
        self.pool.wake()
        self.board.announce(job.id)
        return self.view(job), True

    def _plan(self, draft: Draft) -> Plan:
        script, language = read_script(draft.values)
        options = self.options(draft.values)
        if draft.portrait is None:
            raise RuntimeProblem("portrait_missing", "The request has no portrait.")
        if not draft.audio:
            raise RuntimeProblem("audio_missing", "The request has no audio.")
        request = Request(
            options.model_dump(mode="json"),
            draft.portrait,
            draft.audio,
            film_name(draft.names),
            draft.variants,
            script,
            language,
        )
        FilmSubtitles(options.subtitles, script, language)  # raises where they cannot be made
        identity = job_id(
            draft.portrait_sha256,
            draft.audio_sha256,
            options,
            self.pack,
            draft.variants,
            script,
            language,
        )
        return Plan(identity, request, PREVIEW_PRIORITY if options.preview_seconds is not None else 0)

    def get(self, job_id: str) -> VideoJob:
        """Return a job, or raise `RuntimeProblem`."""
        return self.view(self.find(job_id))

    def find(self, job_id: str) -> Job:
        """Return a job's row, or raise `RuntimeProblem`."""
        job = self.store.get(job_id)
        if job is None:
            raise RuntimeProblem("video_unknown", f"There is no video {job_id[:60]}.")
        return job

    def cancel(self, job_id: str) -> VideoJob | None:
        """Cancel a job that is under way and return it; None if it had ended already."""
        before = self.store.cancel(job_id)
        if before is None:
            return None
        self.pool.kill(job_id)
        self.uploader.abandon(job_id)
        if before.work:
            remove(self.folder.work / before.work)
        self.janitor.drop_inputs(self.find(job_id))
        self.board.drop(job_id)
        self.uploader.wake()
        self._ended(job_id, "cancelled")
        log.info("job cancelled", extra={"job": job_id})
        return self.get(job_id)

    def delete(self, job_id: str) -> bool:
        """Remove a job that has ended, with its files; False if it has not."""
        self.find(job_id)
        job = self.store.remove(job_id)
        if job is None:
            return False
        if job.inputs:
            remove(self.folder.inputs / job.inputs)
        self.uploader.wake()
        self.board.announce(job_id)
        log.info("job deleted", extra={"job": job_id})
        return True

    def view(self, job: Job) -> VideoJob:
        """Return a job as clients see it, without a link."""
        status: Status = "in_progress" if job.state == "uploading" else job.state
        result = job.result or {}
        view = VideoJob(
            id=job.id,
            object="lesson" if job.request.lesson else "video",
            status=status,
            progress=1.0 if job.state in ("uploading", "completed") else 0.0,
            stage="uploading" if job.state == "uploading" else None,
            created_at=job.created,
            started_at=job.started,
            completed_at=job.finished,
            attempts=job.attempts,
            options=job.request.options | (job.request.lesson.options if job.request.lesson else {}),
            filename=job.request.filename,
            bytes=job.bytes or None,
            error=Problem(**job.error) if job.error else None,
            **{name: value for name, value in result.items() if name in VideoJob.model_fields},
        )
        return view.model_copy(update=self._progress_of(job))

    def _progress_of(self, job: Job) -> dict[str, Any]:
        progress = self.board.get(job.id)
        if job.state == "queued":
            order = [waiting.id for waiting in self.store.waiting()]
            return {
                "queue_position": order.index(job.id) + 1 if job.id in order else None,
                "notice": progress.notice if progress is not None else None,
            }
        if progress is None or job.state not in ("in_progress", "uploading"):
            return {}
        left = progress.seconds_left() if job.state == "in_progress" else None
        return {
            "progress": progress.fraction,
            "stage": progress.stage,
            "notice": progress.notice,
            "eta_seconds": round(left, 1) if left is not None else None,
        }

    def unready(self) -> list[str]:
        """Reasons why the server cannot take or render jobs now."""
        reasons = []
        if self.stopping:
            reasons.append("The server is being stopped.")
        if not (BUNDLED_PACK / "pack.json").exists():
            reasons.append("There is no model pack.")
        if self.folder.free_bytes() < self.settings.reserve_disk_mb * MEGABYTE:
            reasons.append("The disk is full.")
        return reasons

    def storage_trouble(self) -> str:
        """Say what is wrong with the storage, or "". It is asked at most every half minute, by one caller at a time;
        others hear what was found the last time."""
        checked, trouble = self._storage_checked
        fresh = checked and time.monotonic() - checked < STORAGE_CHECK_SECONDS
        if fresh or not self._storage_lock.acquire(blocking=False):
            return trouble
        try:
            self.storage.check()
            trouble = ""
        except RuntimeProblem as problem:
            trouble = str(problem)
        finally:
            self._storage_checked = (time.monotonic(), trouble)
            self._storage_lock.release()
        return trouble

    def _given_up(self, job_id: str, error: Problem) -> None:
        log.warning("%s", error.sentence, extra={"job": job_id, "code": error.code})
        self.metrics.failure(error.code)
        self._ended(job_id, "failed")

    def _ended(self, job_id: str, state: str) -> None:
        self.metrics.ended(state)
        self.board.announce(job_id)


def fetch_policy(settings: Settings) -> FetchPolicy:
    """Return the limits of downloads that the settings describe."""
    allowed = (entry.strip() for entry in settings.fetch_allow.split(","))
    return FetchPolicy(
        image_bytes=int(settings.image_limit_mb * MEGABYTE),
        audio_bytes=int(settings.audio_limit_mb * MEGABYTE),
        total_timeout=settings.fetch_timeout,
        allowed=frozenset(entry for entry in allowed if entry),
    )


def pool_settings(settings: Settings) -> PoolSettings:
    """Fit the number of renders side by side, and their threads, to the machine where that is left open."""
    devices, cores = list_devices(), usable_cores()
    workers = settings.workers or default_workers(
        cores, total_memory_mb(), settings.render_memory_mb, settings.reserve_memory_mb, len(devices)
    )
    threads = settings.render_threads or max(1, cores // workers)
    return PoolSettings(
        workers,
        threads,
        settings.attempts,
        settings.time_limit,
        bool(devices),
        settings.producer,
        int(settings.reserve_disk_mb * MEGABYTE),
        settings.spare_render,
    )


def read_script(values: dict[str, Any]) -> tuple[str | None, str | None]:
    """Take the script and its language out of a request's values. Raises `RuntimeProblem`."""
    given = {name: values.pop(name, None) for name in ("script", "language")}
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise RuntimeProblem("option_out_of_range", f"{name} is {value!s:.40}, but must be text.")
    script, language = ((value or "").strip() or None for value in given.values())
    return script, language if script else None


def film_name(names: Sequence[str]) -> str:
    """Make a readable file name for a film from the names of what it was made from (portrait, audio...)."""
    stems = [re.sub(r"[^\w .-]+", "", Path(name).stem).strip(" .")[:40] for name in names[:2]]
    readable = "-".join(stem for stem in stems if stem) or "talking-video"
    return f"{readable}.mp4"
