"""The service with a real S3 server that goes away and comes back; see tests/storage/ceph.py."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import av
import httpx
import pytest

from tests.server.harness import ServerProcess, finished, post, wait_for
from tests.storage import ceph

# Seconds that the storage is away; the full demonstration takes 60.
OUTAGE = float(os.environ.get("SONIC_TEST_OUTAGE", "3"))


@pytest.fixture
def server(s3_server: ceph.S3Server, tmp_path: Path) -> Iterator[ServerProcess]:
    environment = {
        **os.environ,
        "SONIC_STORAGE": "s3",
        "SONIC_S3_ENDPOINT": f"http://{s3_server.endpoint}",
        # Links are for viewers, who know the server by another name.
        "SONIC_S3_PUBLIC_ENDPOINT": f"http://localhost:{s3_server.port}",
        "SONIC_S3_ACCESS_KEY": ceph.ACCESS_KEY,
        "SONIC_S3_SECRET_KEY": ceph.SECRET_KEY,
        "SONIC_S3_BUCKET": f"films-{tmp_path.name.replace('_', '-').lower()[:40]}",
        "SONIC_S3_CREATE_BUCKET": "1",
        "SONIC_S3_PREFIX": "made",
    }
    server = ServerProcess(tmp_path / "state", "--seconds", "0.3", environment=environment)
    yield server
    if server.process is not None and server.process.poll() is None:
        server.kill()


def assert_plays(link: str, folder: Path) -> None:
    film = folder / "film.mp4"
    answer = httpx.get(link, follow_redirects=True)
    assert answer.status_code == 200
    film.write_bytes(answer.content)
    with av.open(str(film)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 6


def test_films_go_to_the_bucket_and_the_link_is_for_viewers(
    server: ServerProcess, s3_server: ceph.S3Server, tmp_path: Path
) -> None:
    server.start()
    job = finished(server.client, post(server.client, script="Hello, world!").json()["id"])
    assert job["url"].startswith(f"http://localhost:{s3_server.port}/films-")
    assert "/made/" in job["url"]
    answer = httpx.get(job["url"])
    assert answer.headers["Content-Disposition"] == 'inline; filename="lovelace-hello.mp4"'
    assert_plays(job["url"], tmp_path)
    content = server.client.get(f"/v1/videos/{job['id']}/content")
    assert (content.status_code, content.headers["Cache-Control"]) == (307, "no-store")
    assert_plays(content.headers["Location"], tmp_path)
    subtitles = httpx.get(job["subtitles_url"])
    assert subtitles.headers["Content-Type"] == "application/x-subrip; charset=utf-8"
    assert subtitles.headers["Content-Disposition"] == 'inline; filename="lovelace-hello.srt"'
    assert "Hello, world!" in subtitles.text
    assert httpx.get(job["subtitles_vtt_url"]).text.startswith("WEBVTT\n")
    assert server.client.get(f"/v1/videos/{job['id']}/subtitles.srt").status_code == 307
    assert list((server.state / "store").iterdir()) == []
    assert list((server.state / "work").iterdir()) == []
    server.client.delete(f"/v1/videos/{job['id']}")
    stored = [job[name] for name in ("url", "subtitles_url", "subtitles_vtt_url")]
    wait_for(lambda: all(httpx.get(link).status_code == 404 for link in stored))


def test_the_storage_goes_away_in_the_middle(
    server: ServerProcess, s3_server: ceph.S3Server, tmp_path: Path
) -> None:
    """Jobs are accepted and rendered meanwhile; the server is even killed; nothing is rendered twice."""
    server.start()
    before = finished(server.client, post(server.client, 0).json()["id"])
    s3_server.pause()
    began = time.monotonic()
    try:
        waiting = [post(server.client, seed).json()["id"] for seed in (10, 20, 30)]
        for job_id in waiting:
            _wait_for_stage(server.client, job_id, "uploading")
        wait_for(lambda: _notice(server.client, waiting[0]) != "")
        assert "cannot be reached" in _notice(server.client, waiting[0])
        # Films wait, so a storage that is away does not make the server unready; it is told all the same.
        assert any(
            "cannot be reached" in reason for reason in server.client.get("/healthz").json()["reasons"]
        )
        server.kill()
        server.start()
        cancelled = post(server.client, 40).json()["id"]
        _wait_for_stage(server.client, cancelled, "uploading")
        assert server.client.delete(f"/v1/videos/{cancelled}").json()["status"] == "cancelled"
        time.sleep(max(0.0, OUTAGE - (time.monotonic() - began)))
    finally:
        s3_server.resume()
    for job_id in waiting:
        job = finished(server.client, job_id, 90)
        assert (job["status"], job["attempts"]) == ("completed", 1)
        assert_plays(job["url"], tmp_path)
    assert_plays(before["url"], tmp_path)
    metrics = server.client.get("/metrics").text
    assert 'sonic_uploads_total{outcome="stored"} 3.0' in metrics
    assert list((server.state / "work").iterdir()) == []


def _wait_for_stage(client: httpx.Client, job_id: str, stage: str) -> None:
    wait_for(lambda: client.get(f"/v1/videos/{job_id}").json()["stage"] == stage)


def _notice(client: httpx.Client, job_id: str) -> str:
    return client.get(f"/v1/videos/{job_id}").json()["notice"] or ""
