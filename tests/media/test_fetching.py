"""Against real HTTP servers on loopback; only the name server is a double, so that names lead there."""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from runtime.contract import RuntimeProblem
from runtime.media.fetching import Fetcher, FetchPolicy, is_public

PNG = b"\x89PNG\r\n\x1a\n" + bytes(5000)


class Site(BaseHTTPRequestHandler):
    """A site with a picture, redirects, an endless file and other mischief."""

    hosts: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).hosts.append(self.headers["Host"])
        path = self.path.partition("?")[0]
        if path.startswith("/redirect/"):
            left = int(path.rpartition("/")[2])
            self._answer(302, b"", Location=f"/redirect/{left - 1}" if left else "/picture.png?key=secret")
        elif path == "/inward":
            self._answer(302, b"", Location="http://169.254.169.254/latest/meta-data/")
        elif path == "/nowhere":
            self._answer(302, b"", Location="http://[")
        elif path == "/endless":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(10_000):
                    self.wfile.write(bytes(65536))
        elif path == "/drip":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(100):
                    self.wfile.write(b"\x89PNG\r\n\x1a\n")
                    self.wfile.flush()
                    time.sleep(0.1)
        elif path == "/announced":
            self.send_response(200)
            self.send_header("Content-Length", str(10**9))
            self.end_headers()
        elif path == "/gzip.png":
            self._answer(200, PNG, Content_Encoding="gzip")
        elif path == "/page.png":
            self._answer(200, b"<html>please log in</html>", Content_Type="image/png")
        elif path in ("/picture.png", "/portrait%20of%20her.png"):
            self._answer(200, PNG, Content_Type="text/plain")
        else:
            self._answer(404, b"")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def names(**table: str) -> Callable[[str, int], list[str]]:
    def look_up(host: str, port: int) -> list[str]:
        if host in table:
            return [table[host]]
        return [str(ipaddress.ip_address(host))]

    return look_up


def fetcher(**limits: object) -> Fetcher:
    policy = FetchPolicy(allowed=frozenset({"media"}), **limits)  # type: ignore[arg-type]
    return Fetcher(policy, names(media="127.0.0.1"))


def test_a_picture_arrives_with_its_checksum_and_name(site: int, tmp_path: Path) -> None:
    found = fetcher().fetch(f"http://media:{site}/portrait%20of%20her.png?sig=1", "image", tmp_path)
    assert found.path.read_bytes() == PNG
    assert found.path.suffix == ".png"
    assert (found.size, found.name) == (len(PNG), "portrait of her.png")
    assert Site.hosts[-1] == f"media:{site}"


def test_five_redirects_are_followed_and_six_are_not(site: int, tmp_path: Path) -> None:
    # /redirect/4 sends on to /redirect/3 ... /redirect/0 to the picture: five steps.
    assert fetcher().fetch(f"http://media:{site}/redirect/4", "image", tmp_path).name == "picture.png"
    with pytest.raises(RuntimeProblem, match="more than 5 times"):
        fetcher().fetch(f"http://media:{site}/redirect/5", "image", tmp_path)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.9",
        "172.16.5.5",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "224.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[64:ff9b::a00:1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    ],
)
def test_private_addresses_are_refused(host: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        Fetcher(resolver=names()).fetch(f"http://{host}/secret", "image", tmp_path)
    assert caught.value.code == "fetch_refused"


def test_public_addresses_are_recognised() -> None:
    for text in ("93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "::ffff:93.184.216.34"):
        assert is_public(ipaddress.ip_address(text)), text


def test_one_private_address_among_several_is_enough_to_refuse(tmp_path: Path) -> None:
    both = Fetcher(resolver=lambda host, port: ["93.184.216.34", "127.0.0.1"])
    with pytest.raises(RuntimeProblem, match="private network"):
        both.fetch("http://mixed.example/", "image", tmp_path)


def test_a_redirect_inward_is_refused(site: int, tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem, match=r"169\.254\.169\.254 is inside a private network"):
        fetcher().fetch(f"http://media:{site}/inward", "image", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_that_is_no_address_is_refused(site: int, tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem, match="cannot be understood") as caught:
        fetcher().fetch(f"http://media:{site}/nowhere", "image", tmp_path)
    assert caught.value.code == "fetch_refused"


def test_a_full_disk_is_told_as_such(site: int, tmp_path: Path) -> None:
    (tmp_path / "image.download").symlink_to("/dev/full")
    with pytest.raises(RuntimeProblem) as caught:
        fetcher().fetch(f"http://media:{site}/picture.png", "image", tmp_path)
    assert caught.value.code == "disk_full"
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_resolved_once_and_the_connection_goes_there(site: int, tmp_path: Path) -> None:
    asked: list[str] = []

    def changing(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    policy = FetchPolicy(allowed=frozenset({"127.0.0.1/32"}))
    Fetcher(policy, changing).fetch(f"http://rebinding.example:{site}/picture.png", "image", tmp_path)
    assert asked == ["rebinding.example"]
    assert Site.hosts[-1] == f"rebinding.example:{site}"


@pytest.mark.parametrize("entry", ["media", "MEDIA", "media:{port}", "127.0.0.0/8"])
def test_the_allow_list_takes_hosts_ports_and_networks(site: int, tmp_path: Path, entry: str) -> None:
    policy = FetchPolicy(allowed=frozenset({entry.format(port=site)}))
    Fetcher(policy, names(media="127.0.0.1")).fetch(f"http://media:{site}/picture.png", "image", tmp_path)
    with pytest.raises(RuntimeProblem, match="private network"):
        Fetcher(
            FetchPolicy(allowed=frozenset({"media:1", "other", "10.0.0.0/8"})), names(media="127.0.0.1")
        ).fetch(f"http://media:{site}/picture.png", "image", tmp_path)


@pytest.mark.parametrize("path", ["/endless", "/announced"])
def test_what_is_too_large_is_cut_off(site: int, tmp_path: Path, path: str) -> None:
    with pytest.raises(RuntimeProblem, match="larger than 1 MB") as caught:
        fetcher(image_bytes=1024 * 1024).fetch(f"http://media:{site}{path}", "image", tmp_path)
    assert caught.value.code == "image_too_large"
    assert list(tmp_path.iterdir()) == []


def test_a_dripping_server_runs_into_the_total_limit(site: int, tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(RuntimeProblem, match="did not answer in time"):
        fetcher(total_timeout=0.5).fetch(f"http://media:{site}/drip", "image", tmp_path)
    assert time.monotonic() - started < 5
    assert list(tmp_path.iterdir()) == []


def test_content_is_sniffed_not_believed(site: int, tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem, match="is a web page, not a picture"):
        fetcher().fetch(f"http://media:{site}/page.png", "image", tmp_path)
    with pytest.raises(RuntimeProblem, match="is a picture, not sound"):
        fetcher().fetch(f"http://media:{site}/picture.png", "audio", tmp_path)
    with pytest.raises(RuntimeProblem, match="compressed"):
        fetcher().fetch(f"http://media:{site}/gzip.png", "image", tmp_path)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://media/a.png", "must begin with http"),
        ("file:///etc/passwd", "must begin with http"),
        ("http://user:pw@media/a.png", "user name or password"),
        ("http://media:99999/a.png", "cannot be understood"),
        ("http://media/a\x01b.png", "cannot be understood"),
        (f"http://media/{'a' * 70_000}.png", "cannot be understood"),
        ("http://nowhere.invalid/a.png", "nowhere.invalid is not known"),
    ],
)
def test_odd_addresses_are_refused(url: str, sentence: str, tmp_path: Path) -> None:
    def look_up(host: str, port: int) -> list[str]:
        if host != "media":
            raise OSError("unknown")
        return ["127.0.0.1"]

    with pytest.raises(RuntimeProblem, match=sentence):
        Fetcher(FetchPolicy(allowed=frozenset({"media"})), look_up).fetch(url, "image", tmp_path)


def test_a_relative_address_names_the_setting_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        Fetcher().fetch("/files/1/preview?sign=secret", "audio", tmp_path)
    assert "FILES_URL" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_faults_never_show_the_path_or_query(site: int, tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem, match="answered 404") as caught:
        fetcher().fetch(f"http://media:{site}/missing?signature=secret", "audio", tmp_path)
    assert "signature" not in str(caught.value)
    assert "fresh" in str(caught.value.hint)


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl, which makes the certificate, is missing"
)
def test_certificates_are_checked_against_the_name_not_the_pinned_address(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=media "
        f"-addext subjectAltName=DNS:media -keyout {key} -out {certificate}"
    )
    subprocess.run(
        command.split(),
        check=True,
        capture_output=True,
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.socket = serving.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    policy = FetchPolicy(allowed=frozenset({"media", "impostor"}))
    table = names(media="127.0.0.1", impostor="127.0.0.1")
    trusting = ssl.create_default_context(cafile=str(certificate))
    try:
        found = Fetcher(policy, table, trusting).fetch(f"https://media:{port}/picture.png", "image", tmp_path)
        assert found.size == len(PNG)
        with pytest.raises(RuntimeProblem, match="certificate verify failed"):
            Fetcher(policy, table, trusting).fetch(f"https://impostor:{port}/picture.png", "image", tmp_path)
        with pytest.raises(RuntimeProblem, match="certificate verify failed"):
            Fetcher(policy, table).fetch(f"https://media:{port}/picture.png", "image", tmp_path)
    finally:
        server.shutdown()
        server.server_close()
