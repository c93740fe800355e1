"""The plugin as it is installed: its packaged files in a folder of their own, run by a process of its own."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from tests.plugin.daemon import PluginProcess
from tests.plugin.fileserver import FileServer
from tests.server.harness import running
from tools.package import ROOT, packaged_files

KEY = "a-key-for-tests"


@pytest.fixture(scope="session")
def plugin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with exactly the files that go into the package."""
    # Looked for, not imported: importing the SDK here would patch all of this process for gevent.
    if importlib.util.find_spec("dify_plugin") is None:
        pytest.skip("dify_plugin is not installed here")
    folder = tmp_path_factory.mktemp("plugin")
    for file in packaged_files(ROOT):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, folder / file)
    return folder


@pytest.fixture(scope="module")
def files() -> Iterator[FileServer]:
    server = FileServer()
    yield server
    server.stop()


@pytest.fixture
def start(plugin_folder: Path, tmp_path: Path) -> Iterator[Callable[..., PluginProcess]]:
    """Starts plugin processes, all in one new folder, and ends them."""
    folder = tmp_path / "plugin"
    started: list[PluginProcess] = []

    def begin(wrapper: Sequence[str] = (), **environment: str) -> PluginProcess:
        if not folder.exists():
            shutil.copytree(plugin_folder, folder, ignore=shutil.ignore_patterns("state"))
        process = PluginProcess(folder, environment=environment, wrapper=wrapper)
        started.append(process)
        process.wait_until_up(240)
        return process

    yield begin
    for process in started:
        process.stop()


@pytest.fixture(scope="module")
def runtime_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a runtime that is not bundled, with a key; its engine is the stand-in of the server's tests."""
    with running(tmp_path_factory.mktemp("remote"), api_key=KEY) as client:
        yield client


@pytest.fixture(scope="module")
def remote(runtime_elsewhere: httpx.Client) -> str:
    """Its address."""
    return str(runtime_elsewhere.base_url).rstrip("/")


@pytest.fixture(scope="module")
def plugin(plugin_folder: Path) -> Iterator[PluginProcess]:
    """One plugin process for the tests of a module that leave it as it was."""
    process = PluginProcess(plugin_folder)
    process.wait_until_up(240)
    yield process
    process.stop()
