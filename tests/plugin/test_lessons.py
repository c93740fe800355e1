"""Lessons made through the plugin's real process, spoken by espeak-ng behind the reverse text-to-speech call."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.daemon import Outcome, PluginError, PluginProcess
from tests.plugin.fileserver import FileServer
from tests.plugin.films import PORTRAIT, TTS, film_at, portrait, taking_uploads

NARRATE = "narrate_lesson"
SCRIPT = (
    "# Light\n\n- Waves\n\nNarration: Light is a wave.\n\n"
    "# Colour\n\nNarration: Red is long. [pause 500ms] Blue is short.\n"
)


class Speaker:
    """A text-to-speech model: espeak-ng, which can be told to fail."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.said: list[str] = []

    def __call__(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the quota is used up")
        self.said.append(request["content_text"])
        with tempfile.NamedTemporaryFile(suffix=".wav") as sound:
            words = ["espeak-ng", "--stdin", "-w", sound.name]
            subprocess.run(words, input=request["content_text"].encode(), check=True)
            content = Path(sound.name).read_bytes()
        yield {"result": content[:5000].hex()}
        yield {"result": content[5000:].hex()}


def refused(plugin: PluginProcess, parameters: Mapping[str, Any]) -> str:
    with pytest.raises(PluginError) as caught:
        plugin.invoke(NARRATE, parameters, seconds=60)
    assert caught.value.kind == "RuntimeProblem"
    return str(caught.value)


def test_what_is_wrong_is_told_before_anything_is_spoken(plugin: PluginProcess, files: FileServer) -> None:
    speaker = Speaker()
    plugin.replies["tts"] = speaker
    given = {"portrait": portrait(files), "script": SCRIPT, "tts_model": TTS}
    assert "Option script is empty" in refused(plugin, {**given, "script": " "})
    assert "Line 3 of the script" in refused(plugin, {**given, "script": "# One\n\n[pause 500s] words\n"})
    assert "no tts_model to speak it" in refused(plugin, {**given, "tts_model": {}})
    assert "Option layout is top, but must be one of corner, side, full" in refused(
        plugin, {**given, "layout": "top"}
    )
    assert "Option fps is 99" in refused(plugin, {**given, "fps": 99})
    assert "Exactly one of portrait and portrait_url" in refused(plugin, {**given, "portrait": None})
    both = {"slides": [portrait(files)], "slides_url": "https://example.com/a.pdf"}
    assert "either slides or slides_url" in refused(plugin, {**given, **both})
    full = SCRIPT.replace(
        "- Waves\n", "- Waves that are long and waves that are short, and all between\n" * 40
    )
    assert "Line 1 of the script: the slide of this scene holds more" in refused(
        plugin, {**given, "script": full}
    )
    assert speaker.said == []


def test_a_voice_that_keeps_failing_is_told_in_its_words(plugin: PluginProcess, files: FileServer) -> None:
    plugin.replies["tts"] = Speaker(failures=100)
    said = refused(plugin, {"portrait": portrait(files), "script": SCRIPT, "tts_model": TTS})
    assert "tts-1 could not speak" in said and "quota is used up" in said


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed here")
def test_an_agent_s_script_becomes_a_lesson(start: Any, files: FileServer) -> None:
    """Strings only go in. A changed sentence is the only one that is spoken again, its scene the only one rendered."""
    plugin = start(FILES_URL=files.base)
    speaker = Speaker(failures=1)
    plugin.replies |= {"upload_file": taking_uploads(files), "tts": speaker}
    form = {"tts_model": TTS, "fps": 12, "resolution": "720", "subtitles": "sidecar", "theme": "auto"}
    given = {**form, "portrait_url": files.signed("face.jpg", PORTRAIT.read_bytes()), "script": SCRIPT}

    outcome = narrated(plugin, {**given, "wait_seconds": 0})
    assert sorted(speaker.said) == ["Blue is short.", "Light is a wave.", "Red is long."]
    variables = outcome.variables
    film = film_at(variables["video_url"])
    assert (film["width"], film["height"]) == (1280, 720)
    assert film["sound_seconds"] == pytest.approx(film["seconds"], abs=0.1)
    chapters = variables["chapters"]
    assert [one["title"] for one in chapters] == ["Light", "Colour"]
    assert chapters[-1]["end"] == pytest.approx(film["seconds"], abs=0.1)
    assert [one["reused"] for one in variables["scenes"]] == [False, False]
    shown = urllib.request.urlopen(variables["subtitles_url"], timeout=30).read().decode()
    assert "Light is a wave." in shown and "Blue is short." in shown
    assert urllib.request.urlopen(variables["subtitles_vtt_url"], timeout=30).read().startswith(b"WEBVTT")
    assert outcome.objects[-1]["chapters"] == chapters and variables["video_url"] in outcome.texts[-1]

    speaker.said.clear()
    assert narrated(plugin, given).variables["job_id"] == variables["job_id"]
    assert speaker.said == []
    changed = narrated(plugin, {**given, "script": SCRIPT.replace("short", "very short")})
    assert speaker.said == ["Blue is very short."]
    assert [one["reused"] for one in changed.variables["scenes"]] == [True, False]


def narrated(plugin: PluginProcess, parameters: Mapping[str, Any]) -> Outcome:
    return plugin.film(parameters, NARRATE)
