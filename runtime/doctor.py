"""`python -m runtime doctor`: what is installed, what will run, and why not something faster."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from runtime import __version__
from runtime.contract import RuntimeProblem
from runtime.inference.packs import ModelPack
from runtime.inference.processor import exact_int8, fast_int8
from runtime.inference.providers import PACKAGES, PROVIDER_NAMES, plan_providers, user_cache_dir

LIBRARIES = ("numpy", "scipy", "opencv-python-headless", "Pillow", "av", "librosa", "pydantic")
RUNTIMES = ("onnxruntime", "onnxruntime-openvino", "onnxruntime-gpu")


def add_parser(commands: Any) -> None:
    """Add `doctor` to the subcommands of the command line."""
    parser = commands.add_parser(
        "doctor",
        help="say what is installed and what will run",
        description="Show versions, try every provider on a model of the pack, and say why one does not run.",
    )
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Carry out `doctor`; the exit code is 0 if a film can be rendered here, otherwise 1."""
    report = examine()
    if given.json:
        sys.stdout.write(json.dumps(report) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(report)) + "\n")
    return 0 if report["will_run"] and not report["pack"]["faults"] else 1


def examine() -> dict[str, Any]:
    """Everything that `doctor` knows, as plain values."""
    providers = _providers()
    return {
        "runtime": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
        "fast_int8": list(fast_int8()),
        "libraries": {name: _installed(name) for name in (*RUNTIMES, *LIBRARIES)},
        "cache": str(user_cache_dir()),
        "pack": _pack(),
        "providers": providers,
        "will_run": next((name for name in _wanted() if providers[name] == "runs"), None),
    }


def _providers() -> dict[str, str]:
    """Each provider by our name: "runs", or the reason why it does not."""
    gpu = "" if _has_nvidia_gpu() else "no NVIDIA GPU is visible here; "
    import onnxruntime

    from runtime.inference.sessions import start_session

    available = onnxruntime.get_available_providers()
    graph = _smallest_graph()
    states = {}
    for name, ort_name in PROVIDER_NAMES.items():
        if ort_name not in available:
            needs = gpu if name in ("tensorrt", "cuda") else ""
            states[name] = f"{needs}not in this ONNX Runtime; it comes with {PACKAGES[name]}"
        elif graph is None:
            states[name] = "installed, but there is no model to try it on"
        else:
            try:
                start_session(graph, plan_providers(available, name)[0], threads=1)
                states[name] = "runs"
            except Exception as fault:  # each provider raises its own kinds
                states[name] = "does not start: " + " ".join(str(fault).split())[:200]
    return states


def _wanted() -> list[str]:
    """The providers that `auto` tries for an INT8 network, in order."""
    import onnxruntime

    available = onnxruntime.get_available_providers()
    return [plan.name for plan in plan_providers(available, quantised=True, exact=exact_int8())]


def _has_nvidia_gpu() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def _smallest_graph() -> Path | None:
    try:
        pack = ModelPack.load()
        paths = [pack.graph(name).path for name in pack.graphs]
    except RuntimeProblem:
        return None
    return min(paths, key=lambda path: path.stat().st_size, default=None)


def _pack() -> dict[str, Any]:
    """Name, size, graphs with their precisions, and what is wrong with the bundled pack."""
    try:
        pack = ModelPack.load()
    except RuntimeProblem as problem:
        return {"name": None, "faults": [problem.sentence]}
    faults = []
    total = 0
    for name, record in pack.graphs.items():
        total += sum(entry["bytes"] for entry in record["precisions"].values())
        try:
            pack.graph(name)
        except RuntimeProblem as problem:
            faults.append(problem.sentence)
    for name in pack.assets:
        total += pack.assets[name]["bytes"]
        try:
            pack.asset(name)
        except RuntimeProblem as problem:
            faults.append(problem.sentence)
    graphs = {name: sorted(record["precisions"]) for name, record in pack.graphs.items()}
    return {"name": pack.label, "megabytes": round(total / 1e6, 1), "graphs": graphs, "faults": faults}


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _lines(report: dict[str, Any]) -> list[str]:
    pack = report["pack"]
    lines = [
        f"Sonic Talking Video {report['runtime']}, Python {report['python']}, {report['system']}",
        f"processor: {report['cores']} cores, fast INT8: {', '.join(report['fast_int8']) or 'no'}",
        "libraries: " + ", ".join(f"{name} {found}" for name, found in report["libraries"].items() if found),
        f"cache: {report['cache']}",
        f"pack: {pack['name'] or 'none'}"
        + (f", {pack['megabytes']} MB, {len(pack['graphs'])} graphs" if pack["name"] else ""),
        *(f"  fault: {fault}" for fault in pack["faults"]),
        "providers, fastest first:",
        *(f"  {name:9s} {state}" for name, state in report["providers"].items()),
    ]
    will = report["will_run"]
    lines.append(
        f"films will be rendered with {will}" if will else "no provider runs: no film can be rendered"
    )
    rivals = list(PROVIDER_NAMES)
    if will and rivals.index(will) > 0:
        faster = rivals[: rivals.index(will)]
        reasons = "; ".join(f"{name}: {report['providers'][name]}" for name in faster)
        lines.append(f"why not faster: {reasons}")
    return lines
