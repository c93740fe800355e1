"""Against a real S3 server: see ceph.py."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from runtime.contract import RuntimeProblem
from runtime.storage import S3Settings, S3Storage, StorageProblem, UploadStopped
from runtime.storage.s3 import PART_SIZE
from tests.storage import ceph


@pytest.fixture
def settings(s3_server: ceph.S3Server) -> S3Settings:
    return S3Settings(
        endpoint=s3_server.endpoint,
        bucket="films",
        access_key=ceph.ACCESS_KEY,
        secret_key=ceph.SECRET_KEY,
        secure=False,
        create_bucket=True,
        prefix="talking/",
        retries=1,
        connect_timeout=2,
    )


def film(folder: Path, size: int = 1000) -> Path:
    path = folder / "film.mp4"
    path.write_bytes(os.urandom(size))
    return path


def put(storage: S3Storage, source: Path, key: str = "a.mp4", filename: str = "Grüße.mp4") -> int:
    return storage.put(source, key, content_type="video/mp4", filename=filename)


def test_a_link_gives_the_film_with_its_headers_and_ranges(settings: S3Settings, tmp_path: Path) -> None:
    storage, source = S3Storage(settings), film(tmp_path)
    assert put(storage, source) == 1000
    link = storage.link("a.mp4")
    assert urlsplit(link).path == "/films/talking/a.mp4"
    assert parse_qs(urlsplit(link).query)["X-Amz-Expires"] == ["604800"]
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == source.read_bytes()
        assert answer.headers["Content-Type"] == "video/mp4"
        assert answer.headers["Content-Disposition"].endswith("filename*=UTF-8''Gr%C3%BC%C3%9Fe.mp4")
        assert answer.headers["Cache-Control"] == "private, max-age=604800"
    part = urllib.request.Request(link, headers={"Range": "bytes=10-19"})
    with urllib.request.urlopen(part) as answer:
        assert (answer.status, answer.read()) == (206, source.read_bytes()[10:20])


def test_large_films_go_up_in_parts(settings: S3Settings, tmp_path: Path) -> None:
    storage, source = S3Storage(settings), film(tmp_path, PART_SIZE + 5)
    put(storage, source, "large.mp4")
    with urllib.request.urlopen(storage.link("large.mp4")) as answer:
        assert "-2" in answer.headers["ETag"]  # two parts
        assert answer.read() == source.read_bytes()


def test_links_are_signed_for_the_public_endpoint(settings: S3Settings, tmp_path: Path) -> None:
    public = replace(settings, public_endpoint="https://media.example.org:8443", presign_seconds=60)
    storage = S3Storage(public)
    put(storage, film(tmp_path))
    assert storage.link("a.mp4").startswith("https://media.example.org:8443/films/talking/a.mp4?")
    assert "X-Amz-Expires=60&" in storage.link("a.mp4")
    based = S3Storage(replace(settings, public_base_url="https://cdn.example.org/v/"))
    assert based.link("a b.mp4") == "https://cdn.example.org/v/talking/a%20b.mp4"


def test_virtual_host_style_puts_the_bucket_into_the_host(settings: S3Settings) -> None:
    virtual = replace(settings, public_endpoint="http://s3.example.org", addressing="virtual")
    assert S3Storage(virtual).link("a.mp4").startswith("http://films.s3.example.org/talking/a.mp4?")


def test_delete_removes_the_object_and_forgives_a_missing_one(settings: S3Settings, tmp_path: Path) -> None:
    storage = S3Storage(settings)
    put(storage, film(tmp_path))
    storage.delete("a.mp4")
    storage.delete("a.mp4")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(storage.link("a.mp4"))


def test_a_missing_bucket_is_only_made_when_allowed(settings: S3Settings, tmp_path: Path) -> None:
    strict = S3Storage(replace(settings, bucket="elsewhere", create_bucket=False))
    with pytest.raises(StorageProblem, match="bucket elsewhere does not exist") as caught:
        put(strict, film(tmp_path))
    assert caught.value.code == "storage_bucket_missing"
    S3Storage(replace(settings, bucket="elsewhere")).check()
    put(strict, film(tmp_path))


def test_wrong_keys_are_named_as_such(settings: S3Settings, tmp_path: Path) -> None:
    with pytest.raises(StorageProblem) as caught:
        put(S3Storage(replace(settings, secret_key="wrong")), film(tmp_path))
    assert caught.value.code == "storage_denied"
    assert "SignatureDoesNotMatch" in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_an_upload_stops_when_asked(settings: S3Settings, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(UploadStopped):
        S3Storage(settings).put(film(tmp_path), "stopped.mp4", content_type="", filename="", stop=stop)


def test_an_absent_server_is_one_sentence_and_its_return_is_noticed(
    s3_server: ceph.S3Server, settings: S3Settings, tmp_path: Path
) -> None:
    storage = S3Storage(settings)
    storage.check()
    s3_server.pause()
    try:
        with pytest.raises(StorageProblem, match=r"cannot be reached \(.*Connection refused\)") as caught:
            put(storage, film(tmp_path))
        assert caught.value.code == "storage_unavailable"
    finally:
        s3_server.resume()
    put(storage, film(tmp_path))


def test_an_unreachable_server_costs_seconds_not_minutes(tmp_path: Path) -> None:
    settings = S3Settings(
        # Listens but never answers: the kernel completes the handshake of a socket nobody accepts from.
        endpoint="",
        bucket="b",
        access_key="a",
        secret_key="s",
        secure=False,
        retries=0,
        read_timeout=0.5,
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        storage = S3Storage(replace(settings, endpoint=f"127.0.0.1:{silent.getsockname()[1]}"))
        started = time.monotonic()
        with pytest.raises(StorageProblem):
            put(storage, film(tmp_path))
    assert time.monotonic() - started < 5


def test_a_server_that_does_not_answer_is_noticed_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """However patient uploads are."""
    monkeypatch.setattr("runtime.storage.s3.CHECK_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        storage = S3Storage(S3Settings(address, "b", "a", "s", secure=False, read_timeout=20, retries=3))
        started = time.monotonic()
        with pytest.raises(StorageProblem, match="cannot be reached"):
            storage.check()
    assert time.monotonic() - started < 15


def test_a_key_that_may_only_put_get_and_delete_is_enough(
    s3_server: ceph.S3Server, settings: S3Settings, tmp_path: Path
) -> None:
    owner = S3Storage(replace(settings, bucket="shared"))
    owner.check()
    s3_server.add_user("guest")
    allowed = {
        "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam:::user/guest"]},
        "Action": ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
        "Resource": ["arn:aws:s3:::shared/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    owner._client.set_bucket_policy("shared", policy)
    guest = S3Storage(
        replace(owner.settings, access_key="guest-key", secret_key="guest-secret", create_bucket=False)
    )
    guest.check()
    put(guest, film(tmp_path))
    with urllib.request.urlopen(guest.link("a.mp4")) as answer:
        assert len(answer.read()) == 1000
    guest.delete("a.mp4")
    elsewhere = S3Storage(replace(guest.settings, bucket="films"))
    owner_of_films = S3Storage(settings)
    owner_of_films.check()
    with pytest.raises(StorageProblem) as caught:
        put(elsewhere, film(tmp_path))
    assert caught.value.code == "storage_denied"


def test_bad_settings_are_refused() -> None:
    settings = S3Settings(endpoint="a/b", bucket="b", access_key="a", secret_key="s3cret")
    with pytest.raises(RuntimeProblem, match="without a path"):
        S3Storage(settings)
    with pytest.raises(RuntimeProblem, match="7 days"):
        S3Storage(replace(settings, endpoint="a", presign_seconds=8 * 24 * 3600))
    assert "s3cret" not in repr(settings)


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl, which makes the certificate, is missing"
)
def test_tls_with_an_authority_of_one_s_own(
    s3_server: ceph.S3Server, settings: S3Settings, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "ca.pem", tmp_path / "key.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
        f"-addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with tls_in_front_of(s3_server.port, context) as port:
        secure = replace(settings, endpoint=f"https://localhost:{port}", retries=0)
        with pytest.raises(StorageProblem, match="certificate verify failed"):
            S3Storage(secure).check()
        trusting = S3Storage(replace(secure, ca_file=str(certificate)))
        put(trusting, film(tmp_path))
        assert trusting.link("a.mp4").startswith(f"https://localhost:{port}/films/talking/a.mp4?")
        trusted = ssl.create_default_context(cafile=str(certificate))
        with urllib.request.urlopen(trusting.link("a.mp4"), context=trusted) as answer:
            assert len(answer.read()) == 1000


@contextlib.contextmanager
def tls_in_front_of(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """Take TLS connections and hand their content on to a port of this machine."""

    def hand_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def take() -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                outer = context.wrap_socket(raw, server_side=True)
                inner = socket.create_connection(("127.0.0.1", port))
                for pair in ((outer, inner), (inner, outer)):
                    threading.Thread(target=hand_on, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=take, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
