"""`python -m runtime bench`: how fast films are made on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from runtime.bench.tables import Table

SIZES = (512, 1024)


def add_parser(commands: Any) -> None:
    """Add `bench` to the subcommands of the command line."""
    parser = commands.add_parser(
        "bench",
        help="measure how fast films are made here",
        description="Make short films of the demo portrait and tell how fast, how soon and with how much memory; "
        "about a minute. The folder benchmarks/ in the source measures more.",
    )
    parser.add_argument("--portrait", type=Path, metavar="PICTURE", help="measure with another picture")
    parser.add_argument("--audio", type=Path, metavar="SOUND", help="measure with another recording")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of the films (default 6)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds that medians are taken of (default 3)")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), metavar="PIXELS")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Carry out `bench`."""
    from runtime.bench.workload import Material, machine

    chosen = {"portrait": given.portrait, "speech": given.audio}
    material = Material(**{name: path for name, path in chosen.items() if path is not None})
    facts = machine()
    with TemporaryDirectory(prefix="sonic-bench-") as folder:
        table = overview(material, given.sizes, given.seconds, given.repeats, Path(folder))
    if given.json:
        sys.stdout.write(json.dumps({"machine": facts, **table.as_json()}) + "\n")
    else:
        sys.stdout.write(
            f"{facts['processor']}, {facts['cores']} cores, ONNX Runtime {facts['onnxruntime']}, {facts['pack']} "
            f"({', '.join(facts['precisions'])})\n\n{table.text()}\n"
        )
        if (facts["load_average_at_start"] or 0) > 0.5 * (facts["cores"] or 1):
            sys.stdout.write("Other work kept this machine busy: a quiet one is faster than this.\n")
    return 0


def overview(material: Any, sizes: list[int], seconds: float, repeats: int, folder: Path) -> Table:
    """One row for each size and precision: speed, its relation to encoding alone, first frame, memory."""
    from runtime.bench.speed import floor_table, render_command
    from runtime.bench.startup import startup_table
    from runtime.bench.workload import precisions
    from runtime.inference.packs import ModelPack

    floor = floor_table(material, sizes, seconds, repeats, folder)
    first = {row[0]: row for row in startup_table(material, sizes, 1, folder).rows}
    kinds = precisions(ModelPack.load())
    films = [(size, kind) for size in sizes for kind in kinds]
    table = Table(
        "bench",
        f"Films of {seconds:g} s",
        [
            "film",
            "times real time",
            "render / encoding alone",
            "first frame, ms",
            "after start, s",
            "memory, MB",
        ],
        note="Times real time: seconds of film made in a second, networks open. Render / encoding alone: the whole\n"
        "against x264 and AAC on ready frames. First frame: of another film in a running process, and of a new one.",
    )
    for (size, kind), row in zip(films, floor.rows, strict=True):
        default = kind == next(iter(kinds))
        switch = [] if default else ["--no-int8"]
        _, result = render_command(
            material, ["--min-resolution", str(size), *switch], min(seconds, 4.0), folder
        )
        _, cold, _, warm, _ = first[f"{size} px"]
        waits = (warm, cold) if default else (None, None)
        table.add(row[0], row[2], row[4], *waits, result["peak_memory_mb"])
    return table
