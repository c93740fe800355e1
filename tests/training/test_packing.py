"""Graphs in a pack carry no trace of the machine that exported them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from runtime.inference.packs import ModelPack
from tests.conftest import RECORD
from training.packing import add_graph


def test_stack_traces_and_remarks_are_left_out(tmp_path: Path, linear_onnx: Callable[..., Path]) -> None:
    path = linear_onnx()
    model = onnx.load(str(path))
    for part in (model.graph.node[0], model.graph, model):
        note = part.metadata_props.add()
        note.key, note.value = "stack_trace", 'File "/home/someone/networks.py", line 1'
    model.graph.node[0].doc_string = "/home/someone"
    onnx.save(model, str(path))

    added = add_graph(tmp_path / "pack", "linear", path, RECORD)
    assert b"/home/someone" not in added.read_bytes()
    assert ModelPack.load(tmp_path / "pack").graph("linear").path == added


def test_a_record_must_be_complete(tmp_path: Path, linear_onnx: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match="lacks seed"):
        add_graph(tmp_path, "linear", linear_onnx(), {k: v for k, v in RECORD.items() if k != "seed"})


def test_the_bundled_graphs_name_no_folders() -> None:
    for path in ModelPack.load().folder.glob("*.onnx"):
        assert b"/training/" not in path.read_bytes(), path.name
