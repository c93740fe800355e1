"""Drives the plugin's real process as Dify's daemon does: newline-delimited JSON on its stdin and stdout."""

from __future__ import annotations

import itertools
import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Reply = Callable[[Mapping[str, Any]], Iterator[dict[str, Any]]]


class PluginError(Exception):
    """What the plugin answered instead of a result."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass
class Outcome:
    """All that one invocation yielded, in order."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, Any]:
        """Named outputs; of several values the last one counts, as in a workflow."""
        return {
            message["message"]["variable_name"]: message["message"]["variable_value"]
            for message in self.messages
            if message["type"] == "variable"
        }

    @property
    def progress(self) -> list[float]:
        named = [message["message"] for message in self.messages if message["type"] == "variable"]
        return [one["variable_value"] for one in named if one["variable_name"] == "progress"]

    @property
    def texts(self) -> list[str]:
        return [message["message"]["text"] for message in self.messages if message["type"] == "text"]

    @property
    def objects(self) -> list[Any]:
        """JSON objects, the last of which counts."""
        return [message["message"]["json_object"] for message in self.messages if message["type"] == "json"]


class PluginProcess:
    """`python -m main` in a folder that holds the plugin, its replies sorted by session.

    `replies` answer the plugin's calls back into Dify, by their type ("tts", "upload_file").
    """

    def __init__(
        self,
        folder: Path,
        *,
        python: str = sys.executable,
        environment: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
    ) -> None:
        self.replies: dict[str, Reply] = {}
        self.heartbeats: list[float] = []
        self.logs: list[str] = []
        self.strays: list[str] = []
        self.manifest: dict[str, Any] | None = None
        self._sessions: dict[str, queue.Queue[dict[str, Any]]] = {}
        self._ready = threading.Event()
        self._writing = threading.Lock()
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*wrapper, python, "-m", "main"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "INSTALL_METHOD": "local", "HEARTBEAT_INTERVAL": "1", **(environment or {})},
        )
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def wait_until_up(self, seconds: float = 20.0) -> float:
        """Return how many seconds the first line and the first heartbeat took."""
        if not self._ready.wait(seconds):
            raise TimeoutError("the plugin did not come up: " + " ".join(self.strays[-20:]))
        return time.monotonic() - self.started

    def invoke(self, tool: str, parameters: Mapping[str, Any], **more: Any) -> Outcome:
        """Call a tool and return what it yielded; raises `PluginError`."""
        outcome = Outcome()
        for message in self.stream(tool, parameters, **more):
            outcome.messages.append(message)
        return outcome

    def film(
        self, parameters: Mapping[str, Any], tool: str = "generate_talking_video", **more: Any
    ) -> Outcome:
        """Have a film made; ask again, as users do, when the machine is too slow for one call."""
        outcome = self.invoke(tool, parameters, seconds=600, **more)
        while outcome.variables["status"] in ("queued", "in_progress"):
            given = {"job_id": outcome.variables["job_id"], "wait_seconds": 300}
            kept = {name: parameters[name] for name in ("output",) if name in parameters}
            later = self.invoke("get_talking_video", {**given, **kept}, seconds=600, **more)
            outcome = Outcome([*outcome.messages, *later.messages])
        return outcome

    def stream(
        self,
        tool: str,
        parameters: Mapping[str, Any],
        *,
        credentials: Mapping[str, Any] | None = None,
        seconds: float = 300.0,
    ) -> Iterator[dict[str, Any]]:
        """Call a tool and yield its messages as they come."""
        data = {"tool": tool, "tool_parameters": dict(parameters), "credential_type": "api-key"}
        yield from self._request("invoke_tool", data, credentials, seconds)

    def validate(self, credentials: Mapping[str, Any], seconds: float = 60.0) -> bool:
        """Save credentials, as the form does; raises `PluginError`."""
        answers = list(self._request("validate_tool_credentials", {}, credentials, seconds))
        return bool(answers and answers[-1].get("result"))

    def warm_up(self, seconds: float = 120.0) -> None:
        """Have the bundled runtime started, however slow the machine is just now."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                assert self.validate({})
                return
            except PluginError as fault:
                if "no answer within" not in str(fault) or time.monotonic() > deadline:
                    raise

    def longest_silence(self, since: float, until: float | None = None) -> float:
        """The longest time (s) between two heartbeats from one moment to another."""
        end = until if until is not None else time.monotonic()
        beats = [since, *(beat for beat in self.heartbeats if since < beat < end), end]
        return max(later - earlier for earlier, later in itertools.pairwise(beats))

    def stop(self) -> None:
        """End the process as the daemon does."""
        self.process.kill()
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _request(
        self, action: str, data: Mapping[str, Any], credentials: Mapping[str, Any] | None, seconds: float
    ) -> Iterator[dict[str, Any]]:
        session = uuid.uuid4().hex
        self._sessions[session] = queue.Queue()
        common = {"user_id": "tester", "type": "tool", "action": action, "provider": "sonic"}
        self._send(session, "request", {**common, "credentials": dict(credentials or {}), **data})
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            try:
                reply = self._sessions[session].get(timeout=max(left, 0.01))
            except queue.Empty:
                raise TimeoutError(f"{action} took longer than {seconds} s") from None
            if reply["type"] == "stream":
                yield reply["data"]
            elif reply["type"] == "error":
                raise PluginError(reply["data"]["error_type"], reply["data"]["message"])
            elif reply["type"] == "invoke":
                threading.Thread(target=self._answer, args=(session, reply["data"]), daemon=True).start()
            else:
                return

    def _answer(self, session: str, call: Mapping[str, Any]) -> None:
        """Answer a call back into Dify with what `replies` has for it."""
        number = call["backwards_request_id"]

        def say(event: str, data: Any, message: str = "stream") -> None:
            answer = {"backwards_request_id": number, "event": event, "message": message, "data": data}
            self._send(session, "backwards_response", answer)

        try:
            for data in self.replies[call["type"]](call["request"]):
                say("response", data)
        except Exception as fault:
            say("error", None, str(fault))
        say("end", None)

    def _send(self, session: str, event: str, data: Mapping[str, Any]) -> None:
        line: dict[str, Any] = {"session_id": session, "event": event, "data": data, "context": {}}
        line |= dict.fromkeys(("conversation_id", "message_id", "app_id", "endpoint_id"))
        assert self.process.stdin is not None
        with self._writing:
            self.process.stdin.write(json.dumps(line).encode() + b"\n")
            self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            if not raw.strip():
                continue
            try:
                line = json.loads(raw)
            except ValueError:
                self.strays.append(raw.decode("utf-8", "replace"))
                continue
            if self.manifest is None:
                self.manifest = line
            elif line.get("event") == "heartbeat":
                self.heartbeats.append(time.monotonic())
                self._ready.set()
            elif line.get("event") == "log":
                self.logs.append(line["data"]["message"])
            elif line.get("session_id") in self._sessions:
                self._sessions[line["session_id"]].put(line["data"])

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for raw in self.process.stderr:
            self.strays.append(raw.decode("utf-8", "replace"))


def file_parameter(url: str, **more: Any) -> dict[str, Any]:
    """A file as Dify hands it to a tool."""
    given = {
        "mime_type": "audio/mpeg",
        "filename": "speech.mp3",
        "extension": ".mp3",
        "size": 3,
        "type": "audio",
    }
    return {"dify_model_identity": "__dify__file__", "url": url, **given, **more}


def speech(pieces: Sequence[bytes]) -> Reply:
    """A text-to-speech model that always answers these bytes."""

    def reply(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for piece in pieces:
            yield {"result": piece.hex()}

    return reply
