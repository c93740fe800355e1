"""Memory of a lesson against its length, every scene of it another.

    python -m benchmarks.lessons [--scenes 3 60] [--tts-command CMD] [--out docs/performance]

Not among the measures of `python -m benchmarks all`, for it takes its time: three scenes are a minute of film, sixty
are twenty. The same number may be named several times, to see how much chance there is in it.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.document import keep
from runtime.bench.tables import Table
from runtime.bench.workload import Material, machine
from runtime.jobs.resources import resident_memory_mb

LOOK_SECONDS = 0.1  # how often memory is looked at
# Small pictures, few of them: what is asked does not depend on their number.
OPTIONS = "--aspect 1:1 --fps 12 --preset ultrafast --quality 10 --language en --threads 1"
WORDS = (
    "light water stone river mountain energy number circle motion sound colour planet garden engine bridge signal "
    "window letter market harbour forest copper silver winter summer answer question problem measure balance "
    "pattern current pressure gravity friction rotation distance"
)


@dataclass(frozen=True)
class Run:
    """A lesson that was made: its length in seconds and the memory of all its processes at their highest."""

    seconds: float
    peak_mb: float
    took: float


def memory_table(material: Material, counts: Sequence[int], voice: str, folder: Path) -> Table:
    """Make lessons of so many scenes and hold their memory against that of the first."""
    table = Table(
        "lessons",
        "Peak memory of a lesson against its length",
        ["scenes", "length, s", "peak memory, MB", "more than the first, %", "made in, s"],
        note="Resident memory of all processes together on the command line, looked at every 0.1 s; 720x720 at 12 "
        "frames a second, one thread, each scene with another list, table, formula or piece of code.",
    )
    first = 0.0
    for count in counts:
        run = make(material, count, voice, folder / str(len(table.rows)))
        first = first or run.peak_mb
        table.add(str(count), run.seconds, run.peak_mb, 100 * (run.peak_mb / first - 1), run.took)
    return table


def make(material: Material, scenes: int, voice: str, folder: Path) -> Run:
    """Make a lesson from nothing; raises CalledProcessError."""
    folder.mkdir()
    script, film, printed = folder / "lesson.md", folder / "lesson.mp4", folder / "printed"
    script.write_text(script_of(scenes), encoding="utf-8")
    command = [sys.executable, "-m", "runtime", "lesson", str(script), "--portrait", str(material.portrait)]
    command += ["--tts-command", voice, "--keep", str(folder / "keep"), "--out", str(film), "--json"]
    began, peak = time.monotonic(), 0.0
    with printed.open("wb") as out, subprocess.Popen([*command, *OPTIONS.split()], stdout=out) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(resident_memory_mb, family(process.pid))))
            time.sleep(LOOK_SECONDS)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    result = json.loads(printed.read_text())
    peak = max(peak, result["peak_memory_mb"])
    return Run(result["duration"], peak, time.monotonic() - began)


def family(pid: int) -> Iterator[int]:
    """A process and all that it has started; Linux only."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:  # the thread has ended
            continue
        for child in children:
            yield from family(int(child))


def script_of(scenes: int) -> str:
    """A script of scenes that all differ, each with about 21 s to speak; the same for the same number."""
    chance, known = random.Random(5), WORDS.split()

    def sentence(count: int) -> str:
        words = [chance.choice(known) for _ in range(count)]
        return "The " + " and the ".join(" ".join(words[at : at + 3]) for at in range(0, count, 3)) + "."

    def body(kind: int) -> str:
        one, other, number = chance.choice(known), chance.choice(known), chance.randint(2, 999)
        return (
            f"- {one} **{other}**\n- {other} {number}",
            f"| a | b |\n|---|---|\n| {one} | {number} |\n| {other} | {number + 1} |",
            f"$$E = {number} m c^{{{number % 9 + 1}}}$$",
            f"```python\n{one} = {number}\nprint({one})\n```",
        )[kind]

    return "\n\n".join(
        f"# Scene {number + 1}: {chance.choice(known)} and {chance.choice(known)}\n\n{body(number % 4)}\n\n"
        f"Narration:\n\n{sentence(20)}\n\n{sentence(20)}"
        for number in range(scenes)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table; the exit code is 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lessons", description=__doc__)
    parser.add_argument("--scenes", type=int, nargs="+", default=[3, 60], metavar="NUMBER")
    parser.add_argument("--tts-command", default="espeak-ng --stdin -w {out}", metavar="CMD")
    parser.add_argument("--portrait", type=Path, default=Material.portrait, metavar="PICTURE")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="keep the table here")
    given = parser.parse_args(arguments)
    facts = machine()
    with TemporaryDirectory(prefix="sonic-benchmark-") as folder:
        table = memory_table(Material(given.portrait), given.scenes, given.tts_command, Path(folder))
    sys.stdout.write(table.text() + "\n")
    if given.out is not None:
        keep([table], given.out, facts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
