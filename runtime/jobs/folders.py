"""The state folder: what lies where, who owns it, and how leftovers of a crash are swept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO

from runtime.contract import RuntimeProblem
from runtime.storage.local import flush


class StateFolder:
    """A folder that one server owns.

    inputs/X/ holds the files of one request, work/X/ one attempt at rendering it, store/ the finished films. The
    names X are random; only the database says which of them count, so whatever it does not name is a leftover.
    scenes/ keeps the films of lessons' scenes by content: what was rendered before a crash, or for an earlier form of
    the same lesson, is there for the next attempt.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inputs = root / "inputs"
        self.work = root / "work"
        self.store = root / "store"
        self.scenes = root / "scenes"
        self.database = root / "jobs.sqlite3"
        self._lock: IO[bytes] | None = None
        try:
            for folder in (self.inputs, self.work, self.store, self.scenes):
                folder.mkdir(parents=True, exist_ok=True)
            root.chmod(0o700)
        except OSError as fault:
            raise RuntimeProblem(
                "state_unusable", f"The state folder {root} cannot be used: {fault.strerror}."
            ) from fault

    def take(self) -> None:
        """Become the folder's only owner, or raise a `RuntimeProblem`. The lock ends with the process."""
        lock = (self.root / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise RuntimeProblem(
                "state_in_use",
                f"Another server works in {self.root}.",
                "Stop it, or give --state another folder.",
            ) from None
        self._lock = lock

    def release(self) -> None:
        """Let another server have the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def new_inputs(self) -> Path:
        """Make an empty folder for the files of one request."""
        return _fresh(self.inputs)

    def new_work(self) -> Path:
        """Make an empty folder for one attempt."""
        return _fresh(self.work)

    def sweep(self, inputs: Collection[str], work: Collection[str]) -> int:
        """Remove every folder of inputs/ and work/ that is not named, and return how many there were."""
        swept = 0
        for parent, kept in ((self.inputs, inputs), (self.work, work)):
            for entry in parent.iterdir():
                if entry.name not in kept:
                    remove(entry)
                    swept += 1
        return swept

    def secret(self) -> bytes:
        """Return 32 random bytes that stay the same over restarts; links to films are signed with them."""
        path = self.root / "secret"
        with contextlib.suppress(FileNotFoundError):
            if len(held := path.read_bytes()) == 32:
                return held
        fresh, aside = secrets.token_bytes(32), path.with_suffix(".new")
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as sink:
            sink.write(fresh)
        aside.replace(path)
        return fresh

    def free_bytes(self) -> int:
        """Room left on the folder's disk."""
        return shutil.disk_usage(self.root).free


def make_durable(folder: Path) -> None:
    """Wait until the files of a folder, and the folder itself, are on the disk."""
    for entry in folder.iterdir():
        flush(entry)
    flush(folder)
    flush(folder.parent)


def size_of(folder: Path) -> int:
    """Bytes in a folder's files."""
    with contextlib.suppress(FileNotFoundError):
        return sum(entry.stat().st_size for entry in folder.iterdir() if entry.is_file())
    return 0


def drop_unused(folder: Path, seconds: float, clock: Callable[[], float] = time.time) -> int:
    """Remove files that nobody has touched for so long, and return how many there were."""
    oldest, dropped = clock() - seconds, 0
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_mtime <= oldest:
                    path.unlink()
                    dropped += 1
    return dropped


def remove(path: Path) -> None:
    """Remove a folder and what is in it; one that is gone already is fine."""
    shutil.rmtree(path, ignore_errors=True)


def _fresh(parent: Path) -> Path:
    folder = parent / uuid.uuid4().hex
    folder.mkdir(mode=0o700)
    return folder
