"""Speed: every stage and the whole film, full precision against INT8, and against encoding the same frames alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.bench.tables import Table
from runtime.bench.timing import Times, interleaved, middle, timed, timed_process
from runtime.bench.workload import Material, Stages, precisions
from runtime.contract import RenderOptions
from runtime.inference.packs import ModelPack
from runtime.media.audio import AudioFile
from runtime.media.video import VideoWriter
from runtime.pipeline import render

Image = NDArray[np.uint8]


def stage_table(material: Material, resolution: int, repeats: int) -> Table:
    """Stages 1 to 4, alone in the process, in every precision the pack has."""
    pack = ModelPack.load()
    kinds = precisions(pack)
    stages = {
        kind: Stages(material, RenderOptions(min_resolution=resolution, int8=int8), pack)
        for kind, int8 in kinds.items()
    }
    batch = next(iter(stages.values())).batch
    frames = len(next(iter(stages.values())).motion)
    starts = range(0, frames - batch, max(batch, (frames - batch) // 12))

    def move_all(kind: str) -> None:
        for start in starts:
            stages[kind].move(start)

    def move_and_render(kind: str) -> None:
        for start in starts:
            stages[kind].texture.render(stages[kind].move(start))

    per_frame = 1000 / (len(starts) * batch)
    seconds = len(material.samples) / 16_000
    works: list[tuple[str, Callable[[str], object], float]] = [
        (f"1 audio encoding ({seconds:.0f} s), ms", lambda kind: stages[kind].hear(), 1000),
        ("2 image encoding, ms", lambda kind: stages[kind].see(), 1000),
        ("3 motion field, ms a frame", move_all, per_frame),
        ("3+4 motion and texture, ms a frame", move_and_render, per_frame),
    ]
    table = Table(
        f"stages_{resolution}",
        f"Stages at {resolution} pixels",
        ["stage", *(f"{kind}" for kind in kinds), *(f"{kind} CPU" for kind in kinds), *_ratio_columns(kinds)],
        note=f"Medians of {repeats} interleaved rounds; CPU is the time of all threads together.",
    )
    for name, work, unit in works:
        found = interleaved({kind: partial(work, kind) for kind in kinds}, repeats)
        table.add(
            name,
            *(found[kind].wall * unit for kind in kinds),
            *(found[kind].cpu * unit for kind in kinds),
            *_ratio(list(found.values())),
        )
    return table


def floor_table(
    material: Material, resolutions: Sequence[int], seconds: float, repeats: int, folder: Path
) -> Table:
    """A whole render, its networks already open, against encoding its frames and sound alone."""
    kinds = precisions(ModelPack.load())
    table = Table(
        "whole",
        "A film against the encoding of its frames alone",
        ["film", "seconds to render", "times real time", "encoding alone", "ratio", "ratio in CPU time"],
        note=f"{seconds:g} s of film at 25 frames a second, networks open, medians of {repeats} interleaved rounds. "
        "Encoding alone is the floor: colour conversion, x264 and AAC of frames that lie ready in memory.",
    )
    for resolution in resolutions:
        for kind, int8 in kinds.items():
            options = RenderOptions(min_resolution=resolution, int8=int8, duration=seconds)
            found = _render_and_encode(material, options, repeats, folder)
            whole, alone, length = found["whole"], found["alone"], found["length"]
            table.add(
                f"{resolution} px, {kind}",
                whole.wall,
                length / whole.wall,
                alone.wall,
                whole.wall / alone.wall,
                whole.cpu / alone.cpu,
            )
    return table


def _render_and_encode(
    material: Material, options: RenderOptions, repeats: int, folder: Path
) -> dict[str, Any]:
    clip = material.clip(float(options.duration or 4.0), folder)
    out = folder / "whole.mp4"
    frames: list[Image] = []

    def keep(frame: Image, _: int) -> None:
        frames.append(frame.copy())

    result = render(material.portrait, clip, out, options, overlays=[keep])

    def encode() -> None:
        height, width = frames[0].shape[:2]
        audio = AudioFile.open(clip)
        with VideoWriter(out, width, height, options.fps, audio, options.quality, options.preset) as film:
            for frame in frames:
                film.write(frame)

    whole, alone = [], []
    for _ in range(repeats):
        whole.append(timed(lambda: render(material.portrait, clip, out, options)))
        alone.append(timed(encode))
    return {"whole": middle(whole), "alone": middle(alone), "length": result.duration}


def command_table(
    material: Material,
    films: Sequence[tuple[str, Sequence[str], float]],
    repeats: int,
    folder: Path,
    name: str,
    title: str,
) -> Table:
    """The command `python -m runtime render` from its start to its end; films are (name, options, seconds)."""
    taken = f"medians of {repeats} interleaved rounds" if repeats > 1 else "one run each"
    table = Table(
        name,
        title,
        ["film", "seconds of film", "seconds taken", "times real time", "CPU seconds", "peak memory, MB"],
        note=f"The whole command, start of Python included; {taken}.",
    )
    times: dict[str, list[Times]] = {label: [] for label, *_ in films}
    results: dict[str, list[dict[str, Any]]] = {label: [] for label, *_ in films}
    for _ in range(repeats):
        for label, options, seconds in films:
            took, result = render_command(material, options, seconds, folder)
            times[label].append(took)
            results[label].append(result)
    for label, *_ in films:
        took, length = middle(times[label]), results[label][0]["duration"]
        memory = median(result["peak_memory_mb"] for result in results[label])
        table.add(label, length, took.wall, length / took.wall, took.cpu, memory)
    return table


def render_command(
    material: Material, options: Sequence[str], seconds: float, folder: Path, out: str = "command.mp4"
) -> tuple[Times, dict[str, Any]]:
    """Run `python -m runtime render --json` on a recording of so many seconds."""
    import json

    clip = material.clip(seconds, folder)
    command = [
        sys.executable,
        "-m",
        "runtime",
        "render",
        "--portrait",
        str(material.portrait),
        "--audio",
        str(clip),
    ]
    took, printed = timed_process([*command, "--out", str(folder / out), "--json", *options])
    return took, json.loads(printed)


def _ratio_columns(kinds: dict[str, bool]) -> list[str]:
    names = list(kinds)
    return [f"{names[1]} / {names[0]}", "in CPU time"] if len(names) == 2 else []


def _ratio(found: Sequence[Times]) -> list[float]:
    return [found[1].wall / found[0].wall, found[1].cpu / found[0].cpu] if len(found) == 2 else []
