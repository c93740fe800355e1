"""How long one waits for the first frame: in a process that has just started, and in one that is at work already."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from runtime.bench.tables import Table
from runtime.bench.timing import timed_process
from runtime.bench.workload import Material

WARM_FILMS = 3


class _Seen(Exception):
    """The first frame is written: the rest of the film is of no interest."""


def startup_table(material: Material, resolutions: Sequence[int], repeats: int, folder: Path) -> Table:
    """Seconds from the start of the process, or of the second film in it, until the first frame is encoded."""
    table = Table(
        "startup",
        "Time to the first frame",
        ["canvas", "cold start, s", "cold start CPU, s", "warm, ms", "warm CPU, ms"],
        note=f"Cold: from the start of Python; warm: another film in the same process. The recording has 10 s. Medians "
        f"of {repeats} processes, warm of {WARM_FILMS} films in each.",
    )
    clip = material.clip(10, folder)
    rounds: dict[int, list[dict[str, float]]] = {resolution: [] for resolution in resolutions}
    for _ in range(repeats):
        for resolution in resolutions:
            arguments = [str(material.portrait), str(clip), str(folder / "first.mp4"), str(resolution)]
            _, printed = timed_process(
                [sys.executable, "-m", "runtime.bench.startup", str(time.time()), *arguments]
            )
            rounds[resolution].append(json.loads(printed))
    for resolution, found in rounds.items():
        cold, cold_cpu, warm, warm_cpu = (
            median(one[key] for one in found) for key in ("cold", "cold_cpu", "warm", "warm_cpu")
        )
        table.add(f"{resolution} px", cold, cold_cpu, 1000 * warm, 1000 * warm_cpu)
    return table


def main(arguments: Sequence[str]) -> None:
    """What runs in the process that is measured: STARTED PORTRAIT SOUND FILM RESOLUTION."""
    started, portrait, sound, out, resolution = arguments
    from runtime.contract import RenderOptions
    from runtime.pipeline import render

    options = RenderOptions(min_resolution=int(resolution))

    def watch(_: float, stage: str) -> None:
        if stage == "rendering":
            raise _Seen

    def first_frame() -> None:
        try:
            render(Path(portrait), Path(sound), Path(out), options, progress=watch)
        except _Seen:
            return

    first_frame()
    found = {"cold": time.time() - float(started), "cold_cpu": time.process_time()}
    warm = []
    for _ in range(WARM_FILMS):
        wall, cpu = time.perf_counter(), time.process_time()
        first_frame()
        warm.append((time.perf_counter() - wall, time.process_time() - cpu))
    found |= {"warm": median(wall for wall, _ in warm), "warm_cpu": median(cpu for _, cpu in warm)}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
