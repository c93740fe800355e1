"""The examples: workflows through Dify's own engine, an agent as Dify's function calling plays it.

The engine is `graphon`; its requirements are heavy, so it has an environment of its own (`make workflows` makes it).
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.plugin.daemon import PluginProcess, speech
from tests.plugin.fileserver import FileServer
from tests.plugin.films import PORTRAIT, encoded, film_at, film_in, spoken, taking_uploads

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
ENGINE = Path(os.environ.get("SONIC_GRAPHON_PYTHON", ROOT / ".venv-graphon/bin/python"))
LESSON = "Rain is water that comes back."


def engine() -> str:
    """The Python that has Dify's workflow engine."""
    if ENGINE.exists():
        return str(ENGINE)
    if importlib.util.find_spec("graphon"):
        return sys.executable
    pytest.skip("Dify's workflow engine is not here: `make workflows` installs and runs it")


def played(example: str, folder: Path, **task: Any) -> dict[str, Any]:
    """Run an example in the engine's own process and return its outputs."""
    python = engine()
    (folder / "speech.mp3").write_bytes(encoded(spoken(1.2), "mp3"))
    task = {
        "dsl": str(EXAMPLES / example),
        "python": sys.executable,
        "speech": str(folder / "speech.mp3"),
        "portrait": str(PORTRAIT),
        "model_answer": LESSON,
        "result": str(folder / "result.json"),
        **task,
    }
    (folder / "task.json").write_text(json.dumps(task))
    command = [python, "-m", "tests.plugin.workflow_runner", str(folder / "task.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((folder / "result.json").read_text())
    assert not found.get("failures"), found["failures"]
    return dict(found)


def film_of(found: dict[str, Any], url: str) -> dict[str, Any]:
    return film_in(base64.b64decode(found["films"][url.partition("?")[0]]))


@pytest.mark.slow
def test_speech_to_talking_video(plugin_folder: Path, tmp_path: Path) -> None:
    found = played(
        "speech-to-talking-video.yml", tmp_path, plugin=str(plugin_folder), inputs={"script": "Hello, world."}
    )
    told, made = found["calls"]
    assert told["tool"] == "tts" and told["parameters"]["text"] == "Hello, world."
    # The files of the speech node arrived as they were: a list of one, an mp3 that is called a WAV.
    assert [file["mime_type"] for file in made["parameters"]["audio"]] == ["audio/x-wav"]
    outputs = found["outputs"]
    assert outputs["status"] == "completed" and outputs["job_id"].startswith("video_")
    film = film_of(found, outputs["video_url"])
    assert film["seconds"] == pytest.approx(1.2, abs=0.15) and film["seconds"] == pytest.approx(
        outputs["duration"], abs=0.05
    )


@pytest.mark.slow
def test_lesson_written_by_a_model(plugin_folder: Path, tmp_path: Path) -> None:
    found = played(
        "lesson-written-by-a-model.yml", tmp_path, plugin=str(plugin_folder), inputs={"query": "rain"}
    )
    asked, made = found["calls"]
    assert asked["prompt"][-1]["content"] == "Write a lesson about: rain"
    assert made["parameters"]["script"] == LESSON and made["parameters"]["tts_model"]["voice"] == "alloy"
    shown = re.search(r'<video src="([^"]+)" controls></video>', found["outputs"]["answer"])
    assert shown is not None and LESSON in found["outputs"]["answer"]
    film = film_of(found, shown.group(1))
    assert film["seconds"] == pytest.approx(1.2, abs=0.15) and film["width"] == film["height"] == 512


def test_the_engine_reads_the_agent(tmp_path: Path) -> None:
    found = played("agent-with-a-presenter.yml", tmp_path, only_look=True)
    assert found["kind"] == "app" and "agent-chat" in found["reason"]


@pytest.mark.slow
def test_agent_with_a_presenter(start: Any, files: FileServer) -> None:
    """Function calling as Dify does it: the form's values, and strings from the model on top."""
    plugin: PluginProcess = start(FILES_URL=files.base)
    plugin.replies |= {"upload_file": taking_uploads(files), "tts": speech([encoded(spoken(1.0), "mp3")])}
    agent = yaml.safe_load((EXAMPLES / "agent-with-a-presenter.yml").read_text())["model_config"][
        "agent_mode"
    ]
    declared = yaml.safe_load((ROOT / "plugin/tools/generate_talking_video.yaml").read_text())["parameters"]
    tool = next(tool for tool in agent["tools"] if tool["tool_name"] == "generate_talking_video")
    form = {
        parameter["name"]: tool["tool_parameters"][parameter["name"]]
        for parameter in declared
        if parameter["form"] == "form" and parameter["name"] in tool["tool_parameters"]
    }
    offered = {
        one["name"] for one in declared if one["form"] == "llm" and one["type"] not in ("file", "files")
    }
    from_the_model = {
        "portrait_url": files.signed("presenter.jpg", PORTRAIT.read_bytes()),
        "script": "Good morning.",
        "min_resolution": 256,
    }
    assert set(from_the_model) <= offered
    outcome = plugin.film({**form, **from_the_model})
    url = outcome.objects[-1]["video_url"]
    assert url in outcome.texts[-1]  # text and JSON are all that a model sees
    assert film_at(url)["seconds"] == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.yml")))
def test_examples_use_what_the_tools_declare(example: str) -> None:
    dsl = yaml.safe_load((EXAMPLES / example).read_text())
    if dsl["app"]["mode"] == "agent-chat":
        used = dsl["model_config"]["agent_mode"]["tools"]
    else:
        used = [node["data"] for node in dsl["workflow"]["graph"]["nodes"] if node["data"]["type"] == "tool"]
    ours = [tool for tool in used if tool["provider_id"] == "sonic/sonic_talking_video/sonic"]
    assert ours
    for tool in ours:
        declared = yaml.safe_load((ROOT / f"plugin/tools/{tool['tool_name']}.yaml").read_text())
        names = {parameter["name"] for parameter in declared["parameters"]}
        assert set(tool["tool_parameters"]) | set(tool.get("tool_configurations", {})) <= names
