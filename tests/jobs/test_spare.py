"""The process that stands ready for the next job: used once, replaced, and never left behind."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from runtime.contract import RenderOptions
from runtime.jobs import renderer, workers
from runtime.jobs.render_process import RenderProcess
from runtime.jobs.resources import Load, MemoryGuard
from tests.jobs import engine_double as double
from tests.jobs.test_workers import DOUBLE, SLOW, Plant, alive, server_with_child, wait_for


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(workers, "SPARE_RETRY_SECONDS", 0.1)


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    plant = Plant(tmp_path / "state", spare=True)
    plant.start()
    yield plant
    plant.stop()


def spare_of(plant: Plant, other_than: int | None = None) -> int:
    """Wait until a process stands ready and return its id."""

    def found() -> int | None:
        spare = plant.pool._spare
        return spare.pid if spare is not None and spare.pid != other_than else None

    wait_for(lambda: found() is not None)
    return found() or 0


def test_a_job_takes_the_process_that_stands_ready_and_the_next_job_another(plant: Plant) -> None:
    rendered: list[int | None] = []
    plant.board.listen(lambda _: rendered.extend(entry.process.pid for entry in plant.pool._running.values()))
    first = spare_of(plant)
    plant.add("a")
    assert plant.wait("a", "completed").attempts == 1
    assert first in rendered
    wait_for(lambda: not alive(first))
    second = spare_of(plant, first)
    plant.add("b")
    plant.wait("b", "completed")
    assert second in rendered
    wait_for(lambda: list(plant.folder.work.iterdir()) == [])


def test_one_that_dies_is_replaced_and_fails_no_job(plant: Plant) -> None:
    first = spare_of(plant)
    os.kill(first, signal.SIGKILL)
    second = spare_of(plant, first)
    os.kill(second, signal.SIGKILL)  # and now the job comes before anybody has noticed
    plant.add("a")
    assert plant.wait("a", "completed").attempts == 1


def test_a_process_dead_before_its_task_is_started_again(tmp_path: Path) -> None:
    process = RenderProcess(tmp_path, DOUBLE)
    process.start({})
    first = process.pid or 0
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not process.alive)
    portrait = tmp_path / "portrait.png"
    task = {"portrait": str(portrait), "out": str(tmp_path / "film.mp4"), "options": {"seed": double.FINE}}
    assert process.run(task, lambda fraction, stage: None, 60).ending == "result"
    assert process.pid is None


def test_a_job_on_it_can_be_cancelled_and_put_back(tmp_path: Path) -> None:
    plant = Plant(tmp_path, SLOW, spare=True, workers=1)
    plant.start()
    first = spare_of(plant)
    plant.add("a")
    plant.wait("a", "in_progress")
    plant.store.cancel("a")
    plant.pool.kill("a")
    assert not alive(first)
    second = spare_of(plant, first)
    plant.add("b")
    plant.wait("b", "in_progress")
    plant.pool.stop(0)
    assert not alive(second)
    assert (plant.job("a").state, plant.job("b").state) == ("cancelled", "queued")
    plant.stop()


def test_none_is_left_when_the_pool_stops(plant: Plant) -> None:
    pid = spare_of(plant)
    plant.pool.halt()
    assert not alive(pid)
    assert plant.pool._spare is None


def test_it_dies_with_its_server(tmp_path: Path) -> None:
    program = (
        "import time\n"
        "from pathlib import Path\n"
        "from tests.jobs.test_spare import Plant, spare_of\n"
        f"plant = Plant(Path({str(tmp_path)!r}), spare=True)\n"
        "plant.start()\n"
        "print(spare_of(plant), flush=True)\n"
        "time.sleep(3600)\n"
    )
    server, pid = server_with_child(program)
    assert alive(pid)
    server.kill()
    server.wait()
    wait_for(lambda: not alive(pid))


def test_none_where_it_is_not_wanted_or_memory_is_short(tmp_path: Path) -> None:
    short = MemoryGuard(1000, 200, available_mb=lambda: 900, resident_mb=lambda pid: 0)
    off, poor = Plant(tmp_path / "off"), Plant(tmp_path / "poor", spare=True)
    poor.pool.guard = short
    gpus = Plant(tmp_path / "gpus", spare=True, use_devices=True)
    for plant in (off, poor, gpus):
        assert not plant.pool._spare_wanted()
    assert Plant(tmp_path / "rich", spare=True).pool._spare_wanted()


def test_trouble_with_it_does_not_stop_the_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, tried = Plant(tmp_path, spare=True), []

    def fail(running: Sequence[Load]) -> bool:
        tried.append(running)
        raise ValueError("the system does not tell how much memory there is")

    monkeypatch.setattr(plant.pool.guard, "spares", fail)
    plant.start()
    wait_for(lambda: bool(tried))
    plant.add("a")
    assert plant.wait("a", "completed").attempts == 1
    plant.stop()


def test_while_all_workers_are_busy_only_for_a_job_that_waits(tmp_path: Path) -> None:
    plant = Plant(tmp_path, SLOW, workers=1, spare=True)
    plant.start()
    plant.add("a")
    plant.wait("a", "in_progress")
    time.sleep(0.3)
    assert plant.pool._spare is None
    plant.add("b")
    spare_of(plant)
    assert plant.job("b").state == "queued"
    plant.stop()


def test_the_memory_it_holds_counts_for_the_render_that_takes_it() -> None:
    guard = MemoryGuard(
        1000, 200, available_mb=lambda: 900, resident_mb=lambda pid: 400 if pid == 7 else 1000
    )
    running = [Load(1, 1000, None)]
    assert not guard.admits(512, running)
    assert guard.admits(512, running, ready_pid=7)
    assert not guard.spares(running)


def test_getting_ready_is_given_up_when_the_task_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def rehearse(options: RenderOptions) -> Iterator[str]:
        for part in ("libraries", "networks", "frames"):
            done.append(part)
            yield part

    answers = iter([[], [0]])
    monkeypatch.setattr("runtime.rehearsal.rehearse", rehearse)
    monkeypatch.setattr(select, "select", lambda *_: (next(answers), [], []))
    renderer.get_ready(RenderOptions())
    assert done == ["libraries", "networks"]
