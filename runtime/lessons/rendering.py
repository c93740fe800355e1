"""Scenes rendered one after the other, or side by side in processes of their own."""

from __future__ import annotations

import multiprocessing
import multiprocessing.queues
import multiprocessing.synchronize
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from runtime.contract import RuntimeProblem
from runtime.lessons.scenes import SceneTask, render_scene
from runtime.memory import keep_heap_small

Tell = Callable[[int, float], None]  # which task, and how much of it is done (0..1); raises to stop the work
LOOK_SECONDS = 0.5  # how often processes are looked after

_news: multiprocessing.queues.SimpleQueue[tuple[int, float]]
_stop: multiprocessing.synchronize.Event


def render_scenes(tasks: Sequence[tuple[SceneTask, Path]], workers: int, tell: Tell) -> None:
    """Render each task to its film. What one of them, or `tell`, raises ends all; films that are finished stay."""
    if workers <= 1 or len(tasks) <= 1:
        keep_heap_small()
        for number, (task, target) in enumerate(tasks):
            render_scene(task, target, _teller(tell, number))
        return
    context = multiprocessing.get_context("spawn")
    news, stop = context.SimpleQueue(), context.Event()
    with ProcessPoolExecutor(min(workers, len(tasks)), context, _begin, (news, stop)) as pool:
        running = [pool.submit(_render, number, *task) for number, task in enumerate(tasks)]
        try:
            _follow(running, news, tell)
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _teller(tell: Tell, number: int) -> Callable[[float, str], None]:
    return lambda fraction, stage: tell(number, fraction)


def _follow(
    running: Sequence[Future[None]],
    news: multiprocessing.queues.SimpleQueue[tuple[int, float]],
    tell: Tell,
) -> None:
    left: set[Future[None]] = set(running)
    done: dict[int, float] = {}
    while left:
        ended, left = wait(left, LOOK_SECONDS, FIRST_EXCEPTION)
        while not news.empty():
            number, fraction = news.get()
            done[number] = max(fraction, done.get(number, 0.0))
        for number, fraction in done.items():
            tell(number, fraction)
        for one in ended:
            try:
                one.result()
            except BrokenProcessPool:
                raise RuntimeProblem("render_crashed", "The process of a scene crashed.") from None


def _begin(
    news: multiprocessing.queues.SimpleQueue[tuple[int, float]], stop: multiprocessing.synchronize.Event
) -> None:
    """What a process of the pool keeps for all its tasks. It ends with the one that renders the lesson."""
    global _news, _stop
    _news, _stop = news, stop
    keep_heap_small()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A pool whose owner was killed would wait for tasks for ever: it holds both ends of their queue.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _render(number: int, task: SceneTask, target: Path) -> None:
    told = -1.0

    def tell(fraction: float, stage: str) -> None:
        nonlocal told
        if fraction >= told + 0.01 or fraction == 1.0:
            told = fraction
            _news.put((number, fraction))

    render_scene(task, target, tell, _stop.is_set)
