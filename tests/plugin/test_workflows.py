"""The examples: workflows through Dify's own engine, an agent app as Dify's function calling plays it.

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
LESSON = (
    "# Rain\n\n- falls\n\nNarration: Rain is water that comes back.\n\n# Sun\n\nNarration: The sun lifts it."
)


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
        "model_answers": [],
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
        "lesson-written-by-a-model.yml",
        tmp_path,
        plugin=str(plugin_folder),
        inputs={"query": "rain"},
        model_answers=[LESSON],
    )
    asked, made = found["calls"]
    assert asked["prompt"][-1]["content"] == "Write a lesson about: rain"
    assert made["tool"] == "narrate_lesson" and made["parameters"]["script"] == LESSON
    shown = re.search(r'<video src="([^"]+)" controls></video>', found["outputs"]["answer"])
    assert shown is not None and "ready" in found["outputs"]["answer"]
    film = film_of(found, shown.group(1))
    assert (film["width"], film["height"]) == (1280, 720)
    # Two scenes that say the same 1.2 s (some of it silence), each with time before and after its words.
    assert 2 * (0.5 + 0.7) + 1.0 < film["seconds"] < 2 * (0.5 + 1.2 + 0.7) + 0.2


@pytest.mark.slow
def test_agent_of_workflow_nodes(plugin_folder: Path, tmp_path: Path) -> None:
    """The model decides, reads what its steps brought, also that one failed, and decides again."""
    ask = "Have her say good morning. Her photo: {portrait} please"
    steps = [
        {"action": "check_portrait", "portrait_url": "http://127.0.0.1:9/ada.jpg"},
        {"action": "check_portrait", "portrait_url": "{photo}"},
        {"action": "generate_talking_video", "portrait_url": "{photo}", "script": "Good morning."},
        {"action": "answer", "answer": "Here she is: <video src='{film}' controls></video>"},
    ]
    found = played(
        "agent-with-a-presenter.yml",
        tmp_path,
        plugin=str(plugin_folder),
        inputs={"query": ask},
        model_answers=steps,
    )
    calls = found["calls"]
    assert [call.get("tool", "model") for call in calls] == [
        *("model", "check_portrait", "model", "check_portrait", "model", "generate_talking_video", "model")
    ]
    prompts = [call["prompt"][0]["content"] for call in calls if "model" in call]
    assert "private network" not in prompts[0] and "private network" in prompts[1]
    assert "This portrait will do." in prompts[2] and "ready" in prompts[3]
    made = calls[5]["parameters"]
    assert made["script"] == "Good morning." and made["tts_model"]["voice"] == "alloy"
    shown = re.search(r"<video src='([^']+)' controls></video>", found["outputs"]["answer"])
    assert shown is not None
    film = film_of(found, shown.group(1))
    assert film["seconds"] == pytest.approx(1.2, abs=0.15) and film["width"] == film["height"] == 512


@pytest.mark.slow
def test_agent_app(start: Any, files: FileServer) -> None:
    """Function calling as Dify does it: the form's values, and strings from the model on top."""
    plugin: PluginProcess = start(FILES_URL=files.base)
    plugin.replies |= {"upload_file": taking_uploads(files), "tts": speech([encoded(spoken(1.0), "mp3")])}
    agent = yaml.safe_load((EXAMPLES / "agent-app.yml").read_text())["model_config"]["agent_mode"]
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
