"""`python -m runtime evaluate` on the demo portrait, through the real stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.cli import main

ASSETS = str(Path(__file__).resolve().parents[2] / "_assets")


def evaluate(out: Path, *options: str) -> int:
    return main(["evaluate", "--portraits", ASSETS, "--speech", ASSETS, "--out", str(out), *options])


@pytest.mark.slow
def test_the_demo_portrait_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--only", "demo_portrait", "--parts", "sheets,fidelity", "--json")
    assert evaluate(tmp_path, *options) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["failures"] == {}
    found = told["portraits"]["demo_portrait"]
    assert found["fidelity"]["still_psnr"] >= 45
    assert found["fidelity"]["background_psnr_worst"] >= 45
    poses = found["poses"]["our landmarks"]
    assert poses["m"]["lips"] <= 0.03 < 0.15 < poses["aa"]["lips"]
    assert poses["blink"]["eyes"] < 0.4 * poses["photo"]["eyes"]
    assert (tmp_path / "sheet_demo_portrait.png").stat().st_size > 100_000
    assert json.loads((tmp_path / "film.json").read_text())["portraits"].keys() == {"demo_portrait"}


@pytest.mark.parametrize(("option", "value"), [("--parts", "beauty"), ("--only", "nobody")])
def test_unknown_choices_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert evaluate(tmp_path, option, value) == 2
    assert value in capsys.readouterr().err
