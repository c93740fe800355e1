"""How far each running job is: kept in memory only, because after a restart it begins again anyway."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

Listener = Callable[[str], None]


@dataclass(frozen=True)
class Progress:
    """`fraction` 0..1 of the render, the `stage` it is in, and when (Unix seconds) it began; `notice` tells
    why it waits, if it does."""

    fraction: float = 0.0
    stage: str = ""
    began: float = 0.0
    notice: str | None = None

    def seconds_left(self, now: float | None = None) -> float | None:
        """Estimate from the pace so far, or None while there is too little to go by."""
        passed = (now if now is not None else time.time()) - self.began
        if self.fraction < 0.03 or passed < 1:
            return None
        return passed * (1 - self.fraction) / self.fraction


class ProgressBoard:
    """Holds the progress of jobs and tells listeners which job has changed. Safe to use from all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, Progress] = {}
        self._listeners: set[Listener] = set()

    def post(self, job_id: str, progress: Progress) -> None:
        """Note how far a job is."""
        with self._lock:
            self._entries[job_id] = progress
        self.announce(job_id)

    def drop(self, job_id: str) -> None:
        """Forget a job that no longer runs."""
        with self._lock:
            self._entries.pop(job_id, None)
        self.announce(job_id)

    def get(self, job_id: str) -> Progress | None:
        """Return the progress of a running job."""
        with self._lock:
            return self._entries.get(job_id)

    def announce(self, job_id: str) -> None:
        """Tell the listeners that something about a job has changed; "" means all jobs."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(job_id)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Add a listener, which is called in whatever thread reports; the result removes it."""
        with self._lock:
            self._listeners.add(listener)

        def leave() -> None:
            with self._lock:
                self._listeners.discard(listener)

        return leave
