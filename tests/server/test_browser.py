"""A minute of film in a real browser (Chromium): it plays, and a jump fetches only what it needs."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.server.harness import DOUBLE, finished, post, running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECONDS, FPS, JUMP = 60, 25, 50

# The page jumps to second 50, plays on, and tells us what it saw.
PAGE = """<!doctype html><title>player</title><video id="v" muted src="%s"></video><script>
const video = document.getElementById("v"), seen = {};
const tell = () => fetch("/report", {method: "POST", body: JSON.stringify(seen)});
video.onerror = () => { seen.error = video.error.message || video.error.code; tell(); };
video.onloadedmetadata = () => {
  Object.assign(seen, {duration: video.duration, width: video.videoWidth, height: video.videoHeight});
  video.currentTime = %d;
};
video.onseeked = () => { seen.seeked = video.currentTime; video.play().catch(e => { seen.error = "" + e; tell(); }); };
video.ontimeupdate = () => {
  if (seen.seeked && video.currentTime > %d + 1) {
    seen.time = video.currentTime;
    seen.frames = video.getVideoPlaybackQuality().totalVideoFrames;
    video.ontimeupdate = null;
    tell();
  }
};
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no browser here: install chromium to run this test")
def test_a_minute_plays_in_a_browser_and_a_jump_works(tmp_path: Path) -> None:
    with running(tmp_path / "state", (*DOUBLE, "0.1", str(SECONDS * FPS))) as client:
        job = finished(client, post(client).json()["id"], 120)
        assert job["status"] == "completed", job
        assert job["bytes"] > 1_000_000
        seen = watch(PAGE % (job["url"], JUMP, JUMP), tmp_path)
        requests = client.get("/metrics").text
    assert "error" not in seen, seen
    assert seen["duration"] == pytest.approx(SECONDS, abs=0.1)
    assert (seen["width"], seen["height"]) == (64, 64)
    assert seen["seeked"] == pytest.approx(JUMP, abs=0.1)
    assert seen["time"] > JUMP + 1
    assert seen["frames"] > 10
    assert 'route="/v1/videos/{video_id}/content",status="206"' in requests


def watch(page: str, folder: Path) -> dict[str, Any]:
    """Show a page in the browser and return what it reports."""
    reported: list[dict[str, Any]] = []
    arrived = threading.Event()

    class Host(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def do_POST(self) -> None:
            reported.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage")
    autoplay = "--autoplay-policy=no-user-gesture-required"
    browser = subprocess.Popen(
        [
            str(CHROMIUM),
            *flags,
            autoplay,
            f"--user-data-dir={folder / 'profile'}",
            f"http://127.0.0.1:{server.server_address[1]}/",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert arrived.wait(90), "the browser reported nothing"
        return reported[0]
    finally:
        browser.terminate()
        browser.wait(20)
        server.shutdown()
        server.server_close()
