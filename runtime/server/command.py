"""`python -m runtime serve`: the HTTP API on a TCP port or a Unix socket, until it is told to stop."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from runtime.contract import RuntimeProblem
from runtime.jobs.render_process import RENDERER
from runtime.server.app import create_app
from runtime.server.logs import set_up_logging
from runtime.server.service import Service
from runtime.server.settings import Settings

log = logging.getLogger(__name__)

LAST_ANSWERS = 5  # seconds that answers under way may take when the server stops
ORPHAN_PATIENCE = 10.0  # seconds after which an orphaned server ends whatever it is doing
KEEP_ALIVE = 75  # seconds that a connection may be idle: longer than clients wait between two questions
BACKLOG = 512


def add_parser(commands: Any) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "serve",
        help="offer the engine over HTTP",
        description="Serve the HTTP API. Everything else is set by SONIC_... variables; see docs/service.md.",
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--host", help="address to listen on (SONIC_HOST)")
    place.add_argument("--socket", type=Path, metavar="PATH", help="Unix socket instead (SONIC_SOCKET)")
    parser.add_argument("--port", type=int, help="TCP port, 0 = any free one (SONIC_PORT)")
    parser.add_argument("--state", type=Path, metavar="FOLDER", help="jobs and films (SONIC_STATE)")
    parser.add_argument("--workers", type=int, help="renders side by side (SONIC_WORKERS)")
    parser.add_argument(
        "--parent-pid", type=int, metavar="PID", help="stop when this process ends, however it ends"
    )
    parser.set_defaults(run=_serve)


def _serve(given: argparse.Namespace) -> int:
    settings = Settings.from_environment(
        os.environ,
        host=given.host,
        port=given.port,
        socket=given.socket,
        state=given.state,
        workers=given.workers,
    )
    return serve(settings, given.parent_pid)


def serve(settings: Settings, parent_pid: int | None = None, command: Sequence[str] = RENDERER) -> int:
    """Serve until a signal comes or the parent ends; then finish or requeue what runs.

    Once requests are taken, one line goes to standard output: {"listening": address, "pid": number}.
    `command` starts a render process; the default is the engine.
    """
    set_up_logging(settings.log_level, settings.log_format)
    service = Service(settings, command)
    listener, address = _listen(settings)
    config = uvicorn.Config(
        create_app(service),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=LAST_ANSWERS,
        timeout_keep_alive=KEEP_ALIVE,
        proxy_headers=False,
    )
    server = _Server(config, service.begin_stop)
    orphaned = threading.Event()
    if parent_pid is not None:
        watch_parent(parent_pid, lambda: _abandon(server, orphaned))
    service.start()
    sys.stdout.write(json.dumps({"listening": address, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    try:
        server.run(sockets=[listener])
    finally:
        service.stop(0 if orphaned.is_set() else None)
        if settings.socket is not None:
            settings.socket.unlink(missing_ok=True)
    return 0


class _Server(uvicorn.Server):
    """Tells the service at once that it is to stop, so that clients who follow a job are let go."""

    def __init__(self, config: uvicorn.Config, begin_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._begin_stop = begin_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.end(force=self.should_exit)

    def end(self, force: bool = False) -> None:
        """Stop serving; with `force` without waiting for answers under way."""
        self.force_exit = force
        self.should_exit = True
        # A signal handler must not wait for locks, so somebody else does.
        threading.Thread(target=self._begin_stop, daemon=True).start()


def watch_parent(pid: int, when_gone: Callable[[], None]) -> None:
    """Call `when_gone` once a process has ended, even if it was killed. Works in a thread of its own."""
    handle: int | None = None
    if hasattr(os, "pidfd_open"):
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            raise RuntimeProblem("parent_gone", f"There is no process {pid} to wait for.") from None
        except OSError:
            handle = None  # an old kernel

    def wait() -> None:
        if handle is not None:
            with contextlib.suppress(OSError):
                select.select([handle], [], [])
        else:
            while os.getppid() == pid:
                time.sleep(0.5)
        when_gone()

    threading.Thread(target=wait, name="parent watch", daemon=True).start()


def _abandon(server: _Server, orphaned: threading.Event) -> None:
    log.warning("the parent process is gone; stopping")
    orphaned.set()
    server.end(force=True)
    # Renders end by themselves when this process does.
    time.sleep(ORPHAN_PATIENCE)
    os._exit(1)


def _listen(settings: Settings) -> tuple[socket.socket, str]:
    try:
        if settings.socket is None:
            family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
            listener = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
            port = listener.getsockname()[1]
            host = f"[{settings.host}]" if family == socket.AF_INET6 else settings.host
            return listener, f"http://{host}:{port}"
        return _listen_on_socket(settings.socket), f"unix:{settings.socket}"
    except OSError as fault:
        place = settings.socket or f"{settings.host}:{settings.port}"
        raise RuntimeProblem(
            "address_unusable", f"The server cannot listen on {place}: {fault.strerror or fault}."
        ) from fault


def _listen_on_socket(path: Path) -> socket.socket:
    # We own the state folder, so a socket left in its place belongs to a server that died.
    with contextlib.suppress(FileNotFoundError):
        if path.is_socket():
            path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)  # nobody else on this machine may connect
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    return listener
