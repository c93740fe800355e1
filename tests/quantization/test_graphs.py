"""What the quantiser makes of a graph before it touches it, and how it names what it cannot do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from runtime.contract import RuntimeProblem
from runtime.inference.packs import ModelPack
from runtime.quantization.graphs import Network
from runtime.quantization.half_weights import with_half_weights

Net = Callable[..., onnx.ModelProto]


def test_layers_and_heads_are_found(conv_net: Net) -> None:
    layers = Network(conv_net(), "net").layers
    assert [(layer.name, layer.head, layer.outputs) for layer in layers] == [
        ("first", False, ("output",)),
        ("second", False, ("output",)),
        ("head", True, ("output",)),
    ]


def test_a_join_works_in_int8_only_between_layers_that_do(conv_net: Net) -> None:
    network = Network(conv_net(), "net")
    assert network.work_of(["first", "second", "head"]) == [
        "first",
        "relu",
        "second",
        "skip",
        "relu2",
        "head",
    ]
    assert network.work_of(["second", "head"]) == ["second", "head"]
    assert network.work_of([]) == []


def test_a_concatenation_works_in_int8_when_one_of_its_parts_does(conv_net: Net) -> None:
    model = conv_net()
    joined = helper.make_node("Concat", ["c2", "input"], ["sum"], "join", axis=1)
    model.graph.node[3].CopyFrom(joined)
    wide = numpy_helper.from_array(np.ones((2, 11, 1, 1), np.float32), "w3")
    model.graph.initializer[2].CopyFrom(wide)
    network = Network(model, "net")
    assert network.work_of(["second", "head"]) == ["second", "join", "relu2", "head"]
    assert network.work_of(["first", "head"]) == ["first", "relu", "head"]


def test_weights_stored_in_half_precision_are_taken_out_again(conv_net: Net) -> None:
    model = conv_net()
    wide = np.random.default_rng(0).normal(size=(64, 8, 3, 3)).astype(np.float32)
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(wide, "w2"))
    halved = with_half_weights(model)
    assert any(node.op_type == "Cast" for node in halved.graph.node)
    # The shapes after this node no longer fit, which is of no interest here.
    del halved.graph.node[-3:]
    halved.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("c2", TensorProto.FLOAT, ["batch", 64, 16, 16])
    )
    network = Network(halved, "net")
    assert [layer.name for layer in network.layers] == ["first", "second"]
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in network.model.graph.initializer}
    np.testing.assert_array_equal(stored["w2"], wide.astype(np.float16).astype(np.float32))


def test_an_old_opset_is_raised(conv_net: Net) -> None:
    network = Network(conv_net(opset=13), "net")
    assert [entry.version for entry in network.model.opset_import] == [17]
    assert len(network.layers) == 3


def test_a_node_that_onnx_does_not_define_is_named(conv_net: Net) -> None:
    model = conv_net()
    model.graph.node[1].op_type = "Rectify"
    with pytest.raises(
        RuntimeProblem, match=r"The graph net cannot be quantised: its node relu is a Rectify, which"
    ):
        Network(model, "net")


def test_weights_that_are_not_finite_are_named(conv_net: Net) -> None:
    model = conv_net()
    broken = np.full((8, 8, 3, 3), np.nan, np.float32)
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(broken, "w2"))
    with pytest.raises(
        RuntimeProblem, match="its node second is a Conv, and has weights that are not finite"
    ):
        Network(model, "net")


def test_a_graph_without_weighted_layers_is_refused(small_pack: str) -> None:
    model = onnx.load(str(ModelPack.load(small_pack).graph("linear").path))
    with pytest.raises(
        RuntimeProblem, match=r"linear cannot be quantised: its node Mul_0 is a Mul, and no node after"
    ):
        Network(model, "linear")
