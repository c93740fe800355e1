"""Removes what is old: inputs first, then whole jobs, by age and by the room they take."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from runtime.jobs.folders import StateFolder, drop_unused, remove, size_of
from runtime.jobs.store import ACTIVE, FINISHED, Job, JobStore

log = logging.getLogger(__name__)

PERIOD = 300.0  # seconds between two rounds


@dataclass(frozen=True)
class RetentionSettings:
    """Hours that inputs outlive their job, days that finished jobs are kept, bytes that all may take together.

    `remote_films` also removes films from an object storage; else its own lifecycle rules decide.
    """

    input_hours: float = 24.0
    days: float = 7.0
    max_bytes: float = 20e9
    remote_films: bool = False


@dataclass
class Janitor:
    """Goes round every few minutes. `removed` hears of every job that is forgotten."""

    store: JobStore
    folder: StateFolder
    settings: RetentionSettings
    removed: Callable[[str], None] = lambda job_id: None
    wake_uploader: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.time
    period: float = PERIOD
    _halt: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._work, name="janitor", daemon=True)

    def start(self) -> None:
        """Begin the rounds."""
        self._thread.start()

    def stop(self) -> None:
        """End the rounds."""
        self._halt.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def round(self) -> int:
        """Remove what is too old or too much now; returns the number of jobs forgotten."""
        now = self.clock()
        finished = self.store.in_state(*FINISHED)
        for job in finished:
            if job.inputs and (job.finished or job.created) + self.settings.input_hours * 3600 < now:
                self.drop_inputs(job)
        old = [job for job in finished if (job.finished or job.created) + self.settings.days * 86400 < now]
        forgotten = {job.id for job in old if self._forget(job)}
        # A scene is an input too: of the next attempt at its lesson, or of a changed lesson.
        kept = max(self.settings.input_hours * 3600, self._longest_lesson(now))
        drop_unused(self.folder.scenes, kept, self.clock)
        forgotten |= self._make_room([job for job in finished if job.id not in forgotten])
        if forgotten:
            log.info("%d old jobs removed", len(forgotten))
            self.wake_uploader()
        return len(forgotten)

    def drop_inputs(self, job: Job) -> None:
        """Remove a finished job's input files."""
        if job.inputs and self.store.forget_inputs(job.id):
            remove(self.folder.inputs / job.inputs)

    def _make_room(self, finished: list[Job]) -> set[str]:
        taken = size_of_tree(self.folder)
        forgotten = set()
        if taken > self.settings.max_bytes:
            drop_unused(self.folder.scenes, self._longest_lesson(self.clock()), self.clock)
            taken = size_of_tree(self.folder)
        for job in finished:  # oldest first
            if taken <= self.settings.max_bytes:
                break
            own = job.bytes if job.storage == "local" else 0
            own += size_of(self.folder.inputs / job.inputs) if job.inputs else 0
            if own and self._forget(job):
                taken -= own
                forgotten.add(job.id)
        return forgotten

    def _longest_lesson(self, now: float) -> float:
        """Seconds since the oldest lesson that is under way was asked for: it may need whatever was used since."""
        begun = [job.created for job in self.store.in_state(*ACTIVE) if job.request.lesson]
        return now - min(begun, default=now)

    def _forget(self, job: Job) -> bool:
        remote = job.storage not in (None, "local")
        if self.store.remove(job.id, keep_film=remote and not self.settings.remote_films) is None:
            return False
        if job.inputs:
            remove(self.folder.inputs / job.inputs)
        self.removed(job.id)
        return True

    def _work(self) -> None:
        while not self._halt.wait(self.period):
            try:
                self.round()
            except Exception:
                log.exception("old jobs could not be removed")


def size_of_tree(folder: StateFolder) -> int:
    """Bytes in all inputs, attempts, scenes and films. A film just being stored has two names and counts once."""
    sizes: dict[int, int] = {}
    for parent in (folder.inputs, folder.work, folder.store, folder.scenes):
        for path in parent.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                sizes[found.st_ino] = found.st_size if path.is_file() else 0
    return sum(sizes.values())
