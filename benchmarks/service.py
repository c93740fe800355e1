"""The service: seconds from a request to first frame and film, with and without a process that stands ready."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx

from runtime.bench.tables import Table
from runtime.bench.workload import Material

SECONDS = 3.0
QUIET_SECONDS = 8.0  # before each request: time for the next process to get ready


def tables(material: Material, quick: bool, folder: Path) -> list[Table]:
    """One table: jobs one after the other, of which each finds the server idle."""
    repeats = 2 if quick else 5
    table = Table(
        "service",
        f"A film of {SECONDS:g} s at 512 pixels from the service",
        ["render process", "first frame, s", "film, s"],
        note=f"From the POST to the first frame's progress and to the finished job; medians of {repeats} jobs that "
        "found the server idle.",
    )
    for name, spare in (("stands ready", "1"), ("started for the job", "0")):
        with _server(folder / f"state{spare}", spare) as client:
            found = [_waits(client, material, folder, seed) for seed in range(repeats)]
        table.add(name, median(first for first, _ in found), median(film for _, film in found))
    return [table]


@contextmanager
def _server(state: Path, spare: str) -> Iterator[httpx.Client]:
    environment = {**os.environ, "SONIC_SPARE_RENDER": spare, "SONIC_LOG_LEVEL": "error"}
    command = [sys.executable, "-m", "runtime", "serve", "--port", "0", "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["listening"]
            with httpx.Client(base_url=address, timeout=600, trust_env=False) as client:
                yield client
        finally:
            server.terminate()


def _waits(client: httpx.Client, material: Material, folder: Path, seed: int) -> tuple[float, float]:
    """Seconds until a job's first frame, and until it is done."""
    time.sleep(QUIET_SECONDS)
    files = {
        "portrait": material.portrait.read_bytes(),
        "audio": material.clip(SECONDS, folder).read_bytes(),
    }
    posted, first = time.perf_counter(), 0.0
    job = client.post("/v1/videos", files=files, data={"seed": str(seed), "min_resolution": "512"}).json()
    with client.stream("GET", f"/v1/videos/{job['id']}/events") as events:
        for line in events.iter_lines():
            if not line.startswith("data:"):
                continue
            told = json.loads(line.removeprefix("data:"))
            first = first or (time.perf_counter() - posted if told.get("stage") == "rendering" else 0.0)
            if told["status"] in ("completed", "failed"):
                if told["status"] == "failed":
                    raise RuntimeError(told["error"]["sentence"])
                break
    return first, time.perf_counter() - posted
