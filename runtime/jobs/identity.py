"""The same request is the same job: a name for a job made from everything that decides its film."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runtime.contract import RenderOptions
from runtime.inference.packs import BUNDLED_PACK

# Options that change how fast a film is made, not the film.
IMMATERIAL = {"threads"}


def job_id(
    portrait_sha256: str,
    audio_sha256: Sequence[str],
    options: RenderOptions,
    pack: str,
    variants: Sequence[Mapping[str, float]] = (),
    script: str | None = None,
    language: str | None = None,
    lesson: Mapping[str, Any] | None = None,
) -> str:
    """Return `video_` (`lesson_` for one) and 32 hex digits of the SHA-256 over inputs, options and `pack`, which see
    `pack_identity`."""
    parts: dict[str, Any] = {
        "portrait": portrait_sha256,
        "audio": list(audio_sha256),
        "options": options.model_dump(exclude=IMMATERIAL),
        "pack": pack,
    }
    optional: dict[str, Any] = {
        "variants": list(variants),
        "script": script,
        "language": language,
        "lesson": lesson,
    }
    parts |= {name: value for name, value in optional.items() if value}
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return ("lesson_" if lesson else "video_") + hashlib.sha256(canonical.encode()).hexdigest()[:32]


def pack_identity(folder: Path | None = None) -> str:
    """Return the checksum of a pack's description, which itself holds the checksums of all its files."""
    description = (folder or BUNDLED_PACK) / "pack.json"
    return hashlib.sha256(description.read_bytes() if description.exists() else b"").hexdigest()
