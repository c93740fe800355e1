"""A running server for tests: in a thread of the test's process, or as a process that can be killed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn
from PIL import Image

from runtime.media.fetching import Fetcher
from runtime.server.app import create_app
from runtime.server.service import Service
from runtime.server.settings import Settings
from tests.jobs.test_workers import DOUBLE, SLOW, alive, wait_for

__all__ = ["DOUBLE", "SLOW", "ServerProcess", "alive", "finished", "post", "recording", "running", "wait_for"]
FINAL = ("completed", "failed", "cancelled")


@contextmanager
def running(
    state: Path, command: Sequence[str] = DOUBLE, fetcher: Fetcher | None = None, **settings: Any
) -> Iterator[httpx.Client]:
    """Serve on a free port of this machine; the client's `service` is in `client.service`."""
    service = Service(Settings(state=state, stop_grace=0, **settings), command, fetcher)
    config = uvicorn.Config(
        create_app(service), port=0, log_config=None, access_log=False, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    service.start()
    thread.start()
    wait_for(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False)
    client.service = service  # type: ignore[attr-defined]
    try:
        yield client
    finally:
        client.close()
        service.begin_stop()
        server.should_exit = True
        thread.join(10)
        service.stop()


def service_of(client: httpx.Client) -> Service:
    return client.service  # type: ignore[attr-defined]


DOUBLE_SERVER = ("tests.server.double_server",)
ENGINE_SERVER = ("runtime", "serve", "--port", "0")


class ServerProcess:
    """The server as a process, which can be killed and started again on the same state."""

    def __init__(
        self,
        state: Path,
        *arguments: str,
        environment: dict[str, str] | None = None,
        module: Sequence[str] = DOUBLE_SERVER,
    ) -> None:
        self._module = module
        self.state = state
        self._arguments = arguments
        self._environment = environment
        self.process: subprocess.Popen[str] | None = None
        self.client = httpx.Client()

    def start(self) -> ServerProcess:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                *self._module,
                "--state",
                str(self.state),
                "--parent-pid",  # a test run that is broken off leaves no servers behind
                str(os.getpid()),
                *self._arguments,
            ],
            stdout=subprocess.PIPE,
            stderr=(self.state.parent / "server.log").open("ab"),
            text=True,
            env=self._environment,
        )
        assert self.process.stdout is not None
        address = json.loads(self.process.stdout.readline())["listening"]
        if address.startswith("unix:"):
            transport = httpx.HTTPTransport(uds=address.removeprefix("unix:"))
            self.client = httpx.Client(transport=transport, base_url="http://runtime", timeout=20)
        else:
            self.client = httpx.Client(base_url=address, timeout=20, trust_env=False)
        return self

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self.process is not None
        self.client.close()
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """SIGTERM, as systemd does; returns the exit status."""
        assert self.process is not None
        self.client.close()
        self.process.terminate()
        return self.process.wait(60)


def picture(shade: int = 100) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (32, 32), (shade % 256, shade // 256 % 256, 9)).save(written, "png")
    return written.getvalue()


def recording(seconds: float = 0.2) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as sink:
        sink.setparams((1, 2, 16000, 0, "NONE", ""))
        sink.writeframes(np.zeros(int(seconds * 16000), "<i2").tobytes())
    return written.getvalue()


def post(client: httpx.Client, seed: int = 0, **options: Any) -> httpx.Response:
    files = {
        "portrait": ("lovelace.png", picture(), "image/png"),
        "audio": ("hello.wav", recording(), "audio/wav"),
    }
    return client.post("/v1/videos", files=files, data={"seed": str(seed)} | options)


def finished(client: httpx.Client, job_id: str, timeout: float = 30) -> dict[str, Any]:
    """Wait until a job has ended and return it."""
    deadline = time.monotonic() + timeout
    while True:
        job = client.get(f"/v1/videos/{job_id}").json()
        if job["status"] in FINAL:
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
