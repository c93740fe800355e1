"""Saving credentials checks them for real: a runtime that answers, a bucket that takes and gives."""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import KEY
from tests.plugin.daemon import PluginError, PluginProcess
from tests.plugin.fileserver import FileServer
from tests.plugin.films import audio, portrait, taking_uploads
from tests.storage import ceph

LIMIT = 15.0


@pytest.fixture(scope="module")
def bucket(s3_server: ceph.S3Server) -> dict[str, str]:
    """Credentials of a real S3 server."""
    return {
        "s3_endpoint": f"http://{s3_server.endpoint}",
        "s3_bucket": "plugin-films",
        "s3_access_key": ceph.ACCESS_KEY,
        "s3_secret_key": ceph.SECRET_KEY,
        "s3_prefix": "films",
        "s3_link_days": "1",
    }


def refusal(plugin: PluginProcess, credentials: dict[str, Any]) -> str:
    """The sentence that credentials are refused with, within the time that the form may take."""
    began = time.monotonic()
    with pytest.raises(PluginError) as caught:
        plugin.validate(credentials)
    assert time.monotonic() - began < LIMIT
    assert caught.value.kind == "ToolProviderCredentialValidationError"
    return str(caught.value)


def test_a_runtime_elsewhere(plugin: PluginProcess, remote: str) -> None:
    assert plugin.validate({"runtime_url": remote, "runtime_api_key": KEY})
    assert "Field runtime_api_key: The runtime refused" in refusal(
        plugin, {"runtime_url": remote, "runtime_api_key": "a-wrong-key"}
    )


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://sonic.invalid:8100"])
def test_a_runtime_that_is_not_there(plugin: PluginProcess, address: str) -> None:
    assert f"Field runtime_url: The runtime at {address} does not answer" in refusal(
        plugin, {"runtime_url": address}
    )


def test_something_else_at_the_runtimes_address(plugin: PluginProcess, files: FileServer) -> None:
    assert "in a form that this plugin does not know" in refusal(
        plugin, {"runtime_url": f"{files.base}/login"}
    )


def test_storage_takes_and_gives(plugin: PluginProcess, remote: str, bucket: dict[str, str]) -> None:
    runtime = {"runtime_url": remote, "runtime_api_key": KEY}
    assert plugin.validate({**runtime, **bucket})
    wrong = {
        "s3_secret_key": ("wrong", "Field s3_secret_key"),
        "s3_access_key": ("nobody", "Field s3_access_key"),
        "s3_endpoint": ("http://127.0.0.1:9", "Field s3_endpoint"),
        "s3_public_endpoint": (
            "http://127.0.0.1:9",
            "Field s3_public_endpoint: the signed link cannot be reached",
        ),
        "s3_bucket": ("", "Field s3_bucket is empty"),
    }
    for field, (value, words) in wrong.items():
        assert words in refusal(plugin, {**runtime, **bucket, field: value}), field


def test_a_film_goes_into_the_workspaces_bucket(
    plugin: PluginProcess, files: FileServer, remote: str, bucket: dict[str, str]
) -> None:
    """And the link is for its public endpoint, stays the same film when asked again, and needs no key."""
    credentials = {"runtime_url": remote, "runtime_api_key": KEY, **bucket}
    given = {"portrait": portrait(files), "audio": [audio(files, 0.5)], "script": "Hello, world!"}
    outcome = plugin.invoke("generate_talking_video", given, credentials=credentials, seconds=120)
    url = outcome.variables["video_url"]
    assert url.startswith(f"{bucket['s3_endpoint']}/plugin-films/films/{outcome.variables['job_id']}.mp4?")
    assert "X-Amz-Expires=86400" in url
    with urllib.request.urlopen(url) as answer:
        assert answer.headers["Content-Type"] == "video/mp4"
        assert 'filename="talking-video-' in answer.headers["Content-Disposition"]
        content = answer.read()
    assert content[4:8] == b"ftyp"
    assert f"/films/{outcome.variables['job_id']}.srt?" in outcome.variables["subtitles_url"]
    with urllib.request.urlopen(outcome.variables["subtitles_url"]) as answer:
        assert answer.headers["Content-Type"] == "application/x-subrip; charset=utf-8"
        assert 'filename="talking-video-' in answer.headers["Content-Disposition"]
        assert "Hello, world!" in answer.read().decode()
    with urllib.request.urlopen(outcome.variables["subtitles_vtt_url"]) as answer:
        assert answer.read().startswith(b"WEBVTT")
    again = plugin.invoke(
        "get_talking_video", {"job_id": outcome.variables["job_id"]}, credentials=credentials, seconds=60
    )
    assert again.variables["video_url"].partition("?")[0] == url.partition("?")[0]


def test_without_storage_a_film_goes_into_difys_files_else_stays_where_it_is(
    plugin: PluginProcess, files: FileServer, remote: str
) -> None:
    plugin.replies["upload_file"] = taking_uploads(files)
    credentials = {"runtime_url": remote, "runtime_api_key": KEY}
    given = {"portrait": portrait(files), "audio": [audio(files, 0.6)], "script": "Hello, world!"}
    outcome = plugin.invoke("generate_talking_video", given, credentials=credentials, seconds=120)
    assert outcome.variables["video_url"].startswith(files.base)
    with urllib.request.urlopen(outcome.variables["subtitles_url"]) as answer:
        assert "Hello, world!" in answer.read().decode()
    assert outcome.variables["subtitles_vtt_url"].startswith(files.base)
    other = {"portrait": portrait(files), "audio": [audio(files, 0.4)], "subtitles": "sidecar"}
    with files.refusing(500):
        outcome = plugin.invoke("generate_talking_video", other, credentials=credentials, seconds=120)
    url = outcome.variables["video_url"]
    assert url.startswith(f"{remote}/v1/videos/") and "signature=" in url
    assert outcome.variables["subtitles_url"] == ""  # there was no script
    assert any("could not be put into Dify's files" in warning for warning in outcome.variables["warnings"])
    with urllib.request.urlopen(url) as answer:
        assert answer.read(8)[4:8] == b"ftyp"


def test_a_film_that_fails_says_why(plugin: PluginProcess, files: FileServer, remote: str) -> None:
    credentials = {"runtime_url": remote, "runtime_api_key": KEY}
    given = {"portrait": portrait(files), "audio": [audio(files, 0.5)], "seed": 3}
    with pytest.raises(PluginError, match=r"No face was found\. Try another\."):
        plugin.invoke("generate_talking_video", given, credentials=credentials, seconds=120)


def test_the_state_folder_is_the_plugins_own(plugin: PluginProcess, plugin_folder: Path) -> None:
    plugin.warm_up()
    assert (plugin_folder / "state" / "runtime").stat().st_mode & 0o077 == 0
