"""A reverse proxy before a runtime, which loses it as told."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import httpx

PASSED = ("content-type", "authorization")


class Proxy:
    """Hands requests on to `target`; each GET takes one of `faults` (a status or `HANG_UP`) while there are any."""

    HANG_UP = 0

    def __init__(self, target: str) -> None:
        self.faults: list[int] = []
        self.target = target.rstrip("/")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if not proxy.faults:
                    self._hand_on()
                elif fault := proxy.faults.pop(0):
                    self._say(fault, b"<html>Bad Gateway</html>", "text/html")
                # else the connection just ends

            def do_POST(self) -> None:
                self._hand_on()

            def _hand_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: self.headers[name] for name in PASSED if self.headers[name]}
                answer = httpx.request(
                    self.command, proxy.target + self.path, content=body, headers=headers, timeout=30
                )
                self._say(answer.status_code, answer.content, answer.headers.get("content-type", ""))

            def _say(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
