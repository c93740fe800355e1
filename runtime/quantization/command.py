"""`python -m runtime quantize`: a pack in full precision in, the same pack in INT8 out, with a report."""

from __future__ import annotations

import argparse
import importlib.util
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from runtime.contract import RenderOptions, RuntimeProblem
from runtime.inference.packs import ModelPack

METHODS = ("minmax", "entropy", "percentile")
PACKAGES = ("onnx", "matplotlib")


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add `quantize` to the subcommands of the command line; `run` carries it out."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "quantize",
        help="turn a model pack into INT8",
        description="Quantise the graphs of a model pack to INT8, protect the layers that do not stand it, and report.",
    )
    parser.add_argument("pack", type=Path, metavar="PACK", help="folder of the pack in full precision")
    parser.add_argument(
        "--calibration",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="pictures of faces, and recordings of speech in it or below it: the pipeline makes films of them",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="PACK_INT8", help="folder for the new pack; must be empty"
    )
    parser.add_argument(
        "--method", default="minmax", help=f"how ranges are chosen ({', '.join(METHODS)}; default minmax)"
    )
    parser.add_argument(
        "--max-psnr-drop",
        default="0.3",
        metavar="NUMBER",
        help="greatest loss of PSNR of each graph in dB (0.01 to 10, default 0.3)",
    )
    parser.add_argument(
        "--protect",
        nargs="+",
        default=[],
        metavar="NAME",
        help="layers that stay in full precision: LAYER, GRAPH or GRAPH:LAYER, with * and ? as in a shell",
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="GRAPH", help="quantise these; the others stay as they are"
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FOLDER",
        help="for quantization.json and .html; PACK_INT8/report if not given",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--provider", help="judge on this ONNX Runtime provider alone, not on all there are")
    parser.add_argument("--threads", help="threads for the networks; 0 = all cores")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Carry out `quantize`; the exit code."""
    method, bound = _method(arguments.method), _bound(arguments.max_psnr_drop)
    options = RenderOptions.checked({"provider": arguments.provider, "threads": arguments.threads})
    pack = ModelPack.load(arguments.pack)
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise RuntimeProblem(
                "package_missing",
                f"The command quantize needs the Python package {package}, which is not installed.",
                "Install it with `pip install -r requirements-quantize.txt`.",
            )
    from runtime.quantization.calibration import record
    from runtime.quantization.quantizer import Task, check_target, quantise_pack
    from runtime.quantization.report import as_text, write_report

    task = Task(
        arguments.out,
        method,
        bound,
        tuple(arguments.protect),
        tuple(arguments.only),
        options.provider,
        options.threads,
    )
    check_target(task.out)
    recording = record(pack, arguments.calibration, task.provider, task.threads, _tell)
    report = quantise_pack(pack, recording, task, _tell)
    write_report(report, arguments.report or arguments.out / "report")
    sys.stdout.write(json.dumps(report) + "\n" if arguments.json else as_text(report))
    return 0


def _method(word: str) -> Any:
    if word not in METHODS:
        raise RuntimeProblem(
            "option_out_of_range",
            f"Option method is {shlex.quote(word)}, but must be one of {', '.join(METHODS)}.",
        )
    return word


def _bound(word: str) -> float:
    try:
        bound = float(word)
    except ValueError:
        bound = float("nan")
    if not 0.01 <= bound <= 10:
        raise RuntimeProblem(
            "option_out_of_range",
            f"Option max_psnr_drop is {shlex.quote(word)}, but must be a number from 0.01 to 10.",
        )
    return bound


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
