"""A graph as the quantiser sees it: made ready, its layers listed, what cannot be quantised named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from runtime.contract import RuntimeProblem

OPSET = 17  # from which on QuantizeLinear and DequantizeLinear are what every provider expects
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")  # layers proper: they have weights and do the work
JOINING = ("Add", "Concat")  # work in INT8 where what they join comes in INT8
PASSING = (
    "Resize",
    "MaxPool",
    "Reshape",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "Flatten",
    "Slice",
)  # move numbers about
ACTIVATIONS = ("Relu", "Clip")
STANDARD = ("", "ai.onnx")


@dataclass(frozen=True)
class Layer:
    """A node with weights. `head`: nothing with weights comes after it; `outputs`: the graph outputs it reaches."""

    name: str
    kind: str
    weights: int
    head: bool
    outputs: tuple[str, ...]


class Network:
    """A graph made ready for quantisation, and who feeds whom in it.

    Raises `RuntimeProblem` (code ``graph_unquantisable``) with a sentence that names the node at fault.
    """

    def __init__(self, model: onnx.ModelProto, name: str) -> None:
        self.name = name
        self.model = _ready(model, name)
        graph = self.model.graph
        self.stored = {tensor.name: tensor for tensor in graph.initializer}
        self.inputs = [value.name for value in graph.input if value.name not in self.stored]
        self.outputs = [value.name for value in graph.output]
        self.nodes = {node.name: node for node in graph.node}
        self._maker = {output: node for node in graph.node for output in node.output}
        self._takers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in graph.node:
            for taken in node.input:
                self._takers[taken].append(node)
        self.layers = list(self._find_layers())
        if not self.layers:
            first = graph.node[0]
            kinds = ", ".join(WEIGHTED)
            raise _unquantisable(name, first, f"and no node after it is a {kinds} with stored weights")

    def _find_layers(self) -> Iterator[Layer]:
        for node in self.model.graph.node:
            weights = self._weights(node)
            if weights is None:
                continue
            if not np.isfinite(weights).all():
                raise _unquantisable(self.name, node, "and has weights that are not finite")
            after = self._after(node)
            yield Layer(
                node.name,
                node.op_type,
                weights.size,
                head=not any(self._weights(other) is not None for other in after),
                outputs=tuple(
                    output
                    for output in self.outputs
                    if any(output in other.output for other in (node, *after))
                ),
            )

    def _weights(self, node: onnx.NodeProto) -> np.ndarray | None:
        if node.op_type in WEIGHTED and node.domain in STANDARD and node.input[1] in self.stored:
            return numpy_helper.to_array(self.stored[node.input[1]])
        return None

    def _after(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """All nodes that a node's output reaches."""
        found: dict[str, onnx.NodeProto] = {}
        waiting = [node]
        while waiting:
            for output in waiting.pop().output:
                for taker in self._takers[output]:
                    if taker.name not in found:
                        found[taker.name] = taker
                        waiting.append(taker)
        return list(found.values())

    def shown_output(self, node: onnx.NodeProto) -> str:
        """The tensor that a layer gives on: its activation's output where one follows, which alone is quantised."""
        takers = self._takers[node.output[0]]
        if len(takers) == 1 and takers[0].op_type in ACTIVATIONS:
            return str(takers[0].output[0])
        return str(node.output[0])

    def work_of(self, layers: Collection[str]) -> list[str]:
        """The layers of these names with what works in INT8 because they do: activations, joins, what moves numbers."""
        chosen = {name for name in layers if name in self.nodes}
        quantised: set[str] = set(chosen)
        for node in self.model.graph.node:  # in order of computation, so a node's makers have been decided
            if node.op_type in (*ACTIVATIONS, *PASSING):
                feeding = node.input[:1]
            elif node.op_type in JOINING:
                feeding = node.input[:]
            else:
                continue
            makers = [self._maker.get(taken) for taken in feeding]
            ready = [maker is not None and maker.name in quantised for maker in makers]
            # What a concatenation adds in float32 is rounded before the next layer anyhow: better here, and once.
            if any(ready) if node.op_type == "Concat" else all(ready):
                quantised.add(node.name)
        return [node.name for node in self.model.graph.node if node.name in quantised]


def _ready(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    _name_nodes(copy)
    for node in copy.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            raise _unquantisable(name, node, "so it is quantised already")
        if node.domain in STANDARD and not onnx.defs.has(node.op_type):
            raise _unquantisable(name, node, "which ONNX does not define")
    version = next((entry.version for entry in copy.opset_import if entry.domain in STANDARD), 0)
    if version < OPSET:
        copy = _raised(copy, name, version)
    _store_constants(copy)
    _fold_half_weights(copy)
    for value in copy.graph.input:
        kind = value.type.tensor_type.elem_type
        if kind == TensorProto.FLOAT16:
            raise _unquantisable(name, copy.graph.node[0], f"and the input {value.name} is not float32")
    try:
        onnx.checker.check_model(copy)
        return onnx.shape_inference.infer_shapes(copy)
    except Exception as fault:  # checker and inference have kinds of their own
        raise RuntimeProblem(
            "graph_unquantisable", f"The graph {name} is not valid ONNX: {_one_line(fault)}."
        ) from fault


def _name_nodes(model: onnx.ModelProto) -> None:
    """Every node gets a name of its own."""
    seen: set[str] = set()
    for number, node in enumerate(model.graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}_{number}"
        seen.add(node.name)


def _raised(model: onnx.ModelProto, name: str, version: int) -> onnx.ModelProto:
    try:
        raised = onnx.version_converter.convert_version(model, OPSET)
    except Exception as fault:
        raise RuntimeProblem(
            "graph_unquantisable",
            f"The graph {name} has opset {version} and cannot be raised to {OPSET}: {_one_line(fault)}.",
            f"Export it with opset {OPSET} or later.",
        ) from fault
    _name_nodes(raised)
    return raised


def _store_constants(model: onnx.ModelProto) -> None:
    """Turn Constant nodes into stored tensors, which is where weights are looked for."""
    rest = []
    for node in model.graph.node:
        value = next((item for item in node.attribute if item.name == "value"), None)
        if node.op_type != "Constant" or value is None:
            rest.append(node)
            continue
        tensor = numpy_helper.from_array(numpy_helper.to_array(value.t), node.output[0])
        model.graph.initializer.append(tensor)
    del model.graph.node[:]
    model.graph.node.extend(rest)


def _fold_half_weights(model: onnx.ModelProto) -> None:
    """Undo `with_half_weights`: a stored tensor that goes through a Cast to float32 is stored as float32."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    rest = []
    for node in model.graph.node:
        target = next(
            (helper.get_attribute_value(item) for item in node.attribute if item.name == "to"), None
        )
        if node.op_type != "Cast" or target != TensorProto.FLOAT or node.input[0] not in stored:
            rest.append(node)
            continue
        numbers = numpy_helper.to_array(stored[node.input[0]]).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(numbers, node.output[0]))
    del model.graph.node[:]
    model.graph.node.extend(rest)
    used = {taken for node in rest for taken in node.input} | {value.name for value in model.graph.output}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _unquantisable(name: str, node: onnx.NodeProto, why: str) -> RuntimeProblem:
    kind = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
    return RuntimeProblem(
        "graph_unquantisable",
        f"The graph {name} cannot be quantised: its node {node.name} is a {kind}, {why}.",
    )


def _one_line(fault: Exception) -> str:
    return " ".join(str(fault).split())[:300].rstrip(".")
