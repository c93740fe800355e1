"""The HTTP API over real connections; the engine's double renders."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from runtime.jobs.store import MOST_LOSSES, JobStore
from runtime.media.fetching import Fetcher, FetchPolicy
from tests.jobs import engine_double as double
from tests.media.test_fetching import Site, names
from tests.server.harness import (
    DOUBLE,
    SLOW,
    finished,
    picture,
    post,
    recording,
    running,
    service_of,
    wait_for,
)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with running(tmp_path / "state", workers=2) as client:
        yield client


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[httpx.Client]:
    with running(tmp_path / "state", SLOW, workers=1, queue_limit=2) as client:
        yield client


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return answer.json()["error"]


def started(client: httpx.Client, job_id: str) -> None:
    wait_for(lambda: client.get(f"/v1/videos/{job_id}").json()["status"] == "in_progress")


def test_files_become_a_film(client: httpx.Client) -> None:
    answer = post(client, min_resolution="256")
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == f"/v1/videos/{job['id']}"
    assert (job["object"], job["status"]) == ("video", "queued")
    assert job["options"]["min_resolution"] == 256
    done = finished(client, job["id"])
    assert (done["status"], done["progress"], done["duration"]) == ("completed", 1.0, 0.24)
    assert done["filename"] == "lovelace-hello.mp4"
    film = httpx.get(done["url"])
    assert (film.status_code, film.headers["Content-Type"]) == (200, "video/mp4")
    assert film.headers["Content-Disposition"] == 'inline; filename="lovelace-hello.mp4"'
    assert len(film.content) == done["bytes"]


def test_the_same_request_is_the_same_job(client: httpx.Client) -> None:
    first = post(client).json()
    assert post(client).json()["id"] == first["id"]
    done = finished(client, first["id"])
    again = post(client, threads="1")  # does not change the film
    assert again.status_code == 200
    assert again.json()["created_at"] == done["created_at"]
    assert post(client, seed=10).json()["id"] != first["id"]
    inputs = service_of(client).folder.inputs
    assert len(list(inputs.iterdir())) == 2


def test_a_script_makes_subtitles(client: httpx.Client) -> None:
    job = post(client, script="Hello, wörld! 你好。", language="en").json()
    done = finished(client, job["id"])
    for name, suffix, kind in (
        ("subtitles_url", "srt", "application/x-subrip; charset=utf-8"),
        ("subtitles_vtt_url", "vtt", "text/vtt; charset=utf-8"),
    ):
        answer = httpx.get(done[name])
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        assert answer.headers["Content-Disposition"] == f'inline; filename="lovelace-hello.{suffix}"'
        assert "Hello, wörld! 你好。" in answer.text
    assert len(httpx.get(done["url"]).content) < done["bytes"]
    client.delete(f"/v1/videos/{done['id']}")
    wait_for(lambda: list(service_of(client).folder.store.iterdir()) == [])
    assert httpx.get(done["subtitles_url"]).status_code == 404


def test_the_script_is_part_of_the_request(client: httpx.Client) -> None:
    requests: list[dict[str, Any]] = [
        {},
        {"script": "One."},
        {"script": "Two."},
        {"script": "Two.", "language": "de"},
    ]
    ids = {post(client, **fields).json()["id"] for fields in requests}
    assert len(ids) == 4
    assert post(client, language="de", script=" ").json()["id"] in ids
    without = finished(client, post(client).json()["id"])
    assert (without["subtitles_url"], without["subtitles_vtt_url"]) == (None, None)
    missing = client.get(f"/v1/videos/{without['id']}/subtitles.srt")
    assert problem(missing, 404)["code"] == "subtitles_unknown"
    assert client.get(f"/v1/videos/{without['id']}/subtitles.txt").status_code == 422


def test_addresses_are_fetched_before_the_answer(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fetcher = Fetcher(FetchPolicy(allowed=frozenset({"media"})), names(media="127.0.0.1"))
    base = f"http://media:{server.server_address[1]}"
    with running(tmp_path / "state", fetcher=fetcher) as client:
        body = {"portrait_url": f"{base}/picture.png", "audio_url": f"{base}/missing.wav", "seed": None}
        error = problem(client.post("/v1/videos", json=body), 422)
        assert error["code"] == "fetch_failed"
        assert list(service_of(client).folder.inputs.iterdir()) == []
        mixed = client.post(
            "/v1/videos",
            data={"portrait_url": f"{base}/picture.png"},
            files=[("audio", ("a.wav", recording())), ("audio", ("b.wav", recording(0.3)))],
        )
        assert mixed.status_code == 202
        job = service_of(client).store.get(mixed.json()["id"])
        assert job is not None
        assert job.request.audio == ["audio-1.wav", "audio-2.wav"]
        assert job.request.portrait == "portrait.png"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("options", "status", "code", "words"),
    [
        ({"min_resolution": "5"}, 422, "option_out_of_range", "min_resolution is 5"),
        ({"subtitles": "both"}, 422, "script_missing", "without a script there is no text"),
        ({"subtitles": "burned", "script": "\U00013000"}, 422, "subtitle_font_missing", "no font here has"),
        ({"colour": "red"}, 422, "option_unknown", "no option colour"),
        ({"portrait_url": "http://127.0.0.1/x"}, 422, "request_unreadable", "two portraits"),
    ],
)
def test_wrong_fields_get_their_sentence(
    client: httpx.Client, options: dict[str, Any], status: int, code: str, words: str
) -> None:
    error = problem(post(client, **options), status)
    assert error["code"] == code
    assert words in error["sentence"]
    assert list(service_of(client).folder.inputs.iterdir()) == []


def test_wrong_bodies_get_their_sentence(client: httpx.Client) -> None:
    wav = ("a.wav", recording())
    assert problem(client.post("/v1/videos", files={"audio": wav}), 422)["code"] == "portrait_missing"
    portrait = ("p.png", picture())
    assert problem(client.post("/v1/videos", files={"portrait": portrait}), 422)["code"] == "audio_missing"
    swapped = {"portrait": wav, "audio": portrait}
    assert problem(client.post("/v1/videos", files=swapped), 422)["code"] == "image_unreadable"
    assert problem(client.post("/v1/videos", content=b"x"), 415)["code"] == "content_type_unknown"
    assert problem(client.post("/v1/videos", json=[1]), 422)["code"] == "request_unreadable"
    assert problem(client.post("/v1/videos", json={"audio_url": [3]}), 422)["code"] == "fetch_refused"
    private = {"portrait_url": "http://169.254.169.254/", "audio_url": "http://localhost/a"}
    assert problem(client.post("/v1/videos", json=private), 422)["code"] == "fetch_refused"
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert (
        problem(client.post("/v1/videos", content=b"--y\r\n", headers=broken), 422)["code"]
        == "request_unreadable"
    )
    assert problem(client.get("/v1/videos/video_none"), 404)["code"] == "video_unknown"
    assert problem(client.get("/v1/nothing"), 404)["code"] == "http_error"
    assert problem(client.get("/v1/videos?limit=0"), 422)["code"] == "request_unreadable"
    assert list(service_of(client).folder.inputs.iterdir()) == []


def test_files_over_their_limit_are_refused_while_they_come(tmp_path: Path) -> None:
    with running(tmp_path / "state", image_limit_mb=0.5, audio_limit_mb=1) as client:
        big = picture() + bytes(600 * 1024)
        error = problem(client.post("/v1/videos", files={"portrait": ("p.png", big)}), 413)
        assert error["code"] == "image_too_large"
        clips = [("audio", ("a.wav", recording() + bytes(600 * 1024)))] * 2
        files = [("portrait", ("p.png", picture())), *clips]
        assert problem(client.post("/v1/videos", files=files), 413)["code"] == "audio_too_large"
        assert list(service_of(client).folder.inputs.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_nothing(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = service_of(client).folder
    monkeypatch.setattr(folder, "free_bytes", lambda: 1000)
    answer = post(client)
    assert problem(answer, 507)["code"] == "disk_full"
    assert answer.headers["Retry-After"] == "30"
    assert client.get("/healthz").status_code == 503
    monkeypatch.undo()
    assert post(client).status_code == 202


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small disk cannot be mounted here: that takes root and the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, left: int) -> Path:
    filler = disk / "filler"
    with filler.open("wb") as sink:
        sink.write(bytes(max(0, shutil.disk_usage(disk).free - left)))
    return filler


def test_a_disk_that_fills_up_while_a_request_comes_in(small_disk: Path) -> None:
    with running(small_disk / "state", reserve_disk_mb=0) as client:
        filler = fill(small_disk, 64 * 1024)
        body = {"portrait": ("p.png", picture() + bytes(200_000)), "audio": ("a.wav", recording())}
        assert problem(client.post("/v1/videos", files=body), 507)["code"] == "disk_full"
        assert list(service_of(client).folder.inputs.iterdir()) == []
        filler.unlink()
        assert finished(client, post(client).json()["id"])["status"] == "completed"


def test_a_disk_that_fills_up_during_a_render(small_disk: Path) -> None:
    """The first attempt finds no room; the second waits until there is some."""
    command = (*DOUBLE, "1.0", "500")  # a film of more than a megabyte
    with running(small_disk / "state", command, reserve_disk_mb=1.5) as client:
        job_id = post(client).json()["id"]
        started(client, job_id)
        filler = fill(small_disk, 200 * 1024)
        wait_for(lambda: client.get(f"/v1/videos/{job_id}").json()["status"] == "queued")
        assert problem(post(client, 10), 507)["code"] == "disk_full"
        time.sleep(1.5)
        assert client.get(f"/v1/videos/{job_id}").json()["status"] == "queued"
        filler.unlink()
        job = finished(client, job_id)
        assert (job["status"], job["attempts"]) == ("completed", 2)


def test_a_failed_job_tells_why_and_can_be_asked_for_again(client: httpx.Client) -> None:
    job = finished(client, post(client, double.NO_FACE).json()["id"])
    assert job["status"] == "failed"
    assert job["error"] == {"code": "no_face", "sentence": "No face was found.", "hint": "Try another."}
    assert problem(client.get(f"/v1/videos/{job['id']}/content"), 409)["code"] == "video_unfinished"
    again = post(client, double.NO_FACE)
    assert (again.status_code, again.json()["error"]) == (202, None)


def test_events_follow_a_job_to_its_end(client: httpx.Client) -> None:
    job_id = post(client).json()["id"]
    events: list[tuple[str, dict[str, Any]]] = []
    with client.stream("GET", f"/v1/videos/{job_id}/events") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        name = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                events.append((name, json.loads(line[6:])))
    assert events[-1][0] == "completed"
    assert events[-1][1]["url"].startswith("http://127.0.0.1")
    fractions = [job["progress"] for _, job in events]
    assert fractions == sorted(fractions)
    assert len([name for name, _ in events if name == "progress"]) > 5
    assert problem(client.get("/v1/videos/none/events"), 404)["code"] == "video_unknown"


def test_the_film_comes_in_ranges(client: httpx.Client) -> None:
    job_id = post(client).json()["id"]
    finished(client, job_id)
    path = f"/v1/videos/{job_id}/content"
    whole = client.get(path)
    part = client.get(path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.content)}"
    assert client.get(path, headers={"Range": "bytes=-5"}).content == whole.content[-5:]
    assert client.get(path, headers={"Range": "bytes=999999999-"}).status_code == 416
    head = client.head(path)
    assert (head.status_code, head.content, head.headers["Accept-Ranges"]) == (200, b"", "bytes")
    stale = client.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert stale.status_code == 200


def test_cancel_in_each_state(slow: httpx.Client) -> None:
    running_id = post(slow).json()["id"]
    started(slow, running_id)
    queued_id = post(slow, 10).json()["id"]
    assert slow.get(f"/v1/videos/{queued_id}").json()["queue_position"] == 1
    assert slow.delete(f"/v1/videos/{queued_id}").json()["status"] == "cancelled"
    began = time.monotonic()
    assert slow.delete(f"/v1/videos/{running_id}").json()["status"] == "cancelled"
    assert time.monotonic() - began < 5
    service = service_of(slow)
    assert service.pool.running() == 0
    assert list(service.folder.work.iterdir()) == []
    assert list(service.folder.inputs.iterdir()) == []
    assert slow.delete(f"/v1/videos/{running_id}").json()["deleted"] is True
    assert problem(slow.get(f"/v1/videos/{running_id}"), 404)["code"] == "video_unknown"
    assert problem(slow.delete(f"/v1/videos/{running_id}"), 404)["code"] == "video_unknown"


def test_a_cancelled_job_can_be_asked_for_again_at_once(slow: httpx.Client) -> None:
    job_id = post(slow).json()["id"]
    started(slow, job_id)
    slow.delete(f"/v1/videos/{job_id}")
    assert post(slow).json()["id"] == job_id
    started(slow, job_id)


def test_deleting_a_completed_job_removes_its_film(client: httpx.Client) -> None:
    job_id = post(client).json()["id"]
    finished(client, job_id)
    store = service_of(client).folder.store
    assert len(list(store.iterdir())) == 1
    assert client.delete(f"/v1/videos/{job_id}").json() == {
        "id": job_id,
        "object": "video.deleted",
        "deleted": True,
    }
    wait_for(lambda: list(store.iterdir()) == [])


def test_the_queue_is_bounded(slow: httpx.Client) -> None:
    started(slow, post(slow, 0).json()["id"])
    first = post(slow, 10).json()["id"]
    post(slow, 20)
    refused = post(slow, 30)
    assert problem(refused, 429)["code"] == "queue_full"
    assert refused.headers["Retry-After"] == "30"
    assert post(slow, 10).json()["id"] == first  # joining needs no place
    assert len(list(service_of(slow).folder.inputs.iterdir())) == 3


def test_previews_go_first(slow: httpx.Client) -> None:
    started(slow, post(slow, 0).json()["id"])
    long_id = post(slow, 10).json()["id"]
    preview_id = post(slow, 10, preview_seconds="3").json()["id"]
    assert slow.get(f"/v1/videos/{preview_id}").json()["queue_position"] == 1
    assert slow.get(f"/v1/videos/{long_id}").json()["queue_position"] == 2


def test_jobs_are_listed_newest_first(client: httpx.Client) -> None:
    ids = [post(client, seed).json()["id"] for seed in (0, 10, 20)]
    listed = client.get("/v1/videos?limit=2").json()
    assert [job["id"] for job in listed["data"]] == [ids[2], ids[1]]
    assert listed["has_more"]
    rest = client.get(f"/v1/videos?before={listed['data'][-1]['created_at']}").json()
    assert ([job["id"] for job in rest["data"]], rest["has_more"]) == ([ids[0]], False)


def test_a_key_guards_everything_but_health_and_links(tmp_path: Path) -> None:
    key = {"Authorization": "Bearer 0123456789"}
    with running(tmp_path / "state", api_key="0123456789") as client:
        for method, path in (
            ("POST", "/v1/videos"),
            ("GET", "/v1/videos"),
            ("GET", "/v1/videos/x"),
            ("GET", "/v1/videos/x/events"),
            ("GET", "/v1/videos/x/content"),
            ("DELETE", "/v1/videos/x"),
            ("GET", "/metrics"),
        ):
            answer = client.request(method, path)
            assert problem(answer, 401)["code"] == "unauthorised"
        assert list(service_of(client).folder.inputs.iterdir()) == []
        assert client.get("/healthz").status_code == 200
        client.headers.update(key)
        job = finished(client, post(client).json()["id"])
        assert httpx.get(job["url"]).status_code == 200
        assert httpx.get(job["url"].replace("signature=", "signature=0")).status_code == 401


def test_health_metrics_and_documentation(client: httpx.Client) -> None:
    finished(client, post(client).json()["id"])
    finished(client, post(client, double.NO_FACE).json()["id"])
    health = client.get("/healthz").json()
    assert (health["live"], health["queued"], health["running"]) == (True, 0, 0)
    text = client.get("/metrics").text
    for line in (
        'sonic_jobs{state="completed"} 1.0',
        'sonic_failures_total{code="no_face"} 1.0',
        'sonic_stage_seconds_count{stage="texture"} 1.0',
        "sonic_real_time_factor_sum 0.5",
        "sonic_jobs_accepted_total 2.0",
        'sonic_http_request_seconds_count{method="POST",route="/v1/videos",status="202"} 2.0',
        'sonic_http_request_seconds_count{method="GET",route="/v1/videos/{video_id}",status="200"}',
    ):
        assert line in text, line
    contract = client.get("/openapi.json").json()
    form = contract["paths"]["/v1/videos"]["post"]["requestBody"]["content"]
    assert "min_resolution" in form["multipart/form-data"]["schema"]["properties"]
    assert "portrait_url" in form["application/json"]["schema"]["properties"]
    assert client.get("/docs").status_code == 200


def test_health_does_not_wait_for_a_storage_that_is_being_looked_at(client: httpx.Client) -> None:
    service = service_of(client)
    assert client.get("/healthz").json()["reasons"] == []
    service._storage_checked = (0.0, "The storage was away.")
    with service._storage_lock:
        assert client.get("/healthz").json()["reasons"] == ["The storage was away."]
    assert client.get("/healthz").json()["reasons"] == []


def test_a_job_that_no_server_survives_is_told_and_counted(tmp_path: Path) -> None:
    with running(tmp_path / "state", SLOW, workers=1) as client:
        job_id = post(client).json()["id"]
        service_of(client).pool.halt()
    store = JobStore(tmp_path / "state" / "jobs.sqlite3")
    for _ in range(MOST_LOSSES - 1):
        store.start(job_id, "work")
        store.recover()
    store.start(job_id, "work")
    store.close()
    with running(tmp_path / "state") as client:
        job = client.get(f"/v1/videos/{job_id}").json()
        assert (job["status"], job["error"]["code"]) == ("failed", "server_ended")
        assert 'sonic_failures_total{code="server_ended"} 1.0' in client.get("/metrics").text


def test_why_a_queued_job_waits_is_told(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        service = service_of(client)
        service.pool.settings = replace(service.pool.settings, min_free_bytes=1 << 60)
        job_id = post(client).json()["id"]
        wait_for(lambda: client.get(f"/v1/videos/{job_id}").json()["notice"] is not None)
        job = client.get(f"/v1/videos/{job_id}").json()
        assert (job["status"], job["queue_position"]) == ("queued", 1)
        assert "disk is nearly full" in job["notice"]


def test_the_same_request_after_a_change_of_storage_makes_the_film_anew(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        old = finished(client, post(client).json()["id"])
    bucket: dict[str, Any] = {"s3_endpoint": "http://127.0.0.1:9", "s3_access_key": "a", "s3_secret_key": "s"}
    with running(tmp_path / "state", storage="s3", **bucket) as client:
        answer = post(client)
        assert (answer.status_code, answer.json()["id"]) == (202, old["id"])
        assert answer.json()["status"] == "queued"
        inputs = service_of(client).folder.inputs
        assert len(list(inputs.iterdir())) == 1, "those of the first time are not needed any more"


def test_logs_hold_no_addresses_names_or_signatures(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "runtime")
    job = finished(client, post(client).json()["id"])
    httpx.get(job["url"])
    client.post(
        "/v1/videos",
        json={"portrait_url": "http://10.0.0.1/p.png?token=hush", "audio_url": "http://10.0.0.1/a"},
    )
    wait_for(lambda: any(getattr(record, "route", "").endswith("content") for record in caplog.records))
    lines = json.dumps([record.__dict__ for record in caplog.records], default=str)
    for secret in ("signature", "hush", "lovelace", "hello"):
        assert secret not in lines
    assert job["id"] in lines


def test_a_client_that_goes_away_while_sending_leaves_nothing(client: httpx.Client) -> None:
    host, port = client.base_url.host, client.base_url.port
    assert port is not None
    with socket.create_connection((host, port)) as connection:
        connection.sendall(
            b"POST /v1/videos HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="portrait"; filename="p.png"\r\n\r\n' + picture()
        )
        inputs = service_of(client).folder.inputs
        wait_for(lambda: len(list(inputs.iterdir())) == 1)
    wait_for(lambda: list(inputs.iterdir()) == [])


def test_a_slow_client_does_not_hold_up_others(client: httpx.Client) -> None:
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"; filename="f"\r\n\r\n%s\r\n' % (name, data)
        for name, data in ((b"portrait", picture()), (b"audio", recording()))
    )

    def dripping() -> Iterator[bytes]:
        for start in range(0, len(body), len(body) // 20):
            yield body[start : start + len(body) // 20]
            time.sleep(0.1)
        yield b"--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    answers: list[httpx.Response] = []
    slow = threading.Thread(
        target=lambda: answers.append(client.post("/v1/videos", content=dripping(), headers=headers))
    )
    slow.start()
    began = time.monotonic()
    with httpx.Client(base_url=client.base_url) as other:
        assert finished(other, post(other, 10).json()["id"])["status"] == "completed"
    assert time.monotonic() - began < 30
    slow.join()
    assert answers[0].status_code == 202
    assert finished(client, answers[0].json()["id"])["status"] == "completed"


def test_a_slow_reader_gets_the_whole_film_though_it_is_deleted_meanwhile(client: httpx.Client) -> None:
    job = finished(client, post(client).json()["id"])
    service = service_of(client)
    row = service.store.get(job["id"])
    assert row is not None
    film = service.folder.store / str(row.key)
    content = os.urandom(8 * 1024 * 1024)
    film.write_bytes(content)
    digest = hashlib.sha256()
    with client.stream("GET", f"/v1/videos/{job['id']}/content") as answer:
        for number, chunk in enumerate(answer.iter_raw()):
            digest.update(chunk)
            if number == 0:
                httpx.delete(f"{client.base_url}/v1/videos/{job['id']}")
            time.sleep(0.002)
    assert digest.digest() == hashlib.sha256(content).digest()


def test_films_play(client: httpx.Client, tmp_path: Path) -> None:
    job = finished(client, post(client, 40).json()["id"])
    path = tmp_path / "film.mp4"
    path.write_bytes(httpx.get(job["url"]).content)
    with av.open(str(path)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 6


def test_the_operator_decides_about_labels(tmp_path: Path) -> None:
    with running(tmp_path / "a", label="AI-generated") as client:
        assert post(client).json()["options"]["label"] == "AI-generated"
        assert post(client, label="off").json()["options"]["label"] == "off"
    with running(tmp_path / "b", label="AI-generated", label_enforced=True) as client:
        assert post(client, label="off").json()["options"]["label"] == "AI-generated"
    with running(tmp_path / "c") as client:
        assert post(client).json()["options"]["label"] == "off"
        assert problem(post(client, label="x" * 41), 422)["code"] == "option_out_of_range"
