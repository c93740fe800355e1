"""Lessons over HTTP: what is taken, what is refused, what a job tells. The engine is played by its double."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.media.fetching import Fetcher, FetchPolicy
from tests.plugin.fileserver import FileServer
from tests.server.harness import finished, picture, recording, running, service_of

SCRIPT = "# One\n\nSome words. [pause 1s] More words.\n\n# Two\n\n- point\n\nNarration: The last words.\n"
PDF = b"%PDF-1.7\nnot looked into before it is shown"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    policy = FetchPolicy(allowed=frozenset({"127.0.0.1"}))
    with running(tmp_path_factory.mktemp("lessons") / "state", fetcher=Fetcher(policy)) as client:
        yield client


@pytest.fixture(scope="module")
def files() -> Iterator[FileServer]:
    server = FileServer()
    yield server
    server.stop()


def post(
    client: httpx.Client,
    script: str = SCRIPT,
    recordings: int = 2,
    more: list[tuple[str, tuple[str, bytes]]] | None = None,
    **values: Any,
) -> httpx.Response:
    files = [("portrait", ("ada.png", picture()))]
    files += [("audio", (f"{n}.wav", recording(0.1 + 0.01 * n))) for n in range(recordings)]
    return client.post("/v1/lessons", files=[*files, *(more or [])], data={"script": script, **values})


def sentence(answer: httpx.Response) -> str:
    assert answer.status_code == 422, answer.text
    return str(answer.json()["error"]["sentence"])


def test_a_lesson_is_a_job_of_its_own_kind(client: httpx.Client) -> None:
    answer = post(client, layout="side", subtitles="both", label="Made up")
    job = answer.json()
    assert answer.status_code == 202 and answer.headers["location"] == f"/v1/lessons/{job['id']}"
    assert job["id"].startswith("lesson_") and job["object"] == "lesson" and job["filename"] == "One.mp4"
    assert (job["options"]["layout"], job["options"]["resolution"], job["options"]["label"]) == (
        "side",
        720,
        "Made up",
    )
    done = finished(client, job["id"])
    assert done["status"] == "completed"
    assert f"/v1/lessons/{job['id']}/content?" in done["url"]
    assert httpx.get(done["url"]).content[4:8] == b"ftyp"
    assert client.get(f"/v1/lessons/{job['id']}").json()["id"] == job["id"]
    listed = {
        kind: [one["id"] for one in client.get(f"/v1/{kind}").json()["data"]]
        for kind in ("videos", "lessons")
    }
    assert job["id"] in listed["lessons"] and job["id"] not in listed["videos"]
    with client.stream("GET", f"/v1/lessons/{job['id']}/events") as events:
        assert "event: completed" in "".join(events.iter_text())
    assert post(client, layout="side", subtitles="both", label="Made up").status_code == 200
    assert client.delete(f"/v1/lessons/{job['id']}").json()["deleted"]


def test_a_lesson_is_checked_before_it_is_spoken(client: httpx.Client) -> None:
    asked = {"script": SCRIPT, "resolution": "720"}
    found = client.post(
        "/v1/lessons/check", data=asked, files=[("slides", ("a.png", picture(3)))] * 2, timeout=120
    )
    assert found.status_code == 200, found.text
    assert (found.json()["scenes"], found.json()["spoken"]) == (
        2,
        ["Some words.", "More words.", "The last words."],
    )
    full = "# One\n\n" + "- a point of many words that fill a line of the slide from edge to edge\n" * 40
    answer = client.post(
        "/v1/lessons/check", json={"script": f"# Zero\n\nWords.\n\n{full}\nNarration: Words."}, timeout=120
    )
    assert "Line 5 of the script: the slide of this scene holds more" in sentence(answer)
    faceless = client.post(
        "/v1/lessons/check", data=asked, files={"portrait": ("a.png", picture())}, timeout=120
    )
    assert "face" in sentence(faceless)


def test_the_same_lesson_is_the_same_job_and_every_part_of_it_counts(client: httpx.Client) -> None:
    slides = [("slides", ("a.pdf", PDF))]
    ids = [
        post(client).json()["id"],
        post(client).json()["id"],
        post(client, SCRIPT.replace("point", "other point")).json()["id"],
        post(client, recordings=3).json()["id"],
        post(client, aspect="9:16").json()["id"],
        post(client, more=slides).json()["id"],
    ]
    assert ids[0] == ids[1] and len(set(ids)) == 5


def test_what_the_render_process_is_told(client: httpx.Client, files: FileServer) -> None:
    address = files.signed("there.png", picture(7))
    script = SCRIPT.replace("- point", f"![here](here.png)\n\n# Three\n\n![there]({address})")
    came = [("pictures", ("here.png", picture(5))), ("slides", ("b.png", picture(3)))]
    answer = post(client, script, more=came, resolution="1080", language="en")
    assert answer.status_code == 202, answer.text
    job = answer.json()
    service = service_of(client)
    request = service.find(job["id"]).request
    assert request.lesson is not None
    folder = service.folder.inputs / str(service.find(job["id"]).inputs)
    shown = {source: (folder / name).read_bytes() for source, name in request.lesson.pictures.items()}
    assert shown == {"here.png": picture(5), address: picture(7)}
    assert [(folder / name).read_bytes() for name in request.lesson.slides] == [picture(3)]
    assert (request.lesson.scenes, request.lesson.options["resolution"]) == (3, 1080)
    task = service.pool._task(service.find(job["id"]), Path("work"), 3)
    assert (task["script"], task["lesson"]["workers"]) == (script, 3)
    assert Path(task["lesson"]["scenes"]) == service.folder.scenes and len(task["audio"]) == 2


def test_a_script_s_fault_is_told_with_its_line(client: httpx.Client) -> None:
    assert "Line 3 of the script" in sentence(post(client, "# One\n\n[pause 500s] words\n", 1))
    assert "no script" in sentence(post(client, " "))


def test_wrong_parts_are_refused_at_once(client: httpx.Client, files: FileServer) -> None:
    assert "4 recordings came with the script, but 2 scenes with 3 paragraphs" in sentence(
        post(client, recordings=4)
    )
    assert "Option layout is top" in sentence(post(client, layout="top"))
    assert "no option duration" in sentence(post(client, duration="3"))
    missing = SCRIPT.replace("- point", "![x](absent.png)")
    assert "Line 7 of the script: the picture absent.png is not there" in sentence(post(client, missing))
    gone = SCRIPT.replace("- point", f"![x]({files.base}/expired/gone.png)")
    assert "Line 7 of the script: The image could not be fetched" in sentence(post(client, gone))
    assert "not a picture or PDF" in sentence(post(client, more=[("slides", ("a.txt", b"words"))]))
    inputs = service_of(client).folder.inputs
    kept = {job.inputs for job in service_of(client).store.newest(100)}
    assert {folder.name for folder in inputs.iterdir()} <= kept


def test_films_take_no_slides(client: httpx.Client) -> None:
    sent = [
        ("portrait", ("a.png", picture())),
        ("audio", ("a.wav", recording())),
        ("slides", ("b.png", picture())),
    ]
    assert "Only lessons take slides" in sentence(client.post("/v1/videos", files=sent))


def test_addresses_instead_of_files(client: httpx.Client, files: FileServer) -> None:
    sent = {"face.png": picture(), "one.wav": recording(0.1), "two.wav": recording(0.2), "s.pdf": PDF}
    at = {name: files.signed(name, content) for name, content in sent.items()}
    asked = {
        "portrait_url": at["face.png"],
        "audio_url": [at["one.wav"], at["two.wav"]],
        "slides_url": [at["s.pdf"]],
    }
    job = client.post("/v1/lessons", json={"script": SCRIPT, **asked}).json()
    request = service_of(client).find(job["id"]).request
    assert request.lesson is not None
    assert (len(request.audio), len(request.lesson.slides)) == (2, 1)


def test_it_is_documented(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()["paths"]["/v1/lessons"]["post"]
    form = described["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert {
        "script",
        "portrait",
        "audio",
        "audio_url",
        "slides",
        "slides_url",
        "pictures",
        "layout",
        "fps",
    } <= set(form)
    assert "duration" not in form
