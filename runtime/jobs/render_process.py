"""A render process, seen from the server: a child that renders one task, and may crash, hang or be killed."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from runtime.apart import environment
from runtime.jobs.resources import memory_kills

log = logging.getLogger(__name__)

RENDERER = (sys.executable, "-m", "runtime.jobs.renderer")
POLL_SECONDS = 0.5
LAST_SECONDS = 30.0  # that a process may take to end after it has closed its output without a word
LOG_TAIL = 400  # bytes of a crashed process's last words that go into the server's log

Ending = Literal["result", "problem", "crashed", "killed", "timeout", "stopped"]


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: `detail` is the result, the problem, or {"sentence"} saying how it crashed.

    `killed` means by somebody else than us, and not because memory ran out: that says nothing against the job.
    """

    ending: Ending
    detail: dict[str, Any]


class RenderProcess:
    """Runs one task in a process group of its own. `stop` may be called from any thread.

    It may be started before there is a task, and then stands ready.
    """

    def __init__(self, folder: Path, command: Sequence[str] = RENDERER) -> None:
        """`folder` is where what the process says of itself is kept, in a file without a name."""
        self._folder = folder
        self._command = command
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._memory_kills: int | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the process runs."""
        process = self._process
        return process.pid if process is not None else None

    @property
    def alive(self) -> bool:
        """Whether there is a process that has not ended."""
        process = self._process
        return process is not None and process.poll() is None

    def start(self, ready_for: Mapping[str, Any] | None = None, device: int | None = None) -> None:
        """Start the process, with `ready_for` ahead of its task: see renderer.py. Raises OSError."""
        visible = {} if device is None else {"CUDA_VISIBLE_DEVICES": str(device)}
        ahead = [] if ready_for is None else ["--ready-for", json.dumps(ready_for)]
        with self._lock:
            if self._stopped.is_set():
                return
            self._log = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - it is read when the process has ended
            self._process = subprocess.Popen(
                [*self._command, *ahead],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment() | visible,
                start_new_session=True,
            )

    def run(
        self,
        task: Mapping[str, Any],
        on_progress: Callable[[float, str], None],
        time_limit: float,
        device: int | None = None,
    ) -> Outcome:
        """Run a task to the end, at most `time_limit` seconds. When this returns, no process of the group is left."""
        self._memory_kills = memory_kills()
        try:
            if not self.alive:  # not started yet, or dead while it stood ready, which is no fault of the task
                self.end()
                self.start(device=device)
            process = self._process
            if process is None or self._stopped.is_set():
                return Outcome("stopped", {})
            self._hand(task, process)
            return self._follow(process, on_progress, time.monotonic() + time_limit)
        except OSError as fault:
            return Outcome("crashed", {"sentence": f"The render process could not start: {fault}."})
        finally:
            self.end()

    def stop(self) -> None:
        """End the process now; `run` returns soon after."""
        with self._lock:
            self._stopped.set()
            if self._process is not None:
                _kill_group(self._process.pid)

    def end(self) -> None:
        """Leave nothing of the process behind."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            _kill_group(process.pid)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        if self._log is not None:
            self._log.close()
            self._log = None

    def _hand(self, task: Mapping[str, Any], process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it may be dead already, which _follow will find
            process.stdin.write(json.dumps(task).encode() + b"\n")
            process.stdin.flush()

    def _follow(
        self, process: subprocess.Popen[bytes], on_progress: Callable[[float, str], None], deadline: float
    ) -> Outcome:
        assert process.stdout is not None
        pending = b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                ready = selector.select(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))
                chunk = os.read(process.stdout.fileno(), 65536) if ready else None
                *lines, pending = (pending + (chunk or b"")).split(b"\n")
                outcomes = [self._take(line, on_progress) for line in lines]
                if self._stopped.is_set():
                    return Outcome("stopped", {})
                for outcome in outcomes:
                    if outcome is not None:
                        # All is said. How native libraries take their leave (slowly, or with a crash) is of no concern.
                        return outcome
                # A grandchild may hold the pipe open, so the process itself is asked too.
                if chunk == b"" or (chunk is None and process.poll() is not None):
                    break
                if time.monotonic() >= deadline:
                    return Outcome("timeout", {})
        return self._crash(process)

    def _crash(self, process: subprocess.Popen[bytes]) -> Outcome:
        try:
            status = process.wait(LAST_SECONDS)
        except subprocess.TimeoutExpired:
            return Outcome("crashed", {"sentence": "The render process closed its output but did not end."})
        if self._stopped.is_set():
            return Outcome("stopped", {})
        log.warning("the render process ended with %s: %s", status, self.last_words())
        if status == -signal.SIGKILL and self._memory_kills is not None:
            if memory_kills() == self._memory_kills:
                return Outcome("killed", {"sentence": "The render process was killed from outside."})
            return Outcome("crashed", {"sentence": "The render process was killed because memory ran out."})
        return Outcome("crashed", {"sentence": _how_it_ended(status)})

    def _take(self, line: bytes, on_progress: Callable[[float, str], None]) -> Outcome | None:
        try:
            message = json.loads(line)
            if "progress" in message:
                on_progress(min(1.0, max(0.0, float(message["progress"]))), str(message.get("stage", "")))
            elif "result" in message:
                return Outcome("result", dict(message["result"]))
            elif "problem" in message:
                return Outcome("problem", dict(message["problem"]))
        except (ValueError, TypeError):
            log.warning("the render process said something odd: %r", line[:200])
        return None

    def last_words(self) -> str:
        """The end of what the process has written to its standard error."""
        if self._log is None:
            return ""
        with contextlib.suppress(OSError):
            size = os.fstat(self._log.fileno()).st_size
            return (
                os.pread(self._log.fileno(), LOG_TAIL, max(0, size - LOG_TAIL))
                .decode(errors="replace")
                .strip()
            )
        return ""


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _how_it_ended(status: int) -> str:
    if status == -signal.SIGKILL:
        return "The render process was killed, most likely because memory ran out."
    if status < 0:
        return f"The render process crashed ({signal.Signals(-status).name})."
    return f"The render process ended unexpectedly (status {status})."
