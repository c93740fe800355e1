"""A small convolutional network with random weights, and rows for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from runtime.quantization.samples import Row
from runtime.quantization.worker import Worker


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """One process for all trials of the module's tests."""
    with Worker() as process:
        yield process


@pytest.fixture
def rows() -> list[Row]:
    random = np.random.default_rng(5)
    return [{"input": random.random((1, 3, 16, 16), np.float32)} for _ in range(12)]


@pytest.fixture
def conv_net() -> Callable[..., onnx.ModelProto]:
    """Return a function that makes conv -> relu -> conv + skip -> relu -> conv (the head).

    `loud` makes the second convolution's channels differ in size by that factor, which eight bits for all of them
    together cannot hold.
    """

    def make(loud: float = 1.0, opset: int = 17) -> onnx.ModelProto:
        random = np.random.default_rng(3)
        spread = np.geomspace(1, loud, 8, dtype=np.float32)[:, None, None, None]
        weights = {
            "w1": random.normal(0, 0.3, (8, 3, 3, 3)),
            "w2": random.normal(0, 0.15, (8, 8, 3, 3)) * spread,
            "w3": random.normal(0, 0.2, (2, 8, 1, 1)) / spread.reshape(1, 8, 1, 1),
            "b1": random.normal(0, 0.1, 8),
        }
        nodes = [
            helper.make_node("Conv", ["input", "w1", "b1"], ["c1"], "first", pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c1"], ["r1"], "relu"),
            helper.make_node("Conv", ["r1", "w2"], ["c2"], "second", pads=[1, 1, 1, 1]),
            helper.make_node("Add", ["c2", "r1"], ["sum"], "skip"),
            helper.make_node("Relu", ["sum"], ["r2"], "relu2"),
            helper.make_node("Conv", ["r2", "w3"], ["output"], "head"),
        ]
        graph = helper.make_graph(
            nodes,
            "net",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 16, 16])],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 2, 16, 16])],
            [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)

    return make
