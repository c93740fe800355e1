"""Convolutions with few outputs compute several neighbouring pixels at once: the form in which INT8 pays for them.

An INT8 convolution multiplies one pixel's neighbourhood with all its output channels together, and with fewer than
32 of them most of the time goes by fetching pixels: on ONNX Runtime's CPU provider a 3x3 convolution from 16 to 5
channels takes longer than one from 16 to 32. Four neighbours in a row share most of what they see: one window of 3x6
with a stride of four pixels computes their 4 x 5 outputs (filled up to 32), with weights of zero where a neighbour
looks at less. The answer is the same, its channels only have to be dealt out to pixels again, which costs nothing
where channels lie together in memory.

Full precision would lose by it: its convolutions pay for every product.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from runtime.quantization.graphs import Network

ENOUGH = 32  # output channels that keep the dot products busy
MOST_INPUTS = 32  # input channels beyond which the products of one pixel are enough work
LEAST_PIXELS = 2048  # of the output; smaller layers take no time worth speaking of


def widen(network: Network) -> Network:
    """The same network with its convolutions of few outputs widened; itself where there are none."""
    model = onnx.shape_inference.infer_shapes(network.model, data_prop=True)
    shapes = {value.name: _shape(value) for value in (*model.graph.value_info, *model.graph.output)}
    chosen = {
        node.name: pixels
        for node in model.graph.node
        if (pixels := _neighbours(network, node, shapes.get(node.output[0], ()))) > 1
    }
    if not chosen:
        return network
    _rewrite(network, model, chosen)
    return Network(model, network.name)


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """0 for dimensions that are open."""
    return tuple(int(size.dim_value) for size in value.type.tensor_type.shape.dim)


def _neighbours(network: Network, node: onnx.NodeProto, shape: tuple[int, ...]) -> int:
    """How many pixels in a row the convolution is to compute at once; 1: it stays as it is."""
    if node.op_type != "Conv" or node.input[1] not in network.stored or len(shape) != 4:
        return 1
    outputs, inputs = network.stored[node.input[1]].dims[:2]
    height, width = shape[2:]
    if outputs >= ENOUGH or inputs > MOST_INPUTS or height * width < LEAST_PIXELS:
        return 1
    if not _is_plain(network, node):
        return 1
    pixels = ENOUGH // _filled(outputs)
    return pixels if pixels > 1 and width % pixels == 0 else 1


def _filled(outputs: int) -> int:
    """Output channels of one pixel, filled up to a number of which some whole number of pixels is ENOUGH."""
    return next(filled for filled in (1, 2, 4, 8, 16, 32) if filled >= outputs)


def _is_plain(network: Network, node: onnx.NodeProto) -> bool:
    """A window of several columns, no stride, no dilation, one group, and padding that is told in numbers."""
    given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    window = list(network.stored[node.input[1]].dims[2:])
    return (
        window[1] > 1
        and given.get("strides", [1, 1]) == [1, 1]
        and given.get("dilations", [1, 1]) == [1, 1]
        and given.get("group", 1) == 1
        and given.get("auto_pad", b"NOTSET") == b"NOTSET"
    )


def _rewrite(network: Network, model: onnx.ModelProto, chosen: Mapping[str, int]) -> None:
    """Widen the chosen convolutions of `model`, and deal their outputs out after the activation that follows."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    dealing: dict[str, list[onnx.NodeProto]] = {}
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if pixels := chosen.get(node.name):
            shown, outputs = network.shown_output(node), stored[node.input[1]].dims[0]
            _widen_weights(model, node, stored, pixels)
            dealing[shown] = _deal_out(model, node.name, shown, pixels, outputs)
        nodes.append(node)
        if dealt := dealing.get(node.output[0]):
            node.output[0] = dealt[0].input[0]
            nodes.extend(dealt)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]  # told anew by whoever needs it


def _widen_weights(
    model: onnx.ModelProto, node: onnx.NodeProto, stored: Mapping[str, onnx.TensorProto], pixels: int
) -> None:
    """Turn a convolution into one of `pixels` times its outputs (filled up) and a stride of so many columns."""
    weights = numpy_helper.to_array(stored[node.input[1]])
    outputs, inputs, height, width = weights.shape
    filled = _filled(outputs)
    wide = np.zeros((pixels, filled, inputs, height, width + pixels - 1), weights.dtype)
    for pixel in range(pixels):
        wide[pixel, :outputs, :, :, pixel : pixel + width] = weights
    _store(model, node, 1, wide.reshape(pixels * filled, *wide.shape[2:]))
    if len(node.input) > 2 and node.input[2]:
        bias = np.zeros((pixels, filled), weights.dtype)
        bias[:, :outputs] = numpy_helper.to_array(stored[node.input[2]])
        _store(model, node, 2, bias.reshape(-1))
    kept = [item for item in node.attribute if item.name not in ("kernel_shape", "strides")]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.append(helper.make_attribute("kernel_shape", [height, width + pixels - 1]))
    node.attribute.append(helper.make_attribute("strides", [1, pixels]))


def _store(model: onnx.ModelProto, node: onnx.NodeProto, place: int, values: np.ndarray) -> None:
    name = f"{node.input[place]}_wide"
    model.graph.initializer.append(numpy_helper.from_array(values, name))
    node.input[place] = name


def _deal_out(
    model: onnx.ModelProto, name: str, shown: str, pixels: int, outputs: int
) -> list[onnx.NodeProto]:
    """Nodes that make (B, C, H, W) named `shown` of (B, pixels * filled, H, W / pixels)."""
    filled = _filled(outputs)
    shape = numpy_helper.from_array(np.array([0, 0, -1, filled], np.int64), f"{name}_pixels")
    model.graph.initializer.append(shape)
    steps: list[tuple[str, list[str], dict[str, Any]]] = [
        ("Transpose", [], {"perm": [0, 2, 3, 1]}),
        ("Reshape", [shape.name], {}),
        ("Transpose", [], {"perm": [0, 3, 1, 2]}),
    ]
    if filled > outputs:
        limits = [
            numpy_helper.from_array(np.array([number], np.int64), f"{name}_{word}")
            for word, number in (("first", 0), ("end", outputs), ("axis", 1))
        ]
        model.graph.initializer.extend(limits)
        steps.append(("Slice", [limit.name for limit in limits], {}))
    tensors = [f"{shown}_wide", *(f"{shown}_{kind}_{n}" for n, (kind, *_) in enumerate(steps[:-1])), shown]
    return [
        helper.make_node(kind, [taken, *more], [given], f"{name}_{kind}_{n}", **attributes)
        for n, ((kind, more, attributes), taken, given) in enumerate(
            zip(steps, tensors[:-1], tensors[1:], strict=True)
        )
    ]
