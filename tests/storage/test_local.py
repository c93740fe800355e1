from __future__ import annotations

from pathlib import Path

import pytest

from runtime.storage import LocalStorage, StorageProblem, content_disposition


def film(folder: Path, content: bytes = b"film") -> Path:
    path = folder / "film.mp4"
    path.write_bytes(content)
    return path


def test_put_keeps_the_source_and_replaces_the_target(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "store")
    storage.put(film(tmp_path, b"old"), "a/b.mp4")
    (tmp_path / "film.mp4").unlink()
    size = storage.put(film(tmp_path, b"newer"), "a/b.mp4")
    assert size == 5
    assert storage.path("a/b.mp4").read_bytes() == b"newer"
    assert (tmp_path / "film.mp4").read_bytes() == b"newer"
    assert [path.name for path in (tmp_path / "store" / "a").iterdir()] == ["b.mp4"]


def test_delete_is_content_with_a_missing_file(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "store")
    storage.put(film(tmp_path), "b.mp4")
    storage.delete("b.mp4")
    storage.delete("b.mp4")
    assert not storage.path("b.mp4").exists()
    assert storage.link("b.mp4") is None


@pytest.mark.parametrize("key", ["../b.mp4", "/etc/passwd", "", "a/../../b"])
def test_keys_cannot_leave_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a storage key"):
        LocalStorage(tmp_path).path(key)


def test_a_failed_put_leaves_nothing_behind(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "store")
    with pytest.raises(StorageProblem):
        storage.put(tmp_path / "absent.mp4", "b.mp4")
    assert list((tmp_path / "store").iterdir()) == []


def test_content_disposition_keeps_readable_names_and_quotes_the_rest() -> None:
    assert content_disposition("talk 1.mp4") == 'inline; filename="talk 1.mp4"'
    assert content_disposition('问候".mp4') == (
        "inline; filename=\"___.mp4\"; filename*=UTF-8''%E9%97%AE%E5%80%99%22.mp4"
    )
    assert "\n" not in content_disposition("a\r\nSet-Cookie: x")
