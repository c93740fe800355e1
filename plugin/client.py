"""The runtime's HTTP API as this plugin uses it: over TCP to a configured server, or to the bundled runtime."""

from __future__ import annotations

import contextlib
import functools
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx

from plugin.embedded import EmbeddedRuntime, over_socket
from plugin.settings import Settings
from runtime import __version__
from runtime.contract import RuntimeProblem

logger = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(200.0, connect=10.0)  # the runtime may be fetching a large file meanwhile
RECONNECT_SECONDS = 120.0  # how long a lost runtime may take to come back before a caller hears of it
POLL_TIMEOUT = httpx.Timeout(15.0, connect=10.0)  # how a job is, is said at once
BUSY_SECONDS = 60.0
GATEWAY_FAULTS = (502, 503, 504)  # a proxy's words for a runtime that it cannot reach
LOST = "runtime_unreachable"
CHUNK = 256 * 1024
Kind = Literal["videos", "previews", "lessons"]
ROOT = Path(__file__).resolve().parent.parent

_embedded: dict[Path, EmbeddedRuntime] = {}
_embedded_lock = threading.Lock()


@dataclass(frozen=True)
class Job:
    """A job as the runtime tells of it. Times are seconds, `progress` goes from 0 to 1, `result` is all it said."""

    id: str
    status: str
    progress: float = 0.0
    stage: str = ""
    eta_seconds: float | None = None
    url: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None
    notice: str | None = None  # why it waits, if it does

    @property
    def finished(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")

    @property
    def subtitles(self) -> dict[str, str]:
        """The runtime's addresses of the film's subtitles, by their suffix."""
        named = {"srt": self.result.get("subtitles_url"), "vtt": self.result.get("subtitles_vtt_url")}
        return {suffix: str(url) for suffix, url in named.items() if url}

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Job:
        return cls(
            id=str(answer["id"]),
            status=str(answer["status"]),
            progress=float(answer.get("progress") or 0.0),
            stage=str(answer.get("stage") or ""),
            eta_seconds=answer.get("eta_seconds"),
            url=answer.get("url"),
            result=answer,
            error=answer.get("error"),
            notice=answer.get("notice"),
        )


@dataclass(frozen=True)
class Inputs:
    """What a job is made from: files on this disk, or addresses that the runtime fetches itself."""

    portrait: Path | None = None
    portrait_url: str | None = None
    audio: Sequence[Path] = ()
    audio_url: str | Sequence[str] | None = None
    slides: Sequence[Path] = ()
    slides_url: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


class RuntimeClient:
    """Talks to one runtime; a bundled one is started, and started again, as needed."""

    def __init__(self, settings: Settings, state: Path) -> None:
        self._settings = settings
        self._embedded = None if settings.runtime_url else embedded_runtime(state)

    @property
    def is_remote(self) -> bool:
        return self._embedded is None

    def health(self) -> Mapping[str, Any]:
        """Return what the runtime says of itself. Raises `RuntimeProblem` unless it is ready and fits this plugin."""
        said = self._json(self._call("GET", "/healthz"))
        version = str(said.get("version", ""))
        if not fits(version, __version__):
            raise RuntimeProblem(
                "runtime_version",
                f"The runtime is version {version or 'unknown'}, but this plugin needs {_series(__version__)}.x.",
                "Update the plugin or the runtime.",
            )
        return said

    def submit(self, kind: Kind, inputs: Inputs) -> Job:
        """Hand in a job; the same inputs and options give the same job. Waits a while for a full queue."""
        patience = time.monotonic() + BUSY_SECONDS
        while True:
            answer = self._send(f"/v1/{kind}", inputs)
            if answer.status_code != 429 or time.monotonic() > patience:
                return Job.from_answer(self._json(answer))
            time.sleep(min(_retry_after(answer), 15.0))

    def job(self, job_id: str) -> Job:
        path = f"/v1/videos/{_segment(job_id)}"
        return Job.from_answer(self._json(self._call("GET", path, timeout=POLL_TIMEOUT)))

    def authorised(self) -> None:
        """Raise `RuntimeProblem` unless the runtime takes the API key."""
        self._json(self._call("GET", "/v1/videos", params={"limit": 1}))

    def check_portrait(self, inputs: Inputs) -> Mapping[str, Any]:
        return self._json(self._send("/v1/portraits/check", inputs))

    def check_lesson(self, inputs: Inputs) -> None:
        """Raise `RuntimeProblem` for what would make a lesson fail; its sound is not needed for that."""
        self._json(self._send("/v1/lessons/check", inputs))

    def download(self, job_id: str, target: Path, limit: int | None = None, part: str = "content") -> Path:
        """Fetch the film, or another part of what was made, in pieces."""
        path = f"/v1/videos/{_segment(job_id)}/{part}"

        def fetch(connection: httpx.Client) -> None:
            with connection.stream("GET", path, follow_redirects=True) as answer:
                if answer.status_code != 200:
                    answer.read()
                    self._json(answer)
                _write(answer, target, limit)

        self._patiently(fetch)
        return target

    def _send(self, path: str, inputs: Inputs) -> httpx.Response:
        fields: dict[str, Any] = {name: _plain(value) for name, value in inputs.options.items()}
        addresses = {name: getattr(inputs, name) for name in ("portrait_url", "audio_url", "slides_url")}
        fields |= {name: value for name, value in addresses.items() if value}
        paths = [("portrait", inputs.portrait)] if inputs.portrait else []
        paths += [("audio", audio) for audio in inputs.audio] + [("slides", file) for file in inputs.slides]
        if not paths:
            return self._call("POST", path, json=dict(inputs.options) | fields)
        with contextlib.ExitStack() as opened:
            files = [(name, (file.name, opened.enter_context(file.open("rb")))) for name, file in paths]
            return self._call("POST", path, data=fields, files=files)

    def _call(self, method: str, path: str, **body: Any) -> httpx.Response:
        def request(connection: httpx.Client) -> httpx.Response:
            for _, (_, stream) in body.get("files") or ():
                stream.seek(0)
            return connection.request(method, path, **body)

        return self._patiently(request)

    def _patiently[T](self, act: Callable[[httpx.Client], T]) -> T:
        """Do something at the runtime. A bundled one may be restarting, so it is tried again for a while: every
        request of this API may be repeated without harm."""
        deadline = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                with self._connection() as connection:
                    return act(connection)
            except httpx.TimeoutException as fault:
                raise self._unreachable(fault) from fault
            except httpx.TransportError as fault:
                if self.is_remote or time.monotonic() > deadline:
                    raise self._unreachable(fault) from fault
                logger.warning("lost the runtime (%s), trying again", fault)
                time.sleep(0.5)
            except httpx.HTTPError as fault:
                raise self._unreachable(fault) from fault

    @contextlib.contextmanager
    def _connection(self) -> Iterator[httpx.Client]:
        if self._embedded is None:
            headers = {"Authorization": f"Bearer {self._settings.api_key}"} if self._settings.api_key else {}
            address = self._settings.runtime_url or ""
            client = httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT, verify=tls())
        else:
            transport = over_socket(self._embedded.ensure())
            client = httpx.Client(base_url="http://runtime", transport=transport, timeout=TIMEOUT)
        with client:
            yield client

    def _unreachable(self, fault: Exception) -> RuntimeProblem:
        place = f"at {self._settings.runtime_url}" if self.is_remote else "that is bundled"
        reason = str(fault) or type(fault).__name__
        return RuntimeProblem(LOST, f"The runtime {place} does not answer: {reason}.")

    def _json(self, answer: httpx.Response) -> Mapping[str, Any]:
        try:
            body = answer.json()
        except ValueError:
            body = None
        if answer.is_success and isinstance(body, dict):
            return body
        if answer.status_code == 401:
            raise RuntimeProblem(
                "runtime_denied", "The runtime refused the API key in field runtime_api_key."
            )
        if isinstance(body, dict) and body.get("ready") is False:
            raise RuntimeProblem("runtime_unready", f"The runtime is not ready: {' '.join(body['reasons'])}")
        fault = body.get("error") if isinstance(body, dict) else None
        if isinstance(fault, dict) and fault.get("sentence"):
            raise problem_of(fault)
        place = self._settings.runtime_url or "that is bundled"
        raise RuntimeProblem(
            LOST if answer.status_code in GATEWAY_FAULTS else "runtime_failed",
            f"The runtime {place} answered HTTP {answer.status_code} in a form that this plugin does not know.",
        )


@functools.cache
def tls() -> ssl.SSLContext:
    """This process's trust in servers elsewhere: reading all authorities again for each request takes long."""
    return httpx.create_ssl_context()


def embedded_runtime(state: Path) -> EmbeddedRuntime:
    """The one bundled runtime of this process for a state folder."""
    with _embedded_lock:
        if state not in _embedded:
            _embedded[state] = EmbeddedRuntime(state, ROOT)
        return _embedded[state]


def problem_of(fault: Mapping[str, Any]) -> RuntimeProblem:
    """The runtime's own words as an error."""
    return RuntimeProblem(str(fault.get("code") or "failed"), str(fault["sentence"]), fault.get("hint"))


def fits(theirs: str, ours: str) -> bool:
    """Say whether two versions speak the same contract: the same major version, and minor while that is 0."""
    return bool(theirs) and _series(theirs) == _series(ours)


def _series(version: str) -> str:
    major, _, rest = version.partition(".")
    return major if major != "0" else f"0.{rest.partition('.')[0]}"


def _segment(job_id: str) -> str:
    if not job_id or not all(sign.isalnum() or sign in "-_" for sign in job_id):
        raise RuntimeProblem("job_unknown", f"{job_id[:80]!r} is not a job id.")
    return job_id


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _retry_after(answer: httpx.Response) -> float:
    given = answer.headers.get("retry-after", "")
    return float(given) if given.replace(".", "", 1).isdigit() else 2.0


def _write(answer: httpx.Response, target: Path, limit: int | None) -> None:
    size = 0
    with target.open("wb") as out:
        for piece in answer.iter_bytes(CHUNK):
            size += len(piece)
            if limit is not None and size > limit:
                raise RuntimeProblem("film_too_large", f"The film is larger than {limit // 2**20} MB.")
            out.write(piece)
