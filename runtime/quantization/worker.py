"""A process that runs models for us: a provider that cannot stand a quantised graph may end the process it is in."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, Self

# Forked from a server that has the libraries loaded, a process starts in no time; Windows has no such thing.
_START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_PRELOADED = ["runtime.quantization.trials", "runtime.quantization.footprint"]


class WorkerLost(RuntimeError):
    """The process ended in the middle of its work; the next task gets a new one."""


class Worker:
    """One process, started when it is first needed."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.renew()

    def run[T](self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function of a module there; what it raises is raised here, `WorkerLost` if the process ends."""
        if self._pool is None:
            context = multiprocessing.get_context(_START)
            context.set_forkserver_preload(_PRELOADED)
            self._pool = ProcessPoolExecutor(1, context)
        try:
            return self._pool.submit(function, *arguments).result()
        except BrokenProcessPool as fault:
            self._pool = None
            raise WorkerLost from fault

    def renew(self) -> None:
        """End the process; the next task starts in a fresh one."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
