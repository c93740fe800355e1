"""Writing a graph in QDQ form with onnxruntime.quantization: activations unsigned, weights signed for each channel.

q = round(x / scale) + zero_point, x ~ (q - zero_point) * scale. Signed activations would run as slowly as float32 on
ONNX Runtime's CPU provider, and OpenVINO refuses them in places.
"""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QDQQuantizer,
    QuantType,
    create_calibrator,
)

from runtime.quantization.graphs import ACTIVATIONS, JOINING, PASSING, WEIGHTED, Network
from runtime.quantization.half_weights import with_half_weights
from runtime.quantization.samples import Row

Method = Literal["minmax", "entropy", "percentile"]
METHODS: tuple[str, ...] = get_args(Method)
_METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
AT_A_TIME = 4  # rows whose activations are held at once: histograms need all of them


@dataclass(frozen=True)
class Quantised:
    """Scale, zero point and the range (low, high) of a tensor; for weights the ends over all channels."""

    scale: float
    zero_point: int
    low: float
    high: float


class _Rows(CalibrationDataReader):
    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = iter(rows)

    def get_next(self) -> dict:
        return next(self._rows, {})


def measure_ranges(network: Network, rows: Sequence[Row], method: Method) -> Any:
    """The ranges of all activations over calibration rows, as onnxruntime.quantization keeps them."""
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "graph.onnx"
        onnx.save(network.model, str(path))
        calibrator = create_calibrator(
            path, None, str(Path(folder) / "observed.onnx"), calibrate_method=_METHODS[method]
        )
        for some in batched(rows, AT_A_TIME):
            calibrator.collect_data(_Rows(some))
        return calibrator.compute_data()


def quantise(network: Network, ranges: Any, layers: Collection[str]) -> onnx.ModelProto:
    """The network with these layers, and what goes with them, in INT8; other large weights are stored in half."""
    copy = onnx.ModelProto()
    copy.CopyFrom(network.model)
    if not layers:
        return copy
    with _quiet():
        quantiser = QDQQuantizer(
            copy,
            True,  # weights by channel
            False,  # all eight bits: with VNNI and its like 16-bit sums do not overflow
            QuantType.QInt8,
            QuantType.QUInt8,
            ranges,
            network.work_of(layers),
            [],
            [*WEIGHTED, *JOINING, *PASSING, *ACTIVATIONS],
            {"WeightSymmetric": True},
        )
        quantiser.quantize_model()
        quantiser.model.topological_sort()
    model = with_half_weights(quantiser.model.model)
    model.producer_name = ""
    return model


def quantised_tensors(model: onnx.ModelProto) -> dict[str, Quantised]:
    """Scale, zero point and range of every quantised activation and weight of a QDQ model, by the tensor's name."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    found = {}
    for node in model.graph.node:
        if node.op_type != "DequantizeLinear" or node.input[1] not in stored:
            continue
        scale = numpy_helper.to_array(stored[node.input[1]]).astype(np.float64).ravel()
        zero = numpy_helper.to_array(stored[node.input[2]]).ravel()
        limits = np.iinfo(zero.dtype)
        if limits.bits > 8:  # biases
            continue
        name = node.input[0].removesuffix("_QuantizeLinear_Output").removesuffix("_quantized")
        widest = int(scale.argmax())
        offset = int(zero[widest])
        found[name] = Quantised(
            scale=float(scale[widest]),
            zero_point=offset,
            low=float((limits.min - offset) * scale[widest]),
            high=float((limits.max - offset) * scale[widest]),
        )
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """onnxruntime.quantization prints, and tells the root logger what cannot be changed here."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(level)
