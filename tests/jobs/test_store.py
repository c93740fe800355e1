from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runtime.contract import RenderOptions, RuntimeProblem
from runtime.jobs.folders import StateFolder, make_durable, size_of
from runtime.jobs.identity import job_id
from runtime.jobs.store import MOST_LOSSES, JobStore, Request

REQUEST = Request(options={"seed": 3}, portrait="portrait.png", audio=["audio-1.wav"])


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite3", Clock())


def to_uploading(store: JobStore, name: str) -> int:
    store.add(name, REQUEST, "i")
    job = store.start(name, "w")
    assert job is not None
    assert store.rendered(name, job.run, {"duration": 2.0}, "local", f"{name}.mp4")
    return job.run


def test_a_job_passes_through_its_states(store: JobStore) -> None:
    job, fresh = store.add("a", REQUEST, "inputs-a", priority=1)
    assert fresh
    assert (job.state, job.request, job.inputs, job.attempts) == ("queued", REQUEST, "inputs-a", 0)
    started = store.start("a", "work-a")
    assert started is not None
    assert (started.state, started.work, started.run, started.attempts) == ("in_progress", "work-a", 1, 1)
    assert store.start("a", "work-b") is None
    assert store.rendered("a", 1, {"duration": 2.0}, "s3", "a.mp4")
    assert store.complete("a", 1, 77, "s3")
    done = store.get("a")
    assert done is not None
    assert (done.state, done.bytes, done.result, done.work) == ("completed", 77, {"duration": 2.0}, None)
    assert store.add("a", REQUEST, "again") == (done, False)


def test_the_same_request_is_joined_by_many_threads_at_once(store: JobStore) -> None:
    fresh: list[bool] = []
    threads = [
        threading.Thread(target=lambda: fresh.append(store.add("a", REQUEST, "i")[1])) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fresh) == [False] * 15 + [True]


def test_failed_and_cancelled_jobs_start_anew(store: JobStore) -> None:
    store.add("a", REQUEST, "one")
    store.start("a", "w")
    assert store.fail("a", 1, {"code": "no_face", "sentence": "No face was found."})
    again, fresh = store.add("a", REQUEST, "two")
    assert fresh
    assert (again.state, again.error, again.inputs, again.attempts, again.run) == (
        *("queued", None, "two", 0, 1),
    )
    store.cancel("a")
    assert store.add("a", REQUEST, "three")[1]


def test_an_old_run_cannot_touch_the_new_one(store: JobStore) -> None:
    store.add("a", REQUEST, "i")
    store.start("a", "w1")
    store.cancel("a")
    store.add("a", REQUEST, "i")
    second = store.start("a", "w2")
    assert second is not None
    assert second.run == 2
    assert not store.rendered("a", 1, {}, "local", "a.mp4")
    assert not store.fail("a", 1, {})
    assert not store.requeue("a", 1)
    assert store.get("a") == second


def test_the_queue_is_bounded_but_joining_is_not(store: JobStore) -> None:
    store.add("a", REQUEST, "i", queue_limit=2)
    store.add("b", REQUEST, "i", queue_limit=2)
    with pytest.raises(RuntimeProblem, match="2 jobs are waiting") as caught:
        store.add("c", REQUEST, "i", queue_limit=2)
    assert caught.value.code == "queue_full"
    assert not store.add("a", REQUEST, "i", queue_limit=2)[1]
    store.start("a", "w")
    assert store.add("c", REQUEST, "i", queue_limit=2)[1]


def test_previews_overtake_but_not_for_ever(tmp_path: Path) -> None:
    clock = Clock()
    store = JobStore(tmp_path / "jobs.sqlite3", clock)
    store.add("long-ago", REQUEST, "i")
    clock.now += 700
    store.add("recent", REQUEST, "i")
    store.add("preview", REQUEST, "i", priority=1)
    assert [job.id for job in store.waiting()] == ["long-ago", "preview", "recent"]


def test_cancel_notes_films_that_may_have_been_stored(store: JobStore) -> None:
    to_uploading(store, "a")
    before = store.cancel("a")
    assert before is not None
    assert before.state == "uploading"
    assert store.discarded() == [("local", "a.mp4")]
    assert not store.complete("a", before.run, 5, "local")
    assert store.cancel("a") is None
    store.discard_done("local", "a.mp4")
    assert store.discarded() == []


def test_remove_takes_finished_jobs_only(store: JobStore) -> None:
    run = to_uploading(store, "a")
    assert store.remove("a") is None
    store.complete("a", run, 5, "local")
    assert store.remove("a") is not None
    assert store.get("a") is None
    assert store.discarded() == [("local", "a.mp4")]
    run = to_uploading(store, "b")
    store.complete("b", run, 5, "local")
    store.remove("b", keep_film=True)
    assert store.discarded() == [("local", "a.mp4")]


def test_recovery_queues_what_was_being_rendered_and_forgives_the_attempt(store: JobStore) -> None:
    store.add("a", REQUEST, "i")
    store.start("a", "w")
    to_uploading(store, "b")
    assert [job.id for job in store.recover()] == ["a"]
    again = store.get("a")
    assert again is not None
    assert (again.state, again.attempts, again.work) == ("queued", 0, None)
    assert store.counts() == {
        **dict.fromkeys(("in_progress", "completed", "failed", "cancelled"), 0),
        **{"queued": 1, "uploading": 1},
    }
    assert store.folders() == ({"i"}, {"w"})


def test_a_job_that_no_server_survives_is_given_up(store: JobStore) -> None:
    store.add("a", REQUEST, "i")
    for _ in range(MOST_LOSSES - 1):
        store.start("a", "w")
        assert [job.state for job in store.recover()] == ["queued"]
    store.start("a", "w")
    (given_up,) = store.recover()
    assert (given_up.state, given_up.work, given_up.finished is None) == ("failed", None, False)
    assert given_up.error is not None
    assert given_up.error["sentence"] == f"The server ended {MOST_LOSSES} times while it rendered this film."
    assert store.waiting() == []
    # Who asks again gets as many tries again.
    again, fresh = store.add("a", REQUEST, "i")
    assert fresh and again.losses == 0


def test_being_put_back_in_good_order_is_no_loss(store: JobStore) -> None:
    store.add("a", REQUEST, "i")
    for _ in range(2 * MOST_LOSSES):
        job = store.start("a", "w")
        assert job is not None and store.requeue("a", job.run, forgive=True)
    store.start("a", "w")
    assert [(job.state, job.losses) for job in store.recover()] == [("queued", 1)]


def test_a_database_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite3")
    store.add("a", REQUEST, "i")
    store._connection.execute("ALTER TABLE jobs DROP COLUMN losses")
    store.close()
    held = JobStore(tmp_path / "jobs.sqlite3").get("a")
    assert held is not None and (held.state, held.losses) == ("queued", 0)


def test_a_film_in_a_storage_out_of_reach_is_made_anew(store: JobStore) -> None:
    run = to_uploading(store, "a")
    assert not store.add("a", REQUEST, "i", storage="s3")[1], (
        "it is under way, and goes to the storage in use"
    )
    store.complete("a", run, 5, "local")
    assert not store.add("a", REQUEST, "i", storage="local")[1]
    again, fresh = store.add("a", REQUEST, "new", storage="s3")
    assert fresh and (again.state, again.key, again.inputs) == ("queued", None, "new")
    assert store.discarded() == [("local", "a.mp4")]


def test_a_full_disk_has_its_sentence(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite3"
    store = JobStore(path)
    store.add("a", REQUEST, "i")
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(RuntimeProblem, match="disk is full"):
        for number in range(1000):
            store.add(f"job-{number}", REQUEST, "i")
    assert store.get("a") is not None


def test_what_was_committed_survives_kill_9(tmp_path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from runtime.jobs.store import JobStore, Request
store = JobStore(Path({str(tmp_path)!r}) / "jobs.sqlite3")
for number in range(50):
    store.add(f"job-{{number}}", Request({{}}, "p", ["a"]), "i")
store.start("job-0", "w")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == -9
    store = JobStore(tmp_path / "jobs.sqlite3")
    assert store.counts()["queued"] == 49
    assert [job.id for job in store.recover()] == ["job-0"]


def test_identity_depends_on_everything_that_decides_the_film() -> None:
    base = job_id("p", ["a"], RenderOptions(), "pack")
    assert base.startswith("video_")
    assert base == job_id("p", ["a"], RenderOptions(threads=3), "pack")
    others = {
        job_id("q", ["a"], RenderOptions(), "pack"),
        job_id("p", ["a", "a"], RenderOptions(), "pack"),
        job_id("p", ["a"], RenderOptions(seed=1), "pack"),
        job_id("p", ["a"], RenderOptions(), "other"),
    }
    assert len(others | {base}) == 5


def test_the_state_folder_has_one_owner_and_sweeps_leftovers(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    state.take()
    with pytest.raises(RuntimeProblem, match="Another server works"):
        StateFolder(tmp_path / "state").take()
    kept, lost = state.new_inputs(), state.new_inputs()
    (kept / "portrait.png").write_bytes(b"12345")
    (lost / "half").write_bytes(b"1")
    attempt = state.new_work()
    make_durable(kept)
    assert size_of(kept) == 5
    assert state.sweep({kept.name}, {attempt.name}) == 1
    assert sorted(path.exists() for path in (kept, lost, attempt)) == [False, True, True]
    assert state.secret() == StateFolder(tmp_path / "state").secret()
    assert (tmp_path / "state" / "secret").stat().st_mode & 0o777 == 0o600
    state.release()
    StateFolder(tmp_path / "state").take()


def test_a_state_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RuntimeProblem, match="cannot be used"):
        StateFolder(tmp_path / "file" / "state")


def test_the_database_uses_wal_and_waits_for_the_disk(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite3")
    assert store._connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    other = sqlite3.connect(tmp_path / "jobs.sqlite3")
    assert other.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
