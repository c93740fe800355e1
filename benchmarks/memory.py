"""Memory: of a process against the length of its film, and of the networks themselves in each precision."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

from runtime.bench.speed import render_command
from runtime.bench.tables import Table
from runtime.bench.timing import timed_process
from runtime.bench.workload import Material, precisions
from runtime.inference.packs import ModelPack
from runtime.memory import peak_memory_mb


def tables(material: Material, quick: bool, folder: Path) -> list[Table]:
    """Peak memory against length; what the networks take in each precision."""
    return [
        _by_length(material, (4.0, 20.0) if quick else (4.0, 20.0, 100.0), folder),
        networks_table(1 if quick else 3),
    ]


def _by_length(material: Material, lengths: tuple[float, ...], folder: Path) -> Table:
    table = Table(
        "memory",
        "Peak memory of a render at 512 pixels against the film's length",
        ["film", "peak memory, MB", "more than the shortest, %"],
        note="High-water mark of the process that renders, Python and all libraries included.",
    )
    least = 0.0
    for length in lengths:
        _, result = render_command(material, [], length, folder)
        peak = float(result["peak_memory_mb"])
        least = least or peak
        table.add(f"{length:g} s", peak, 100 * (peak / least - 1))
    return table


def networks_table(repeats: int) -> Table:
    table = Table(
        "networks",
        "Memory of the opened networks, weights and working memory",
        ["networks", "files, MB", "after opening, MB", "at work, MB", "against full precision"],
        note="Growth of the high-water mark of a fresh process when all graphs of the pack are opened, and after each "
        "has run as in a render.",
    )
    pack = ModelPack.load()
    found = {}
    for kind, int8 in precisions(pack).items():
        command = [sys.executable, "-m", "benchmarks.memory", "int8" if int8 else "full"]
        grown = [json.loads(timed_process(command)[1]) for _ in range(repeats)]
        opened, at_work = (median(one[key] for one in grown) for key in ("opened", "at_work"))
        files = sum(pack.graph(name, int8).path.stat().st_size for name in pack.graphs)
        found[kind] = (files / 2**20, opened, at_work)
    full = list(found.values())[-1][2]
    for kind, (files_mb, opened, at_work) in found.items():
        table.add(kind, files_mb, opened, at_work, at_work / full)
    return table


def measure_networks(int8: bool) -> dict[str, float]:
    """In a fresh process: MB that it grows by opening the pack's graphs, and by running each as a render does."""
    import numpy as np
    import onnxruntime

    from runtime.inference.sessions import Sessions

    onnxruntime.get_available_providers()
    pack = ModelPack.load()
    before = peak_memory_mb()
    sessions = Sessions(pack, int8=int8)
    opened = [sessions.get(name) for name in pack.graphs]
    after = peak_memory_mb()
    random = np.random.default_rng(0)
    for session in opened:
        sizes = {"batch": 4, "time": 2200}  # a batch of frames; a window of audio
        for _ in range(2):
            session.run(
                {
                    value["name"]: random.random(
                        [sizes.get(size, size) for size in value["shape"]], np.float32
                    )
                    for value in session.graph.record["inputs"]
                }
            )
    return {"opened": after - before, "at_work": peak_memory_mb() - before}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_networks(sys.argv[1] == "int8")) + "\n")
