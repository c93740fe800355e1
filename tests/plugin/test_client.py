"""The client of the runtime's HTTP API, against real servers on a Unix socket and on TCP."""

from __future__ import annotations

import shutil
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin.client import LOST, RuntimeClient, tls
from plugin.embedded import socket_place
from plugin.settings import Settings
from runtime.contract import RuntimeProblem
from tests.plugin.proxy import Proxy
from tests.server.harness import ServerProcess, post, running


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """One entry for each time that the authorities of this machine are read."""
    made: list[Any] = []
    real = ssl.create_default_context

    def counted(*args: Any, **kwargs: Any) -> ssl.SSLContext:
        made.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr(ssl, "create_default_context", counted)
    tls.cache_clear()
    yield made
    tls.cache_clear()


def test_a_socket_needs_no_authorities(contexts: list[Any]) -> None:
    # Sockets have short names only, so the folder is not the test's own.
    state = Path(tempfile.mkdtemp(prefix="sonic-test-"))
    socket = socket_place(state)
    socket.parent.mkdir(mode=0o700)
    server = ServerProcess(state / "runtime", "--socket", str(socket)).start()
    try:
        job_id = post(server.client).json()["id"]
        contexts.clear()
        assert RuntimeClient(Settings(), state).job(job_id).id == job_id
        assert contexts == []
    finally:
        server.kill()
        shutil.rmtree(socket.parent)
        shutil.rmtree(state)


def test_authorities_are_read_once(contexts: list[Any], tmp_path: Path) -> None:
    with running(tmp_path / "state") as server:
        job_id = post(server).json()["id"]
        settings = Settings(runtime_url=str(server.base_url).rstrip("/"))
        contexts.clear()
        for _ in range(3):
            assert RuntimeClient(settings, tmp_path).job(job_id).id == job_id
    assert len(contexts) == 1


def test_a_proxy_that_cannot_reach_the_runtime_is_a_runtime_out_of_reach(tmp_path: Path) -> None:
    with running(tmp_path / "state") as server, Proxy(str(server.base_url)) as proxy:
        job_id = post(server).json()["id"]
        client = RuntimeClient(Settings(runtime_url=proxy.base), tmp_path)
        for fault in (502, 503, 504, proxy.HANG_UP):
            proxy.faults = [fault]
            with pytest.raises(RuntimeProblem) as caught:
                client.job(job_id)
            assert caught.value.code == LOST
        assert client.job(job_id).id == job_id
