"""Dify's file server as far as a plugin meets it: signed downloads, and the address that takes uploads."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class FileServer:
    """Serves `files` by name under /files/NAME?sign=..., with paths that misbehave in the ways real ones do."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.upload_status = 201
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def signed(self, name: str, content: bytes | None = None) -> str:
        """An address as Dify signs it."""
        if content is not None:
            self.files[name] = content
        return f"{self.base}/files/{name}?timestamp={int(time.time())}&nonce=1&sign=abc"

    @contextmanager
    def refusing(self, status: int) -> Iterator[None]:
        """Take no uploads for a while."""
        self.upload_status = status
        try:
            yield
        finally:
            self.upload_status = 201

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                server.requests.append(self.path)
                name = parts.path.rpartition("/")[2]
                if parts.path.startswith("/expired/"):
                    self._say(403, b'{"code": "forbidden"}', "application/json")
                elif parts.path.startswith("/login/"):
                    self._say(200, b"<html>Please sign in</html>", "text/html; charset=utf-8")
                elif parts.path.startswith("/moved/"):
                    self._say(302, b"", "text/plain", Location=server.signed(name))
                elif parts.path.startswith("/circle/"):
                    self._say(302, b"", "text/plain", Location=self.path)
                elif parts.path.startswith("/endless/"):
                    self._endless()
                elif name in server.uploads:
                    self._say(200, server.uploads[name], "video/mp4")
                elif name in server.files and "sign" in parse_qs(parts.query):
                    # Dify's word on a file's kind is often wrong.
                    self._say(200, server.files[name], "application/octet-stream")
                else:
                    self._say(404, b"", "text/plain")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                boundary = self.headers["Content-Type"].partition("boundary=")[2].encode()
                content = body.split(b"--" + boundary)[1].partition(b"\r\n\r\n")[2][:-2]
                name = uuid.uuid4().hex + ".mp4"
                server.uploads[name] = content
                answer = {
                    "id": uuid.uuid4().hex,
                    "name": "film.mp4",
                    "size": len(content),
                    "extension": ".mp4",
                    "mime_type": "video/mp4",
                    "preview_url": f"{server.base}/files/{name}?sign=abc",
                }
                self._say(server.upload_status, json.dumps(answer).encode(), "application/json")

            def _endless(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "image/png")
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(bytes(1 << 20))
                except OSError:
                    pass

            def _say(self, status: int, body: bytes, kind: str, **headers: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: object) -> None:
                pass

        return Handler
