"""Takes a request in: streams its files to disk under byte caps, whether they come along or by address."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from runtime.contract import RuntimeProblem
from runtime.jobs.folders import remove
from runtime.jobs.store import disk_full
from runtime.media.fetching import Fetcher, FetchPolicy, too_large
from runtime.media.sniffing import HEAD_BYTES, MediaKind, check_kind
from runtime.server.drafts import Arrived, Draft, JobKind
from runtime.server.schemas import VideoJob
from runtime.server.service import Service

FILE_FIELDS: dict[str, MediaKind] = {
    "portrait": "image",
    "audio": "audio",
    "slides": "slide",
    "pictures": "image",
}
ADDRESS_FIELDS = {"portrait_url": "portrait", "audio_url": "audio", "slides_url": "slides"}
TEXT_LIMIT = 1024 * 1024  # bytes of all text fields, or of a JSON body
MOST_FILES = {"video": {"portrait": 1, "audio": 100}}
# A recording for each paragraph, a slide for each scene.
MOST_FILES["lesson"] = {"portrait": 1, "audio": 1000, "slides": 200, "pictures": 200}
CALLED = {"slides": "slide", "pictures": "picture"}
PICTURES_LIMIT = 5  # all slides, or all pictures, of a lesson may be so many times as large as one
CHUNK = 512 * 1024  # bytes gathered before they are written
# Downloads wait for slow servers elsewhere; threads of their own leave those that answer requests free.
FETCHES = CapacityLimiter(16)
IDLE_LIMIT = 60.0  # seconds that a client may pause while it sends


async def receive(request: Request, service: Service, kind: JobKind = "video") -> Draft:
    """Take a request's inputs into a new draft; whatever goes wrong, nothing of it stays on disk."""
    draft = await run_in_threadpool(service.draft, kind)
    try:
        await take_in(request, draft, service.fetcher)
    except BaseException:
        remove(draft.folder)
        raise
    return draft


async def accept(draft: Draft, service: Service, response: Response) -> VideoJob:
    """The job that a draft becomes, or the same job from before; the answer tells where it is, 200 that it is done."""
    job, _ = await run_in_threadpool(service.accept, draft)
    response.headers["Location"] = f"/v1/{draft.kind}s/{job.id}"
    if job.status == "completed":
        response.status_code = 200
    return job


async def take_in(request: Request, draft: Draft, fetcher: Fetcher) -> None:
    """Fill a draft from a multipart or JSON request. Raises `RuntimeProblem`."""
    kind, _ = parse_options_header(request.headers.get("content-type", ""))
    if kind == b"multipart/form-data":
        fields = await _Multipart(request, draft, fetcher.policy).read()
    elif kind == b"application/json":
        fields = await _json_fields(request)
    else:
        raise RuntimeProblem(
            "content_type_unknown", "The request must be multipart/form-data or application/json."
        )
    addresses = [(name, url) for name, url in fields if name in ADDRESS_FIELDS]
    for name, value in fields:
        if name not in ADDRESS_FIELDS:
            draft.values[name] = value
    for name, url in addresses:
        await fetch_file(draft, fetcher, ADDRESS_FIELDS[name], url)


async def _json_fields(request: Request) -> list[tuple[str, Any]]:
    body = b""
    async for chunk in _paced(request):
        body += chunk
        if len(body) > TEXT_LIMIT:
            raise RuntimeProblem("request_too_large", "The JSON body is too large; send files as multipart.")
    try:
        values = json.loads(body)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise RuntimeProblem("request_unreadable", "The request's body is not a JSON object.")
    fields: list[tuple[str, Any]] = []
    for name, value in values.items():
        if name not in ADDRESS_FIELDS:
            fields.append((name, value))
            continue
        for url in value if isinstance(value, list) else [value]:
            if not isinstance(url, str):
                raise RuntimeProblem("fetch_refused", f"{name} must be an address, or a list of addresses.")
            fields.append((name, url))
    return fields


async def fetch_file(draft: Draft, fetcher: Fetcher, field: str, url: str, name: str | None = None) -> None:
    """Download a file of a field into a draft, to go by `name` (what its address suggests when not given)."""
    _check_room(draft, field, len(draft.arrived(field)))
    found = await to_thread.run_sync(fetcher.fetch, url, FILE_FIELDS[field], draft.folder, limiter=FETCHES)
    stem = _stem(field, len(draft.arrived(field)))
    path = found.path.rename(found.path.with_name(stem + found.path.suffix))
    _enter(draft, field, path, found.sha256, name or found.name, fetcher.policy)


def _check_room(draft: Draft, field: str, count: int) -> None:
    """Raise where a request with `count` files of a kind may not have one more."""
    most = MOST_FILES[draft.kind].get(field, 0)
    if not most:
        raise RuntimeProblem("request_unreadable", f"Only lessons take {field}.")
    if count >= most:
        what = {"portrait": "portrait", "audio": "recordings"}.get(field, field)
        sentence = (
            "The request has two portraits." if most == 1 else f"The request has more than {most} {what}."
        )
        raise RuntimeProblem("request_unreadable", sentence)


def _stem(field: str, count: int) -> str:
    return field if field == "portrait" else f"{field}-{count + 1}"


def _enter(draft: Draft, field: str, path: Path, sha256: str, name: str, policy: FetchPolicy) -> None:
    """Note an input that is complete in the draft's folder."""
    if field == "portrait":
        draft.portrait, draft.portrait_sha256 = path.name, sha256
        draft.names.insert(0, name)
        return
    if field != "audio":
        draft.extras[field].append(Arrived(path.name, sha256, name))
    else:
        draft.audio.append(path.name)
        draft.audio_sha256.append(sha256)
        draft.names.append(name)
    kind = FILE_FIELDS[field]
    limit = policy.limit(kind) if kind == "audio" else PICTURES_LIMIT * policy.limit(kind)
    if sum((draft.folder / file).stat().st_size for file in draft.arrived(field)) > limit:
        raise too_large(kind, limit)


async def _paced(request: Request) -> AsyncIterator[bytes]:
    """Yield the body; a client that sends nothing for a while is given up."""
    stream = request.stream()
    while True:
        try:
            yield await asyncio.wait_for(anext(stream), IDLE_LIMIT)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise RuntimeProblem("request_timeout", "The request did not arrive in time.") from None
        except ClientDisconnect:
            raise RuntimeProblem("request_aborted", "The client went away while it sent.") from None


class _Multipart:
    """Reads a multipart body piece by piece; parts that are files go to disk as they come."""

    def __init__(self, request: Request, draft: Draft, policy: FetchPolicy) -> None:
        self._request = request
        self._draft = draft
        self._policy = policy
        self._fields: list[tuple[str, Any]] = []
        self._text_size = 0
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        self._name = ""
        self._text: bytearray | None = None
        self._file: _IncomingFile | None = None
        self._todo: list[tuple[_IncomingFile, bytes | None]] = []

    async def read(self) -> list[tuple[str, Any]]:
        """Return the text fields; files are entered into the draft."""
        _, options = parse_options_header(self._request.headers["content-type"])
        if b"boundary" not in options:
            raise _unreadable()
        parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._part_begin,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_header_field": self._header_field,
                "on_header_value": self._header_more,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
            },
        )
        try:
            async for chunk in _paced(self._request):
                parser.write(chunk)
                await self._work_off()
            parser.finalize()
        except FormParserError:
            raise _unreadable() from None
        finally:
            if self._file is not None:
                self._file.close()
        await self._work_off()
        return self._fields

    async def _work_off(self) -> None:
        """Do what the parser's callbacks, which cannot wait, have left to do."""
        todo, self._todo = self._todo, []
        for file, data in todo:
            if data is not None:
                await file.take(data)
                continue
            path, sha256 = await file.finish()
            _enter(self._draft, file.field, path, sha256, file.name, self._policy)

    def _part_begin(self) -> None:
        self._disposition = b""
        self._text = self._file = None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_more(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name in FILE_FIELDS:
            field, kind = self._name, FILE_FIELDS[self._name]
            coming = sum(1 for file, data in self._todo if data is None and file.field == field)
            count = len(self._draft.arrived(field)) + coming
            _check_room(self._draft, field, count)
            given = options.get(b"filename", b"").decode("utf-8", "replace")
            path = self._draft.folder / _stem(field, count)
            self._file = _IncomingFile(path, field, given, self._policy.limit(kind))
        elif self._name:
            self._text = bytearray()
        else:
            raise _unreadable()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._todo.append((self._file, data[start:end]))
        elif self._text is not None:
            self._text_size += end - start
            if self._text_size > TEXT_LIMIT:
                raise RuntimeProblem(
                    "request_too_large", f"The text fields hold more than {TEXT_LIMIT // 1024} KB."
                )
            self._text += data[start:end]

    def _part_end(self) -> None:
        if self._file is not None:
            self._todo.append((self._file, None))
        elif self._text is not None:
            value = self._text.decode("utf-8", "replace")
            if value != "":  # forms send empty fields for what was not filled in
                self._fields.append((self._name, value))


class _IncomingFile:
    """A file part on its way to disk."""

    def __init__(self, path: Path, field: str, name: str, limit: int) -> None:
        self.path = path
        self.field = field
        self.kind = FILE_FIELDS[field]
        self.name = name
        self._limit = limit
        self._size = 0
        self._head = b""
        self._pending = bytearray()
        self._digest = hashlib.sha256()
        self._sink: IO[bytes] | None = None

    async def take(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise too_large(self.kind, self._limit)
        self._pending += data
        if len(self._pending) >= CHUNK:
            await run_in_threadpool(self._write)

    async def finish(self) -> tuple[Path, str]:
        await run_in_threadpool(self._write)
        self.close()
        extension = check_kind(self._head, self.kind, CALLED.get(self.field, self.field))
        return self.path.rename(self.path.with_suffix(extension)), self._digest.hexdigest()

    def close(self) -> None:
        if self._sink is not None:
            with contextlib.suppress(OSError):
                self._sink.close()
            self._sink = None

    def _write(self) -> None:
        data, self._pending = bytes(self._pending), bytearray()
        self._digest.update(data)
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
        try:
            if self._sink is None:
                self._sink = self.path.open("wb")
            self._sink.write(data)
            self._sink.flush()
        except OSError as fault:
            raise disk_full() from fault


def _unreadable() -> RuntimeProblem:
    return RuntimeProblem("request_unreadable", "The request's multipart body cannot be understood.")
