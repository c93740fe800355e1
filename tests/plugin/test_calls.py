"""What a call does when its runtime is lost, its film has to wait, or its own time is too short."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.plugin.conftest import KEY
from tests.plugin.daemon import Outcome, PluginError, PluginProcess, speech
from tests.plugin.fileserver import FileServer
from tests.plugin.films import TTS, audio, encoded, portrait, spoken, taking_uploads
from tests.plugin.proxy import Proxy
from tests.server.harness import running, wait_for

GENERATE, GET = "generate_talking_video", "get_talking_video"
TOOLS = Path(__file__).resolve().parents[2] / "plugin" / "tools"
PATIENCE = 60.0


@pytest.fixture
def given(plugin: PluginProcess, files: FileServer) -> dict[str, Any]:
    """Parameters of a film, and Dify's own files to put it into."""
    plugin.replies["upload_file"] = taking_uploads(files)
    return {"portrait": portrait(files), "audio": [audio(files, 0.5)]}


@pytest.fixture
def proxy(remote: str) -> Iterator[Proxy]:
    with Proxy(remote) as proxy:
        yield proxy


def through(proxy: Proxy) -> dict[str, str]:
    return {"runtime_url": proxy.base, "runtime_api_key": KEY}


def test_a_runtime_lost_for_a_moment_costs_nothing(
    plugin: PluginProcess, proxy: Proxy, given: dict[str, Any]
) -> None:
    proxy.faults = [502, proxy.HANG_UP, 504]
    outcome = plugin.invoke(GENERATE, {**given, "seed": 10}, credentials=through(proxy))
    assert proxy.faults == [] and outcome.variables["status"] == "completed"
    assert outcome.variables["warnings"][:-1] == []  # the last is Dify's, on its links
    proxy.faults = [503]
    again = plugin.invoke(GET, {"job_id": outcome.variables["job_id"]}, credentials=through(proxy))
    assert again.variables["status"] == "completed"


def test_a_runtime_that_stays_lost_leaves_the_job_id(
    plugin: PluginProcess, proxy: Proxy, given: dict[str, Any]
) -> None:
    proxy.faults = [502] * 100
    outcome = plugin.invoke(
        GENERATE, {**given, "seed": 20, "wait_seconds": 3}, credentials=through(proxy), seconds=PATIENCE
    )
    assert outcome.variables["status"] in ("queued", "in_progress")
    assert outcome.variables["job_id"].startswith("video_")
    assert any("HTTP 502" in warning for warning in outcome.variables["warnings"])
    assert "HTTP 502" in outcome.texts[-1] and outcome.variables["job_id"] in outcome.texts[-1]
    proxy.faults = []
    with pytest.raises(PluginError, match="There is no video"):
        plugin.invoke(GET, {"job_id": "video_unknown"}, credentials=through(proxy))


def test_why_a_film_waits_is_told(plugin: PluginProcess, given: dict[str, Any], tmp_path: Path) -> None:
    bucket: dict[str, Any] = {"s3_endpoint": "http://127.0.0.1:9", "s3_access_key": "a", "s3_secret_key": "s"}
    with running(tmp_path / "state", storage="s3", **bucket) as client:
        credentials = {"runtime_url": str(client.base_url).rstrip("/")}
        job_id = plugin.invoke(GENERATE, {**given, "wait_seconds": 0}, credentials=credentials).variables[
            "job_id"
        ]
        wait_for(lambda: client.get(f"/v1/videos/{job_id}").json()["notice"] is not None, PATIENCE)
        outcome = plugin.invoke(GET, {"job_id": job_id, "wait_seconds": 0}, credentials=credentials)
    (warning,) = outcome.variables["warnings"]
    assert "The film is kept and stored later." in warning
    assert warning in outcome.texts[-1] and outcome.objects[-1]["warnings"] == [warning]


@pytest.mark.parametrize("tool", [GENERATE, GET])
def test_every_declared_output_is_there(
    plugin: PluginProcess, remote: str, given: dict[str, Any], tool: str
) -> None:
    credentials = {"runtime_url": remote, "runtime_api_key": KEY}
    outcome = plugin.invoke(GENERATE, {**given, "seed": 30}, credentials=credentials)
    if tool == GET:
        outcome = plugin.invoke(GET, {"job_id": outcome.variables["job_id"]}, credentials=credentials)
    declared = yaml.safe_load((TOOLS / f"{tool}.yaml").read_text())["output_schema"]["properties"]
    assert set(declared) <= set(outcome.variables)
    assert outcome.variables["chapters"] == outcome.variables["scenes"] == []


def test_signs_of_life_while_a_script_is_spoken(
    plugin: PluginProcess, remote: str, files: FileServer, given: dict[str, Any]
) -> None:
    released, waited = threading.Event(), []

    def speak(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        waited.append(released.wait(PATIENCE))
        yield from speech([encoded(spoken(0.5), "wav")])(request)

    plugin.replies["tts"] = speak
    asked = {"portrait": given["portrait"], "script": "Slowly spoken.", "tts_model": TTS}
    outcome = Outcome()
    credentials = {"runtime_url": remote, "runtime_api_key": KEY}
    for message in plugin.stream(GENERATE, asked, credentials=credentials):
        released.set()
        outcome.messages.append(message)
    assert waited == [True] and outcome.progress[0] == 0.0
    assert outcome.variables["status"] == "completed"


@pytest.fixture(scope="module")
def hasty(plugin_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginProcess]:
    """A plugin in a Dify that gives up an agent's call after twenty seconds, and does not wait long for speech."""
    folder = tmp_path_factory.mktemp("hasty") / "plugin"
    shutil.copytree(plugin_folder, folder, ignore=shutil.ignore_patterns("state"))
    clock = (folder / "plugin" / "clock.py").read_text()
    for name, seconds in (("AGENT_SECONDS", 20.0), ("WAIT_SECONDS", 30.0)):
        clock, found = re.subn(rf"^{name} = [\d.]+", f"{name} = {seconds}", clock, flags=re.MULTILINE)
        assert found == 1
    (folder / "plugin" / "clock.py").write_text(clock)
    process = PluginProcess(folder)
    process.wait_until_up(240)
    yield process
    process.stop()


def test_a_film_for_which_time_is_too_short_is_delivered_by_the_next_call(
    hasty: PluginProcess,
    remote: str,
    files: FileServer,
    given: dict[str, Any],
    runtime_elsewhere: httpx.Client,
) -> None:
    hasty.replies["upload_file"] = taking_uploads(files)
    credentials = {"runtime_url": remote, "runtime_api_key": KEY}
    uploads = len(files.uploads)
    outcome = hasty.invoke(GENERATE, {**given, "seed": 40, "wait_seconds": 30}, credentials=credentials)
    assert (outcome.variables["status"], outcome.variables["video_url"]) == ("in_progress", "")
    assert "The film is made" in outcome.texts[-1] and len(files.uploads) == uploads
    asked = {"job_id": outcome.variables["job_id"], "wait_seconds": 300}
    later = hasty.invoke(GET, asked, credentials=credentials)
    assert later.variables["status"] == "completed" and later.variables["video_url"].startswith(files.base)


def test_speech_that_takes_too_long_is_there_for_the_next_call(
    hasty: PluginProcess, remote: str, files: FileServer, given: dict[str, Any]
) -> None:
    released, asked = threading.Event(), []

    def speak(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        asked.append(request)
        released.wait(PATIENCE)
        yield from speech([encoded(spoken(0.5), "wav")])(request)

    hasty.replies["tts"] = speak
    parameters = {
        "portrait": given["portrait"],
        "script": "Very slowly spoken.",
        "tts_model": TTS,
        "wait_seconds": 0,
    }
    credentials = {"runtime_url": remote, "runtime_api_key": KEY}
    outcome = hasty.invoke(GENERATE, parameters, credentials=credentials)
    assert (outcome.variables["status"], outcome.variables["job_id"]) == ("in_progress", "")
    assert "The script is still being spoken. Call this tool again" in outcome.texts[-1]
    released.set()
    while not outcome.variables["job_id"]:
        outcome = hasty.invoke(GENERATE, parameters, credentials=credentials)
    assert len(asked) == 1
