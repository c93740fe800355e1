"""Several renders at once on one machine: how much film they make together."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runtime.bench.speed import render_command
from runtime.bench.tables import Table
from runtime.bench.workload import Material

AT_ONCE = (1, 2, 4, 8)


def tables(material: Material, quick: bool, folder: Path) -> list[Table]:
    """Seconds of film that 1 to 8 processes make in a second, each with all threads and with one."""
    seconds = 3.0 if quick else 6.0
    table = Table(
        "concurrency",
        "Renders at once, 512 pixels",
        [
            "processes",
            "film a second, all threads",
            "film a second, one thread each",
            "slowest, s",
            "slowest of one thread, s",
        ],
        note=f"Each process renders {seconds:g} s of film, its own start included.",
    )
    material.clip(seconds, folder)
    for count in AT_ONCE[: 2 if quick else 4]:
        rates, slowest = [], []
        for options in ([], ["--threads", "1"]):
            started = time.perf_counter()
            with ThreadPoolExecutor(count) as pool:
                jobs = [
                    pool.submit(render_command, material, options, seconds, folder, f"{number}.mp4")
                    for number in range(count)
                ]
                slowest.append(max(job.result()[0].wall for job in jobs))
            rates.append(count * seconds / (time.perf_counter() - started))
        table.add(str(count), *rates, *slowest)
    return [table]
