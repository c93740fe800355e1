"""A file that Dify hands over, fetched onto the disk while its signed address still works."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import httpx
from dify_plugin.file.file import File

from runtime.contract import RuntimeProblem

logger = logging.getLogger(__name__)

REDIRECTS = 5
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
CHUNK = 256 * 1024


@contextmanager
def workspace(state: Path) -> Iterator[Path]:
    """A folder for one call's inputs, gone afterwards."""
    state.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="call-", dir=state) as folder:
        yield Path(folder)


def given_files(value: Any) -> list[File]:
    """Return the files in a tool parameter: Dify sends nothing, None, [None], one file or a list of them."""
    items = value if isinstance(value, list) else [value]
    files = []
    for item in items:
        if isinstance(item, File):
            files.append(item)
        elif item not in (None, "", {}):
            raise RuntimeProblem(
                "file_expected",
                f"A file was expected, but {type(item).__name__} {str(item)[:80]!r} was given.",
                "Give web addresses in portrait_url or audio_url.",
            )
    return files


def fetch(file: File, target: Path, limit: int) -> Path:
    """Download one of Dify's files to `target` in pieces.

    Raises `RuntimeProblem` for an address that Dify has made without its host, one that has expired (Dify signs them
    for 300 s), a page instead of a file, and more than `limit` bytes.
    """
    name = file.filename or "the file"
    check_address(file.url, name)
    try:
        with (
            httpx.Client(follow_redirects=True, max_redirects=REDIRECTS, timeout=TIMEOUT) as client,
            client.stream("GET", file.url) as answer,
        ):
            _check_answer(answer, name)
            _write(answer, target, name, limit)
    except httpx.TooManyRedirects:
        raise RuntimeProblem("file_unreachable", f"Dify's address of {name} redirects in circles.") from None
    except httpx.HTTPError as fault:
        reason = str(fault) or type(fault).__name__
        raise RuntimeProblem(
            "file_unreachable",
            f"{name} could not be fetched from {urlsplit(file.url).netloc}: {reason}.",
            "The plugin daemon must reach that host: check FILES_URL and INTERNAL_FILES_URL in Dify's .env.",
        ) from None
    return target


def check_address(url: str, name: str) -> None:
    """Raise `RuntimeProblem` unless `url` is a whole http(s) address."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.hostname:
        return
    if url.startswith("/"):
        raise RuntimeProblem(
            "files_url_unset",
            f"Dify gave an address without a host for {name} ({url.partition('?')[0]}).",
            "Set FILES_URL (and INTERNAL_FILES_URL, for the plugin daemon) in Dify's .env and restart it.",
        )
    raise RuntimeProblem(
        "url_invalid", f"The address of {name} is {url[:120]!r}, but must start with http:// or https://."
    )


def _check_answer(answer: httpx.Response, name: str) -> None:
    if answer.status_code in (401, 403, 404, 410):
        raise RuntimeProblem(
            "file_expired",
            f"Dify no longer hands out {name} (HTTP {answer.status_code}): its signed address lasts 300 s.",
            "Run the step that makes the file again, or raise FILES_ACCESS_TIMEOUT in Dify's .env.",
        )
    if answer.status_code != 200:
        raise RuntimeProblem("file_unreachable", f"Dify answered HTTP {answer.status_code} for {name}.")
    if re.match(r"text/html\b", answer.headers.get("content-type", "")):
        raise RuntimeProblem(
            "file_unreachable",
            f"A web page came instead of {name}.",
            "A proxy or login page may stand before Dify's files: check FILES_URL in Dify's .env.",
        )


def _write(answer: httpx.Response, target: Path, name: str, limit: int) -> None:
    # The declared size is only good for refusing early; the count decides.
    declared = answer.headers.get("content-length", "")
    size = 0
    if not (declared.isdigit() and int(declared) > limit):
        with target.open("wb") as out:
            for piece in answer.iter_bytes(CHUNK):
                size += len(piece)
                if size > limit:
                    break
                out.write(piece)
    else:
        size = int(declared)
    if size > limit:
        raise RuntimeProblem("file_too_large", f"{name} is larger than {limit // 2**20} MB.")
    if size == 0:
        raise RuntimeProblem("file_empty", f"{name} is empty.")
    logger.info("fetched %d bytes from Dify", size)
