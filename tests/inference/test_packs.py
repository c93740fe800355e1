import json
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.contract import RuntimeProblem
from runtime.inference.packs import ModelPack
from training.packing import add_asset, add_graph

from ..conftest import RECORD


def test_graph_is_described_in_pack_json(small_pack: Path) -> None:
    record = json.loads((small_pack / "pack.json").read_text())["graphs"]["linear"]
    assert record["opset"] == 17
    assert record["inputs"] == [{"name": "input", "shape": ["batch", 3], "dtype": "float32"}]
    assert record["outputs"] == [{"name": "output", "shape": ["batch", 3], "dtype": "float32"}]
    assert record["licence"] == "Apache-2.0"
    assert ModelPack.load(small_pack).graph("linear").path.read_bytes()


def test_precision_follows_the_int8_switch(small_pack: Path, linear_onnx: Callable[..., Path]) -> None:
    add_graph(small_pack, "linear", linear_onnx(3.0, "other.onnx"), RECORD, precision="int8")
    pack = ModelPack.load(small_pack)
    assert pack.graph("linear", int8=True).precision == "int8"
    assert pack.graph("linear", int8=False).precision == "fp32"


def test_damaged_file_is_refused(small_pack: Path) -> None:
    with (small_pack / "linear.onnx").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(RuntimeProblem, match="does not have the checksum"):
        ModelPack.load(small_pack).graph("linear")


def test_asset_is_found_and_missing_things_are_named(small_pack: Path, tmp_path: Path) -> None:
    (tmp_path / "table.npz").write_bytes(b"numbers")
    add_asset(small_pack, "mesh", tmp_path / "table.npz")
    pack = ModelPack.load(small_pack)
    assert pack.asset("mesh").read_bytes() == b"numbers"
    with pytest.raises(RuntimeProblem, match="no asset nose"):
        pack.asset("nose")
    with pytest.raises(RuntimeProblem, match="no graph nose"):
        pack.graph("nose")
    with pytest.raises(RuntimeProblem, match="no model pack"):
        ModelPack.load(tmp_path / "nowhere")


def test_incomplete_record_is_refused(small_pack: Path, linear_onnx: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match="lacks data, licence"):
        add_graph(small_pack, "linear", linear_onnx(), {"command": "x", "seed": 0, "metrics": {}})
