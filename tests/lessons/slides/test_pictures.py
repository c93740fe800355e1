from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from runtime.contract import RuntimeProblem
from runtime.lessons.script import parse_lesson
from runtime.lessons.slides import Theme, gather_pictures
from runtime.media.fetching import Fetcher, FetchPolicy

LIGHT = Theme.checked({})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    script = tmp_path / "script"
    script.mkdir()
    Image.new("RGB", (2400, 1200), (200, 20, 20)).save(script / "red.jpg")
    Image.new("RGB", (30, 20), (20, 20, 200)).save(tmp_path / "secret.png")
    return script


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *told: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_pictures_beside_the_script_and_from_the_web(folder: Path, address: str, tmp_path: Path) -> None:
    web = f"{address}/red.jpg"
    lesson = parse_lesson(f"# A\n![a](red.jpg)\n\nNarration: a\n\n# B\n![b]({web})\n\nNarration: b\n")
    fetcher = Fetcher(FetchPolicy(allowed=frozenset({"127.0.0.1"})))
    found = gather_pictures(lesson, LIGHT, tmp_path / "kept", folder, fetcher)
    assert set(found) == {"red.jpg", web}
    for path in found.values():
        with Image.open(path) as picture:
            assert picture.format == "PNG" and picture.size == (1920, 960)
    assert sorted((tmp_path / "kept").iterdir()) == sorted(found.values())


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("<my pic.jpg>", "my pic.jpg"),
        ("my%20pic.jpg", "my pic.jpg"),
        ("图片.jpg", "图片.jpg"),
        ("ü.jpg", "ü.jpg"),
    ],
)
def test_names_are_those_of_the_files(written: str, name: str, folder: Path, tmp_path: Path) -> None:
    (folder / "red.jpg").rename(folder / name)
    lesson = parse_lesson(f"# A\n\n![a]({written})\n\nNarration: a\n")
    assert set(gather_pictures(lesson, LIGHT, tmp_path / "kept", folder)) == {name}


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("../secret.png", "image_missing"),
        ("none.png", "image_missing"),
        ("a%00b.png", "image_missing"),
        ("http://127.0.0.1:9/a.png", "fetch_refused"),
    ],
)
def test_what_is_not_to_be_had_is_named_by_its_line(
    source: str, code: str, folder: Path, tmp_path: Path
) -> None:
    lesson = parse_lesson(f"# A\n\n![a]({source})\n\nNarration: a\n")
    with pytest.raises(RuntimeProblem) as caught:
        gather_pictures(lesson, LIGHT, tmp_path / "kept", folder, Fetcher())
    assert caught.value.code == code
    assert caught.value.sentence.startswith("Line 3 of the script: ")


def test_a_service_opens_no_files_of_its_own(folder: Path, tmp_path: Path) -> None:
    for script, look in (("# A\n\n![a](/etc/hostname)\n", {}), ("# A\nHello.\n", {"logo": "/etc/hostname"})):
        with pytest.raises(RuntimeProblem, match="is no address"):
            gather_pictures(parse_lesson(script), Theme.checked(look), tmp_path / "kept")
