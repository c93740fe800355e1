"""All measurements of an evaluation, one after the other, and the files they leave."""

from __future__ import annotations

import itertools
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import runtime
from runtime.contract import RuntimeProblem
from runtime.evaluation.film_measures import Lips, lip_gap_of, measure_film, sum_lips
from runtime.evaluation.films import Speech, is_newer, read_frames, write_wav
from runtime.evaluation.instruments import Instrument, MediaPipe
from runtime.evaluation.photo_measures import landmark_agreement, measure_fidelity, surroundings
from runtime.evaluation.plan import Plan
from runtime.evaluation.poses import comparison_poses, sheet_poses
from runtime.evaluation.report import Measures, write_report
from runtime.evaluation.resources import memory_growth, run_render
from runtime.evaluation.sheets import Shot, draw_comparison, draw_sheet, draw_strip, save_picture
from runtime.evaluation.studio import Studio
from runtime.evaluation.synchrony import compare_lips
from runtime.inference.processor import usable_cores
from runtime.media.audio import AudioFile
from runtime.media.image import load_image
from runtime.pipeline import render

log = logging.getLogger(__name__)

RUNTIME = Path(runtime.__file__).parent
MEMORY_SECONDS = (30.0, 600.0)
QUICK_MEMORY_SECONDS = (10.0, 60.0)


def evaluate(plan: Plan, studio: Studio, instruments: Sequence[Instrument]) -> Measures:
    """Measure everything that the plan asks for. What cannot be measured is named under "failures"."""
    measures: Measures = {
        "pack": studio.pack.label,
        "instruments": [instrument.name for instrument in instruments],
        "portraits": {path.stem: {} for path in plan.portraits},
        "failures": {},
    }
    counts: dict[str, list[Lips]] = {instrument.name: [] for instrument in instruments}
    for number, path in enumerate(plan.portraits):
        found = measures["portraits"][path.stem]
        with _noted(measures, path.stem):
            _measure_still(path, plan, studio, instruments, found)
            if "lips" in plan.parts:
                found |= _measure_films(path, plan.clips_for(number), plan, studio, instruments, counts)
        write_report(measures, plan.out)  # a long run that is interrupted leaves what it has
    measures["lips"] = {name: sum_lips(found) for name, found in counts.items() if found}
    if "talking" in plan.parts and plan.talking:
        with _noted(measures, "talking"):
            measures["talking"] = _measure_talking(plan, studio, instruments)
    if "speed" in plan.parts:
        with _noted(measures, "speed"):
            measures["speed"] = _measure_speed(plan)
    if "memory" in plan.parts:
        with _noted(measures, "memory"):
            measures["memory"] = _measure_memory(plan)
    write_report(measures, plan.out)
    return measures


@contextmanager
def _noted(measures: Measures, name: str) -> Iterator[None]:
    """A measurement that a user's problem ends (no face in a portrait) is noted; the others go on."""
    log.info("measuring %s", name)
    try:
        yield
    except RuntimeProblem as fault:
        measures["failures"][name] = str(fault)
        log.warning("%s: %s", name, fault)


def _measure_still(
    path: Path, plan: Plan, studio: Studio, instruments: Sequence[Instrument], found: dict[str, Any]
) -> None:
    """Everything about a portrait that needs no finished film."""
    if "landmarks" in plan.parts:
        outside = [tool for tool in instruments if isinstance(tool, MediaPipe)]
        if outside and (agreement := landmark_agreement(path, studio, outside[0])):
            found["landmarks"] = agreement
    if "sheets" in plan.parts:
        found["poses"] = _draw_sheets(path, plan, studio, instruments)
    if "fidelity" in plan.parts:
        found["fidelity"] = measure_fidelity(path, plan.speech, studio)


def _measure_films(
    path: Path,
    clips: Sequence[Speech],
    plan: Plan,
    studio: Studio,
    instruments: Sequence[Instrument],
    counts: dict[str, list[Lips]],
) -> dict[str, Any]:
    """Render the portrait with every clip; closures, silence and sync as each instrument sees them."""
    films = [(clip, _film_of_clip(path, clip, plan, studio)) for clip in clips]
    sync: dict[str, dict[str, Any]] = {clip.name: {} for clip, _ in films}
    lips = {}
    for tool in instruments:
        readings = []
        for clip, film in films:
            reading, found = measure_film(clip, film, studio.points(path), tool)
            readings.append(reading)
            if found:
                sync[clip.name][tool.name] = found
        counts[tool.name] += readings
        lips[tool.name] = sum_lips(readings)
    longest = max(films, key=lambda pair: pair[1].stat().st_size)
    _draw_strip(path, longest[1], plan, studio)
    return {"lips": lips, "sync": sync}


def _draw_strip(path: Path, film: Path, plan: Plan, studio: Studio) -> None:
    """Write the mouths of the frames of a film's second and third second, for judging motion."""
    frames = list(itertools.islice(read_frames(film), 25, 75))
    if frames:
        labels = [str(25 + index) for index in range(len(frames))]
        save_picture(plan.out / f"strip_{path.stem}.png", draw_strip(frames, studio.points(path), labels))


def _draw_sheets(
    path: Path, plan: Plan, studio: Studio, instruments: Sequence[Instrument]
) -> dict[str, dict[str, dict[str, float]]]:
    """Write the contact sheets of a portrait; lip and eye openings of each pose, as each instrument sees them."""
    points = studio.points(path)
    shots = [Shot(pose, frame) for pose, frame in studio.poses(path, sheet_poses())]
    save_picture(plan.out / f"sheet_{path.stem}.png", draw_sheet(shots, points))
    if plan.sheets_to_compare is not None:
        for other in plan.sheets_to_compare.glob(f"sheet_{path.stem}.*"):
            pairs = [Shot(pose, frame) for pose, frame in studio.poses(path, comparison_poses())]
            picture = draw_comparison(pairs, points, load_image(other))
            save_picture(plan.out / f"compare_{path.stem}.png", picture)
    readings = {}
    for tool in instruments:
        x0, y0, x1, y1 = surroundings(points, shots[0].frame.shape, room=3.0)
        track = tool.stills([np.ascontiguousarray(shot.frame[y0:y1, x0:x1]) for shot in shots])
        readings[tool.name] = {
            shot.pose.name: {"lips": float(lips), "eyes": float(eyes.mean())}
            for shot, lips, eyes in zip(shots, track.lip_gap, track.eye_gap, strict=True)
        }
    return readings


def _film_of_clip(portrait: Path, clip: Speech, plan: Plan, studio: Studio) -> Path:
    script = clip.script if plan.scripts else None
    name = f"{portrait.stem}__{clip.name}" + ("__script" if script else "")
    return _film(portrait, clip.audio, name, plan, studio, script)


def _film(
    portrait: Path, audio: Path, name: str, plan: Plan, studio: Studio, script: str | None = None
) -> Path:
    """Render the film that a user would get, unless it is there already from an earlier, interrupted run.

    As make would, it is made again when something that it came from has changed since, the runtime included.
    """
    film = plan.out / "films" / f"{name}.mp4"
    film.parent.mkdir(exist_ok=True)
    sources = [portrait, audio, *RUNTIME.rglob("*.py"), *studio.pack.folder.iterdir()]
    if not is_newer(film, sources):
        render(portrait, audio, film, studio.options, pack=studio.pack, script=script)
    return film


def _measure_talking(
    plan: Plan, studio: Studio, instruments: Sequence[Instrument]
) -> dict[str, dict[str, Any]]:
    """Give the first portrait the sound of each real film, and hold its lips against the real ones."""
    portrait = plan.portraits[0]
    result: dict[str, dict[str, Any]] = {}
    for real in plan.talking:
        with tempfile.TemporaryDirectory() as folder:
            audio = Path(folder) / f"{real.stem}.wav"
            write_wav(audio, np.concatenate(list(AudioFile.open(real).mono())))
            film = _film(portrait, audio, f"{portrait.stem}__{real.stem}", plan, studio)
        result[real.stem] = {}
        for tool in instruments:
            truth, ours = (lip_gap_of(path, tool) for path in (real, film))
            result[real.stem][tool.name] = asdict(compare_lips(truth, ours))
    return result


def _measure_speed(plan: Plan) -> dict[str, Any]:
    clip = max(plan.speech, key=lambda one: len(one.samples()))
    with tempfile.TemporaryDirectory() as folder:
        answer = run_render(plan.portraits[0], clip.audio, Path(folder) / "speed.mp4", plan.render_flags)
    cores = usable_cores()
    named = (
        "real_time_factor",
        "duration",
        "width",
        "height",
        "fps",
        "provider",
        "timings",
        "peak_memory_mb",
    )
    return {"cores": cores} | {name: answer[name] for name in named}


def _measure_memory(plan: Plan) -> dict[str, float]:
    speech = np.concatenate([clip.samples() for clip in plan.speech])
    lengths = QUICK_MEMORY_SECONDS if plan.quick else MEMORY_SECONDS
    with tempfile.TemporaryDirectory() as folder:
        return memory_growth(plan.portraits[0], speech, Path(folder), lengths, plan.render_flags)
