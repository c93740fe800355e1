"""One attempt at a render, seen from the server: a child process that may crash, hang or be killed."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import runtime
from runtime.jobs.resources import memory_kills

log = logging.getLogger(__name__)

RENDERER = (sys.executable, "-m", "runtime.jobs.renderer")
POLL_SECONDS = 0.5
LAST_SECONDS = 30.0  # that a process may take to end after it has closed its output without a word
LOG_TAIL = 400  # characters of a crashed process's last words that go into the server's log
# A render needs none of these.
SECRETS = ("SONIC_API_KEY", "SONIC_S3_ACCESS_KEY", "SONIC_S3_SECRET_KEY", "SONIC_S3_SESSION_TOKEN")

Ending = Literal["result", "problem", "crashed", "killed", "timeout", "stopped"]


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: `detail` is the result, the problem, or {"sentence"} saying how it crashed.

    `killed` means by somebody else than us, and not because memory ran out: that says nothing against the job.
    """

    ending: Ending
    detail: dict[str, Any]


class RenderProcess:
    """Runs a task in a process group of its own. `stop` may be called from any thread."""

    def __init__(self, task: dict[str, Any], folder: Path, command: Sequence[str] = RENDERER) -> None:
        self._task = task
        self._folder = folder
        self._command = command
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._memory_kills = memory_kills()

    @property
    def pid(self) -> int | None:
        """The process id while the process runs."""
        return self._process.pid if self._process is not None else None

    def run(
        self, on_progress: Callable[[float, str], None], time_limit: float, device: int | None = None
    ) -> Outcome:
        """Run to the end, at most `time_limit` seconds. When this returns, no process of the group is left."""
        try:
            with (self._folder / "render.log").open("wb") as errors:
                self._start(errors.fileno(), device)
        except OSError as fault:
            return Outcome("crashed", {"sentence": f"The render process could not start: {fault}."})
        if self._process is None:
            return Outcome("stopped", {})
        try:
            return self._follow(self._process, on_progress, time.monotonic() + time_limit)
        finally:
            self._end(self._process)

    def stop(self) -> None:
        """End the process now; `run` returns soon after."""
        with self._lock:
            self._stopped.set()
            if self._process is not None:
                _kill_group(self._process.pid)

    def _start(self, errors: int, device: int | None) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
        root = str(Path(runtime.__file__).parents[1])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
        if device is not None:
            environment["CUDA_VISIBLE_DEVICES"] = str(device)
        with self._lock:
            if self._stopped.is_set():
                return
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it may be dead already, which _follow will find
            self._process.stdin.write(json.dumps(self._task).encode() + b"\n")
            self._process.stdin.flush()

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
        log.warning("the render process ended with %s: %s", status, self._last_words())
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

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        _kill_group(process.pid)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            return (self._folder / "render.log").read_text(errors="replace")[-LOG_TAIL:].strip()
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
