"""Weights in half precision: half the bytes, nearly the same answers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from runtime.quantization.half_weights import with_half_weights


def _linear(weight: np.ndarray) -> onnx.ModelProto:
    rows, columns = weight.shape
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["product"]),
            helper.make_node("Add", ["product", "b"], ["y"]),
        ],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", rows])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", columns])],
        [
            numpy_helper.from_array(weight, "w"),
            numpy_helper.from_array(np.ones(columns, np.float32), "b"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_the_answer_stays_and_the_size_halves() -> None:
    random = np.random.default_rng(0)
    model = _linear(random.standard_normal((128, 256)).astype(np.float32))
    halved = with_half_weights(model)
    assert halved.ByteSize() < 0.55 * model.ByteSize()
    x = random.standard_normal((4, 128)).astype(np.float32)
    answers = [
        onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"]).run(
            None, {"x": x}
        )[0]
        for m in (model, halved)
    ]
    assert answers[1].dtype == np.float32
    assert 0 < np.abs(answers[0] - answers[1]).max() < 2e-2


def test_the_original_is_left_alone() -> None:
    model = _linear(np.ones((128, 64), np.float32))
    before = model.SerializeToString()
    with_half_weights(model)
    assert model.SerializeToString() == before


def test_a_weight_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="weight w"):
        with_half_weights(_linear(np.full((128, 64), 1e6, np.float32)))
