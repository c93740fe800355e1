"""Requests on their way to becoming jobs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from runtime.jobs.store import Request

JobKind = Literal["video", "lesson"]


@dataclass(frozen=True)
class Arrived:
    """A file in a draft's folder, the SHA-256 of its bytes and the name that it came with."""

    file: str
    sha256: str
    name: str


@dataclass
class Draft:
    """A request whose files have arrived in `folder` but which is not accepted yet.

    A lesson's slides and pictures are in `extras`, by the name of their field.
    """

    folder: Path
    kind: JobKind = "video"
    values: dict[str, Any] = field(default_factory=dict)
    portrait: str | None = None
    portrait_sha256: str = ""
    audio: list[str] = field(default_factory=list)
    audio_sha256: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    variants: list[dict[str, float]] = field(default_factory=list)
    extras: defaultdict[str, list[Arrived]] = field(default_factory=lambda: defaultdict(list))

    def arrived(self, field: str) -> list[str]:
        """Names of the files that have come for a field."""
        if field == "portrait":
            return [self.portrait] if self.portrait is not None else []
        return self.audio if field == "audio" else [one.file for one in self.extras[field]]


@dataclass(frozen=True)
class Plan:
    """What a draft amounts to: the job's id, its request and its priority in the queue."""

    identity: str
    request: Request
    priority: int = 0
