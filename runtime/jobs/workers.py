"""The worker pool: takes jobs from the queue and renders each in a process of its own."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.contract import RuntimeProblem
from runtime.jobs.folders import StateFolder, remove
from runtime.jobs.progress import Progress, ProgressBoard
from runtime.jobs.render_process import RENDERER, Outcome, RenderProcess
from runtime.jobs.resources import Load, MemoryGuard
from runtime.jobs.store import Job, JobStore, LessonRequest
from runtime.subtitles.files import SUFFIXES

log = logging.getLogger(__name__)

FILM = "film.mp4"
MOST_RUNS = 20  # of a job that is interrupted again and again through no fault of its own
IDLE_SECONDS = 1.0  # how often memory is looked at again while a job waits for it
SPARE_RETRY_SECONDS = 30.0  # after a process that stood ready has died
NO_DISK = "The server's disk is nearly full; the job waits until there is room."
NO_MEMORY = "The server's memory is taken by other renders; the job waits until there is room."
NO_DEVICE = "The server's GPUs are taken; the job waits until one has room."
RETRY_SECONDS = 2.0  # how often a note that the full disk did not take is tried again


@dataclass(frozen=True)
class PoolSettings:
    """How many renders at a time, and what each may take.

    `workers` renders side by side with `threads` each (0 = the engine's choice), `attempts` for a job whose process
    crashes, `time_limit` seconds for each. `producer` is named in each film's metadata. With less than
    `min_free_bytes` on the disk nothing is started. `spare` keeps one process ready for the job to come.
    """

    workers: int = 1
    threads: int = 0
    attempts: int = 2
    time_limit: float = 7200.0
    use_devices: bool = False
    producer: str | None = None
    min_free_bytes: int = 0
    spare: bool = False


@dataclass
class _Running:
    job: Job
    process: RenderProcess
    reserved_mb: float
    device: int | None
    places: int = 1
    thread: threading.Thread | None = None


@dataclass(frozen=True)
class PoolHooks:
    """What the pool tells others: `rendered` when a film waits to be stored, `ended` with a job's final state."""

    rendered: Callable[[], None] = lambda: None
    ended: Callable[[str, str], None] = lambda job_id, state: None
    measured: Callable[[dict[str, Any]], None] = lambda result: None
    failed: Callable[[str], None] = lambda code: None


@dataclass
class WorkerPool:
    """Keeps up to `settings.workers` renders going. `command` starts a render process (see renderer.py)."""

    store: JobStore
    folder: StateFolder
    board: ProgressBoard
    guard: MemoryGuard
    storage_name: str
    settings: PoolSettings = field(default_factory=PoolSettings)
    hooks: PoolHooks = field(default_factory=PoolHooks)
    command: Sequence[str] = RENDERER

    def __post_init__(self) -> None:
        self._running: dict[str, _Running] = {}
        self._changed = threading.Condition()
        self._halted = False
        self._held: set[str] = set()  # jobs that have been told why they wait
        self._spare: RenderProcess | None = None
        self._spare_from = 0.0  # when the next one may be started, by the monotonic clock
        self._dispatcher = threading.Thread(target=self._dispatch, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Begin to take jobs."""
        self._dispatcher.start()

    def wake(self) -> None:
        """Look at the queue now: a job has come."""
        with self._changed:
            self._changed.notify_all()

    def running(self) -> int:
        """Number of renders under way."""
        with self._changed:
            return len(self._running)

    def kill(self, job_id: str) -> None:
        """End a job's render process and wait until it is gone; its state in the store was changed before."""
        with self._changed:
            entry = self._running.get(job_id)
        if entry is not None:
            entry.process.stop()
            if entry.thread is not None and entry.thread is not threading.current_thread():
                entry.thread.join(10)

    def halt(self) -> None:
        """Start nothing more; what runs goes on."""
        with self._changed:
            self._halted = True
            self._drop_spare()
            self._changed.notify_all()

    def stop(self, grace: float) -> None:
        """Let renders finish for `grace` seconds, then end them and put their jobs back into the queue."""
        self.halt()
        deadline = time.monotonic() + grace
        with self._changed:
            while self._running and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            entries = list(self._running.values())
        for entry in entries:
            entry.process.stop()
        for entry in entries:
            if entry.thread is not None:
                entry.thread.join(10)
        if self._dispatcher.is_alive():
            self._dispatcher.join(10)

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                if self._halted:
                    return
                try:
                    if not self._start_next() and not self._changed.wait(IDLE_SECONDS):
                        self._keep_spare()
                except Exception:
                    log.exception("the queue could not be served")
                    self._changed.wait(IDLE_SECONDS)

    def _keep_spare(self) -> None:
        """In a quiet moment make a process ready for the next job. Called with the lock held."""
        if self._spare is not None and not self._spare.alive:
            log.warning("the render process that stood ready is gone: %s", self._spare.last_words())
            self._drop_spare()
            self._spare_from = time.monotonic() + SPARE_RETRY_SECONDS
        if self._spare is None and self._spare_wanted():
            spare = RenderProcess(self.folder.work, self.command)
            try:
                spare.start({"threads": self.settings.threads})
            except OSError as fault:
                log.warning("no render process can be made ready: %s", fault)
                self._spare_from = time.monotonic() + SPARE_RETRY_SECONDS
            else:
                self._spare = spare

    def _spare_wanted(self) -> bool:
        """With GPUs none is: it would hold one's memory. While all workers are busy, only if a job waits for them."""
        if not self.settings.spare or self.settings.use_devices or self._halted:
            return False
        if time.monotonic() < self._spare_from or not self.guard.spares(self._loads()):
            return False
        return self._free_places() > 0 or bool(self.store.waiting(limit=1))

    def _drop_spare(self) -> None:
        if self._spare is not None:
            self._spare.end()
            self._spare = None

    def _free_places(self) -> int:
        return self.settings.workers - sum(entry.places for entry in self._running.values())

    def _loads(self) -> list[Load]:
        return [Load(entry.process.pid, entry.reserved_mb, entry.device) for entry in self._running.values()]

    def _start_next(self) -> bool:
        """Start the next job if there is one and room for it. Called with the lock held."""
        free = self._free_places()
        if free <= 0:
            return False
        # A cancelled job's process may still be ending when the job comes again: one at a time.
        waiting = [job for job in self.store.waiting(limit=20) if job.id not in self._running]
        if self.folder.free_bytes() < self.settings.min_free_bytes:
            return self._hold(waiting, NO_DISK)
        if not waiting:
            return self._hold([])
        job = waiting[0]
        loads, ready = self._loads(), self._spare.pid if self._spare is not None else None
        device = self.guard.pick_device(loads) if self.settings.use_devices else None
        if not self.guard.admits(job.short_side, loads, ready):
            return self._hold([job], NO_MEMORY)
        if self.settings.use_devices and device is None:
            return self._hold([job], NO_DEVICE)
        self._hold([])
        places = self._places(job, free, loads) if device is None else 1
        return self._launch(job, places, device)

    def _hold(self, jobs: Sequence[Job], why: str | None = None) -> bool:
        """Tell these jobs why they wait though a worker is free, and no others any more. False: none was started."""
        held = {job.id for job in jobs}
        for job_id in self._held - held:
            self.board.drop(job_id)
        for job_id in held:
            told = self.board.get(job_id)
            if told is None or told.notice != why:
                self.board.post(job_id, Progress(notice=why))
        self._held = held
        return False

    def _places(self, job: Job, free: int, loads: list[Load]) -> int:
        """How many of the free workers a job may have: a lesson one for each scene, as far as memory allows."""
        wanted = min(free, job.request.lesson.scenes) if job.request.lesson else 1
        each = Load(None, self.guard.estimate_mb(job.short_side), None)
        places = 1
        while places < wanted and self.guard.admits(job.short_side, [*loads, *[each] * places]):
            places += 1
        return places

    def _launch(self, waiting: Job, places: int, device: int | None) -> bool:
        work = self.folder.new_work()
        job = self.store.start(waiting.id, work.name)
        if job is None:
            remove(work)
            return False
        process = RenderProcess(work, self.command)
        if self._spare is not None and places == 1:  # else the scenes have processes of their own
            process, self._spare = self._spare, None
        reserved_mb = places * self.guard.estimate_mb(job.short_side)
        entry = _Running(job, process, reserved_mb, device, places)
        entry.thread = threading.Thread(
            target=self._attend,
            args=(entry, self._task(job, work, places), work),
            name=f"render {job.id}",
            daemon=True,
        )
        self._running[job.id] = entry
        entry.thread.start()
        return True

    def _task(self, job: Job, work: Path, places: int) -> dict[str, Any]:
        inputs = self.folder.inputs / str(job.inputs)
        options = dict(job.request.options)
        # Side by side, nobody may take all cores.
        share = self.settings.threads
        options["threads"] = min(options.get("threads") or share, share) if share else 0
        return {
            "portrait": str(inputs / job.request.portrait),
            "audio": [str(inputs / name) for name in job.request.audio],
            "out": str(work / FILM),
            "options": options,
            "variants": job.request.variants,
            "script": job.request.script,
            "language": job.request.language,
            "lesson": self._lesson(job.request.lesson, inputs, places),
            "job": job.id,
            "producer": self.settings.producer,
        }

    def _lesson(self, asked: LessonRequest | None, inputs: Path, places: int) -> dict[str, Any] | None:
        if asked is None:
            return None
        return {
            "options": asked.options,
            "slides": [str(inputs / name) for name in asked.slides],
            "pictures": {source: str(inputs / name) for source, name in asked.pictures.items()},
            "scenes": str(self.folder.scenes),
            "workers": places,
        }

    def _attend(self, entry: _Running, task: dict[str, Any], work: Path) -> None:
        """Follow one attempt from start to end. Runs in a thread of its own."""
        job = entry.job
        began = time.time()
        log.info("render started", extra={"job": job.id, "attempt": job.attempts})
        self.board.post(job.id, Progress(stage="starting", began=began))
        try:
            outcome = entry.process.run(
                task,
                lambda fraction, stage: self.board.post(job.id, Progress(fraction, stage, began)),
                self._time_limit(job),
                entry.device,
            )
            self._settle(job, outcome, work)
        except Exception:
            log.exception("a render could not be attended to", extra={"job": job.id})
            self.store.requeue(job.id, job.run)
        finally:
            with self._changed:
                del self._running[job.id]
                self._changed.notify_all()
            held = self.store.get(job.id)
            if held is None or held.state != "uploading":  # then the uploader speaks for it
                self.board.drop(job.id)

    def _time_limit(self, job: Job) -> float:
        """Seconds that a job may take: a lesson is as many renders as it has scenes."""
        return self.settings.time_limit * (job.request.lesson.scenes if job.request.lesson else 1)

    def _settle(self, job: Job, outcome: Outcome, work: Path) -> None:
        """Write an attempt's outcome down, for as long as it takes: the disk may be full just now."""
        while True:
            try:
                kept = self._note(job, outcome, work)
                break
            except RuntimeProblem as problem:
                log.error("%s", problem.sentence, extra={"job": job.id, "code": problem.code})
                if self._halted:
                    return  # at the next start the job is rendered again
                time.sleep(RETRY_SECONDS)
        if not kept:
            remove(work)

    def _note(self, job: Job, outcome: Outcome, work: Path) -> bool:
        """Move the job on and return whether its work folder is still needed."""
        if outcome.ending == "result":
            film = work / FILM
            if film.exists() and film.stat().st_size > 0:
                return self._film_made(job, outcome.detail | {"subtitles": _subtitles_beside(film)})
            outcome = Outcome("crashed", {"sentence": "The render process ended without a film."})
        if outcome.ending == "problem" and not self._may_pass(job, outcome):
            self._fail(job, outcome.detail)
        elif outcome.ending == "timeout":
            sentence = f"The render took longer than {self._time_limit(job):g} s, the limit of this server."
            self._fail(job, {"code": "time_limit", "sentence": sentence, "hint": "Use a shorter recording."})
        elif outcome.ending == "killed" and job.run < MOST_RUNS:
            if self.store.requeue(job.id, job.run, forgive=True):
                log.warning("%s It is done again.", outcome.detail["sentence"], extra={"job": job.id})
        elif outcome.ending == "stopped":
            if self.store.requeue(job.id, job.run, forgive=True):
                log.info("render put back into the queue", extra={"job": job.id})
        elif job.attempts < self.settings.attempts:
            if self.store.requeue(job.id, job.run):
                log.warning("%s It is tried again.", outcome.detail["sentence"], extra={"job": job.id})
        else:
            self._fail(job, {"code": "render_crashed", "hint": None, **outcome.detail})
        return False

    def _may_pass(self, job: Job, outcome: Outcome) -> bool:
        """Say whether the engine's problem is the server's own and may be gone at the next attempt."""
        return outcome.detail.get("code") == "disk_full" and job.attempts < self.settings.attempts

    def _film_made(self, job: Job, result: dict[str, Any]) -> bool:
        # A name of its own for each film: removing an old one can never hit a new one.
        key = f"{job.id.rpartition('_')[2]}-{uuid.uuid4().hex[:8]}.mp4"
        result = {name: value for name, value in result.items() if name != "path"}
        if not self.store.rendered(job.id, job.run, result, self.storage_name, key):
            return False
        if "peak_memory_mb" in result:
            self.guard.learn(job.short_side, float(result["peak_memory_mb"]))
        self.hooks.measured(result)
        self.hooks.rendered()
        log.info("render finished", extra={"job": job.id, "real_time_factor": result.get("real_time_factor")})
        return True

    def _fail(self, job: Job, error: dict[str, Any]) -> None:
        if self.store.fail(job.id, job.run, error):
            log.warning("%s", error["sentence"], extra={"job": job.id, "code": error["code"]})
            self.hooks.failed(error["code"])
            self.hooks.ended(job.id, "failed")


def _subtitles_beside(film: Path) -> list[str]:
    return [suffix for suffix in SUFFIXES if film.with_suffix(f".{suffix}").exists()]
