"""The ceiling: how much faster this processor does the mouth network's own layers in INT8, with nothing round them.

Layers are chained: of a chain of DEPTH equal convolutions the first one's time is taken away, and with it what goes in
and comes out in float32. So both precisions and both providers are measured at their inner loops.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.bench.tables import Cell, Table
from runtime.bench.timing import interleaved
from runtime.bench.workload import Material
from runtime.contract import RuntimeProblem
from runtime.inference.packs import ModelPack
from runtime.inference.providers import PROVIDER_NAMES, plan_providers
from runtime.inference.sessions import start_session

BATCH = 4  # frames that go through the mouth's network together
DEPTH = 9
RUNS = 4  # of a graph for one measurement
# Channels in and out, side of the picture, side of the window: the largest of the mouth's network, by where they are.
LAYERS = (
    ("last (up0)", 16, 128, 3),
    ("next to last (up1), first (down1)", 32, 64, 3),
    ("up2, down2", 48, 32, 3),
    ("up3, down3", 64, 16, 3),
    ("512 x 512 x 512 matrix product", 512, 16, 1),
)


def tables(material: Material, quick: bool, folder: Path) -> list[Table]:
    """One table: layers, then the mouth's whole graph."""
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise RuntimeProblem(
            "package_missing",
            "The package onnx is not installed.",
            "pip install -r requirements-quantize.txt",
        ) from None
    import onnxruntime

    installed = onnxruntime.get_available_providers()
    providers = [name for name in ("cpu", "openvino") if PROVIDER_NAMES[name] in installed]
    table = Table(
        "ceiling",
        "INT8 against full precision, layers of the mouth's network alone",
        [
            "layer",
            *(f"{provider}, {what}" for provider in providers for what in ("float32 ms", "INT8 ms", "ratio")),
        ],
        note=f"Processor time of one thread for {BATCH} frames, medians of {_repeats(quick)} interleaved rounds; "
        "batches of random numbers.",
    )
    for name, channels, side, window in LAYERS:
        cells: list[Cell] = []
        for provider in providers:
            cells += _ratio(*layer_times(channels, side, window, provider, _repeats(quick)))
        table.add(f"{name}: {channels} channels, {side} x {side}, {window} x {window}", *cells)
    cells = []
    for provider in providers:
        cells += _ratio(*network_times(provider, _repeats(quick)))
    table.add("the mouth's network, whole", *cells)
    return [table]


def _repeats(quick: bool) -> int:
    return 7 if quick else 15


def _ratio(full: float, int8: float) -> list[Cell]:
    return [full, int8, full / int8]


def layer_times(channels: int, side: int, window: int, provider: str, repeats: int) -> tuple[float, float]:
    """Milliseconds of one layer in full precision and in INT8."""
    # A product of 512 x 512 x 512 is a 1x1 convolution of 512 pixels, which two rows of the batch of four give.
    shape = (BATCH, channels, side, side) if window > 1 else (2, channels, side, side)
    values = {"input": np.random.default_rng(0).normal(size=shape).astype(np.float32)}
    with TemporaryDirectory() as folder:
        graphs = {
            f"{kind} {depth}": path
            for depth in (1, DEPTH)
            for kind, path in zip(
                ("full", "int8"), chain(channels, side, window, depth, Path(folder)), strict=True
            )
        }
        found = _times(graphs, values, provider, repeats)
    full, int8 = ((found[f"{kind} {DEPTH}"] - found[f"{kind} 1"]) / (DEPTH - 1) for kind in ("full", "int8"))
    return full, int8


def network_times(provider: str, repeats: int) -> tuple[float, float]:
    """Milliseconds of the mouth's network in full precision and in INT8."""
    pack = ModelPack.load()
    random = np.random.default_rng(0)
    values = {
        value["name"]: random.random([BATCH, *value["shape"][1:]], np.float32)
        for value in pack.graphs["mouth"]["inputs"]
    }
    graphs = {kind: pack.graph("mouth", kind == "int8").path for kind in ("full", "int8")}
    found = _times(graphs, values, provider, repeats)
    return found["full"], found["int8"]


def _times(
    graphs: dict[str, Path], values: dict[str, NDArray[np.float32]], provider: str, repeats: int
) -> dict[str, float]:
    """Milliseconds of processor time of one run of each graph."""
    plan = plan_providers([PROVIDER_NAMES[provider]], provider, threads=1)[0]
    sessions = {name: start_session(path, plan, 1) for name, path in graphs.items()}

    def run(session: Any) -> None:
        for _ in range(RUNS):
            session.run(None, values)

    found = interleaved({name: partial(run, session) for name, session in sessions.items()}, repeats)
    return {name: 1000 * times.cpu / RUNS for name, times in found.items()}


def chain(channels: int, side: int, window: int, depth: int, folder: Path) -> tuple[Path, Path]:
    """Files of `depth` convolutions with ReLU one after another, in full precision and as the quantiser writes them."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from runtime.quantization.graphs import Network
    from runtime.quantization.qdq import measure_ranges, quantise
    from runtime.quantization.widening import widen

    random = np.random.default_rng(depth)
    spread = np.sqrt(2 / (channels * window * window))  # keeps numbers near 1 from layer to layer
    nodes, stored = [], []
    for n in range(depth):
        weights = random.normal(0, spread, (channels, channels, window, window)).astype(np.float32)
        stored.append(numpy_helper.from_array(weights, f"weights_{n}"))
        stored.append(numpy_helper.from_array(np.zeros(channels, np.float32), f"bias_{n}"))
        taken = "input" if n == 0 else f"shown_{n - 1}"
        given = "output" if n == depth - 1 else f"shown_{n}"
        inputs = [taken, f"weights_{n}", f"bias_{n}"]
        nodes.append(helper.make_node("Conv", inputs, [f"sum_{n}"], f"layer_{n}", pads=[window // 2] * 4))
        nodes.append(helper.make_node("Relu", [f"sum_{n}"], [given], f"relu_{n}"))
    shape: list[str | int | None] = ["batch", channels, side, side]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("input", "output")]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    network = widen(Network(model, "chain"))
    rows = [{"input": random.normal(size=(1, channels, side, side)).astype(np.float32)}]
    quantised = quantise(
        network, measure_ranges(network, rows, "minmax"), [layer.name for layer in network.layers]
    )
    paths = folder / f"full_{depth}.onnx", folder / f"int8_{depth}.onnx"
    onnx.save(model, str(paths[0]))
    onnx.save(quantised, str(paths[1]))
    return paths
