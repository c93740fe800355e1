"""The search on a small network: bounds are kept, the fewest layers are protected, and what is asked for is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest

from runtime.quantization import sensitivity
from runtime.quantization.graphs import Network
from runtime.quantization.qdq import measure_ranges, quantise, quantised_tensors
from runtime.quantization.samples import Row
from runtime.quantization.sensitivity import Plan, Search
from runtime.quantization.trials import Judge, Verdict, psnr_drop
from runtime.quantization.worker import Worker, WorkerLost

Net = Callable[..., onnx.ModelProto]


def search(
    model: onnx.ModelProto, rows: list[Row], worker: Worker, bound: float, protect: tuple[str, ...] = ()
) -> Plan:
    network = Network(model, "net")
    ranges = measure_ranges(network, rows[:8], "minmax")
    with Judge(network.model, rows[8:], ["cpu"], worker, threads=1) as judge:
        return Search(network, ranges, judge, bound).run(protect)


def test_everything_is_quantised_within_a_wide_bound(conv_net: Net, rows: list[Row], worker: Worker) -> None:
    plan = search(conv_net(), rows, worker, bound=0.3)
    assert plan.quantised == ["first", "second", "head"]
    assert 0 < plan.verdict.drop < 0.3
    assert plan.verdict.psnr["output"] > 40
    activations = {node.input[2] for node in plan.model.graph.node if node.op_type == "QuantizeLinear"}
    stored = {tensor.name: tensor for tensor in plan.model.graph.initializer}
    assert {stored[name].data_type for name in activations} == {onnx.TensorProto.UINT8}
    weights = [t for t in plan.model.graph.initializer if t.name.endswith("w2_scale")]
    assert [list(t.dims) for t in weights] == [[8]], "one scale for each channel"


def test_a_tight_bound_protects_the_head_and_no_more_than_needed(
    conv_net: Net, rows: list[Row], worker: Worker
) -> None:
    free = search(conv_net(), rows, worker, bound=10)
    bound = 0.7 * free.verdict.drop
    plan = search(conv_net(), rows, worker, bound)
    protected = {finding.layer.name: finding.reason for finding in plan.findings if finding.reason}
    assert protected and plan.quantised
    assert plan.verdict.drop <= bound
    assert all("with it the graph is over" in reason for reason in protected.values())
    # None of them could have stayed.
    network = Network(conv_net(), "net")
    ranges = measure_ranges(network, rows[:8], "minmax")
    with Judge(network.model, rows[8:], ["cpu"], worker, threads=1) as judge:
        for name in protected:
            assert judge.verdict(quantise(network, ranges, [*plan.quantised, name])).drop > bound


def test_what_is_asked_for_is_protected(conv_net: Net, rows: list[Row], worker: Worker) -> None:
    plan = search(conv_net(), rows, worker, 10, protect=("second",))
    assert plan.quantised == ["first", "head"]
    assert [finding.reason for finding in plan.findings] == ["", sensitivity.ASKED, ""]


def test_a_layer_that_no_provider_stands_is_protected(
    conv_net: Net, rows: list[Row], worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sensitivity.quantise

    def refusing(network: Network, ranges: object, layers: list[str]) -> onnx.ModelProto:
        if "second" in layers:
            raise ValueError("no such kernel")
        return real(network, ranges, layers)

    monkeypatch.setattr(sensitivity, "quantise", refusing)
    plan = search(conv_net(), rows, worker, 10)
    assert plan.quantised == ["first", "head"]
    assert "no such kernel" in plan.findings[1].reason


@pytest.mark.parametrize("method", ["minmax", "entropy", "percentile"])
def test_scales_cover_what_was_seen(
    conv_net: Net, rows: list[Row], method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    network = Network(conv_net(), "net")
    ranges = measure_ranges(network, rows[:4], method)  # type: ignore[arg-type]
    assert capsys.readouterr().out == "", "the output is the report's"
    seen = quantised_tensors(quantise(network, ranges, ["first", "second", "head"]))
    low, high = (f(row["input"] for row in rows[:4]) for f in (_least, _most))
    pixels = seen["input"]
    assert pixels.low == pytest.approx(0, abs=0.02) and pixels.low <= low + 0.02
    assert pixels.high == pytest.approx(high, rel=0.1)
    assert pixels.scale == pytest.approx((pixels.high - pixels.low) / 255)
    assert {"w1", "w2", "w3", "r1"} <= seen.keys()
    assert seen["r1"].zero_point == 0, "the activation's range, not the convolution's"


def _least(arrays: object) -> float:
    return min(float(np.min(values)) for values in arrays)  # type: ignore[attr-defined]


def _most(arrays: object) -> float:
    return max(float(np.max(values)) for values in arrays)  # type: ignore[attr-defined]


def test_drop_of_psnr_adds_independent_errors() -> None:
    # 30 dB against the truth and an error as large again: 3 dB less; a hundredth of it: 0.04 dB.
    assert psnr_drop(30, 30) == pytest.approx(3.0103, abs=1e-3)
    assert psnr_drop(50, 30) == pytest.approx(0.0432, abs=1e-3)


def test_a_model_that_differs_in_shape_or_does_not_load_is_at_fault(
    conv_net: Net, rows: list[Row], worker: Worker
) -> None:
    model = conv_net()
    with Judge(model, rows, ["cpu"], worker, threads=1) as judge:
        assert judge.verdict(model) == Verdict({"output": 200.0}, judge.verdict(model).drop)
        broken = onnx.ModelProto()
        broken.CopyFrom(model)
        broken.graph.node[0].op_type = "NoSuchThing"
        assert "cpu refuses it" in judge.verdict(broken).fault


def test_a_process_that_ends_is_told_and_replaced(worker: Worker) -> None:
    import os

    with pytest.raises(WorkerLost):
        worker.run(os._exit, 3)
    assert worker.run(abs, -2) == 2
