"""`python -m benchmarks all|NAME ... [--quick] [--out docs/performance]`: measure, print tables, keep them as JSON.

With --out every table is written to a JSON file of its own in that folder, and the document beside it (the folder's
name with .md) gets the new tables between its marks.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import ceiling, concurrency, memory, quality, scaling, service
from benchmarks.document import keep
from runtime.bench.speed import floor_table, stage_table
from runtime.bench.startup import startup_table
from runtime.bench.tables import Table
from runtime.bench.workload import Material, machine

log = logging.getLogger("benchmarks")

Measure = Callable[[Material, bool, Path], list[Table]]


def _stages(material: Material, quick: bool, folder: Path) -> list[Table]:
    return [stage_table(material, size, 3 if quick else 7) for size in ((512,) if quick else (512, 1024))]


def _whole(material: Material, quick: bool, folder: Path) -> list[Table]:
    return [floor_table(material, (512, 1024), 3 if quick else 6, 3 if quick else 5, folder)]


def _startup(material: Material, quick: bool, folder: Path) -> list[Table]:
    return [startup_table(material, (512, 1024), 2 if quick else 5, folder)]


MEASURES: dict[str, Measure] = {
    "stages": _stages,
    "whole": _whole,
    "startup": _startup,
    "scaling": scaling.tables,
    "memory": memory.tables,
    "concurrency": concurrency.tables,
    "service": service.tables,
    "quality": quality.tables,
    "ceiling": ceiling.tables,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measures that are named; the exit code is 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="+", choices=["all", *MEASURES], metavar="NAME", help=", ".join(MEASURES)
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer sizes and rounds: about three minutes for all"
    )
    parser.add_argument(
        "--full", dest="quick", action="store_false", help="the default: under ten minutes for all"
    )
    parser.add_argument("--portrait", type=Path, default=Material.portrait, metavar="PICTURE")
    parser.add_argument("--audio", type=Path, default=Material.speech, metavar="SOUND")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="keep the tables here")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    material = Material(given.portrait, given.audio)
    facts = machine()
    for name in MEASURES if "all" in given.names else dict.fromkeys(given.names):
        started = time.monotonic()
        with TemporaryDirectory(prefix="sonic-benchmark-") as folder:
            tables = MEASURES[name](material, given.quick, Path(folder))
        log.info("%s: %.0f s", name, time.monotonic() - started)
        for table in tables:
            sys.stdout.write(table.text() + "\n\n")
        sys.stdout.flush()
        if given.out is not None:
            keep(tables, given.out, facts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
