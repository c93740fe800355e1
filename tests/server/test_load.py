"""Forty requests of all kinds at once. With SONIC_TEST_ENGINE=1 the engine itself renders, else its double."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from tests.jobs import engine_double as double
from tests.server.harness import DOUBLE_SERVER, ENGINE_SERVER, ServerProcess, finished, picture, recording

ENGINE = os.environ.get("SONIC_TEST_ENGINE") == "1"
PATIENCE = 7200 if ENGINE else 180
ASSETS = Path(__file__).parents[2] / "_assets"
Answer = dict[str, Any]


class Crowd:
    """Clients of one server; each method is one client's whole visit and returns how it ended."""

    def __init__(self, address: httpx.URL) -> None:
        self.address = address

    def ask(
        self, client: httpx.Client, seed: int, portrait: bytes | None = None, **options: Any
    ) -> httpx.Response:
        return client.post("/v1/videos", **parts(seed, portrait, **options))

    def film(self, seed: int, **options: Any) -> Answer:
        with self.client() as client:
            answer = self.ask(client, seed, **options)
            assert answer.status_code in (200, 202), answer.text
            return finished(client, answer.json()["id"], PATIENCE)

    def no_face(self) -> Answer:
        with self.client() as client:
            portrait = picture(77) if ENGINE else None
            answer = self.ask(client, double.NO_FACE, portrait=portrait)
            return finished(client, answer.json()["id"], PATIENCE)

    def wrong_option(self) -> Answer:
        with self.client() as client:
            return self.ask(client, 0, fps="500").json()

    def wrong_picture(self) -> Answer:
        with self.client() as client:
            return self.ask(client, 0, portrait=b"<html>").json()

    def inward(self) -> Answer:
        with self.client() as client:
            body = {"portrait_url": "http://169.254.169.254/", "audio_url": "http://127.0.0.1:1/"}
            return client.post("/v1/videos", json=body).json()

    def cancelled(self, seed: int) -> Answer:
        with self.client() as client:
            job = self.ask(client, seed).json()
            client.delete(f"/v1/videos/{job['id']}")
            return finished(client, job["id"], PATIENCE)

    def slow(self, seed: int) -> Answer:
        with self.client() as client:
            request = client.build_request("POST", "/v1/videos", **parts(seed))
            body, kind = request.read(), request.headers["content-type"]

            def dripping() -> Iterator[bytes]:
                step = len(body) // 15 + 1
                for start in range(0, len(body), step):
                    yield body[start : start + step]
                    time.sleep(0.2)

            answer = client.post("/v1/videos", content=dripping(), headers={"content-type": kind})
            assert answer.status_code in (200, 202), answer.text
            return finished(client, answer.json()["id"], PATIENCE)

    def follower(self, seed: int) -> Answer:
        with self.client() as client:
            job_id = self.ask(client, seed).json()["id"]
            with client.stream("GET", f"/v1/videos/{job_id}/events", timeout=PATIENCE) as events:
                last = [line for line in events.iter_lines() if line.startswith("event: ")][-1]
            assert last == "event: completed"
            return client.get(f"/v1/videos/{job_id}").json()

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=120, trust_env=False)


def parts(seed: int, portrait: bytes | None = None, **options: Any) -> dict[str, Any]:
    """The files and fields of a request that takes a second or so to render."""
    if ENGINE:
        shown, heard = (ASSETS / name for name in ("demo_portrait.jpg", "demo_speech.ogg"))
        files = {"portrait": ("p", portrait or shown.read_bytes()), "audio": ("a", heard.read_bytes())}
        options = {"min_resolution": "256", "duration": "1"} | options
    else:
        files = {"portrait": ("p", portrait or picture()), "audio": ("a", recording())}
    return {"files": files, "data": {"seed": str(seed)} | options}


@pytest.mark.slow
def test_forty_mixed_requests_all_end_right(tmp_path: Path) -> None:
    module = ENGINE_SERVER if ENGINE else DOUBLE_SERVER
    pace = () if ENGINE else ("--seconds", "0.3")
    server = ServerProcess(tmp_path / "state", "--workers", "2", *pace, module=module).start()
    crowd = Crowd(server.client.base_url)
    visits: list[tuple[str, Callable[[], Answer]]] = [
        *(("film", partial(crowd.film, 10 * number)) for number in range(12)),
        *(("film", partial(crowd.film, 10 * (number % 4))) for number in range(8)),  # seen before
        *(("film", partial(crowd.film, 10 * number, preview_seconds="1")) for number in range(4)),
        *(("slow", partial(crowd.slow, seed)) for seed in (200, 210)),
        *(("follower", partial(crowd.follower, seed)) for seed in (220, 230)),
        *(("cancelled", partial(crowd.cancelled, seed)) for seed in (300, 310)),
        *[("no_face", crowd.no_face)] * 2,
        *[("wrong_option", crowd.wrong_option)] * 3,
        *[("wrong_picture", crowd.wrong_picture)] * 2,
        *[("inward", crowd.inward)] * 3,
    ]
    assert len(visits) == 40
    try:
        with ThreadPoolExecutor(40) as pool:
            running = [(kind, pool.submit(visit)) for kind, visit in visits]
            ended = [(kind, future.result()) for kind, future in running]
        films = {}
        for kind, answer in ended:
            if kind in ("film", "slow", "follower"):
                assert answer["status"] == "completed", answer["error"]
                films[answer["id"]] = answer
            elif kind == "cancelled":
                assert answer["status"] == "cancelled", answer
            elif kind == "no_face":
                assert answer["error"]["code"] == "no_face", answer
            else:
                expected = {"wrong_option": "option_out_of_range", "wrong_picture": "image_unreadable"}
                assert answer["error"]["code"] == expected.get(kind, "fetch_refused"), answer
        assert len(films) == 12 + 4 + 2 + 2
        for film in films.values():
            assert_plays(film, tmp_path / "film.mp4")
        assert list((tmp_path / "state" / "work").iterdir()) == []
    finally:
        server.terminate()


def assert_plays(job: Answer, path: Path) -> None:
    path.write_bytes(httpx.get(job["url"], timeout=60).content)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == job["frames"]
