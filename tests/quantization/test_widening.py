"""Convolutions that compute several pixels at once: the same answers, whatever comes after them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from runtime.quantization.graphs import Network
from runtime.quantization.qdq import measure_ranges, quantise
from runtime.quantization.widening import widen

SIDE = 64


def net(
    outputs: int = 5,
    inputs: int = 4,
    side: int = SIDE,
    after: str | None = None,
    bias: bool = True,
    **given: Any,
) -> Network:
    """One convolution, 3x3 with a padding of 1 unless told otherwise, and perhaps something after it."""
    random = np.random.default_rng(2)
    weights: dict[str, Any] = {
        "w": random.normal(0, 0.3, (outputs, inputs, 3, 3)),
        "b": random.normal(0, 0.1, outputs),
    }
    if not bias:
        del weights["b"]
    made = "c" if after else "output"
    told = {"pads": [1] * 4} | given
    if "auto_pad" in given:
        del told["pads"]
    nodes = [helper.make_node("Conv", ["input", *weights], [made], "layer", **told)]
    if after:
        limits = ["low", "high"] if after == "Clip" else []
        weights |= dict(zip(limits, (-0.2, 0.4), strict=False))
        nodes.append(helper.make_node(after, ["c", *limits], ["output"], "next"))
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", inputs, side, side])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", outputs, "rows", "columns"])],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return Network(model, "net")


def run(model: onnx.ModelProto, values: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input": values})[0]


def numbers(inputs: int = 4, side: int = SIDE) -> NDArray[np.float32]:
    return np.random.default_rng(7).normal(size=(2, inputs, side, side)).astype(np.float32)


def windows(network: Network) -> list[list[int]]:
    """The shape of every convolution's weights."""
    return [
        list(network.stored[node.input[1]].dims)
        for node in network.model.graph.node
        if node.op_type == "Conv"
    ]


@pytest.mark.parametrize(
    ("changes", "shape"),
    [
        ({}, [32, 4, 3, 6]),  # four pixels of 5 channels, filled up to 8
        ({"outputs": 16, "after": "Relu"}, [32, 4, 3, 4]),
        ({"outputs": 9, "after": "Clip", "bias": False}, [32, 4, 3, 4]),
        ({"outputs": 1, "after": "Sigmoid"}, [32, 4, 3, 34]),
        ({"outputs": 4, "pads": [0, 1, 2, 1]}, [32, 4, 3, 10]),
    ],
)
def test_the_answer_is_the_same(changes: dict[str, Any], shape: list[int]) -> None:
    before = net(**changes)
    after = widen(before)
    assert windows(after) == [shape]
    assert [layer.name for layer in after.layers] == ["layer"]
    np.testing.assert_allclose(run(after.model, numbers()), run(before.model, numbers()), atol=2e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": 32},
        {"inputs": 48},
        {"side": 32},
        {"side": 63},
        {"strides": [2, 2]},
        {"strides": [1, 1], "dilations": [2, 2], "pads": [2] * 4},
        {"auto_pad": "SAME_UPPER"},
    ],
)
def test_what_would_gain_nothing_stays(changes: dict[str, Any]) -> None:
    network = net(**changes)
    assert widen(network) is network


def test_it_works_in_int8_to_its_end() -> None:
    plain = net(after="Clip")
    rows = [{"input": numbers()[n : n + 1]} for n in (0, 1)]
    apart, model = (
        quantise(network, measure_ranges(network, rows, "minmax"), ["layer"])
        for network in (plain, widen(plain))
    )
    step = 0.6 / 255  # of the clipped range
    np.testing.assert_allclose(run(model, numbers()), run(apart, numbers()), atol=1.01 * step)
    # The last number to leave eight bits is the answer.
    assert model.graph.node[-1].op_type == "DequantizeLinear" and model.graph.node[-1].output[0] == "output"
