"""The package that Dify installs: what is in it, and that it works in a clean environment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.plugin.daemon import PluginProcess
from tests.plugin.fileserver import FileServer
from tests.plugin.films import SMALL, audio, film_at, portrait, taking_uploads
from tools.package import NEEDED, ROOT, SIZE_LIMIT, PackageProblem, build, check, packaged_files


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"))


def test_what_is_in_it(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = set(archive.namelist())
        assert sum(entry.file_size for entry in archive.infolist()) < SIZE_LIMIT
        manifest = yaml.safe_load(archive.read("manifest.yaml"))
        for path in manifest["plugins"]["tools"]:
            provider = yaml.safe_load(archive.read(path))
            for tool in provider["tools"]:
                declared = yaml.safe_load(archive.read(tool))
                assert declared["extra"]["python"]["source"] in names
    assert set(NEEDED) <= names
    assert package.stat().st_size < SIZE_LIMIT
    tops = {name.partition("/")[0] for name in names}
    assert not tops & {
        "tests",
        "training",
        "pyproject.toml",
        "tools",
        "examples",
        ".git",
        ".venv",
        "dist",
        "state",
    }
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".log"))]
    assert package.name == f"{manifest['name']}-{manifest['version']}.difypkg"


def test_the_same_files_make_the_same_package(plugin_folder: Path, tmp_path: Path) -> None:
    first = build(tmp_path / "first", plugin_folder).read_bytes()
    for path in plugin_folder.rglob("*.py"):
        path.touch()
    assert build(tmp_path / "second", plugin_folder).read_bytes() == first


def test_ignored_folders_are_not_entered_and_what_is_missing_is_named(tmp_path: Path) -> None:
    for name in (
        ".difyignore",
        "manifest.yaml",
        "tests/test_a.py",
        "plugin/a.py",
        "plugin/__pycache__/a.pyc",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("/tests/\n__pycache__/\n" if name == ".difyignore" else "x")
    files = packaged_files(tmp_path)
    assert [file.as_posix() for file in files] == [".difyignore", "manifest.yaml", "plugin/a.py"]
    with pytest.raises(PackageProblem, match=r"lacks main\.py"):
        check(files, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("SONIC_INSTALL_TEST"),
    reason="fetches and installs all requirements anew (1.2 GB); set SONIC_INSTALL_TEST=1 to run it",
)
def test_it_works_where_nothing_else_is_installed(package: Path, files: FileServer, tmp_path: Path) -> None:
    """As Dify's daemon does it: unpack, make an environment, install requirements.txt, start `python -m main`."""
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)  # without any executable bit
    venv.create(folder / ".venv", with_pip=True)
    python = folder / ".venv/bin/python"
    assert sys.version_info[:2] == (3, 12), "the daemon makes the environment with Python 3.12"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"],
        cwd=folder,
        check=True,
        timeout=3600,  # a gigabyte, on a machine that may have other work
    )
    plugin = PluginProcess(folder, python=str(python))
    try:
        assert plugin.wait_until_up(60) < 20
        plugin.warm_up()
        plugin.replies["upload_file"] = taking_uploads(files)
        began = time.monotonic()
        given = {**SMALL, "portrait": portrait(files), "audio": [audio(files, 1.0)]}
        outcome = plugin.film(given)
        assert time.monotonic() - began < 240
        assert film_at(outcome.variables["video_url"])["seconds"] == pytest.approx(1.0, abs=0.1)
    finally:
        plugin.stop()


def test_the_packers_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "tools/package.py", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*.difypkg"))) == 1
