"""The pool, the uploader and the janitor with a double for the engine, whose faults can be chosen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from runtime.contract import RuntimeProblem
from runtime.jobs.folders import StateFolder
from runtime.jobs.progress import ProgressBoard
from runtime.jobs.resources import Device, Load, MemoryGuard, default_workers, parse_devices
from runtime.jobs.retention import Janitor, RetentionSettings
from runtime.jobs.store import Job, JobStore, LessonRequest, Request
from runtime.jobs.uploads import Uploader
from runtime.jobs.workers import NO_DISK, NO_MEMORY, PoolHooks, PoolSettings, WorkerPool
from runtime.storage import LocalStorage, StorageProblem
from tests.jobs import engine_double as double

DOUBLE = (sys.executable, "-m", "tests.jobs.engine_double")
SLOW = (*DOUBLE, "30")


def server_with_child(program: str) -> tuple[subprocess.Popen[str], int]:
    """Start Python code that prints the id of a process it has started; return its own process and that id."""
    server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, int(server.stdout.readline())


class Plant:
    """All that works on one state folder, without HTTP."""

    def __init__(self, root: Path, command: tuple[str, ...] = DOUBLE, **settings: Any) -> None:
        self.folder = StateFolder(root)
        self.store = JobStore(self.folder.database)
        self.board = ProgressBoard()
        self.storage = LocalStorage(self.folder.store)
        self.uploader = Uploader(self.store, self.folder, self.board, self.storage, longest_delay=1.0)
        self.failures: list[str] = []
        self.pool = WorkerPool(
            self.store,
            self.folder,
            self.board,
            MemoryGuard(100, 0),
            "local",
            PoolSettings(**({"workers": 2} | settings)),
            PoolHooks(rendered=self.uploader.wake, failed=self.failures.append),
            command,
        )

    def start(self) -> None:
        self.store.recover()
        self.folder.sweep(*self.store.folders())
        self.uploader.start()
        self.pool.start()

    def add(self, name: str, seed: int = double.FINE, script: str | None = None, **options: Any) -> Path:
        inputs = self.folder.new_inputs()
        (inputs / "portrait.png").write_bytes(b"portrait")
        (inputs / "audio.wav").write_bytes(b"audio")
        request = Request({"seed": seed, "min_resolution": 512} | options, "portrait.png", ["audio.wav"])
        request = replace(request, script=script)
        self.store.add(name, request, inputs.name)
        self.pool.wake()
        return inputs

    def job(self, name: str) -> Job:
        job = self.store.get(name)
        assert job is not None
        return job

    def wait(self, name: str, *states: str, timeout: float = 20) -> Job:
        wait_for(lambda: self.job(name).state in states, timeout, lambda: str(self.job(name)))
        return self.job(name)

    def stop(self) -> None:
        self.pool.stop(0)
        self.uploader.stop()
        self.store.close()


def wait_for(condition: Callable[[], bool], timeout: float = 20, say: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, say()
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    plant = Plant(tmp_path / "state")
    plant.start()
    yield plant
    plant.stop()


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Plant]:
    plant = Plant(tmp_path / "state", SLOW)
    plant.start()
    yield plant
    plant.stop()


def assert_plays(path: Path) -> None:
    with av.open(str(path)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 6


def test_a_job_becomes_a_film(plant: Plant) -> None:
    plant.add("video_a")
    job = plant.wait("video_a", "completed")
    assert job.key is not None
    assert job.result is not None
    assert job.result["duration"] == 0.24
    assert "path" not in job.result
    assert_plays(plant.storage.path(job.key))
    assert plant.storage.path(job.key).stat().st_size == job.bytes
    assert list(plant.folder.work.iterdir()) == []


def test_subtitles_are_stored_and_removed_with_their_film(plant: Plant) -> None:
    plant.add("video_a", script="Hello, world!")
    job = plant.wait("video_a", "completed")
    assert job.key is not None
    assert job.subtitles == {suffix: job.key.replace(".mp4", f".{suffix}") for suffix in ("srt", "vtt")}
    stored = [plant.storage.path(key) for key in (job.key, *job.subtitles.values())]
    assert "Hello, world!" in stored[1].read_text()
    assert sum(path.stat().st_size for path in stored) == job.bytes
    plant.store.remove("video_a")
    plant.uploader.wake()
    wait_for(lambda: not any(path.exists() for path in stored))
    wait_for(lambda: plant.store.discarded() == [])


def test_no_subtitles_where_none_are_wanted(plant: Plant) -> None:
    plant.add("video_a", script="Hello, world!", subtitles="off")
    plant.add("video_b")
    for name in ("video_a", "video_b"):
        assert plant.wait(name, "completed").subtitles == {}
    assert sorted(path.suffix for path in plant.folder.store.iterdir()) == [".mp4", ".mp4"]


def test_progress_is_reported_with_its_stage(plant: Plant) -> None:
    seen = []
    plant.board.listen(lambda job_id: seen.append(plant.board.get(job_id)))
    plant.add("a")
    plant.wait("a", "completed")
    fractions = [progress.fraction for progress in seen if progress and progress.stage == "rendering"]
    assert fractions == sorted(fractions)
    assert len(fractions) > 10


def test_a_crash_is_tried_again_once_and_then_told(plant: Plant) -> None:
    plant.add("once", double.CRASH_ONCE)
    plant.add("always", double.CRASH)
    assert plant.wait("once", "completed").attempts == 2
    failed = plant.wait("always", "failed")
    assert failed.attempts == 2
    assert failed.error is not None
    assert failed.error["code"] == "render_crashed"
    assert "SIGSEGV" in failed.error["sentence"]
    assert plant.failures == ["render_crashed"]


def test_the_engine_s_own_problem_is_shown_unchanged_and_not_tried_again(plant: Plant) -> None:
    plant.add("a", double.NO_FACE)
    job = plant.wait("a", "failed")
    assert job.error == {"code": "no_face", "sentence": "No face was found.", "hint": "Try another."}
    assert job.attempts == 1


def test_an_end_without_a_film_is_a_crash(plant: Plant) -> None:
    plant.add("a", double.NO_FILM)
    job = plant.wait("a", "failed")
    assert job.error is not None
    assert "status 0" in job.error["sentence"]


def test_noise_on_standard_output_and_a_crash_after_the_result_do_no_harm(plant: Plant) -> None:
    plant.add("babble", double.BABBLE)
    plant.add("late", double.CRASH_AT_EXIT)
    assert plant.wait("babble", "completed").attempts == 1
    assert plant.wait("late", "completed").attempts == 1


def test_being_killed_from_outside_does_not_count_against_a_job(tmp_path: Path) -> None:
    plant = Plant(tmp_path, (*DOUBLE, "1.0"), attempts=1)
    plant.start()
    plant.add("a")
    for run in (1, 2, 3):
        wait_for(lambda run=run: plant.job("a").run == run and _pid(plant) is not None)  # type: ignore[misc]
        os.kill(_pid(plant) or 0, signal.SIGKILL)
        wait_for(lambda run=run: plant.job("a").run > run)  # type: ignore[misc]
    assert plant.wait("a", "completed").attempts == 1
    plant.stop()


def _pid(plant: Plant) -> int | None:
    return next((entry.process.pid for entry in list(plant.pool._running.values())), None)


def test_a_process_that_does_not_end_after_its_result_is_ended(plant: Plant) -> None:
    plant.add("a", double.LINGER)
    assert plant.wait("a", "completed").attempts == 1
    wait_for(lambda: plant.pool.running() == 0)


def test_a_command_that_cannot_start_fails_its_job_only(tmp_path: Path) -> None:
    plant = Plant(tmp_path, ("/does/not/exist",))
    plant.start()
    plant.add("a")
    job = plant.wait("a", "failed")
    assert job.error is not None
    assert "could not start" in job.error["sentence"]
    plant.stop()


def test_a_render_over_its_time_is_ended(tmp_path: Path) -> None:
    plant = Plant(tmp_path, DOUBLE, time_limit=1.0)
    plant.start()
    plant.add("a", double.HANG)
    job = plant.wait("a", "failed")
    assert job.error is not None
    assert job.error["code"] == "time_limit"
    assert job.attempts == 1
    plant.stop()


def test_cancel_ends_the_whole_process_group(slow: Plant) -> None:
    inputs = slow.add("a", double.GRANDCHILD)
    wait_for(lambda: (inputs / "grandchild").exists() and (inputs / "grandchild").read_text() != "")
    grandchild = int((inputs / "grandchild").read_text())
    assert alive(grandchild)
    assert slow.store.cancel("a") is not None
    slow.pool.kill("a")
    assert slow.pool.running() == 0
    wait_for(lambda: not alive(grandchild), 5)
    assert slow.job("a").state == "cancelled"
    assert list(slow.folder.work.iterdir()) == []


def test_stop_lets_a_render_finish_within_the_grace(tmp_path: Path) -> None:
    plant = Plant(tmp_path, (*DOUBLE, "1.0"))
    plant.start()
    plant.add("a")
    plant.wait("a", "in_progress")
    plant.pool.stop(20)
    assert plant.job("a").state in ("uploading", "completed")
    plant.stop()


def test_stop_puts_back_what_does_not_finish(slow: Plant) -> None:
    slow.add("a")
    slow.add("b")
    slow.wait("b", "in_progress")
    began = time.monotonic()
    slow.pool.stop(0.2)
    assert time.monotonic() - began < 5
    for name in ("a", "b"):
        assert (slow.job(name).state, slow.job(name).attempts) == ("queued", 0)
    assert list(slow.folder.work.iterdir()) == []


def test_no_more_renders_than_workers_and_previews_first(tmp_path: Path) -> None:
    plant = Plant(tmp_path, (*DOUBLE, "0.3"), workers=1)
    order: list[str] = []
    most = 0

    def note(job_id: str) -> None:
        nonlocal most
        most = max(most, plant.pool.running())
        if job_id not in order and plant.board.get(job_id) is not None:
            order.append(job_id)

    for name in ("a", "b", "c"):
        plant.add(name)
    inputs = plant.folder.new_inputs()
    plant.store.add("preview", Request({}, "portrait.png", ["audio.wav"]), inputs.name, priority=1)
    plant.board.listen(note)
    plant.start()
    for name in ("a", "b", "c", "preview"):
        plant.wait(name, "completed")
    assert order == ["preview", "a", "b", "c"]
    assert most == 1
    plant.stop()


def notice(plant: Plant, name: str) -> str | None:
    progress = plant.board.get(name)
    return progress.notice if progress is not None else None


def test_jobs_held_back_for_want_of_disk_are_told_so(tmp_path: Path) -> None:
    plant = Plant(tmp_path / "state", min_free_bytes=1 << 60)
    plant.start()
    plant.add("a")
    plant.add("b")
    wait_for(lambda: notice(plant, "a") == notice(plant, "b") == NO_DISK)
    assert plant.job("a").state == plant.job("b").state == "queued"
    plant.pool.settings = replace(plant.pool.settings, min_free_bytes=0, workers=1)
    plant.pool.wake()
    plant.wait("a", "completed")
    assert notice(plant, "b") != NO_DISK
    plant.wait("b", "completed")
    plant.stop()


def test_a_job_held_back_for_want_of_memory_is_told_so(tmp_path: Path) -> None:
    plant = Plant(tmp_path / "state", SLOW)
    plant.pool.guard = MemoryGuard(100, 0, available_mb=lambda: 0.0)
    plant.start()
    plant.add("a")
    plant.wait("a", "in_progress")
    plant.add("b")
    wait_for(lambda: notice(plant, "b") == NO_MEMORY)
    assert notice(plant, "a") is None and plant.job("b").state == "queued"
    plant.store.cancel("a")
    plant.pool.kill("a")
    plant.wait("b", "in_progress")
    wait_for(lambda: notice(plant, "b") is None)
    plant.stop()


def test_a_render_dies_with_its_server(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.jobs.test_workers import Plant, SLOW, double\n"
        f"plant = Plant(Path({str(tmp_path)!r}), SLOW)\n"
        "plant.start()\n"
        "plant.add('a')\n"
        "plant.wait('a', 'in_progress')\n"
        "import time\n"
        "while True:\n"
        "    for entry in list(plant.pool._running.values()):\n"
        "        if entry.process.pid: print(entry.process.pid, flush=True)\n"
        "    time.sleep(0.1)\n"
    )
    server, renderer = server_with_child(program)
    time.sleep(1.0)  # let it come up and listen
    assert alive(renderer)
    server.kill()
    server.wait()
    wait_for(lambda: not alive(renderer), 10)
    again = Plant(tmp_path)
    again.start()
    assert again.wait("a", "completed").attempts == 1
    again.stop()


class Moody(LocalStorage):
    """A storage that is down while `down` is set."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.down = threading.Event()
        self.puts = 0

    def put(self, *args: Any, **kwargs: Any) -> int:
        self.puts += 1
        if self.down.is_set():
            raise StorageProblem("storage_unavailable", "The storage is away.")
        return super().put(*args, **kwargs)


def test_films_wait_for_the_storage_and_are_not_rendered_again(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    moody = Moody(tmp_path / "store")
    moody.down.set()
    plant.uploader.storage = moody
    plant.start()
    plant.add("a")
    plant.add("b")
    plant.wait("a", "uploading")
    plant.wait("b", "uploading")
    wait_for(lambda: moody.puts >= 2)
    progress = plant.board.get("a")
    assert progress is not None
    assert progress.notice == "The storage is away. The film is kept and stored later."
    moody.down.clear()
    for name in ("a", "b"):
        job = plant.wait(name, "completed")
        assert (job.run, job.attempts) == (1, 1)
    plant.stop()


def test_a_film_that_waits_survives_a_restart(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    moody = Moody(tmp_path / "store")
    moody.down.set()
    plant.uploader.storage = moody
    plant.start()
    plant.add("a")
    plant.wait("a", "uploading")
    plant.stop()
    again = Plant(tmp_path)
    again.start()
    assert again.wait("a", "completed").run == 1
    again.stop()


def test_a_film_lost_before_it_was_stored_is_rendered_again(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.add("a")
    work = plant.folder.new_work()
    plant.store.start("a", work.name)
    plant.store.rendered("a", 1, {}, "local", "a.mp4")
    plant.start()
    assert plant.wait("a", "completed").run == 2
    plant.stop()


def test_the_janitor_removes_inputs_then_jobs_by_age(plant: Plant) -> None:
    inputs = plant.add("a")
    job = plant.wait("a", "completed")
    now = time.time()
    janitor = Janitor(plant.store, plant.folder, RetentionSettings(1, 2, 1e9), clock=lambda: now)
    assert janitor.round() == 0
    assert inputs.exists()
    now += 3601
    assert janitor.round() == 0
    assert not inputs.exists()
    assert plant.job("a").inputs is None
    now += 2 * 86400
    janitor.wake_uploader = plant.uploader.wake
    assert janitor.round() == 1
    assert plant.store.get("a") is None
    wait_for(lambda: not plant.storage.path(str(job.key)).exists(), 5)


def test_the_janitor_makes_room_from_the_oldest_on(plant: Plant) -> None:
    for name in ("a", "b", "c"):
        plant.add(name)
        plant.wait(name, "completed")
    size = plant.job("a").bytes
    janitor = Janitor(plant.store, plant.folder, RetentionSettings(1, 1, 2.5 * size))
    assert janitor.round() == 1
    assert plant.store.get("a") is None
    assert plant.store.get("c") is not None


def lesson(scenes: int) -> Request:
    return Request({}, "a", [], lesson=LessonRequest({"resolution": 720}, [], {}, scenes))


def test_the_janitor_keeps_scenes_that_a_lesson_under_way_may_need(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    scene = plant.folder.scenes / "scene.mp4"
    scene.write_bytes(b"film")
    plant.store.add("lesson_a", lesson(2), plant.folder.new_inputs().name)
    now = time.time() + 2 * 3600
    janitor = Janitor(plant.store, plant.folder, RetentionSettings(1, 9, 1e9), clock=lambda: now)
    os.utime(scene, (now - 3700, now - 3700))
    janitor.round()
    assert scene.exists()
    plant.store.cancel("lesson_a")
    janitor.round()
    assert not scene.exists()
    plant.store.close()


@pytest.mark.parametrize(("memory", "places"), [(9000.0, 3), (2600.0, 2), (900.0, 1)])
def test_a_lesson_takes_free_workers_as_far_as_memory_allows(
    tmp_path: Path, memory: float, places: int
) -> None:
    plant = Plant(tmp_path)
    plant.pool.guard = MemoryGuard(1000, 500, available_mb=lambda: memory, resident_mb=lambda pid: 0)
    plant.store.add("lesson_a", lesson(3), plant.folder.new_inputs().name)
    plant.store.add("video_b", Request({}, "a", []), plant.folder.new_inputs().name)
    assert plant.pool._places(plant.job("lesson_a"), 4, []) == places
    assert plant.pool._places(plant.job("lesson_a"), 2, []) == min(places, 2)
    assert plant.pool._places(plant.job("video_b"), 4, []) == 1
    assert plant.pool._time_limit(plant.job("lesson_a")) == 3 * plant.pool._time_limit(plant.job("video_b"))
    plant.store.close()


def test_memory_is_set_aside_for_renders_that_have_not_grown_yet() -> None:
    held = {1: 100.0, 2: 900.0}
    guard = MemoryGuard(1000, 200, available_mb=lambda: 3000, resident_mb=lambda pid: held[pid])
    assert guard.admits(512, [])
    assert guard.admits(512, [Load(1, 1000, None)])  # 3000 - 900 - 200 >= 1000
    assert guard.admits(512, [Load(1, 1000, None), Load(2, 1000, None)])
    assert not guard.admits(512, [Load(1, 2000, None)])  # 3000 - 1900 - 200 < 1000
    assert not guard.admits(2048, [Load(2, 1000, None)])
    guard.learn(2048, 1500)
    assert guard.admits(2048, [Load(2, 1000, None)])
    starved = MemoryGuard(1000, 200, available_mb=lambda: 300, resident_mb=lambda pid: 1000)
    assert starved.admits(512, [])
    assert not starved.admits(512, [Load(1, 1000, None)])


def test_gpus_are_shared_out_and_full_ones_left_alone() -> None:
    devices = parse_devices("0, 20000\n1, 23000\n[N/A]\n")
    assert devices == [Device(0, 20000), Device(1, 23000)]
    guard = MemoryGuard(1000, 0, 3000, devices=lambda: devices)
    assert guard.pick_device([]) == 1
    assert guard.pick_device([Load(1, 0, 1)]) == 0
    full = MemoryGuard(1000, 0, 3000, devices=lambda: [Device(0, 100)])
    assert full.pick_device([Load(1, 0, 0)]) is None


def test_the_number_of_workers_fits_cores_memory_and_gpus() -> None:
    assert default_workers(2, 16000, 1500, 512, 0) == 1
    assert default_workers(16, 64000, 1500, 512, 0) == 8
    assert default_workers(16, 4000, 1500, 512, 0) == 2
    assert default_workers(16, 64000, 1500, 512, 3) == 3
    assert default_workers(1, 500, 1500, 512, 0) == 1


def test_a_full_disk_delays_the_note_but_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.jobs.workers.RETRY_SECONDS", 0.05)
    plant = Plant(tmp_path)
    noted = plant.store.rendered
    refusals = iter([True, True, False])

    def rendered(*args: Any) -> bool:
        if next(refusals, False):
            raise RuntimeProblem("disk_full", "The server's disk is full.")
        return noted(*args)

    monkeypatch.setattr(plant.store, "rendered", rendered)
    plant.start()
    plant.add("a")
    assert plant.wait("a", "completed").run == 1
    plant.stop()


def test_secrets_do_not_reach_the_render_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONIC_API_KEY", "very secret")
    seen = tmp_path / "seen"
    plant = Plant(tmp_path / "state", ("sh", "-c", f'env > "{seen}"'), attempts=1)
    plant.start()
    plant.add("a")
    plant.wait("a", "failed")
    assert "PYTHONPATH" in seen.read_text()
    assert "very secret" not in seen.read_text()
    assert os.environ["SONIC_API_KEY"] == "very secret"
    plant.stop()
