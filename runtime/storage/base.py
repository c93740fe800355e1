"""The interface of a storage and what all of them share."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from runtime.contract import RuntimeProblem


class StorageProblem(RuntimeProblem):
    """A storage did not do what it was asked for. The film is still on disk, so trying again is always right."""


class UploadStopped(Exception):
    """An upload was given up because its caller asked for that."""


class Storage(Protocol):
    """Puts files under keys ("folder/name.mp4") and hands out links to them."""

    name: str

    def put(
        self,
        source: Path,
        key: str,
        *,
        content_type: str,
        filename: str,
        stop: threading.Event | None = None,
    ) -> int:
        """Store a copy of `source`, replacing what was there, and return its size in bytes.

        `filename` is what a browser will offer when the file is saved. Raises `StorageProblem`, or
        `UploadStopped` once `stop` is set.
        """

    def link(self, key: str) -> str | None:
        """Return an address that anybody can fetch the file from, or None if only the server can serve it."""

    def delete(self, key: str) -> None:
        """Remove a file; one that is not there counts as removed. Raises `StorageProblem`."""

    def check(self) -> None:
        """Raise `StorageProblem` if a `put` would fail now."""


def content_disposition(filename: str) -> str:
    """Header value that shows the file in place and saves it under a readable name (RFC 6266, RFC 8187)."""
    plain = "".join(sign if sign.isascii() and sign.isprintable() else "_" for sign in filename)
    plain = plain.replace("\\", "_").replace('"', "_")
    value = f'inline; filename="{plain}"'
    return value if plain == filename else f"{value}; filename*=UTF-8''{quote(filename, safe='')}"
