"""Films in a folder of this machine; the HTTP server serves them."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from pathlib import Path, PurePosixPath

from runtime.storage.base import StorageProblem


class LocalStorage:
    """Keeps files under `root`. Files appear whole or not at all, and are on the disk when `put` returns."""

    name = "local"

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def put(
        self,
        source: Path,
        key: str,
        *,
        content_type: str = "",
        filename: str = "",
        stop: threading.Event | None = None,
    ) -> int:
        """Link the file into the folder, or copy it there from another file system."""
        target = self.path(key)
        aside = target.with_name(f".{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            aside.unlink(missing_ok=True)
            try:
                os.link(source, aside)
            except OSError:
                shutil.copyfile(source, aside)
            flush(aside)
            aside.replace(target)
            flush(target.parent)
            return target.stat().st_size
        except OSError as fault:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            raise StorageProblem(
                "storage_unavailable", f"The film could not be stored in {self.root}: {fault.strerror}."
            ) from fault

    def link(self, key: str) -> str | None:
        """Return None: a folder has no address."""
        return None

    def delete(self, key: str) -> None:
        """Remove a file."""
        try:
            self.path(key).unlink(missing_ok=True)
        except OSError as fault:
            raise StorageProblem(
                "storage_unavailable", f"A film could not be removed: {fault.strerror}."
            ) from fault

    def check(self) -> None:
        """Raise `StorageProblem` if the folder cannot be written to."""
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise StorageProblem("storage_unavailable", f"The folder {self.root} cannot be written to.")

    def path(self, key: str) -> Path:
        """Return the file's place on disk."""
        parts = PurePosixPath(key).parts
        if not parts or any(part in ("/", "..", ".") for part in parts):
            raise ValueError(f"not a storage key: {key!r}")
        return self.root.joinpath(*parts)


def flush(path: Path) -> None:
    """Wait until a file's bytes (or a folder's entries) are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
