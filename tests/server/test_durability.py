"""The server as a process: killed at any moment, told to stop, orphaned. The engine's double renders."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import httpx
import pytest

from tests.server.harness import ServerProcess, alive, finished, post, wait_for

KILLS = int(os.environ.get("SONIC_TEST_KILLS", "4"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path / "state", "--seconds", "0.5")
    yield server
    if server.process is not None and server.process.poll() is None:
        server.kill()


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(word) for task in tasks.iterdir() for word in (task / "children").read_text().split()]


def test_kill_9_at_random_moments_loses_and_doubles_nothing(server: ServerProcess) -> None:
    """Server and render processes are killed in turn; all that was accepted becomes one film that plays."""
    rng, accepted = random.Random(11), list[str]()
    server.start()
    for number in range(KILLS):
        for seed in range(2):
            answer = post(server.client, 10 * (2 * number + seed))
            assert answer.status_code == 202
            accepted.append(answer.json()["id"])
        # Some renders get done in between: a job that the server does not survive five times is given up.
        time.sleep(rng.uniform(0, 3))
        assert server.process is not None
        if number % 3 == 2:
            for child in children(server.process.pid):
                os.kill(child, signal.SIGKILL)
        else:
            server.kill()
            server.start()
    jobs = {job_id: finished(server.client, job_id, 120) for job_id in accepted}
    for job in jobs.values():
        assert job["status"] == "completed", job
    listed = server.client.get("/v1/videos?limit=100").json()["data"]
    assert sorted(job["id"] for job in listed) == sorted(accepted)
    for job in jobs.values():
        film = server.state.parent / "film.mp4"
        film.write_bytes(httpx.get(job["url"]).content)
        with av.open(str(film)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 6
    assert len(list((server.state / "store").iterdir())) == len(accepted)
    wait_for(lambda: list((server.state / "work").iterdir()) == [])
    assert len(list((server.state / "inputs").iterdir())) == len(accepted)


def test_leftovers_of_a_crash_are_swept(server: ServerProcess) -> None:
    server.start()
    job_id = post(server.client).json()["id"]
    finished(server.client, job_id)
    server.kill()
    (server.state / "inputs" / "half").mkdir()
    (server.state / "inputs" / "half" / "portrait").write_bytes(b"half")
    (server.state / "work" / "lost").mkdir()
    server.start()
    assert len(list((server.state / "inputs").iterdir())) == 1
    assert list((server.state / "work").iterdir()) == []
    assert finished(server.client, job_id)["status"] == "completed"


def test_sigterm_requeues_what_runs_and_lets_followers_go(tmp_path: Path) -> None:
    environment = {**os.environ, "SONIC_STOP_GRACE": "0.5"}
    server = ServerProcess(tmp_path / "state", "--seconds", "30", environment=environment).start()
    job_id = post(server.client).json()["id"]
    wait_for(lambda: server.client.get(f"/v1/videos/{job_id}").json()["status"] == "in_progress")
    assert server.process is not None
    began = time.monotonic()
    with httpx.stream("GET", f"{server.client.base_url}/v1/videos/{job_id}/events") as events:
        lines = events.iter_lines()
        next(lines)
        server.process.terminate()
        list(lines)  # ends
    assert server.process.wait(20) == 0
    assert time.monotonic() - began < 10
    again = ServerProcess(tmp_path / "state", "--seconds", "0.1").start()
    job = finished(again.client, job_id)
    assert (job["status"], job["attempts"]) == ("completed", 1)
    assert again.terminate() == 0


def test_sigterm_lets_a_render_finish_within_its_grace(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "state", "--seconds", "1.5").start()
    job_id = post(server.client).json()["id"]
    wait_for(lambda: server.client.get(f"/v1/videos/{job_id}").json()["status"] == "in_progress")
    assert server.terminate() == 0
    assert list((tmp_path / "state" / "work").iterdir()) != [] or list(
        (tmp_path / "state" / "store").iterdir()
    )
    again = ServerProcess(tmp_path / "state").start()
    assert finished(again.client, job_id)["started_at"] is not None
    again.kill()


def test_two_servers_do_not_share_a_state_folder(server: ServerProcess) -> None:
    server.start()
    other = subprocess.run(
        [sys.executable, "-m", "runtime", "serve", "--port", "0", "--state", str(server.state)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert other.returncode == 2
    assert "Another server works in" in other.stderr


def test_the_embedded_server_ends_with_its_parent(tmp_path: Path) -> None:
    """Even when the parent is killed; and its render process with it."""
    path = tmp_path / "s" / "runtime.sock"
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, subprocess, sys\n"
            "command = [sys.executable, '-m', 'tests.server.double_server', '--parent-pid', str(os.getpid())]\n"
            f"command += ['--socket', {str(path)!r}, '--state', {str(tmp_path / 'state')!r}, '--seconds', '60']\n"
            "child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)\n"
            "child.stdout.readline()\n"
            "print(child.pid, flush=True)\n"
            "child.wait()\n",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    server_pid = int(parent.stdout.readline())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    transport = httpx.HTTPTransport(uds=str(path))
    with httpx.Client(transport=transport, base_url="http://runtime", timeout=20) as client:
        job_id = post(client).json()["id"]
        wait_for(lambda: client.get(f"/v1/videos/{job_id}").json()["status"] == "in_progress")
        time.sleep(1)
    renderers = children(server_pid)
    assert renderers
    parent.kill()
    parent.wait()
    wait_for(lambda: not alive(server_pid), 15)
    wait_for(lambda: not any(alive(pid) for pid in renderers), 15)
    assert not path.exists()


def test_a_socket_left_by_a_dead_server_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "runtime.sock"
    server = ServerProcess(tmp_path / "state", "--socket", str(path))
    for _ in range(2):
        server.start()
        job = finished(server.client, post(server.client).json()["id"])
        assert job["url"].startswith("/v1/videos/")
        assert server.client.get(job["url"]).status_code == 200
        server.kill()


def test_the_command_line_refuses_an_open_port_without_a_key(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runtime", "serve", "--host", "0.0.0.0", "--state", str(tmp_path / "s")]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2
    assert "loopback only" in answer.stderr
    assert not (tmp_path / "s").exists()
