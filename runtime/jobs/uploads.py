"""Carries finished films to the storage, and goes on trying while the storage is down."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from runtime.contract import RuntimeProblem
from runtime.jobs.folders import StateFolder, remove
from runtime.jobs.progress import Progress, ProgressBoard
from runtime.jobs.store import Job, JobStore
from runtime.jobs.workers import FILM
from runtime.storage import Storage, UploadStopped
from runtime.subtitles.files import SUFFIXES

log = logging.getLogger(__name__)

FIRST_DELAY = 1.0  # seconds; doubled with each failure
LONGEST_DELAY = 60.0
STORAGE_STAGE = "uploading"


@dataclass
class Uploader:
    """Stores the films of jobs in state uploading (and their subtitles), oldest first, one at a time.

    A film stays in its work folder until the storage has it, so no failure here costs a render.
    """

    store: JobStore
    folder: StateFolder
    board: ProgressBoard
    storage: Storage
    ended: Callable[[str, str], None] = lambda job_id, state: None
    longest_delay: float = LONGEST_DELAY
    counted: Callable[[str], None] = field(default=lambda outcome: None)

    def __post_init__(self) -> None:
        self._wake = threading.Event()
        self._halted = False
        self._current: tuple[str, threading.Event] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="uploader", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier server left."""
        self._wake.set()
        self._thread.start()

    def wake(self) -> None:
        """Look for films now."""
        self._wake.set()

    def abandon(self, job_id: str) -> None:
        """Break off the upload of a job that was cancelled."""
        with self._lock:
            if self._current is not None and self._current[0] == job_id:
                self._current[1].set()

    def stop(self) -> None:
        """Break off and end. What was not stored is taken up at the next start."""
        self._halted = True
        with self._lock:
            if self._current is not None:
                self._current[1].set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _work(self) -> None:
        delay = FIRST_DELAY
        while not self._halted:
            self._wake.clear()
            try:
                succeeded = self._upload_all() and self._remove_discarded()
            except Exception:
                log.exception("films could not be stored")
                succeeded = False
            if self._halted:
                return
            if succeeded:
                delay = FIRST_DELAY
                self._wake.wait()
            else:
                # New films do not shorten the wait: the storage is down for them as well.
                time_up = time.monotonic() + delay
                while not self._halted and (left := time_up - time.monotonic()) > 0:
                    time.sleep(min(0.2, left))
                delay = min(2 * delay, self.longest_delay)

    def _upload_all(self) -> bool:
        waiting = self.store.in_state("uploading")
        return all(not self._halted and self._upload(job) for job in waiting)

    def _upload(self, job: Job) -> bool:
        """Store one film; False if the storage does not take it now."""
        assert job.work is not None
        assert job.key is not None
        files = self._files(job, self.folder.work / job.work)
        stop = threading.Event()
        with self._lock:
            self._current = (job.id, stop)
        self.board.post(job.id, Progress(1.0, STORAGE_STAGE, job.started or job.created, self._notice(job)))
        try:
            size = sum(
                self.storage.put(path, key, content_type=kind, filename=name, stop=stop)
                for path, key, kind, name in files
            )
        except UploadStopped:
            return True
        except FileNotFoundError:
            self._film_lost(job)
            return True
        except RuntimeProblem as problem:
            if not all(path.exists() for path, *_ in files):
                self._film_lost(job)
                return True
            return self._put_off(job, problem)
        finally:
            with self._lock:
                self._current = None
        self._stored(job, size)
        return True

    def _files(self, job: Job, work: Path) -> list[tuple[Path, str, str, str]]:
        """Path, key, content type and readable name of all that is stored of a job; the film last."""
        film, name = work / FILM, Path(job.request.filename)
        files = [
            (film.with_suffix(f".{suffix}"), key, SUFFIXES[suffix], str(name.with_suffix(f".{suffix}")))
            for suffix, key in job.subtitles.items()
        ]
        return [*files, (film, str(job.key), "video/mp4", str(name))]

    def _stored(self, job: Job, size: int) -> None:
        if self.store.complete(job.id, job.run, size, self.storage.name):
            log.info("film stored", extra={"job": job.id, "bytes": size, "storage": self.storage.name})
            self.counted("stored")
            self.ended(job.id, "completed")
        else:
            # Cancelled in the last moment; the store has noted the film as to be removed.
            self._wake.set()
        remove(self.folder.work / str(job.work))
        self.board.drop(job.id)

    def _put_off(self, job: Job, problem: RuntimeProblem) -> bool:
        held = self.store.get(job.id)
        if held is None or held.state != "uploading":
            return True  # cancelled meanwhile
        log.warning("%s", problem, extra={"job": job.id, "code": problem.code})
        self.counted("failed")
        notice = f"{problem.sentence} The film is kept and stored later."
        for waiting in self.store.in_state("uploading"):
            began = waiting.started or waiting.created
            self.board.post(waiting.id, Progress(1.0, STORAGE_STAGE, began, notice))
        return False

    def _film_lost(self, job: Job) -> None:
        log.error("the film of a job is gone from its folder; it is rendered again", extra={"job": job.id})
        self.store.rerender(job.id, job.run)
        self.board.drop(job.id)

    def _notice(self, job: Job) -> str | None:
        held = self.board.get(job.id)
        return held.notice if held is not None else None

    def _remove_discarded(self) -> bool:
        for storage, key in self.store.discarded():
            if storage != self.storage.name:
                continue  # the operator has changed storages; the old one is out of reach
            try:
                self.storage.delete(key)
            except RuntimeProblem as problem:
                log.warning("%s", problem, extra={"code": problem.code})
                return False
            self.store.discard_done(storage, key)
        return True
