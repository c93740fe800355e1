"""The measures run, on the smallest films there are, and say what they are asked; how fast is not judged here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import ceiling
from benchmarks.memory import networks_table
from runtime.bench.speed import floor_table, render_command, stage_table
from runtime.bench.startup import startup_table
from runtime.bench.workload import Material, machine, precisions
from runtime.cli import main
from runtime.contract import RuntimeProblem
from runtime.inference.packs import ModelPack
from runtime.inference.providers import plan_providers
from runtime.inference.sessions import start_session


@pytest.fixture(scope="module")
def material() -> Material:
    return Material()


def test_material_must_exist(tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem, match=r"no file .*nobody\.jpg"):
        Material(portrait=tmp_path / "nobody.jpg")


def test_a_clip_has_the_length_it_is_asked_for(material: Material, tmp_path: Path) -> None:
    clip = material.clip(1.5, tmp_path)
    assert clip.stat().st_size == pytest.approx(1.5 * 16_000 * 2, abs=100)
    assert material.clip(1.5, tmp_path) == clip


def test_stages_are_measured_in_every_precision(material: Material) -> None:
    table = stage_table(material, 256, repeats=1)
    kinds = precisions(ModelPack.load())
    assert [row[0][0] for row in table.rows] == ["1", "2", "3", "3"]  # type: ignore[index]
    assert list(table.columns[1 : 1 + len(kinds)]) == list(kinds)
    assert all(float(cell) > 0 for row in table.rows for cell in row[1:] if cell is not None)
    assert table.rows[3][1] > table.rows[2][1]  # type: ignore[operator]  # motion and texture hold the motion


def test_a_film_is_measured_against_its_encoding(material: Material, tmp_path: Path) -> None:
    table = floor_table(material, (256,), 0.5, repeats=1, folder=tmp_path)
    assert len(table.rows) == len(precisions(ModelPack.load()))
    for _, whole, speed, alone, ratio, _ in table.rows:
        assert whole * speed == pytest.approx(0.52, abs=0.03)  # type: ignore[operator]  # 13 frames
        assert ratio == pytest.approx(whole / alone)  # type: ignore[operator]


def test_first_frames_come_sooner_in_a_running_process(material: Material, tmp_path: Path) -> None:
    [[_, cold, _, warm, _]] = startup_table(material, (256,), 1, tmp_path).rows
    assert isinstance(cold, float) and isinstance(warm, float)
    assert 0 < warm < 1000 * cold


def test_the_command_is_timed_with_its_own_answer(material: Material, tmp_path: Path) -> None:
    took, result = render_command(
        material, ["--min-resolution", "256", "--preset", "ultrafast"], 0.5, tmp_path
    )
    assert result["duration"] == pytest.approx(0.5, abs=0.05) and result["peak_memory_mb"] > 50
    assert took.wall >= result["real_time_factor"] * result["duration"]


def test_networks_take_memory() -> None:
    table = networks_table(1)
    assert [row[0] for row in table.rows] == list(precisions(ModelPack.load()))
    for _, files, opened, at_work, _ in table.rows:
        assert files > 1 and 0 < opened <= at_work  # type: ignore[operator]


def test_bench_prints_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--sizes", "256", "--seconds", "0.5", "--repeats", "1"]
    assert main(["bench", *small, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    kinds = list(precisions(ModelPack.load()))
    assert [row["film"] for row in printed["rows"]] == [f"256 px, {kind}" for kind in kinds]
    assert printed["machine"]["pack"] == machine()["pack"]
    assert all(row["memory, MB"] > 50 and row["times real time"] > 0 for row in printed["rows"])


def test_a_layer_alone_is_measured_in_both_precisions(tmp_path: Path) -> None:
    full, int8 = ceiling.chain(16, 32, 3, 2, tmp_path)
    values = {"input": np.random.default_rng(1).normal(size=(1, 16, 32, 32)).astype(np.float32)}
    plan = plan_providers(["CPUExecutionProvider"], "cpu")[0]
    exact, found = (start_session(path, plan, 1).run(None, values)[0] for path in (full, int8))
    assert 0 < np.abs(found - exact).mean() < 0.02 * np.abs(exact).max()
    assert all(took > 0 for took in ceiling.layer_times(128, 32, 3, "cpu", repeats=3))
