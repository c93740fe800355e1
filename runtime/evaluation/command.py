"""`python -m runtime evaluate`: portraits and speech in; numbers, tables and contact sheets out."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from runtime.contract import RenderOptions, RuntimeProblem
from runtime.evaluation.evaluate import evaluate
from runtime.evaluation.films import find_films, find_portraits, find_speech
from runtime.evaluation.instruments import Instrument, MediaPipe
from runtime.evaluation.plan import PARTS, Plan
from runtime.evaluation.report import as_markdown
from runtime.evaluation.studio import OwnLandmarks, Studio

log = logging.getLogger(__name__)


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add `evaluate` to the subcommands of the command line; `run` carries it out."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "evaluate",
        help="measure films made from a folder of portraits and a folder of speech",
        description="Measure landmarks, lip closures, sync, fidelity, time and memory, and draw contact sheets.",
    )
    parser.add_argument("--portraits", type=Path, required=True, metavar="FOLDER", help="pictures of faces")
    parser.add_argument(
        "--speech",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="recordings, searched below it too; phone times in NAME.TextGrid or NAME.phone.json beside them",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("out/evaluation"), metavar="FOLDER", help="for results"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of tables")
    parser.add_argument("--quick", action="store_true", help="less speech, shorter memory test")
    parser.add_argument(
        "--scripts", action="store_true", help="films follow the words that stand beside the recordings"
    )
    parser.add_argument(
        "--parts", default=",".join(PARTS), metavar="LIST", help=f"only some of {', '.join(PARTS)}"
    )
    parser.add_argument(
        "--only", default="", metavar="LIST", help="names of portraits to use; all when not given"
    )
    parser.add_argument(
        "--mediapipe-python",
        metavar="PYTHON",
        help="an interpreter that has mediapipe, when this one has not",
    )
    parser.add_argument(
        "--talking",
        type=Path,
        metavar="FOLDER",
        help="films of real people talking, to hold our lips against",
    )
    parser.add_argument(
        "--compare", type=Path, metavar="FOLDER", help="other sheets, sheet_PORTRAIT.jpg, to set beside ours"
    )
    parser.add_argument(
        "--pack",
        type=Path,
        metavar="FOLDER",
        help="another model pack (speed and memory need the bundled one)",
    )
    parser.add_argument("--provider", help="which ONNX Runtime provider runs the networks")
    parser.add_argument("--threads", help="threads for the networks; 0 = all cores")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Carry out `evaluate`; the exit code."""
    plan = _plan(arguments)
    options = RenderOptions.checked({"provider": arguments.provider, "threads": arguments.threads})
    studio = Studio(options, arguments.pack)
    instruments: list[Instrument] = [OwnLandmarks(studio)]
    if outside := MediaPipe.find(arguments.mediapipe_python):
        instruments.append(outside)
    else:
        log.warning("MediaPipe is not installed here: our own landmarks measure alone")
    measures = evaluate(plan, studio, instruments)
    sys.stdout.write(json.dumps(measures, default=float) + "\n" if arguments.json else as_markdown(measures))
    return 0


def _plan(arguments: argparse.Namespace) -> Plan:
    parts = frozenset(arguments.parts.split(","))
    if unknown := parts - set(PARTS):
        raise RuntimeProblem(
            "option_out_of_range",
            f"Option parts has {', '.join(sorted(unknown))}, but must be of {', '.join(PARTS)}.",
        )
    if arguments.pack is not None:
        parts -= {"speed", "memory"}
    portraits = find_portraits(arguments.portraits)
    if wanted := set(filter(None, arguments.only.split(","))):
        portraits = [path for path in portraits if path.stem in wanted]
        if missing := wanted - {path.stem for path in portraits}:
            raise RuntimeProblem(
                "option_out_of_range", f"There is no portrait named {', '.join(sorted(missing))}."
            )
    arguments.out.mkdir(parents=True, exist_ok=True)
    return Plan(
        portraits=portraits,
        speech=find_speech(arguments.speech),
        talking=find_films(arguments.talking) if arguments.talking else [],
        sheets_to_compare=arguments.compare,
        parts=parts,
        quick=arguments.quick,
        out=arguments.out,
        render_flags=_render_flags(arguments),
        scripts=arguments.scripts,
    )


def _render_flags(arguments: argparse.Namespace) -> list[str]:
    chosen = {"--provider": arguments.provider, "--threads": arguments.threads}
    return [word for flag, value in chosen.items() if value is not None for word in (flag, value)]
