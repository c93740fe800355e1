"""How the time of a render grows with resolution, with length, and shrinks with threads."""

from __future__ import annotations

import os
from pathlib import Path

from runtime.bench.speed import command_table
from runtime.bench.tables import Table
from runtime.bench.workload import Material

RESOLUTIONS = (256, 512, 1024, 1536)
LENGTHS = (3.0, 10.0, 30.0, 60.0)


def tables(material: Material, quick: bool, folder: Path) -> list[Table]:
    """Three tables of the command `render`: resolution, length, threads."""
    repeats = 1 if quick else 3
    seconds = 3.0 if quick else 6.0
    resolutions = RESOLUTIONS[1:3] if quick else RESOLUTIONS
    lengths = LENGTHS[:2] if quick else LENGTHS
    by_resolution = [(f"{size} px", ["--min-resolution", str(size)], seconds) for size in resolutions]
    by_length: list[tuple[str, list[str], float]] = [(f"{length:g} s", [], length) for length in lengths]
    by_threads = [(f"{count} threads", ["--threads", str(count)], seconds) for count in _threads()]
    return [
        command_table(material, by_resolution, repeats, folder, "resolution", "Resolution"),
        command_table(material, by_length, 1, folder, "length", "Length at 512 pixels"),
        command_table(
            material, by_threads, repeats, folder, "threads", "Threads for the networks at 512 pixels"
        ),
    ]


def _threads() -> list[int]:
    """1, 2, 4 ... up to the cores there are."""
    cores = os.cpu_count() or 1
    counts = [1]
    while 2 * counts[-1] <= cores:
        counts.append(2 * counts[-1])
    return counts
