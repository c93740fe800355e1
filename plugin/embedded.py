"""The bundled runtime: a child process on a private Unix socket, started when it is first needed.

Two plugin processes may share one working folder (Dify can run several of a plugin), so the socket's place follows
from the state folder, and a runtime that already answers there is used by all. The child watches the process that
started it and ends with it, however that one ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx

from runtime.contract import RuntimeProblem

logger = logging.getLogger(__name__)

START_SECONDS = 90.0  # importing everything for the first time on a slow machine takes a while
CRASHES = 3  # starts in a row that may fail before a caller is told
SOCKET_PATH_LIMIT = 100  # bytes; the kernel's is 108
STDERR_LINES = 20
LINE_LIMIT = 2000
PORTS = {"http": 80, "https": 443}
FILE_SERVERS = ("FILES_URL", "INTERNAL_FILES_URL")
UNFIT = (
    "SONIC_API_KEY",
    "SONIC_HOST",
    "SONIC_PORT",
    "SONIC_PUBLIC_URL",
)  # nobody but us can reach the socket


class EmbeddedRuntime:
    """Starts, watches and restarts the runtime that works in `state`. Safe to use from several sessions at once."""

    def __init__(self, state: Path, root: Path) -> None:
        self.state = state
        self.socket = socket_place(state)
        self._root = root
        self._child: subprocess.Popen[bytes] | None = None
        self._said: deque[str] = deque(maxlen=STDERR_LINES)
        self._lock = threading.Lock()

    def ensure(self) -> Path:
        """Return the socket of a runtime that answers, starting one if there is none.

        Raises `RuntimeProblem` with the runtime's last words if it does not come up.
        """
        with self._lock:
            if look(self.socket) == "ready":
                return self.socket
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _exclusive(self.state / "start.lock"):
                deadline = time.monotonic() + START_SECONDS
                for _ in range(CRASHES):
                    # Another process may have been faster, and its runtime may only be slow just now.
                    if look(self.socket) == "absent" and not self._runs():
                        self._start()
                    if self._comes_up(deadline):
                        return self.socket
        last = " | ".join(self._said) or "it said nothing"
        raise RuntimeProblem("runtime_failed", f"The bundled runtime does not start: {last[-800:]}")

    def stop(self) -> None:
        """End the child, if this process started it."""
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
                return
            child.kill()

    def _start(self) -> None:
        if self._child is not None:
            logger.warning("the runtime ended with code %s and is started again", self._child.returncode)
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A socket that a dead runtime left is removed by the next one, once it owns the state folder.
        command = [sys.executable, "-m", "runtime", "serve", "--socket", str(self.socket)]
        command += ["--state", str(self.state), "--parent-pid", str(os.getpid())]
        self._child = subprocess.Popen(
            command,
            cwd=self._root,
            # This process's stdin and stdout are Dify's protocol: the child must never touch them.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(os.environ),
        )
        logger.info("started the runtime as process %d", self._child.pid)
        threading.Thread(target=self._relay, args=(self._child,), daemon=True).start()

    def _relay(self, child: subprocess.Popen[bytes]) -> None:
        """Hand the child's log on to Dify's, line by line, until it ends."""
        assert child.stderr is not None
        for raw in child.stderr:
            level, line = readable(raw.decode("utf-8", "replace").rstrip()[:LINE_LIMIT])
            if line:
                self._said.append(line)
                logger.log(level, "runtime: %s", line)

    def _comes_up(self, deadline: float) -> bool:
        while time.monotonic() < deadline:
            found = look(self.socket)
            if found == "ready":
                return True
            if found == "absent" and not self._runs():
                return False
            time.sleep(0.1)
        return False

    def _runs(self) -> bool:
        return self._child is not None and self._child.poll() is None


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """The child's environment: an operator's SONIC_... settings, and Dify's own file server as one to fetch from."""
    theirs = {name: value for name, value in ours.items() if name not in UNFIT}
    hosts = {_host_and_port(ours.get(name, "")) for name in FILE_SERVERS} - {""}
    if hosts and not theirs.get("SONIC_FETCH_ALLOW"):
        theirs["SONIC_FETCH_ALLOW"] = ",".join(sorted(hosts))
    return theirs


def _host_and_port(address: str) -> str:
    """What may be fetched from: never all of a host, which may have more than Dify on its ports."""
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return ""
    return f"{parts.hostname}:{port}" if parts.hostname and port else ""


def socket_place(state: Path) -> Path:
    """A socket's path that only this user can reach, the same for the same state folder, and short enough."""
    name = hashlib.sha256(os.fsencode(state.resolve())).hexdigest()[:16]
    folder = Path(tempfile.gettempdir())
    if len(os.fsencode(folder)) > SOCKET_PATH_LIMIT - 50:
        folder = Path("/tmp")
    return folder / f"sonic-{os.getuid()}-{name}" / "runtime.sock"


def over_socket(socket: Path) -> httpx.HTTPTransport:
    """Connections to a Unix socket. There is no TLS, so no time goes into reading whom it would trust."""
    return httpx.HTTPTransport(uds=str(socket), verify=False)


def look(socket: Path, seconds: float = 5.0) -> Literal["ready", "busy", "absent"]:
    """Say what is behind the socket: a runtime, one that takes its time, or none."""
    if not _is_private(socket.parent):
        return "absent"
    try:
        with httpx.Client(transport=over_socket(socket), timeout=seconds) as client:
            return "ready" if client.get("http://runtime/healthz/live").status_code == 200 else "busy"
    except httpx.TimeoutException:
        return "busy"
    except httpx.HTTPError:
        return "absent"


def _is_private(folder: Path) -> bool:
    # In a shared temporary folder somebody else could have put a socket of theirs under our name.
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise RuntimeProblem(
            "runtime_failed", f"The folder {folder} belongs to somebody else or is open to others."
        )
    return True


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold a lock among processes. Waiting inside flock would stop every session, so it is asked again and again."""
    with path.open("w") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.1)
        yield


def readable(line: str) -> tuple[int, str]:
    """Return level and words of a line that the runtime logged; no words for answers that went well."""
    try:
        said = json.loads(line)
        level = logging.getLevelNamesMapping()[str(said.pop("level")).upper()]
        words = str(said.pop("message"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return logging.WARNING, line  # not its log: a traceback, or a native library's words
    if words == "request" and int(said.get("status", 0)) < 400:
        return level, ""
    more = ", ".join(f"{name} {value}" for name, value in said.items() if name not in ("time", "logger"))
    return level, f"{words} ({more})" if more else words
