"""What a graph costs to run: processor time of an item, and memory of the process that holds it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from runtime.inference.providers import plan_providers
from runtime.inference.sessions import start_session
from runtime.memory import resident_memory_mb
from runtime.quantization.samples import Row, batches_of
from runtime.quantization.worker import Worker

ROUNDS = 15
ITEMS = 4  # that run together, as in a film


@dataclass(frozen=True)
class Footprint:
    """milliseconds: processor time of one item on one thread; memory_mb: what a process grows by."""

    milliseconds: float
    memory_mb: float


def footprints(paths: Sequence[Path], rows: Sequence[Row], provider: str, worker: Worker) -> list[Footprint]:
    """Of several versions of one graph on one provider, timed in turn in one process."""
    batch = batches_of(rows, ITEMS)[0]
    times = worker.run(_times, list(paths), batch, provider)
    memories = []
    for path in paths:
        worker.renew()  # what one graph has taken, the next would use again
        memories.append(worker.run(_memory, path, batch, provider))
    return [Footprint(*both) for both in zip(times, memories, strict=True)]


def _session(path: Path, provider: str) -> onnxruntime.InferenceSession:
    [plan] = plan_providers(onnxruntime.get_available_providers(), provider, threads=1)
    return start_session(path, plan, 1)


def _times(paths: Sequence[Path], batch: Row, provider: str) -> list[float]:
    sessions = [_session(path, provider) for path in paths]
    items = len(next(iter(batch.values())))
    spent = np.zeros((ROUNDS + 1, len(sessions)))
    for turn in range(ROUNDS + 1):
        for number, session in enumerate(sessions):
            began = time.process_time()
            session.run(None, batch)
            spent[turn, number] = time.process_time() - began
    return [float(value) for value in 1000 * np.median(spent[1:], axis=0) / items]


def _memory(path: Path, batch: Row, provider: str) -> float:
    before = resident_memory_mb()
    session = _session(path, provider)
    for _ in range(3):
        session.run(None, batch)
    return max(0.0, resident_memory_mb() - before)
