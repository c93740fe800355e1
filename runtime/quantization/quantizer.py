"""From a full-precision pack to one in INT8 with its report: record, search, write, measure."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import onnx
import onnxruntime

from runtime.contract import RuntimeProblem
from runtime.inference.packs import ModelPack, file_entry
from runtime.inference.providers import PROVIDER_NAMES
from runtime.quantization.calibration import Recording
from runtime.quantization.footprint import Footprint, footprints
from runtime.quantization.graphs import Network
from runtime.quantization.half_weights import with_half_weights
from runtime.quantization.qdq import Method, Quantised, measure_ranges, quantised_tensors
from runtime.quantization.samples import Samples
from runtime.quantization.sensitivity import Plan, Search
from runtime.quantization.trials import Judge
from runtime.quantization.widening import widen
from runtime.quantization.worker import Worker, WorkerLost

log = logging.getLogger(__name__)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """What was asked for.

    protect: names of layers or graphs, with * and ? as in a shell.
    only: the graphs to quantise, all if empty; the others are taken over as they are.
    """

    out: Path
    method: Method = "minmax"
    max_psnr_drop: float = 0.3
    protect: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    provider: str = "auto"
    threads: int = 0


@dataclass(frozen=True)
class Outcome:
    """One graph's result. `plan` is None, and `sentence` says why, when it stays in full precision."""

    name: str
    source: Path
    network: Network | None
    plan: Plan | None
    sentence: str = ""
    tensors: Mapping[str, Quantised] | None = None
    before: Mapping[str, Footprint] | None = None  # by provider
    after: Mapping[str, Footprint] | None = None


def quantise_pack(pack: ModelPack, recording: Recording, task: Task, tell: Tell = log.info) -> dict[str, Any]:
    """Write the pack with INT8 and half-precision-stored graphs to `task.out`; the report.

    Raises `RuntimeProblem`; the folder is then left empty.
    """
    check_target(task.out)
    for name in task.only:
        if not pack.has(name):
            raise RuntimeProblem(
                "option_out_of_range", f"Option only is {name}, but must be of {', '.join(pack.graphs)}."
            )
    sources = {name: pack.graph(name, int8=False).path for name in task.only or pack.graphs}
    with Worker() as worker, tempfile.TemporaryDirectory() as scratch:
        outcomes = [
            _quantise_graph(name, path, recording.samples[name], task, worker, Path(scratch), tell)
            for name, path in sources.items()
        ]
        _check_names(task.protect, outcomes)
        if not any(outcome.plan for outcome in outcomes):
            raise RuntimeProblem("pack_unquantisable", outcomes[0].sentence)
        calibration = {"pictures": recording.pictures, "recordings": recording.recordings}
        records = {
            outcome.name: _record(outcome, task, calibration, recording.samples[outcome.name])
            for outcome in outcomes
        }
        _write_pack(pack, outcomes, records, task.out)
    return _report(pack, task, outcomes, records, calibration)


def check_target(out: Path) -> None:
    """Refuse a folder that holds anything."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RuntimeProblem(
            "folder_not_empty", f"The folder {out} is not empty; the new pack needs one of its own."
        )


def _providers(request: str) -> list[str]:
    """Our names of the providers to judge on, the one that will run the graphs first."""
    if request != "auto":
        return [request]
    installed = onnxruntime.get_available_providers()
    # TensorRT builds an engine for every trial, which takes minutes; CUDA does the same arithmetic.
    return [name for name, ort_name in PROVIDER_NAMES.items() if ort_name in installed and name != "tensorrt"]


def _quantise_graph(
    name: str, path: Path, samples: Samples, task: Task, worker: Worker, scratch: Path, tell: Tell
) -> Outcome:
    """Search one graph and measure what came of it; its INT8 file is left in `scratch`."""
    try:
        network = widen(Network(onnx.load(str(path)), name))
    except RuntimeProblem as problem:
        return Outcome(name, path, None, None, problem.sentence)
    tell(f"{name}: ranges of {len(samples.calibrating)} samples")
    ranges = measure_ranges(network, samples.calibrating, task.method)
    try:
        judge = Judge(network.model, samples.held_out, _providers(task.provider), worker, task.threads)
    except ValueError as fault:
        return Outcome(
            name, path, None, None, f"The graph {name} does not run, so it cannot be quantised: {fault}."
        )
    with judge:
        protect = {layer.name for layer in network.layers if _is_named(name, layer.name, task.protect)}
        plan = Search(network, ranges, judge, task.max_psnr_drop).run(protect, tell)
        if not plan.quantised:
            return Outcome(name, path, network, None, _nothing_left(name, plan, task.max_psnr_drop))
        target = scratch / f"{name}.int8.onnx"
        onnx.save(plan.model, str(target))
        tell(f"{name}: time and memory")
        before, after = {}, {}
        for provider in judge.providers:
            try:
                before[provider], after[provider] = footprints(
                    [path, target], samples.held_out, provider, worker
                )
            except WorkerLost:
                log.warning("%s does not run both versions of %s", provider, name)
        return Outcome(name, path, network, plan, "", quantised_tensors(plan.model), before, after)


def _is_named(graph: str, layer: str, names: Sequence[str]) -> bool:
    return any(fnmatchcase(word, name) for name in names for word in (graph, layer, f"{graph}:{layer}"))


def _check_names(names: Sequence[str], outcomes: Sequence[Outcome]) -> None:
    for name in names:
        layers = ((o.name, layer.name) for o in outcomes if o.network for layer in o.network.layers)
        if not any(_is_named(graph, layer, [name]) for graph, layer in layers):
            raise RuntimeProblem(
                "option_out_of_range", f"Option protect is {name}, but no graph and no layer has this name."
            )


def _nothing_left(name: str, plan: Plan, bound: float) -> str:
    tried = [finding for finding in plan.findings if finding.alone is not None]
    if not tried:
        return f"The graph {name} stays in full precision: all its layers are protected by name."
    best = min(tried, key=lambda finding: finding.alone.drop if finding.alone else 0.0)
    fault = best.alone.fault if best.alone else ""
    cost = (
        fault or f"alone it costs {best.alone.drop if best.alone else 0.0:.2g} dB of the {bound:g} dB allowed"
    )
    return (
        f"The graph {name} cannot be quantised: even its node {best.layer.name} does not stand it ({cost})."
    )


def _record(outcome: Outcome, task: Task, calibration: Mapping[str, int], samples: Samples) -> dict[str, Any]:
    """What pack.json says of how a graph came to INT8."""
    plan = outcome.plan
    if plan is None:
        return {"refused": outcome.sentence}
    command = f"python -m runtime quantize PACK --calibration FOLDER --out PACK_INT8 --method {task.method}"
    return {
        "command": f"{command} --max-psnr-drop {task.max_psnr_drop:g}"
        + "".join(f" --protect '{name}'" for name in task.protect),
        "format": "QDQ, activations uint8, weights int8 for each channel",
        "method": task.method,
        "onnxruntime": onnxruntime.__version__,
        "calibration": {
            **calibration,
            "samples": len(samples.calibrating),
            "held_out": len(samples.held_out),
        },
        "psnr": {name: round(value, 2) for name, value in plan.verdict.psnr.items()},
        "psnr_drop": round(plan.verdict.drop, 3),
        "max_psnr_drop": task.max_psnr_drop,
        "quantised": len(plan.quantised),
        "protected": {finding.layer.name: finding.reason for finding in plan.findings if finding.reason},
    }


def _write_pack(pack: ModelPack, outcomes: Sequence[Outcome], records: Mapping[str, Any], out: Path) -> None:
    """Write all files of the new pack; pack.json, without which it is none, comes last."""
    out.mkdir(parents=True, exist_ok=True)
    description = json.loads((pack.folder / "pack.json").read_text(encoding="utf-8"))
    for outcome in outcomes:
        half = out / f"{outcome.name}.fp16.onnx"
        onnx.save(with_half_weights(onnx.load(str(outcome.source))), str(half))
        files: dict[str, Any] = {"fp16": file_entry(half)}
        if outcome.plan is not None:
            target = out / f"{outcome.name}.int8.onnx"
            onnx.save(outcome.plan.model, str(target))
            files["int8"] = {**file_entry(target), "quantization": records[outcome.name]}
        description["graphs"][outcome.name]["precisions"] = files
    for name in set(pack.graphs) - {outcome.name for outcome in outcomes}:
        for entry in pack.graphs[name]["precisions"].values():
            shutil.copyfile(pack.folder / entry["file"], out / entry["file"])
    for name in pack.assets:
        shutil.copyfile(pack.asset(name), out / pack.asset(name).name)
    card = pack.folder / "MODEL_CARD.md"
    if card.exists():
        shutil.copyfile(card, out / card.name)
    text = json.dumps(description, indent=1, sort_keys=True) + "\n"
    (out / "pack.json").write_text(text, encoding="utf-8")


def _report(
    pack: ModelPack,
    task: Task,
    outcomes: Sequence[Outcome],
    records: Mapping[str, Any],
    calibration: Mapping[str, int],
) -> dict[str, Any]:
    graphs = {}
    for outcome in outcomes:
        sizes = {
            "before": outcome.source.stat().st_size,
            **{
                precision: (task.out / f"{outcome.name}.{precision}.onnx").stat().st_size
                for precision in ("fp16", "int8")
                if (task.out / f"{outcome.name}.{precision}.onnx").exists()
            },
        }
        graphs[outcome.name] = {
            **records[outcome.name],
            "bytes": sizes,
            "cost": {
                provider: {"before": asdict(before), "after": asdict((outcome.after or {})[provider])}
                for provider, before in (outcome.before or {}).items()
            },
            "layers": _layers(outcome),
            "tensors": {name: asdict(tensor) for name, tensor in (outcome.tensors or {}).items()},
        }
    return {
        "pack": pack.label,
        "method": task.method,
        "max_psnr_drop": task.max_psnr_drop,
        "calibration": dict(calibration),
        "onnxruntime": onnxruntime.__version__,
        "graphs": graphs,
    }


def _layers(outcome: Outcome) -> list[dict[str, Any]]:
    """A row for each layer: what it is, what it costs alone, how its weights and its output are quantised."""
    if outcome.plan is None or outcome.network is None:
        return []
    tensors, rows = outcome.tensors or {}, []
    for finding in outcome.plan.findings:
        node = outcome.network.nodes[finding.layer.name]
        weight, shown = tensors.get(node.input[1]), tensors.get(outcome.network.shown_output(node))
        rows.append(
            {
                "name": finding.layer.name,
                "type": finding.layer.kind,
                "weights": finding.layer.weights,
                "head": finding.layer.head,
                "protected": finding.reason,
                "drop_alone": finding.alone.drop if finding.alone and not finding.alone.fault else None,
                "psnr_alone": dict(finding.alone.psnr) if finding.alone else {},
                "weight": asdict(weight) if weight else None,
                "output": asdict(shown) if shown else None,
            }
        )
    return rows
