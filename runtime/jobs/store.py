"""Jobs in SQLite: every change of a job's state is on the disk before anybody hears of it."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from runtime.contract import RuntimeProblem

State = Literal["queued", "in_progress", "uploading", "completed", "failed", "cancelled"]
ACTIVE: tuple[State, ...] = ("queued", "in_progress", "uploading")
FINISHED: tuple[State, ...] = ("completed", "failed", "cancelled")
# A job of higher priority overtakes those that came up to this long before it; so nobody waits for ever.
OVERTAKING_SECONDS = 600.0
# How often the server may end while it renders a job before the job is held to be the reason.
MOST_LOSSES = 5

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    priority INTEGER NOT NULL,
    request TEXT NOT NULL,
    inputs TEXT,
    work TEXT,
    run INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    error TEXT,
    result TEXT,
    storage TEXT,
    key TEXT,
    bytes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, created);
CREATE TABLE IF NOT EXISTS discarded (storage TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (storage, key));
"""
# Columns that databases of earlier versions do not have.
ADDED = {"losses": "INTEGER NOT NULL DEFAULT 0"}


@dataclass(frozen=True)
class Request:
    """What was asked for: option values, and the names of the input files in their folder. A preview has
    `variants`: option values that are rendered side by side. `script` is what is said, in `language`. A lesson has
    `lesson`: its own options and the names of its slides and pictures."""

    options: dict[str, Any]
    portrait: str
    audio: list[str]
    filename: str = "talking-video.mp4"
    variants: list[dict[str, float]] = field(default_factory=list)
    script: str | None = None
    language: str | None = None
    lesson: LessonRequest | None = None


@dataclass(frozen=True)
class LessonRequest:
    """What a lesson is made of beside `Request`: options, names of files in its folder (`pictures` by the source that
    the script names), and how many scenes it has."""

    options: dict[str, Any]
    slides: list[str]
    pictures: dict[str, str]
    scenes: int


@dataclass(frozen=True)
class Job:
    """One row. Times are Unix seconds; `run` counts how often rendering began, `attempts` how often it may have
    failed, `losses` how often the server ended meanwhile; `inputs` and `work` are folder names; `storage` and `key` say
    where the film is or will be."""

    id: str
    state: State
    priority: int
    request: Request
    inputs: str | None
    created: float
    work: str | None = None
    run: int = 0
    attempts: int = 0
    losses: int = 0
    started: float | None = None
    finished: float | None = None
    error: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    storage: str | None = None
    key: str | None = None
    bytes: int = 0

    @property
    def kind(self) -> str:
        """The first word of its id: video or lesson."""
        return self.id.partition("_")[0]

    @property
    def short_side(self) -> int:
        """Short side of the film in pixels, by which renders are told apart that take as much memory."""
        if self.request.lesson is not None:
            return int(self.request.lesson.options["resolution"])
        return int(self.request.options.get("min_resolution", 512))

    @property
    def subtitles(self) -> dict[str, str]:
        """Storage keys of the subtitles that go with the film, by their suffix."""
        if self.key is None or self.result is None:
            return {}
        film = PurePosixPath(self.key)
        return {suffix: str(film.with_suffix(f".{suffix}")) for suffix in self.result.get("subtitles") or ()}


class JobStore:
    """The jobs of one server. Every method is one transaction and may be called from any thread.

    Changes name the state (and run) they start from; they return False, and change nothing, when the job has
    moved on meanwhile: a cancelled job is not completed by a render that ended a moment later.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        # In WAL mode only FULL waits for the disk at each commit.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(SCHEMA)
        self._add_columns()

    def close(self) -> None:
        """Close the database; it may be opened again."""
        with self._lock:
            self._connection.close()

    def add(
        self,
        job_id: str,
        request: Request,
        inputs: str,
        priority: int = 0,
        queue_limit: int | None = None,
        storage: str | None = None,
    ) -> tuple[Job, bool]:
        """Return the job of this identity and whether it was queued by this call.

        A job that is under way or completed is joined and `inputs` not used. A failed or cancelled one starts anew, and
        so does one whose film is in another storage than `storage`, out of everybody's reach. Raises `RuntimeProblem`
        (queue_full, disk_full).
        """
        with self._transaction() as database:
            held = self.get(job_id)
            if held is not None and not _starts_anew(held, storage):
                return held, False
            if queue_limit is not None and self._count(("queued",)) >= queue_limit:
                raise RuntimeProblem(
                    "queue_full", f"{queue_limit} jobs are waiting already; try again in a while."
                )
            run = held.run if held is not None else 0
            if held is not None and held.state == "completed":
                self._discard_film(held)
            database.execute(
                "INSERT OR REPLACE INTO jobs (id, state, priority, request, inputs, run, created) "
                "VALUES (?, 'queued', ?, ?, ?, ?, ?)",
                (job_id, priority, json.dumps(asdict(request)), inputs, run, self._clock()),
            )
            added = self.get(job_id)
        assert added is not None
        return added, True

    def get(self, job_id: str) -> Job | None:
        """Return a job, or None."""
        rows = self._select("WHERE id = ?", (job_id,))
        return rows[0] if rows else None

    def newest(
        self,
        limit: int = 20,
        before: float | None = None,
        state: State | None = None,
        kind: str | None = None,
    ) -> list[Job]:
        """Return jobs from the newest to the oldest, created before a time if one is given, of a kind if one is."""
        conditions = ["1"]
        values: list[Any] = []
        if before is not None:
            conditions.append("created < ?")
            values.append(before)
        if state is not None:
            conditions.append("state = ?")
            values.append(state)
        if kind is not None:
            conditions.append("id GLOB ?")
            values.append(f"{kind}_*")
        where = " AND ".join(conditions)
        return self._select(f"WHERE {where} ORDER BY created DESC LIMIT ?", (*values, limit))

    def in_state(self, *states: State) -> list[Job]:
        """Return all jobs in these states, oldest first."""
        marks = ", ".join("?" * len(states))
        return self._select(f"WHERE state IN ({marks}) ORDER BY created", states)

    def waiting(self, limit: int = -1) -> list[Job]:
        """Return the queue in the order in which it will be served."""
        return self._select(
            "WHERE state = 'queued' ORDER BY created - priority * ?, created LIMIT ?",
            (OVERTAKING_SECONDS, limit),
        )

    def counts(self) -> dict[str, int]:
        """Number of jobs by state."""
        with self._lock:
            rows = self._connection.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall()
        return dict.fromkeys((*ACTIVE, *FINISHED), 0) | {row[0]: row[1] for row in rows}

    def start(self, job_id: str, work: str) -> Job | None:
        """Move a queued job to in_progress, its attempt in folder `work`; None if it is no longer queued."""
        with self._transaction() as database:
            changed = database.execute(
                "UPDATE jobs SET state = 'in_progress', work = ?, run = run + 1, attempts = attempts + 1, "
                "started = ? WHERE id = ? AND state = 'queued'",
                (work, self._clock(), job_id),
            ).rowcount
            return self.get(job_id) if changed else None

    def requeue(self, job_id: str, run: int, *, forgive: bool = False) -> bool:
        """Put a job whose render broke off back into the queue; `forgive` does not count the attempt."""
        return self._change(
            "UPDATE jobs SET state = 'queued', work = NULL, started = NULL, attempts = attempts - ? "
            "WHERE id = ? AND state = 'in_progress' AND run = ?",
            (int(forgive), job_id, run),
        )

    def rerender(self, job_id: str, run: int) -> bool:
        """Put a job whose film was lost before it was stored back into the queue."""
        return self._change(
            "UPDATE jobs SET state = 'queued', work = NULL, started = NULL, attempts = 0, key = NULL "
            "WHERE id = ? AND state = 'uploading' AND run = ?",
            (job_id, run),
        )

    def rendered(self, job_id: str, run: int, result: dict[str, Any], storage: str, key: str) -> bool:
        """Note that the film lies in the job's work folder and is to be stored under `key`."""
        return self._change(
            "UPDATE jobs SET state = 'uploading', result = ?, storage = ?, key = ? "
            "WHERE id = ? AND state = 'in_progress' AND run = ?",
            (json.dumps(result), storage, key, job_id, run),
        )

    def complete(self, job_id: str, run: int, size: int, storage: str) -> bool:
        """Note that the film is stored, and in which storage: it may be another one since a restart."""
        return self._change(
            "UPDATE jobs SET state = 'completed', work = NULL, bytes = ?, storage = ?, finished = ? "
            "WHERE id = ? AND state = 'uploading' AND run = ?",
            (size, storage, self._clock(), job_id, run),
        )

    def fail(self, job_id: str, run: int, error: dict[str, Any]) -> bool:
        """Note that a render failed for good."""
        return self._change(
            "UPDATE jobs SET state = 'failed', work = NULL, error = ?, finished = ? "
            "WHERE id = ? AND state = 'in_progress' AND run = ?",
            (json.dumps(error), self._clock(), job_id, run),
        )

    def cancel(self, job_id: str) -> Job | None:
        """Cancel a job that is not finished and return it as it was before; None if it was finished or unknown.

        Where its film may have reached the storage, that is noted as to be removed.
        """
        with self._transaction() as database:
            before = self.get(job_id)
            if before is None or before.state not in ACTIVE:
                return None
            self._discard_film(before)
            database.execute(
                "UPDATE jobs SET state = 'cancelled', work = NULL, key = NULL, finished = ? WHERE id = ?",
                (self._clock(), job_id),
            )
            return before

    def remove(self, job_id: str, *, keep_film: bool = False) -> Job | None:
        """Forget a finished job and return it; its film is noted as to be removed unless `keep_film`."""
        with self._transaction() as database:
            before = self.get(job_id)
            if before is None or before.state not in FINISHED:
                return None
            if not keep_film:
                self._discard_film(before)
            database.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
            return before

    def forget_inputs(self, job_id: str) -> bool:
        """Note that a finished job's input files are gone."""
        marks = ", ".join("?" * len(FINISHED))
        return self._change(
            f"UPDATE jobs SET inputs = NULL WHERE id = ? AND state IN ({marks})", (job_id, *FINISHED)
        )

    def recover(self) -> list[Job]:
        """After a crash: queue again what was being rendered, and return those jobs as they are now.

        One that was being rendered at too many crashes fails: a job may take the whole machine down.
        """
        with self._transaction() as database:
            database.execute("UPDATE jobs SET losses = losses + 1, work = NULL WHERE state = 'in_progress'")
            lost = self.in_state("in_progress")
            for job in lost:
                if job.losses >= MOST_LOSSES:
                    database.execute(
                        "UPDATE jobs SET state = 'failed', error = ?, finished = ? WHERE id = ?",
                        (json.dumps(_server_ended(job.losses)), self._clock(), job.id),
                    )
            database.execute(
                "UPDATE jobs SET state = 'queued', started = NULL, attempts = attempts - 1 "
                "WHERE state = 'in_progress'"
            )
            return [after for job in lost if (after := self.get(job.id)) is not None]

    def folders(self) -> tuple[set[str], set[str]]:
        """Names of the input folders and work folders that jobs still need."""
        with self._lock:
            rows = self._connection.execute("SELECT inputs, work FROM jobs").fetchall()
        return {row[0] for row in rows if row[0]}, {row[1] for row in rows if row[1]}

    def discarded(self) -> list[tuple[str, str]]:
        """Storage names and keys of films that are to be removed."""
        with self._lock:
            rows = self._connection.execute("SELECT storage, key FROM discarded").fetchall()
        return [(row[0], row[1]) for row in rows]

    def discard_done(self, storage: str, key: str) -> None:
        """Note that a discarded film is gone."""
        self._change("DELETE FROM discarded WHERE storage = ? AND key = ?", (storage, key))

    def _add_columns(self) -> None:
        held = {row["name"] for row in self._connection.execute("PRAGMA table_info(jobs)")}
        for name, kind in ADDED.items():
            if name not in held:
                self._connection.execute(f"ALTER TABLE jobs ADD COLUMN {name} {kind}")

    def _discard_film(self, job: Job) -> None:
        if job.storage and job.key:
            self._connection.executemany(
                "INSERT OR IGNORE INTO discarded (storage, key) VALUES (?, ?)",
                [(job.storage, key) for key in (job.key, *job.subtitles.values())],
            )

    def _count(self, states: Iterable[State]) -> int:
        counts = self.counts()
        return sum(counts[state] for state in states)

    def _select(self, rest: str, values: Iterable[Any]) -> list[Job]:
        with self._lock:
            rows = self._connection.execute(f"SELECT * FROM jobs {rest}", tuple(values)).fetchall()
        return [_job(row) for row in rows]

    def _change(self, statement: str, values: Iterable[Any]) -> bool:
        with self._transaction() as database:
            return database.execute(statement, tuple(values)).rowcount > 0

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as fault:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(fault, sqlite3.OperationalError) and "full" in str(fault):
                    raise disk_full() from fault
                raise


def disk_full() -> RuntimeProblem:
    """The problem of a disk that takes nothing more."""
    return RuntimeProblem(
        "disk_full", "The server's disk is full.", "Free space, or lower the retention settings."
    )


def _starts_anew(held: Job, storage: str | None) -> bool:
    out_of_reach = held.state == "completed" and storage is not None and held.storage != storage
    return held.state in ("failed", "cancelled") or out_of_reach


def _server_ended(times: int) -> dict[str, Any]:
    return {
        "code": "server_ended",
        "sentence": f"The server ended {times} times while it rendered this film.",
        "hint": "The server's log tells how; a smaller film, or more memory, may help.",
    }


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    request = json.loads(values["request"])
    if request.get("lesson"):
        request["lesson"] = LessonRequest(**request["lesson"])
    values["request"] = Request(**request)
    for name in ("error", "result"):
        values[name] = json.loads(values[name]) if values[name] else None
    return Job(**values)
