from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import pytest
from starlette.datastructures import Headers, QueryParams

from runtime.contract import RuntimeProblem
from runtime.server.access import Access
from runtime.server.logs import JsonFormatter
from runtime.server.service import film_name
from runtime.server.settings import Settings, variable_name

DOCUMENT = Path(__file__).parents[2] / "docs" / "service.md"
S3 = {"SONIC_STORAGE": "s3", "SONIC_S3_ENDPOINT": "minio:9000"}


def test_variables_are_read_and_the_command_line_wins() -> None:
    settings = Settings.from_environment({"SONIC_PORT": "9000", "SONIC_WORKERS": "3"}, port=0, host=None)
    assert (settings.port, settings.workers, settings.host) == (0, 3, "127.0.0.1")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"SONIC_PORT": "99999"}, "SONIC_PORT is wrong"),
        ({"SONIC_STORAGE": "ftp"}, "SONIC_STORAGE is wrong"),
        ({"SONIC_API_KEY": "short"}, "SONIC_API_KEY is wrong"),
        ({"SONIC_HOST": "0.0.0.0"}, "listens on loopback only"),
        (S3, "needs SONIC_S3_ACCESS_KEY, SONIC_S3_SECRET_KEY"),
        ({"SONIC_LINK_SECONDS": "700000"}, "SONIC_LINK_SECONDS is wrong"),
    ],
)
def test_wrong_settings_are_named(variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(RuntimeProblem, match=sentence):
        Settings.from_environment(variables)


def test_secrets_stay_out_of_messages_and_representations() -> None:
    with pytest.raises(RuntimeProblem) as caught:
        Settings.from_environment({"SONIC_API_KEY": "hush"})
    assert "hush" not in str(caught.value)
    settings = Settings.from_environment(
        {
            **S3,
            "SONIC_S3_ACCESS_KEY": "access1",
            "SONIC_S3_SECRET_KEY": "secret1",
            "SONIC_API_KEY": "key12345",
        }
    )
    for secret in ("access1", "secret1", "key12345"):
        assert secret not in repr(settings)
        assert secret not in repr(settings.make_storage(Path("x")))


def test_a_key_opens_every_interface() -> None:
    assert (
        Settings.from_environment({"SONIC_HOST": "0.0.0.0", "SONIC_API_KEY": "0123456789"}).host == "0.0.0.0"
    )


def access(**values: object) -> Access:
    return Access(Settings(**values), b"s" * 32)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer 0123456789"},
        {"X-API-Key": "0123456789"},
        {"Authorization": "bearer 0123456789 "},
    ],
)
def test_the_key_is_taken_from_either_header(headers: dict[str, str]) -> None:
    access(api_key="0123456789").check(Headers(headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer 012345678"},
        {"Authorization": "Basic 0123456789"},
        {"X-API-Key": "0123456789€"},
    ],
)
def test_anything_else_is_refused(headers: dict[str, str]) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    with pytest.raises(RuntimeProblem, match="missing or wrong"):
        access(api_key="0123456789").check(Headers(raw=raw))


def test_without_a_key_pages_from_elsewhere_are_turned_away() -> None:
    local = access()
    local.check(Headers({"Host": "127.0.0.1:8100"}))
    local.check(Headers({"Host": "localhost:8100", "Origin": "http://localhost:3000"}))
    for headers in ({"Host": "evil.example"}, {"Host": "127.0.0.1", "Origin": "https://evil.example"}):
        with pytest.raises(RuntimeProblem, match="only this machine"):
            local.check(Headers(headers))
    access(public_url="https://films.example").check(Headers({"Host": "films.example"}))
    access(socket=Path("s")).check(Headers({"Host": "anything"}))


def test_a_link_is_for_one_film_and_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = access(link_seconds=60)
    query = QueryParams(guard.sign("video_a"))
    assert guard.is_signed("video_a", query)
    assert not guard.is_signed("video_b", query)
    assert not guard.is_signed("video_a", QueryParams(f"expires=99999999999&signature={query['signature']}"))
    assert not guard.is_signed("video_a", QueryParams(""))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert not guard.is_signed("video_a", query)


def test_film_names_are_readable_and_safe() -> None:
    assert film_name(["Ada Lovelace.png", "welcome.mp3"]) == "Ada Lovelace-welcome.mp4"
    assert film_name(["../../etc/passwd", ""]) == "passwd.mp4"
    assert film_name(['肖像"<x>.png']) == "肖像x.mp4"
    assert film_name([]) == "talking-video.mp4"


def test_log_lines_are_objects() -> None:
    record = logging.makeLogRecord(
        {"msg": "film %s", "args": ("stored",), "levelname": "INFO", "name": "n", "job": "video_a"}
    )
    line = json.loads(JsonFormatter().format(record))
    assert (line["message"], line["job"], line["level"]) == ("film stored", "video_a", "info")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_document_lists_every_setting_with_its_default(name: str) -> None:
    field = Settings.model_fields[name]
    default = field.default
    if default is None or default == "":
        shown = "-"
    elif isinstance(default, bool):
        shown = str(int(default))
    else:
        shown = f"{default:g}" if isinstance(default, float) else str(default)
    assert f"| {variable_name(name)} | {shown} | {field.description} |" in DOCUMENT.read_text()
