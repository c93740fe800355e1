"""The service with the engine itself: the demo portrait speaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest

from runtime.media.joining import PAUSE
from tests.media.xmp import read_xmp
from tests.server.harness import ENGINE_SERVER, ServerProcess, alive, finished, picture, recording, wait_for
from tests.server.test_durability import children

ASSETS = Path(__file__).parents[2] / "_assets"
SPEECH = ASSETS / "demo_speech.ogg"
PATIENCE = 600


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("engine") / "state", module=ENGINE_SERVER).start()
    yield server
    assert server.terminate() == 0


def ask(
    server: ServerProcess,
    portrait: bytes | None = None,
    audio: tuple[bytes, ...] = (SPEECH.read_bytes(),),
    **options: Any,
) -> dict[str, Any]:
    shown = portrait or (ASSETS / "demo_portrait.jpg").read_bytes()
    files = [("portrait", ("ada.jpg", shown)), *(("audio", ("hello", clip)) for clip in audio)]
    answer = server.client.post(
        "/v1/videos", files=files, data={"min_resolution": "256", "fps": "12"} | options
    )
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


def fetch(job: dict[str, Any], folder: Path) -> Path:
    path = folder / "film.mp4"
    path.write_bytes(httpx.get(job["url"]).content)
    return path


@pytest.mark.slow
def test_the_portrait_speaks(server: ServerProcess, tmp_path: Path) -> None:
    job = finished(server.client, ask(server, duration="2")["id"], PATIENCE)
    assert job["status"] == "completed", job
    assert job["model_pack"].startswith("sonic-int8")
    assert job["real_time_factor"] > 0
    assert job["timings"].keys() >= {"audio_encoding", "image_encoding", "texture_rendering"}
    film = fetch(job, tmp_path)
    with av.open(str(film)) as container:
        assert container.streams.audio
        provenance = json.loads(container.metadata["AIGC"])
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    assert len(frames) == job["frames"] == round(job["duration"] * job["fps"])
    assert min(frames[0].shape[:2]) == 256
    assert max(np.abs(frame - frames[0]).max() for frame in frames[1:]) > 40  # something moves
    assert provenance["ProduceID"] == job["id"]
    assert job["id"] in read_xmp(film)


@pytest.mark.slow
def test_the_label_is_seen_and_belongs_to_the_request(server: ServerProcess, tmp_path: Path) -> None:
    plain = finished(server.client, ask(server, duration="2")["id"], PATIENCE)  # as in the test before
    marked = finished(server.client, ask(server, duration="1", label="AI-generated")["id"], PATIENCE)
    assert plain["id"] != marked["id"]
    pictures = []
    for job in (plain, marked):
        with av.open(str(fetch(job, tmp_path))) as container:
            pictures.append(next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int))
    changed = np.argwhere(np.abs(pictures[0] - pictures[1]).max(axis=2) > 60)
    height, width = pictures[0].shape[:2]
    assert len(changed) > 50
    assert changed[:, 0].min() > 0.8 * height
    assert changed[:, 1].min() > 0.3 * width


@pytest.mark.slow
def test_clips_are_joined_in_order(server: ServerProcess) -> None:
    job = finished(server.client, ask(server, audio=(recording(0.6), recording(0.9)))["id"], PATIENCE)
    assert job["duration"] == pytest.approx(0.6 + PAUSE + 0.9, abs=0.05)
    assert [warning["code"] for warning in job["warnings"]] == ["audio_silent"]


@pytest.mark.slow
def test_a_picture_without_a_face_is_told_in_the_engine_s_words(server: ServerProcess) -> None:
    job = finished(server.client, ask(server, portrait=picture(77))["id"], PATIENCE)
    assert (job["status"], job["attempts"]) == ("failed", 1)
    assert job["error"]["code"] == "no_face"


@pytest.mark.slow
def test_cancel_ends_a_real_render_and_frees_its_memory(server: ServerProcess) -> None:
    job = ask(server, min_resolution="1024", seed="9")
    wait_for(lambda: server.client.get(f"/v1/videos/{job['id']}").json()["progress"] > 0.03, PATIENCE)
    assert server.process is not None
    renders = children(server.process.pid)
    assert renders
    assert server.client.delete(f"/v1/videos/{job['id']}").json()["status"] == "cancelled"
    assert not any(alive(pid) for pid in renders)


@pytest.mark.slow
def test_a_lesson_goes_on_at_the_scene_at_which_the_server_was_killed(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "state", module=ENGINE_SERVER).start()
    files = [("portrait", ("ada.jpg", (ASSETS / "demo_portrait.jpg").read_bytes()))]
    files += [("audio", ("words.wav", recording(0.8 + 0.4 * number))) for number in range(2)]
    asked = {"script": "# One\n\nSome words.\n\n# Two\n\nMore words.\n", "fps": "12", "preset": "ultrafast"}
    job = server.client.post("/v1/lessons", files=files, data=asked).json()
    path = f"/v1/lessons/{job['id']}"
    wait_for(lambda: server.client.get(path).json()["stage"] == "scene 2 of 2", PATIENCE)
    server.kill()
    server.start()
    done = finished(server.client, job["id"], PATIENCE)
    assert done["status"] == "completed", done
    assert [scene["reused"] for scene in done["scenes"]] == [True, False]
    assert [chapter["title"] for chapter in done["chapters"]] == ["One", "Two"]
    with av.open(str(fetch(done, tmp_path))) as container:
        assert len(container.chapters()) == 2
        assert json.loads(container.metadata["AIGC"])["ProduceID"] == job["id"]
    assert server.terminate() == 0
