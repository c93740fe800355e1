"""Where films go, and what is said of one that is too large to go there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.plugin.conftest import KEY
from tests.plugin.daemon import PluginError, PluginProcess
from tests.plugin.fileserver import FileServer
from tests.plugin.films import audio, portrait, taking_uploads
from tests.server.harness import finished, post, service_of

GET = "get_talking_video"
MEGABYTE = 1024 * 1024


@pytest.fixture
def credentials(plugin: PluginProcess, files: FileServer, remote: str) -> dict[str, str]:
    plugin.replies["upload_file"] = taking_uploads(files)
    return {"runtime_url": remote, "runtime_api_key": KEY}


def made(client: httpx.Client, seed: int, megabytes: int) -> str:
    """A film of which the runtime says that it has so many megabytes."""
    client.headers["Authorization"] = f"Bearer {KEY}"
    job_id = str(finished(client, post(client, seed).json()["id"])["id"])
    service_of(client).store._change("UPDATE jobs SET bytes = ? WHERE id = ?", (megabytes * MEGABYTE, job_id))
    return job_id


def downloads(client: httpx.Client) -> list[str]:
    """What the runtime counts of films that were fetched."""
    text = service_of(client).metrics.text().decode()
    return [line for line in text.splitlines() if "_count" in line and '{video_id}/content"' in line]


def test_a_film_too_large_for_a_file_is_told_before_it_is_fetched(
    plugin: PluginProcess, credentials: dict[str, str], runtime_elsewhere: httpx.Client
) -> None:
    job_id, before = made(runtime_elsewhere, 50, 31), downloads(runtime_elsewhere)
    with pytest.raises(PluginError, match=rf"has 31 MB.*30 MB at most.*job_id {job_id} and output url"):
        plugin.invoke(GET, {"job_id": job_id, "output": "file"}, credentials=credentials)
    assert downloads(runtime_elsewhere) == before


def test_a_film_too_large_for_dify_stays_where_it_is_and_the_way_out_is_told(
    plugin: PluginProcess, credentials: dict[str, str], runtime_elsewhere: httpx.Client
) -> None:
    job_id, before = made(runtime_elsewhere, 60, 101), downloads(runtime_elsewhere)
    outcome = plugin.invoke(GET, {"job_id": job_id}, credentials=credentials)
    assert outcome.variables["video_url"].startswith(credentials["runtime_url"])
    (warning,) = outcome.variables["warnings"]
    assert "has 101 MB" in warning and "100 MB at most" in warning
    assert (
        f"object storage in the plugin's settings and call get_talking_video with job_id {job_id}" in warning
    )
    assert downloads(runtime_elsewhere) == before


def test_a_signed_link_is_handed_out_again_only_while_it_is_fresh(
    plugin: PluginProcess,
    plugin_folder: Path,
    files: FileServer,
    credentials: dict[str, str],
    runtime_elsewhere: httpx.Client,
) -> None:
    given = {"portrait": portrait(files), "audio": [audio(files, 0.5)]}
    outcome = plugin.invoke("generate_talking_video", given, credentials=credentials)
    job_id, url = outcome.variables["job_id"], outcome.variables["video_url"]
    (record,) = (plugin_folder / "state" / "published").glob(f"{job_id}-*.json")
    kept: dict[str, Any] = json.loads(record.read_text())
    # Viewers get most of the 300 s that Dify has signed it for.
    assert kept["until"] - record.stat().st_mtime <= 31
    record.write_text(json.dumps(kept | {"until": kept["until"] + 600}))
    assert plugin.invoke(GET, {"job_id": job_id}, credentials=credentials).variables["video_url"] == url
    record.write_text(json.dumps(kept | {"until": kept["until"] - 600}))
    assert plugin.invoke(GET, {"job_id": job_id}, credentials=credentials).variables["video_url"] != url
