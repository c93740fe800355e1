"""Times of rivals that take turns, so that whatever else the machine does meanwhile meets all of them alike."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Times:
    """Seconds by the clock, and seconds of processors used by all threads."""

    wall: float
    cpu: float


def interleaved(
    rivals: Mapping[str, Callable[[], object]], repeats: int, warm_up: bool = True
) -> dict[str, Times]:
    """Run the rivals in turn, `repeats` rounds, after a round that does not count; the median of each."""
    if warm_up:
        for work in rivals.values():
            work()
    found: dict[str, list[Times]] = {name: [] for name in rivals}
    for _ in range(repeats):
        for name, work in rivals.items():
            found[name].append(timed(work))
    return {name: middle(times) for name, times in found.items()}


def timed(work: Callable[[], object]) -> Times:
    """How long a piece of work takes in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Times(time.perf_counter() - wall, time.process_time() - cpu)


def timed_process(command: Sequence[str]) -> tuple[Times, str]:
    """How long a command takes from start to end, and what it prints; one that fails raises CalledProcessError."""
    wall, before = time.perf_counter(), os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Times(time.perf_counter() - wall, cpu), done.stdout


def middle(times: Sequence[Times]) -> Times:
    """Medians, each by itself."""
    return Times(median(t.wall for t in times), median(t.cpu for t in times))


def load_average() -> float | None:
    """How many processes wanted to run in the last minute; None where the system does not say."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None
