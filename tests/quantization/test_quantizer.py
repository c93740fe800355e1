"""A whole pack into INT8: files, records, report, and what the command refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from runtime.cli import main
from runtime.contract import RuntimeProblem
from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.quantization.calibration import Recording
from runtime.quantization.quantizer import Task, quantise_pack
from runtime.quantization.report import as_text, write_report
from runtime.quantization.samples import Row, Samples
from tests.conftest import RECORD
from training.packing import add_asset, add_graph

ASSETS = Path(__file__).resolve().parents[2] / "_assets"


@pytest.fixture
def pack(tmp_path: Path, conv_net: Callable[..., onnx.ModelProto]) -> ModelPack:
    """A pack of two graphs and an asset."""
    onnx.save(conv_net(), str(tmp_path / "net.onnx"))
    (tmp_path / "table.npz").write_bytes(b"numbers")
    for name in ("near", "far"):
        add_graph(tmp_path / "pack", name, tmp_path / "net.onnx", RECORD | {"calibration": {"gain": 2}})
    add_asset(tmp_path / "pack", "table", tmp_path / "table.npz")
    return ModelPack.load(tmp_path / "pack")


@pytest.fixture
def recording(rows: list[Row]) -> Recording:
    samples = Samples(rows[:8], rows[8:])
    return Recording({"near": samples, "far": samples}, pictures=3, recordings=2)


def test_a_pack_in_int8(pack: ModelPack, recording: Recording, tmp_path: Path, rows: list[Row]) -> None:
    out = tmp_path / "int8"
    report = quantise_pack(pack, recording, Task(out, protect=("near:head",), provider="cpu", threads=1))

    made = ModelPack.load(out)
    assert made.asset("table").read_bytes() == b"numbers"
    assert [made.graph("near", int8=switch).precision for switch in (True, False)] == ["int8", "fp16"]
    description = json.loads((out / "pack.json").read_text())
    graph = description["graphs"]["near"]
    assert graph["calibration"] == {"gain": 2} and graph["inputs"] == pack.graphs["near"]["inputs"]
    record = graph["precisions"]["int8"]["quantization"]
    assert record["protected"] == {"head": "asked for by name"} and record["quantised"] == 2
    assert record["calibration"] == {"pictures": 3, "recordings": 2, "samples": 8, "held_out": 4}
    assert record["psnr_drop"] <= 0.3 and "quantize PACK" in record["command"]
    far = description["graphs"]["far"]["precisions"]["int8"]["quantization"]
    assert far["protected"] == {}

    whole, small = (
        Sessions(one, "cpu", threads=1).get("near").run(rows[0])["output"] for one in (pack, made)
    )
    assert 0 < np.abs(whole - small).max() < 0.05 * np.ptp(whole)

    cost = report["graphs"]["near"]["cost"]["cpu"]
    assert cost["before"]["milliseconds"] > 0 and cost["after"]["milliseconds"] > 0
    layers = {layer["name"]: layer for layer in report["graphs"]["near"]["layers"]}
    assert layers["first"]["drop_alone"] > 0 and layers["first"]["output"]["zero_point"] == 0
    assert layers["head"]["protected"] and layers["head"]["output"] is None
    write_report(report, tmp_path / "report")
    assert json.loads((tmp_path / "report" / "quantization.json").read_text()) == report
    page = (tmp_path / "report" / "quantization.html").read_text()
    assert page.count("<svg") == 3 and "asked for by name" in page
    assert "src=" not in page and "<link" not in page, "one file holds it all"
    assert "2 of 3" in as_text(report)


def test_one_graph_again(
    pack: ModelPack, recording: Recording, tmp_path: Path, conv_net: Callable[..., onnx.ModelProto]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    quantise_pack(pack, recording, Task(first, provider="cpu", threads=1))
    onnx.save(conv_net(loud=3.0), str(tmp_path / "new.onnx"))
    add_graph(first, "near", tmp_path / "new.onnx", RECORD)  # trained again: full precision alone
    half = ModelPack.load(first)
    assert [half.graph(name).precision for name in ("near", "far")] == ["fp32", "int8"]
    report = quantise_pack(half, recording, Task(second, only=("near",), provider="cpu", threads=1))
    whole = ModelPack.load(second)
    assert list(report["graphs"]) == ["near"]
    assert [whole.graph(name).precision for name in ("near", "far")] == ["int8", "int8"]
    assert whole.graph("far").sha256 == half.graph("far").sha256
    with pytest.raises(RuntimeProblem, match="Option only is nose, but must be of far, near"):
        quantise_pack(whole, recording, Task(tmp_path / "third", only=("nose",)))


def test_a_name_to_protect_that_nothing_has(pack: ModelPack, recording: Recording, tmp_path: Path) -> None:
    task = Task(tmp_path / "int8", protect=("nose*",), provider="cpu", threads=1)
    with pytest.raises(RuntimeProblem, match=r"Option protect is nose\*, but no graph and no layer"):
        quantise_pack(pack, recording, task)
    assert not (tmp_path / "int8").exists()


def test_a_graph_that_cannot_be_quantised_stays_and_says_so(
    pack: ModelPack, recording: Recording, tmp_path: Path, linear_onnx: Callable[..., Path]
) -> None:
    add_graph(pack.folder, "linear", linear_onnx(), RECORD)
    rows = [{"input": np.ones((1, 3), np.float32)}]
    more = Recording({**recording.samples, "linear": Samples(rows, rows)}, 3, 2)
    report = quantise_pack(
        ModelPack.load(pack.folder), more, Task(tmp_path / "int8", provider="cpu", threads=1)
    )
    assert "its node Mul_0 is a Mul" in report["graphs"]["linear"]["refused"]
    assert ModelPack.load(tmp_path / "int8").graph("linear").precision == "fp16"
    assert "Mul_0" in as_text(report)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--method", "guess"], "Option method is guess, but must be one of minmax, entropy, percentile."),
        (["--max-psnr-drop", "0"], "Option max_psnr_drop is 0, but must be a number from 0.01 to 10."),
        (["--max-psnr-drop", "much"], "Option max_psnr_drop is much, but must be"),
        ([], "There is no folder nowhere."),
        (["--out", str(ASSETS)], "_assets is not empty; the new pack needs one of its own."),
    ],
)
def test_the_command_says_what_is_wrong(
    pack: ModelPack, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    given = ["--calibration", "nowhere", "--out", str(tmp_path / "new"), *words]
    assert main(["quantize", str(pack.folder), *given]) == 2
    assert sentence in capsys.readouterr().err
