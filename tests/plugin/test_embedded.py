"""The environment that the bundled runtime gets."""

from __future__ import annotations

import pytest

from plugin.embedded import environment


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("http://dify.internal", "dify.internal:80"),
        ("https://dify.example.org/", "dify.example.org:443"),
        ("http://dify.internal:5001/files", "dify.internal:5001"),
        ("http://user:secret@dify.internal", "dify.internal:80"),
        ("http://dify.internal:port", None),
        ("dify.internal", None),
    ],
)
def test_one_port_of_difys_file_server_may_be_fetched_from(address: str, allowed: str | None) -> None:
    assert environment({"FILES_URL": address}).get("SONIC_FETCH_ALLOW") == allowed


def test_an_operators_own_list_stands() -> None:
    given = {"FILES_URL": "http://dify.internal", "SONIC_FETCH_ALLOW": "media"}
    assert environment(given)["SONIC_FETCH_ALLOW"] == "media"
