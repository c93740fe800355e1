"""The rehearsal leaves nothing of a start to the first film."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from runtime.inference.packs import ModelPack

ASSETS = Path(__file__).parents[1] / "_assets"
PROGRAM = """
import json, sys
from runtime.contract import RenderOptions
from runtime.rehearsal import rehearse

options = RenderOptions(min_resolution=256, duration=0.5, fps=12)
parts = list(rehearse(options))
from runtime.inference.packs import ModelPack
from runtime.inference import sessions
from runtime.pipeline import engine_for, render

engine = engine_for(ModelPack.load(), options)
opened, start_session, later = sorted(engine.sessions._open), sessions.start_session, []
sessions.start_session = lambda path, *rest: (later.append(path.name), start_session(path, *rest))[1]
known = set(sys.modules)
render(*sys.argv[1:], options)
news = sorted(name for name in set(sys.modules) - known if name.startswith("runtime."))
print(json.dumps([parts, opened, later, news]))
"""


def test_after_it_a_film_opens_no_network_and_loads_no_module(tmp_path: Path) -> None:
    files = [ASSETS / "demo_portrait.jpg", ASSETS / "demo_speech.ogg", tmp_path / "film.mp4"]
    command = [sys.executable, "-c", PROGRAM, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    parts, opened, later, news = json.loads(done.stdout)
    assert parts[0] == "libraries" and parts[-1] == "frames"
    assert opened == sorted(ModelPack.load().graphs)
    assert later == []
    assert news == []
