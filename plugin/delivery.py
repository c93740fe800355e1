"""Where a finished film can be watched: the workspace's object storage, the runtime's, Dify's files, the runtime."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dify_plugin import Tool

from plugin.client import Job, RuntimeClient
from plugin.settings import Settings
from runtime.contract import RuntimeProblem
from runtime.storage import S3Storage
from runtime.subtitles.files import SUFFIXES

logger = logging.getLogger(__name__)

DIFY_BYTES = 100 * 1024 * 1024  # Dify's limit for videos
# How long a link of Dify's is handed out again, for calls that come twice. It was signed for 300 s unless Dify is told
# otherwise, and most of these are the viewers'.
DIFY_LINK_SECONDS = 30
FILE_BYTES = 30 * 1024 * 1024  # the largest file that a workflow node may hand on
CONTENT_TYPES = {"mp4": "video/mp4"} | SUFFIXES


def media_type(suffix: str) -> str:
    """A content type without its character set, as Dify likes it."""
    return CONTENT_TYPES[suffix].partition(";")[0]


@dataclass(frozen=True)
class Delivery:
    """Addresses of a film and of its subtitles (by their suffix), and what the user should know about them."""

    url: str
    subtitles: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Courier:
    """Brings finished films to their place, once each; `records` remembers which are there already."""

    def __init__(self, settings: Settings, client: RuntimeClient, tool: Tool, records: Path) -> None:
        self._settings = settings
        self._client = client
        self._session = tool.session
        self._owner = tool.runtime.user_id or ""
        self._records = records

    def deliver(self, job: Job, folder: Path) -> Delivery:
        """Return an address for the film; `folder` takes it on its way. Raises `RuntimeProblem`."""
        if self._settings.storage is not None:
            return self._to_storage(S3Storage(self._settings.storage), job, folder)
        if self._in_runtimes_storage(job):
            return Delivery(str(job.url), job.subtitles)
        try:
            return self._to_dify(job, folder)
        except RuntimeProblem as fault:
            if not self._client.is_remote or not _is_public(job.url or ""):
                raise
            logger.warning("%s", fault)
            note = f"The film could not be put into Dify's files: {fault}"
            return Delivery(str(job.url), job.subtitles, (note,))

    def _in_runtimes_storage(self, job: Job) -> bool:
        # What the runtime serves itself may be out of the viewers' reach, an object storage is meant for them.
        return _is_public(job.url or "") and not re.search(r"/v1/(videos|lessons)/", str(job.url))

    def fetch(self, job: Job, folder: Path) -> dict[str, bytes]:
        """Return the film's bytes and those of its subtitles, by their suffix, for an output of type file.

        Raises `RuntimeProblem`.
        """
        way_out = f"Call get_talking_video with job_id {job.id} and output url: the film is made already."
        _check_size(job, FILE_BYTES, "an output of type file", way_out)
        return {
            suffix: self._download(job, suffix, folder, FILE_BYTES).read_bytes()
            for suffix in ("mp4", *job.subtitles)
        }

    def _to_storage(self, storage: S3Storage, job: Job, folder: Path) -> Delivery:
        keys = {suffix: f"{job.id}.{suffix}" for suffix in (*job.subtitles, "mp4")}
        with self._record(job, storage.object_name(keys["mp4"])) as record:
            if not record:
                for suffix, key in keys.items():
                    file, name = self._download(job, suffix, folder), readable_name(job, suffix)
                    storage.put(file, key, content_type=CONTENT_TYPES[suffix], filename=name)
                record["key"] = keys["mp4"]
        links = {suffix: storage.link(key) for suffix, key in keys.items()}
        return Delivery(links.pop("mp4"), links)

    def _to_dify(self, job: Job, folder: Path) -> Delivery:
        way_out = (
            f"Configure object storage in the plugin's settings and call get_talking_video with job_id {job.id}: "
            "the film is made already."
        )
        _check_size(job, DIFY_BYTES, "Dify's files", way_out)
        with self._record(job, "dify") as record:
            if record.get("until", 0) < time.time():
                record["urls"] = {
                    suffix: self._upload(
                        readable_name(job, suffix),
                        self._download(job, suffix, folder, DIFY_BYTES).read_bytes(),
                        media_type(suffix),
                    )
                    for suffix in ("mp4", *job.subtitles)
                }
                record["until"] = time.time() + DIFY_LINK_SECONDS
            urls = dict(record["urls"])
        note = (
            "The link is signed by Dify and lasts 5 minutes unless FILES_ACCESS_TIMEOUT says otherwise; "
            "get_talking_video makes a new one, and object storage in the plugin's settings gives lasting ones."
        )
        return Delivery(urls.pop("mp4"), urls, (note,))

    def _download(self, job: Job, suffix: str, folder: Path, limit: int | None = None) -> Path:
        part = "content" if suffix == "mp4" else f"subtitles.{suffix}"
        return self._client.download(job.id, folder / f"film.{suffix}", limit, part)

    def _upload(self, name: str, content: bytes, content_type: str) -> str:
        advice = "Configure object storage in the plugin's settings, or set FILES_URL in Dify's .env."
        try:
            answer = self._session.file.upload(name, content, content_type)
        except Exception as fault:  # the SDK raises bare exceptions with Dify's own words
            raise RuntimeProblem("publish_failed", f"Dify did not take the film: {fault}", advice) from fault
        url = answer.preview_url or ""
        if not _is_public(url):
            raise RuntimeProblem(
                "publish_failed", f"Dify gave no whole address for the film ({url!r}).", advice
            )
        return url

    @contextlib.contextmanager
    def _record(self, job: Job, place: str) -> Any:
        """What is known of a film at a place; written back when the block ends without an error."""
        owner = self._owner if place == "dify" else ""
        mark = hashlib.sha256(f"{self._settings.fingerprint}\0{place}\0{owner}".encode()).hexdigest()[:16]
        path = self._records / f"{job.id}-{mark}.json"
        record: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            record = json.loads(path.read_text())
        yield record
        self._records.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".part")
        aside.write_text(json.dumps(record))
        aside.replace(path)


def readable_name(job: Job, suffix: str = "mp4") -> str:
    """A file name that people can tell apart."""
    return f"talking-video-{job.id.rpartition('_')[2][:8]}.{suffix}"


def described(job: Job) -> Mapping[str, Any]:
    """Length (s) and size (pixels) of a finished film, zeros before that."""
    return {
        "duration": round(float(job.result.get("duration") or 0.0), 3),
        "width": int(job.result.get("width") or 0),
        "height": int(job.result.get("height") or 0),
    }


def _check_size(job: Job, limit: int, place: str, way_out: str) -> None:
    """Raise `RuntimeProblem` for a film that is too large for its place, before it is fetched."""
    size = int(job.result.get("bytes") or 0)
    if size > limit:
        raise RuntimeProblem(
            "film_too_large",
            f"The film of job {job.id} has {size / 2**20:.0f} MB, but {place} may have {limit // 2**20} MB at most.",
            way_out,
        )


def _is_public(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)
