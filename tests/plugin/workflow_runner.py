"""Runs a Dify workflow from its DSL file through Dify's own engine, with the plugin's real process at its tool nodes.

    python -m tests.plugin.workflow_runner TASK.json

Needs `graphon`, whose requirements are heavy: it runs in an environment of its own. What a Dify server has around the
engine is played here: its file store, its built-in text-to-speech tool, a language model that says what it is told
to. The task names the DSL, the plugin's folder and Python, the start inputs and what model and speech answer.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import graphon.dsl.node_factory
import graphon.dsl.slim.llm
import graphon.dsl.tool_runtime
import yaml
from graphon.dsl import loads
from graphon.engine_events.graph import GraphRunPartialSucceededEvent, GraphRunSucceededEvent
from graphon.engine_events.node import NodeRunFailedEvent
from graphon.file.enums import FileTransferMethod, FileType
from graphon.file.models import File

from tests.plugin.daemon import Outcome, PluginProcess, file_parameter, speech
from tests.plugin.fileserver import FileServer

PLUGIN = "sonic/sonic_talking_video"
DEPENDENCIES = (f"{PLUGIN}:0.1.0@here", "langgenius/openai:1.0.0@here", "dify/audio:1.0.0@builtin")


@dataclass
class World:
    """Everything round the engine."""

    task: Mapping[str, Any]
    files: FileServer = field(default_factory=FileServer)
    stored: dict[str, bytes] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.audio = Path(self.task["speech"]).read_bytes()
        place = {"FILES_URL": self.files.base}
        self.plugin = PluginProcess(Path(self.task["plugin"]), environment=place, python=self.task["python"])
        self.plugin.wait_until_up(240)
        self.plugin.replies["upload_file"] = self._take_upload
        self.plugin.replies["tts"] = speech([self.audio])

    def _take_upload(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        yield {"url": f"{self.files.base}/upload?sign=abc"}

    def handed_on(self, value: Any) -> Any:
        """A value as Dify hands it to a plugin: files become signed addresses."""
        if isinstance(value, File):
            return file_parameter(
                str(value.remote_url),
                mime_type=value.mime_type,
                filename=value.filename,
                extension=value.extension,
                size=value.size,
                type=str(value.type.value),
            )
        if isinstance(value, list | tuple):
            return [self.handed_on(item) for item in value]
        return value

    def model(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The next of the model's answers: text, or the values of the function that it is to call.

        What stands in braces there it has to read in its prompt: the `{photo}`'s address and the `{film}`'s.
        """
        self.calls.append({"model": asked["model"], "prompt": asked["prompt_messages"]})
        answer = self.task["model_answers"][sum("model" in call for call in self.calls) - 1]
        if not asked["tools"]:
            return {"role": "assistant", "content": answer, "tool_calls": []}
        told = "\n".join(str(message["content"]) for message in asked["prompt_messages"])
        values = json.dumps(answer)
        for mark, address in (
            ("{photo}", r"photo: (http\S+)"),
            ("{film}", r"ready \([^)]*\): (http[^\s'\"]+)"),
        ):
            shown = re.findall(address, told)
            if mark in values and not shown:
                raise ValueError(f"the model was not told of the {mark}: {told[-2000:]}")
            values = values.replace(mark, shown[-1] if shown else mark)
        function = {"name": asked["tools"][0]["name"], "arguments": values}
        call = {"id": "1", "type": "function", "function": function}
        return {"role": "assistant", "content": "", "tool_calls": [call]}

    def tool(self, provider: str, name: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """What a tool yields."""
        given = {key: self.handed_on(value) for key, value in parameters.items()}
        self.calls.append({"provider": provider, "tool": name, "parameters": given})
        if provider == "audio":
            # Dify's tool puts the whole answer into one file, and calls it a WAV whatever it is.
            yield {"type": "text", "message": {"text": "Audio generated successfully"}}
            blob = {
                "id": "1",
                "sequence": 0,
                "total_length": len(self.audio),
                "blob": self.audio,
                "end": True,
            }
            yield {"type": "blob_chunk", "message": blob, "meta": {"mime_type": "audio/x-wav"}}
            return
        outcome = Outcome()
        for message in self.plugin.stream(name, given, seconds=500):
            outcome.messages.append(message)
            yield message


WORLD: World


class Daemon:
    """Stands where the engine talks to Dify's plugin daemon."""

    def __init__(self, config: Any = None, binary_path: str | None = None) -> None:
        pass

    def extract(self, *, plugin_id: str) -> dict[str, Any]:
        """What a plugin declares."""
        if plugin_id.startswith("dify/audio"):
            voices = ("model", "voice#langgenius/openai/openai#tts-1")
            parameters = [{"name": "text", "type": "string", "form": "llm", "required": True}]
            parameters += [{"name": name, "type": "string", "form": "form"} for name in voices]
            tools = [{"identity": {"name": "tts"}, "parameters": parameters}]
            return {"manifest": {"tool": {"identity": {"name": "audio"}, "tools": tools}}}
        root = Path(WORLD.task["plugin"])
        provider = yaml.safe_load((root / "provider/sonic.yaml").read_text())
        declared = [yaml.safe_load((root / path).read_text()) for path in provider["tools"]]
        return {"manifest": {"tool": {"identity": provider["identity"], "tools": declared}}}

    def invoke_chunks(self, *, plugin_id: str, action: str, data: Mapping[str, Any]) -> Iterator[Any]:
        if action == "invoke_tool":
            yield from WORLD.tool(data["provider"], data["tool"], data["tool_parameters"])
        elif action == "invoke_llm":
            delta = {"index": 0, "message": WORLD.model(data), "usage": None, "finish_reason": "stop"}
            yield {"model": data["model"], "prompt_messages": [], "delta": delta}
        elif action == "get_llm_num_tokens":
            yield {"num_tokens": 10}
        else:
            raise ValueError(f"the engine asked for {action}")

    def get_ai_model_schema(self, **asked: Any) -> Any:
        from graphon.model_runtime.entities.model_entities import AIModelEntity

        words = {"en_US": asked["model"]}
        return AIModelEntity.model_validate(
            {
                "model": asked["model"],
                "label": words,
                "model_type": "llm",
                "fetch_from": "predefined-model",
                "model_properties": {"mode": "chat", "context_size": 8000},
                "features": ["tool-call"],
            }
        )


class ToolFiles:
    """Dify's store of files that tools made."""

    def create_file_by_raw(self, *, file_binary: bytes, mimetype: str, filename: str | None = None) -> Any:
        number = uuid.uuid4().hex
        WORLD.stored[number] = file_binary
        return File(
            id=number,
            type=FileType.AUDIO,
            transfer_method=FileTransferMethod.TOOL_FILE,
            related_id=number,
            filename=filename,
            extension=".wav",
            mime_type=mimetype,
            size=len(file_binary),
        )

    def get_file_generator_by_tool_file_id(self, tool_file_id: str) -> tuple[None, None]:
        return None, None


def stored_file(runtime: Any, *, mapping: Mapping[str, Any]) -> File:
    """A tool's file as later nodes see it."""
    number = mapping["tool_file_id"]
    content = WORLD.stored[number]
    return File(
        type=FileType.AUDIO,
        transfer_method=FileTransferMethod.REMOTE_URL,
        remote_url=WORLD.files.signed(f"{number}.wav", content),
        filename=f"{number}.wav",
        extension=".wav",
        mime_type="audio/x-wav",
        size=len(content),
    )


def run(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run the workflow and return its outputs, or the sentence of the node that failed."""
    dsl = yaml.safe_load(Path(task["dsl"]).read_text())
    # Installed plugins: an importing Dify knows them, the engine reads them from the file.
    dsl["dependencies"] = [
        {"type": "package", "value": {"plugin_unique_identifier": name}} for name in DEPENDENCIES
    ]
    picture = Path(task["portrait"])
    portrait = File(
        type=FileType.IMAGE,
        transfer_method=FileTransferMethod.REMOTE_URL,
        remote_url=WORLD.files.signed(picture.name, picture.read_bytes()),
        filename=picture.name,
        extension=picture.suffix,
        mime_type="image/jpeg",
        size=picture.stat().st_size,
    )
    inputs = {
        name: value.replace("{portrait}", str(portrait.remote_url)) for name, value in task["inputs"].items()
    }
    engine = loads(
        yaml.safe_dump(dsl),
        credentials={"model_credentials": [{"provider": "openai", "values": {"openai_api_key": "none"}}]},
        start_inputs={"portrait": portrait, **inputs},
        workers=1,
    )
    answer: dict[str, Any] = {"failures": []}
    for event in engine.run():
        if isinstance(event, NodeRunFailedEvent):
            answer["failures"].append(event.error)
        # In part: a node failed, and its failure was dealt with.
        if isinstance(event, GraphRunSucceededEvent | GraphRunPartialSucceededEvent):
            answer["outputs"] = event.outputs
    answer["calls"] = WORLD.calls
    return answer


def patch() -> None:
    """Put this module's doubles of Dify's server where the engine looks for them."""
    graphon.dsl.tool_runtime.SlimClient = Daemon  # type: ignore[misc, assignment]
    graphon.dsl.slim.llm.SlimClient = Daemon  # type: ignore[misc, assignment]
    graphon.dsl.node_factory._UnsupportedToolFileManager = ToolFiles  # type: ignore[misc, assignment]
    graphon.dsl.tool_runtime.SlimToolNodeRuntime.build_file_reference = stored_file  # type: ignore[assignment]


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    WORLD = World(given)
    patch()
    try:
        found = run(given)
        # The file server ends with this process, so the films are handed over too, by their addresses.
        films = {f"{WORLD.files.base}/files/{name}": film for name, film in WORLD.files.uploads.items()}
        found["films"] = {address: base64.b64encode(film).decode() for address, film in films.items()}
        Path(given["result"]).write_text(json.dumps(found, default=str))
    finally:
        WORLD.plugin.stop()
        WORLD.files.stop()
