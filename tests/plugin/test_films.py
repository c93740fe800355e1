"""Films made through the plugin's real process and its bundled runtime, as workflows and agents have them made."""

from __future__ import annotations

import base64
import io
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from runtime.media.audio import ANALYSIS_RATE, AudioFile
from tests.plugin.conftest import KEY
from tests.plugin.daemon import Outcome, PluginError, PluginProcess, file_parameter, speech
from tests.plugin.fileserver import FileServer
from tests.plugin.films import (
    PORTRAIT,
    SMALL,
    TTS,
    audio,
    encoded,
    film_at,
    portrait,
    spoken,
    taking_uploads,
)
from tests.server.harness import service_of

pytestmark = pytest.mark.slow
GENERATE, GET = "generate_talking_video", "get_talking_video"


@pytest.fixture
def made(plugin: PluginProcess, files: FileServer) -> Callable[..., Outcome]:
    """Calls a tool, with Dify's own files to put films into."""
    plugin.replies["upload_file"] = taking_uploads(files)

    def call(parameters: Mapping[str, Any], tool: str = GENERATE) -> Outcome:
        given = {**SMALL, **parameters}
        if given["wait_seconds"] == 0 or tool == "check_portrait":
            return plugin.invoke(tool, given, seconds=400)
        return plugin.film(given, tool)

    return call


@pytest.fixture
def passed(plugin: PluginProcess, files: FileServer, remote: str) -> Callable[..., Outcome]:
    """The same at a runtime elsewhere whose engine is a double: for what the plugin does with inputs and films."""
    plugin.replies["upload_file"] = taking_uploads(files)

    def call(parameters: Mapping[str, Any]) -> Outcome:
        credentials = {"runtime_url": remote, "runtime_api_key": KEY}
        return plugin.film({**SMALL, **parameters}, credentials=credentials)

    return call


def child_of(pid: int, word: bytes = b"serve") -> int | None:
    """The child of a process with a word on its command line: the runtime that a plugin started."""
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        if fields[1] == str(pid) and word in words:
            return int(entry.name)
    return None


def gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


def test_a_film_from_two_files(made: Callable[..., Outcome], files: FileServer) -> None:
    outcome = made({"portrait": portrait(files), "audio": [audio(files, 1.2), audio(files, 1.0, 2.0)]})
    variables = outcome.variables
    film = film_at(variables["video_url"])
    assert film["codec"] == "h264"
    assert (film["width"], film["height"]) == (variables["width"], variables["height"])
    assert min(film["width"], film["height"]) == 256
    # Both clips with a short pause between them; sound and picture end together.
    assert 2.2 <= film["seconds"] <= 3.0 and film["seconds"] == pytest.approx(variables["duration"], abs=0.05)
    assert film["sound_seconds"] == pytest.approx(film["seconds"], abs=0.08)
    assert variables["status"] == "completed" and variables["progress"] == 1.0
    assert outcome.objects[-1]["job_id"] == variables["job_id"]
    assert variables["video_url"] in outcome.texts[-1]
    assert outcome.progress == sorted(outcome.progress)


def test_one_file_that_is_no_list(passed: Callable[..., Outcome], files: FileServer) -> None:
    assert (
        passed({"portrait": portrait(files), "audio": audio(files, 0.8)}).variables["status"] == "completed"
    )


def test_long_work_goes_on_and_is_joined(made: Callable[..., Outcome], files: FileServer) -> None:
    given = {"portrait": portrait(files), "audio": [audio(files, 1.1, 1.0)], "wait_seconds": 0}
    first = made(given)
    assert first.variables["status"] in ("queued", "in_progress")
    assert first.variables["video_url"] == "" and first.variables["duration"] == 0
    assert f"get_talking_video with job_id {first.variables['job_id']}" in first.texts[0]
    # The signed address has changed, the bytes have not: the same job.
    again = made({**given, "portrait": portrait(files)})
    assert again.variables["job_id"] == first.variables["job_id"]
    done = made({"job_id": first.variables["job_id"]}, GET)
    assert done.variables["status"] == "completed"
    assert film_at(done.variables["video_url"])["seconds"] == pytest.approx(1.1, abs=0.1)
    assert made(given).variables["video_url"] == done.variables["video_url"]


@pytest.mark.parametrize("form", ["mp3", "wav", "raw"])
def test_a_script_is_spoken_once(
    passed: Callable[..., Outcome],
    plugin: PluginProcess,
    files: FileServer,
    runtime_elsewhere: httpx.Client,
    form: str,
) -> None:
    """And it reaches the runtime with its speech, so that the lips follow it."""
    sound = encoded(spoken(1.3, 0.5), form)
    asked: list[Mapping[str, Any]] = []

    def speak(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        asked.append(request)
        yield from speech([sound[:1000], sound[1000:]])(request)

    plugin.replies["tts"] = speak
    given = {
        "portrait": portrait(files),
        "script": f"A sentence as {form}.",
        "tts_model": TTS,
        "voice": "nova",
    }
    first = passed(given)
    service = service_of(runtime_elsewhere)
    job = service.find(first.variables["job_id"])
    assert job.inputs is not None and job.request.script == given["script"]
    (clip,) = job.request.audio
    heard = sum(len(block) for block in AudioFile.open(service.folder.inputs / job.inputs / clip).mono())
    assert heard / ANALYSIS_RATE == pytest.approx(1.3, abs=0.15)
    assert first.variables["subtitles_url"].startswith(files.base)
    assert passed(given).variables["job_id"] == first.variables["job_id"]
    assert [(one["provider"], one["model"], one["voice"]) for one in asked] == [("openai", "tts-1", "nova")]


def test_a_film_as_a_file(passed: Callable[..., Outcome], files: FileServer) -> None:
    given = {"portrait": portrait(files), "audio": [audio(files, 0.8)], "script": "Hello, world!"}
    outcome = passed({**given, "output": "file"})
    contents: dict[str, bytes] = {}
    for message in outcome.messages:
        if message["type"] == "blob_chunk":
            chunk = message["message"]
            contents[chunk["id"]] = contents.get(chunk["id"], b"") + base64.b64decode(chunk["blob"])
            assert not chunk["end"] or len(contents[chunk["id"]]) == chunk["total_length"]
    film, srt, vtt = contents.values()
    container: Any
    with av.open(io.BytesIO(film)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 6
    assert b"Hello, world!" in srt and vtt.startswith(b"WEBVTT")
    assert outcome.variables["video_url"] == outcome.variables["subtitles_url"] == ""


def test_dify_takes_no_files(made: Callable[..., Outcome], files: FileServer) -> None:
    with (
        files.refusing(413),
        pytest.raises(PluginError, match=r"Dify did not take the film: .*413.*object storage"),
    ):
        made({"portrait": portrait(files), "audio": [audio(files, 0.7)]})


def test_files_that_are_something_else(made: Callable[..., Outcome], files: FileServer) -> None:
    """Names and kinds are not believed, contents are."""
    text = file_parameter(
        files.signed("face.png", b"P6 256 256 255 is no picture we know"), filename="face.png"
    )
    with pytest.raises(PluginError, match="not a picture"):
        made({"portrait": text, "audio": [audio(files, 0.7)]})
    with pytest.raises(PluginError, match="is a picture, not sound"):
        made({"portrait": portrait(files), "audio": [portrait(files)]})


def test_check_portrait(made: Callable[..., Outcome], files: FileServer) -> None:
    good = made({"portrait": portrait(files)}, "check_portrait")
    assert good.variables["usable"] == "yes" and "will do" in good.texts[0]
    assert good.objects[0]["face_count"] == 1 and set(good.objects[0]["pose_degrees"]) == {
        "yaw",
        "pitch",
        "roll",
    }


def test_preview_shows_scales_side_by_side(made: Callable[..., Outcome], files: FileServer) -> None:
    given = {"portrait": portrait(files), "audio": [audio(files, 1.5)], "preview_seconds": 1}
    outcome = made({**given, "dynamic_scales": "0.7, 1.3", "motion_scales": "0, 1"}, "preview_talking_video")
    film = film_at(outcome.variables["video_url"])
    assert film["seconds"] == pytest.approx(1.0, abs=0.1)
    with_one = made({**given, "dynamic_scales": "1", "motion_scales": "1"}, "preview_talking_video")
    one = film_at(with_one.variables["video_url"])
    assert (film["width"], film["height"]) == (2 * one["width"], 2 * one["height"])


def test_an_agent_gives_strings_only(start: Callable[..., PluginProcess], files: FileServer) -> None:
    plugin = start(FILES_URL=files.base)  # Dify's own files may be fetched though their host is private
    plugin.replies |= {
        "upload_file": taking_uploads(files),
        "tts": speech([encoded(spoken(1.0), "mp3")]),
    }
    address = files.signed("face.jpg", PORTRAIT.read_bytes())
    # What an agent's form adds by itself: defaults of every field that the model did not fill.
    form = {"tts_model": TTS, "int8": "on", "framing": "full", "lip_alignment": "on", "seed": 0, "fps": 25}
    given = {"portrait_url": address, "script": "Hello, I am an agent.", "voice": "", "duration": 0}
    outcome = plugin.film({**SMALL, **form, **given})
    assert film_at(outcome.variables["video_url"])["seconds"] == pytest.approx(1.0, abs=0.15)
    assert not [message for message in outcome.messages if message["type"].startswith("blob")]


def test_addresses_inside_are_refused(made: Callable[..., Outcome], files: FileServer) -> None:
    address = files.signed("inside.jpg", PORTRAIT.read_bytes())
    with pytest.raises(PluginError, match=r"127\.0\.0\.1"):
        made({"portrait_url": address, "audio": [audio(files, 0.7)]})
    assert address.removeprefix(files.base) not in files.requests


def test_two_calls_at_once_start_one_runtime(start: Callable[..., PluginProcess], files: FileServer) -> None:
    plugin = start()
    plugin.replies["upload_file"] = taking_uploads(files)
    outcomes: list[Outcome] = []

    def call(start: float) -> None:
        given = {**SMALL, "portrait": portrait(files), "audio": [audio(files, 0.6, start)], "wait_seconds": 0}
        outcomes.append(plugin.invoke(GENERATE, given, seconds=120))

    calls = [threading.Thread(target=call, args=(begin,)) for begin in (0.0, 1.0)]
    for thread in calls:
        thread.start()
    for thread in calls:
        thread.join()
    assert len({outcome.variables["job_id"] for outcome in outcomes}) == 2
    assert sum("started the runtime" in line for line in plugin.logs) == 1


def test_a_runtime_that_dies_is_replaced_and_the_film_is_made(
    start: Callable[..., PluginProcess], files: FileServer
) -> None:
    plugin = start()
    plugin.replies["upload_file"] = taking_uploads(files)
    given = {**SMALL, "portrait": portrait(files), "audio": [audio(files, 3.0)]}
    given["wait_seconds"], killed = 550, False
    outcome = Outcome()
    for message in plugin.stream(GENERATE, given, seconds=600):
        outcome.messages.append(message)
        runtime = child_of(plugin.process.pid)
        if not killed and runtime is not None:
            os.kill(runtime, signal.SIGKILL)
            killed = True
    assert killed and outcome.variables["status"] == "completed"
    assert film_at(outcome.variables["video_url"])["seconds"] == pytest.approx(3.0, abs=0.1)


def test_the_runtime_ends_with_the_plugin(start: Callable[..., PluginProcess]) -> None:
    plugin = start()
    plugin.warm_up()
    runtime = child_of(plugin.process.pid)
    assert runtime is not None
    plugin.process.kill()
    assert gone(runtime, 15)


def test_the_plugin_ends_with_its_daemon(start: Callable[..., PluginProcess]) -> None:
    """The daemon is gone without a word; it is played by a shell here that started the plugin."""
    shell = start(("sh", "-c", 'exec 3<&0; "$@" <&3 & wait', "sh"))
    shell.warm_up()
    plugin = child_of(shell.process.pid, b"main")
    assert plugin is not None
    runtime = child_of(plugin)
    assert runtime is not None
    shell.process.kill()
    assert gone(plugin, 10) and gone(runtime, 15)


def test_two_plugin_processes_share_a_runtime(start: Callable[..., PluginProcess]) -> None:
    """Dify may run several of a plugin in one folder; when the one that started the runtime ends, another does."""
    first, second = start(), start()
    first.warm_up()
    second.warm_up()
    assert child_of(first.process.pid) is not None and child_of(second.process.pid) is None
    first.process.kill()
    time.sleep(1)
    second.warm_up()
    assert child_of(second.process.pid) is not None


def test_heartbeats_go_on_while_a_minute_is_rendered(plugin: PluginProcess, files: FileServer) -> None:
    """One beat a second is asked for here; none may be late by more than 2 s."""
    plugin.replies["upload_file"] = taking_uploads(files)
    given = {"portrait": portrait(files), "audio": [audio(files, 8.0)], "duration": 60, "wait_seconds": 550}
    began = time.monotonic()
    outcome = plugin.film({**SMALL, **given})
    lasted = time.monotonic() - began
    assert plugin.longest_silence(began) < 3.0
    assert film_at(outcome.variables["video_url"])["seconds"] == pytest.approx(60, abs=0.2)
    assert outcome.progress == sorted(outcome.progress) and outcome.progress[-1] == 1
    assert len(outcome.progress) >= max(2, lasted / 6), (
        "one word of progress every three seconds, and some grace"
    )
