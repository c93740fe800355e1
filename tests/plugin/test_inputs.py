"""What users, workflows and agents hand in, and the sentence each mistake gets. No film is made here."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from PIL import Image

from tests.plugin.daemon import PluginError, PluginProcess, file_parameter, speech
from tests.plugin.fileserver import FileServer
from tests.plugin.films import PORTRAIT
from tests.server.harness import picture, recording

GENERATE = "generate_talking_video"
TTS = {"provider": "openai", "model": "tts-1", "model_type": "tts", "voice": "alloy"}


def refused(plugin: PluginProcess, parameters: Mapping[str, Any], tool: str = GENERATE) -> str:
    """Return the sentence that a call is refused with."""
    with pytest.raises(PluginError) as caught:
        plugin.invoke(tool, parameters, seconds=60)
    assert caught.value.kind == "RuntimeProblem"
    return str(caught.value)


def portrait(files: FileServer, content: bytes = b"not a picture") -> dict[str, Any]:
    url = files.signed("face.png", content)
    return file_parameter(url, mime_type="image/png", filename="face.png", extension=".png", type="image")


@pytest.mark.parametrize("nothing", [None, [None], [], ""])
def test_no_audio_in_all_its_shapes(plugin: PluginProcess, files: FileServer, nothing: Any) -> None:
    sentence = refused(plugin, {"portrait": portrait(files), "audio": nothing})
    assert "Exactly one of audio and audio_url (with or without the script of what it says)" in sentence
    assert "is needed, but none of them was given" in sentence


@pytest.mark.parametrize("script", [None, "Hello."])
def test_several_audio_sources_are_named(
    plugin: PluginProcess, files: FileServer, script: str | None
) -> None:
    clip = [file_parameter(files.signed("a.mp3", b"x"))]
    given = {"audio": clip, "audio_url": "https://example.com/a.mp3", "script": script, "tts_model": TTS}
    assert "but both audio and audio_url were given" in refused(
        plugin, {"portrait": portrait(files), **given}
    )


def test_subtitles_need_a_script(plugin: PluginProcess, files: FileServer) -> None:
    given = {
        "portrait": portrait(files, picture()),
        "audio": [file_parameter(files.signed("a.wav", recording()))],
    }
    for choice in ("burned", "both"):
        assert f"subtitles is {choice}, but without a script" in refused(
            plugin, {**given, "subtitles": choice}
        )
    assert "one of sidecar, burned, both, off" in refused(plugin, {**given, "subtitles": "perhaps"})


def test_portrait_once(plugin: PluginProcess, files: FileServer) -> None:
    assert "0 files and no address were given" in refused(plugin, {"audio_url": "https://example.com/a.mp3"})
    both = {"portrait": portrait(files), "portrait_url": "https://example.com/face.png"}
    assert "1 files and an address were given" in refused(
        plugin, {**both, "audio_url": "https://example.com/a.mp3"}
    )


def test_relative_address_names_files_url(plugin: PluginProcess) -> None:
    given = {
        "portrait": file_parameter("/files/tools/1.png?sign=1"),
        "audio_url": "https://example.com/a.mp3",
    }
    assert "Set FILES_URL" in refused(plugin, given)
    assert "Set FILES_URL" in refused(
        plugin, {"portrait_url": "/files/tools/1.png", "audio_url": "https://e.com/a"}
    )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("expired/face.png", "no longer hands out face.png (HTTP 403): its signed address lasts 300 s"),
        ("gone/face.png", "HTTP 404"),
        ("login/face.png", "A web page came instead of face.png"),
        ("circle/face.png", "redirects in circles"),
        ("endless/face.png", "face.png is larger than 30 MB"),
    ],
)
def test_files_that_cannot_be_fetched(
    plugin: PluginProcess, files: FileServer, path: str, words: str
) -> None:
    given = file_parameter(f"{files.base}/{path}", filename="face.png", type="image")
    assert words in refused(plugin, {"portrait": given, "audio_url": "https://example.com/a.mp3"})


def test_unreachable_file_server(plugin: PluginProcess) -> None:
    given = file_parameter("http://127.0.0.1:9/files/face.png", filename="face.png", type="image")
    sentence = refused(plugin, {"portrait": given, "audio_url": "https://example.com/a.mp3"})
    assert "could not be fetched from 127.0.0.1:9" in sentence and "INTERNAL_FILES_URL" in sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"min_resolution": 100},
            "Option min_resolution is 100, but must be a whole number from 256 to 2048",
        ),
        ({"motion_scale": 9}, "Option motion_scale is 9, but must be a number from 0 to 2"),
        ({"int8": "perhaps"}, "Option int8 is perhaps, but must be on or off"),
        ({"wait_seconds": 5000}, "Option wait_seconds is 5000, but must be a number from 0 to 550"),
    ],
)
def test_options_out_of_range(plugin: PluginProcess, options: dict[str, Any], words: str) -> None:
    given = {"portrait_url": "https://example.com/face.png", "audio_url": "https://example.com/a.mp3"}
    assert words in refused(plugin, {**given, **options})


def test_script_without_a_voice(plugin: PluginProcess, files: FileServer) -> None:
    model = {"provider": "openai", "model": "tts-1", "model_type": "tts"}
    given = {"portrait": portrait(files), "script": "Hello.", "tts_model": model}
    assert "Option voice is empty" in refused(plugin, given)
    assert "no tts_model to speak it" in refused(plugin, {**given, "tts_model": {}})


def test_a_portrait_without_a_face_is_told_before_its_speech_is_paid_for(
    plugin: PluginProcess, files: FileServer
) -> None:
    spoken: list[Mapping[str, Any]] = []

    def speak(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        spoken.append(request)
        yield from speech([recording()])(request)

    plugin.replies["tts"] = speak
    given = {"script": "Hello, nobody.", "tts_model": TTS}
    assert "not a picture" in refused(plugin, {"portrait": portrait(files), **given})
    grey = io.BytesIO()
    Image.new("RGB", (256, 256), (128, 128, 128)).save(grey, "png")
    assert "No face was found" in refused(plugin, {"portrait": portrait(files, grey.getvalue()), **given})
    assert spoken == []


def test_unknown_voice_is_said_in_the_models_words(plugin: PluginProcess, files: FileServer) -> None:
    def refuse(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        raise ValueError(f"voice {request['voice']} does not exist")
        yield {}

    plugin.replies["tts"] = refuse
    given = {
        "portrait": portrait(files, PORTRAIT.read_bytes()),
        "script": "Hello.",
        "tts_model": TTS,
        "voice": "nobody",
    }
    assert "tts-1 could not speak the script with voice nobody: voice nobody does not exist" in refused(
        plugin, given
    )


def test_speech_that_breaks_off_is_not_used(plugin: PluginProcess, files: FileServer) -> None:
    def break_off(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        yield {"result": bytes(4000).hex()}
        raise ValueError("connection lost")

    plugin.replies["tts"] = break_off
    given = {"portrait": portrait(files, PORTRAIT.read_bytes()), "script": "Half of this.", "tts_model": TTS}
    assert "connection lost" in refused(plugin, given)
    plugin.replies["tts"] = speech([b'{"error": "quota exceeded"}'])
    # Nothing of the broken answer was kept: the model is asked again.
    assert "quota exceeded" in refused(plugin, given)


def test_strange_values_for_files(plugin: PluginProcess) -> None:
    sentence = refused(
        plugin, {"portrait": "https://example.com/face.png", "audio_url": "https://example.com/a.mp3"}
    )
    assert "A file was expected" in sentence and "portrait_url" in sentence


def test_job_ids_are_not_paths(plugin: PluginProcess) -> None:
    assert "is not a job id" in refused(plugin, {"job_id": "../healthz"}, "get_talking_video")


def test_nothing_but_the_protocol_on_stdout(plugin: PluginProcess) -> None:
    assert plugin.manifest is not None and plugin.manifest["name"] == "sonic_talking_video"
    assert plugin.strays == []
    assert plugin.process.poll() is None
