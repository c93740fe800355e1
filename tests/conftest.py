"""Fixtures shared by the tests: a tiny real model pack, made on the spot."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from runtime.inference.packs import ModelPack
from tests.storage import ceph
from training.packing import add_graph

GRAPHS = (
    *("face_detector", "landmarks", "audio_encoder", "mesh_source", "mesh_motion"),
    *("mouth_source", "mouth_drive", "mouth", "eyelid"),
)
RECORD = {"command": "made by a test", "seed": 0, "data": "none", "metrics": {}, "licence": "Apache-2.0"}

# A run started in the background may be told to ignore interrupts, and every process that a test starts would
# inherit that; some of them are interrupted on purpose.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ceph.S3Server]:
    """A real S3 server for whoever needs one; it takes long to start. Who pauses it resumes it."""
    if not ceph.available():
        pytest.skip(ceph.WHY_SKIPPED)
    server = ceph.S3Server(tmp_path_factory.mktemp("s3"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def linear_onnx(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a small ONNX file: output = gain * input + 1, batch axis dynamic."""

    def write(gain: float = 2.0, name: str = "linear.onnx") -> Path:
        graph = helper.make_graph(
            [
                helper.make_node("Mul", ["input", "gain"], ["scaled"]),
                helper.make_node("Add", ["scaled", "one"], ["output"]),
            ],
            "linear",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3])],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 3])],
            [
                numpy_helper.from_array(np.array([gain], np.float32), "gain"),
                numpy_helper.from_array(np.array([1.0], np.float32), "one"),
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        path = tmp_path / name
        onnx.save(model, str(path))
        return path

    return write


@pytest.fixture(scope="session")
def bundled_pack() -> ModelPack:
    """The pack that ships, with all its graphs."""
    pack = ModelPack.load()
    assert [name for name in GRAPHS if not pack.has(name)] == []
    return pack


@pytest.fixture
def small_pack(tmp_path: Path, linear_onnx: Callable[..., Path]) -> Path:
    """A pack folder with one graph, `linear`."""
    folder = tmp_path / "pack"
    add_graph(folder, "linear", linear_onnx(), RECORD)
    return folder
