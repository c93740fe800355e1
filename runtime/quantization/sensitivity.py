"""Which layers stay in full precision: each is tried alone, then the fewest are protected that the bound asks for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import onnx

from runtime.quantization.graphs import Layer, Network
from runtime.quantization.qdq import quantise
from runtime.quantization.trials import Judge, Verdict

ASKED = "asked for by name"
ALIKE = 1.5  # times the drop on one provider that another may have and still count as no worse
RESTORED = 10  # protected layers that are tried in INT8 again at the end, at most


@dataclass(frozen=True)
class Finding:
    """What the search says of a layer.

    alone: the verdict with this layer alone in INT8, None when it was not tried. reason: why it is protected, "" when
    it is quantised.
    """

    layer: Layer
    alone: Verdict | None
    reason: str


@dataclass(frozen=True)
class Plan:
    """The search's result: a finding for each layer, the model that follows from it, and its verdict."""

    findings: tuple[Finding, ...]
    model: onnx.ModelProto
    verdict: Verdict

    @property
    def quantised(self) -> list[str]:
        """Names of the layers that are in INT8."""
        return [finding.layer.name for finding in self.findings if not finding.reason]


class Search:
    """The search for one graph."""

    def __init__(self, network: Network, ranges: Any, judge: Judge, bound: float) -> None:
        """`bound` is the greatest drop of PSNR in dB, as `trials.psnr_drop` counts it."""
        self._network, self._ranges, self._judge, self._bound = network, ranges, judge, bound
        self._layers = {layer.name: layer for layer in network.layers}

    def run(self, protect: Collection[str] = (), tell: Callable[[str], None] = lambda _: None) -> Plan:
        """Find the plan; layers named in `protect` are never quantised."""
        free = [name for name in self._layers if name not in protect]
        provider = self._hardest(free)
        alone = {}
        for name in free:
            tell(f"{self._network.name}: {name} alone, on {provider}")
            alone[name] = self._judged([name], [provider])[1]
        order = self._order(alone)
        must = {name: ASKED for name in self._layers if name in protect}
        must |= {name: alone[name].fault for name in order if alone[name].fault}
        order = [name for name in order if name not in must]
        tell(f"{self._network.name}: all together")
        first = self._fewest(must, order)
        kept = self._restored(must, order[:first])
        model, verdict = self._judged([name for name in order if name not in kept])
        findings = tuple(
            Finding(layer, alone.get(name), must.get(name) or self._reason(name, kept, alone))
            for name, layer in self._layers.items()
        )
        return Plan(findings, model, verdict)

    def _hardest(self, layers: Collection[str]) -> str:
        """The provider on which to try layers alone: the worst with all of them, the quickest to start if none is."""
        drops = {name: self._judged(layers, [name])[1].drop for name in self._judge.providers}
        worst = max(drops, key=drops.__getitem__)
        quick = self._judge.providers[-1]
        return quick if drops[worst] <= ALIKE * drops[quick] else worst

    def _order(self, alone: Mapping[str, Verdict]) -> list[str]:
        """In the order of being proposed for protection: coordinates' heads, other heads, then the worst first."""

        def rank(name: str) -> tuple[int, float]:
            layer = self._layers[name]
            regression = any(output in self._judge.coordinates for output in layer.outputs)
            return (0 if layer.head and regression else 1 if layer.head else 2), -alone[name].drop

        return sorted(alone, key=rank)

    def _fewest(self, must: Collection[str], order: list[str]) -> int:
        """The smallest number of layers from the front of `order` whose protection keeps the bound, by bisection."""
        low, high = 0, len(order)
        while low < high:
            middle = (low + high) // 2
            if self._fits(order[middle:]):
                high = middle
            else:
                low = middle + 1
        return low

    def _restored(self, must: Collection[str], protected: list[str]) -> list[str]:
        """The protected layers without those that fit in INT8 after all: heads were proposed whatever they cost."""
        kept = list(protected)
        everything = [name for name in self._layers if name not in must]
        heads = [name for name in protected if self._layers[name].head]
        others = [name for name in reversed(protected) if not self._layers[name].head]
        for name in (*heads, *others)[:RESTORED]:
            without = [other for other in kept if other != name]
            if self._fits([other for other in everything if other not in without]):
                kept = without
        return kept

    def _fits(self, layers: Collection[str]) -> bool:
        return self._judged(layers)[1].drop <= self._bound

    def _judged(
        self, layers: Collection[str], providers: list[str] | None = None
    ) -> tuple[onnx.ModelProto, Verdict]:
        try:
            model = quantise(self._network, self._ranges, layers)
        except Exception as fault:  # onnxruntime.quantization raises many kinds
            sentence = f"onnxruntime.quantization refuses it: {' '.join(str(fault).split())[:300]}"
            return self._network.model, Verdict(fault=sentence)
        return model, self._judge.verdict(model, providers)

    def _reason(self, name: str, kept: Collection[str], alone: Mapping[str, Verdict]) -> str:
        if name not in kept:
            return ""
        layer, drop = self._layers[name], alone[name].drop
        kind = "output head" if layer.head else "layer"
        if layer.head and any(output in self._judge.coordinates for output in layer.outputs):
            kind = "coordinate regression"
        return f"{kind}; alone it costs {drop:.2g} dB, and with it the graph is over {self._bound:g} dB"
