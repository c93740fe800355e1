"""The measurements as Markdown tables and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Measures = dict[str, Any]
_Column = tuple[str, Callable[[Mapping[str, Any]], str]]


def write_report(measures: Measures, folder: Path) -> None:
    """Write film.json and film.md into `folder`."""
    (folder / "film.json").write_text(json.dumps(_finite(measures), indent=1) + "\n", encoding="utf-8")
    (folder / "film.md").write_text(as_markdown(measures), encoding="utf-8")


def as_markdown(measures: Measures) -> str:
    """All tables for which there are measurements."""
    portraits: Mapping[str, Mapping[str, Any]] = measures.get("portraits", {})
    parts = [_landmark_table(portraits), _fidelity_table(portraits), _pose_table(portraits)]
    parts += [
        _lip_table(name, portraits, measures.get("lips", {})) for name in measures.get("instruments", [])
    ]
    parts += [_sync_table(portraits), _talking_table(measures.get("talking", {})), _resources(measures)]
    parts += [_failures(measures.get("failures", {}))]
    return "\n".join(part for part in parts if part)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, first column left, the others right; "" when there are no rows."""
    if not rows:
        return ""
    rule = [":---", *["---:"] * (len(head) - 1)]
    lines = [head, rule, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def number(value: Any, digits: int = 1, unit: str = "") -> str:
    """A number for a table; a dash where nothing was measured."""
    if value is None or not isinstance(value, (int, float)) or not math.isfinite(value):
        return "–"
    return f"{value:.{digits}f}{unit}"


def percent(value: Any) -> str:
    """A share of 0..1 as a whole percentage."""
    return number(None if value is None else value * 100, 0, " %")


def _landmark_table(portraits: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [
            name,
            *(number(found["landmarks"]["error"].get(part), 2) for part in ("lips", "eyes")),
            *(number(found["landmarks"]["noise"].get(part), 2) for part in ("lips", "eyes")),
        ]
        for name, found in portraits.items()
        if "landmarks" in found
    ]
    if rows:
        rows.append(_mean_row(rows))
    head = ["portrait", "lips", "eyes", "MediaPipe with itself mirrored: lips", "eyes"]
    return _titled("Landmarks against MediaPipe, % of the outer-eye distance", table(head, rows))


def _mean_row(rows: Sequence[Sequence[str]]) -> list[str]:
    means = []
    for column in range(1, len(rows[0])):
        values = [float(row[column]) for row in rows if row[column] != "–"]
        means.append(number(sum(values) / len(values) if values else None, 2))
    return ["**mean**", *means]


def _fidelity_table(portraits: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [
            name,
            number(found["fidelity"]["still_psnr"]),
            number(found["fidelity"]["idle_psnr"]),
            number(found["fidelity"]["background_psnr_worst"]),
            number(found["fidelity"]["background_psnr_median"]),
            percent(found["fidelity"]["background_share"]),
        ]
        for name, found in portraits.items()
        if "fidelity" in found
    ]
    head = [
        "portrait",
        "still",
        "silent, driven",
        "background, worst frame",
        "median",
        "background's share",
    ]
    return _titled("Fidelity before encoding, PSNR in dB (100 = identical)", table(head, rows))


_POSE_COLUMNS = ("photo", "silence", "m", "aa", "oo", "ee", "f")
_EYE_COLUMNS = ("photo", "half blink", "blink")


def _pose_table(portraits: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for name, found in portraits.items():
        for instrument, readings in found.get("poses", {}).items():
            lips = [number(readings.get(pose, {}).get("lips"), 3) for pose in _POSE_COLUMNS]
            eyes = [number(readings.get(pose, {}).get("eyes"), 3) for pose in _EYE_COLUMNS]
            rows.append([f"{name} ({instrument})", *lips, *eyes])
    head = ["portrait", *_POSE_COLUMNS, *(f"eyes: {pose}" for pose in _EYE_COLUMNS)]
    return _titled("Openings of lips and eyes in fixed poses, ipd", table(head, rows))


def _lip_table(
    instrument: str, portraits: Mapping[str, Mapping[str, Any]], totals: Mapping[str, Mapping[str, Any]]
) -> str:
    found = {name: entry["lips"][instrument] for name, entry in portraits.items() if "lips" in entry}
    if instrument in totals:
        found["**all**"] = totals[instrument]
    rows = [
        [
            name,
            str(lips["bilabials"]),
            percent(lips["recall"]),
            percent(lips["recall_near"]),
            percent(lips["recall_by_chance"]),
            str(lips["closures"]),
            percent(lips["precision"]),
            percent(lips["precision_with_f_v"]),
            percent(lips["silent_closed"]),
            str(lips["silent_frames"]),
        ]
        for name, lips in found.items()
    ]
    head = [
        "portrait",
        "p b m",
        "closed",
        "within a frame",
        "by chance",
        "closures",
        "at p b m",
        "at p b m f v",
        "silent frames closed",
        "silent frames",
    ]
    return _titled(f"Lip closures in the finished films, seen by {instrument}", table(head, rows))


def _sync_table(portraits: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for name, found in portraits.items():
        for clip, readings in found.get("sync", {}).items():
            for instrument, sync in readings.items():
                rows.append(
                    [
                        f"{name}, {clip}",
                        instrument,
                        number(sync["lag_frames"], 2),
                        number(sync["r"], 2),
                        number(sync["r_mismatched"], 2),
                        number(sync["margin"], 2),
                        sync["against"],
                    ]
                )
    head = ["film", "seen by", "lag, frames (> 0: lips late)", "r", "r, wrong sound", "margin", "against"]
    return _titled("Sound and lips", table(head, rows))


def _talking_table(talking: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [
            f"{name} ({instrument})",
            number(entry["lag"], 0),
            number(entry["r0"], 2),
            number(entry["r"], 2),
            number(entry["r_mismatched"], 2),
            number(entry["mse"], 3),
            number(entry["open_ratio"], 2),
        ]
        for name, readings in talking.items()
        for instrument, entry in readings.items()
    ]
    head = ["real film", "lag, frames", "r at 0", "best r", "best r, wrong film", "MSE", "opening ratio"]
    return _titled("Our lips against those of real people with the same sound", table(head, rows))


def _resources(measures: Measures) -> str:
    lines = []
    if speed := measures.get("speed"):
        lines.append(
            f"Real-time factor {speed['real_time_factor']:.2f} at {speed['width']}x{speed['height']}, "
            f"{speed['fps']:g} fps, {speed['cores']} cores, provider {speed['provider']}, "
            f"{speed['duration']:.1f} s of film; peak memory {speed['peak_memory_mb']:.0f} MB."
        )
    if memory := measures.get("memory"):
        lines.append(
            f"Peak memory {memory['short_mb']:.0f} MB for {memory['short_seconds']:.0f} s of audio, "
            f"{memory['long_mb']:.0f} MB for {memory['long_seconds']:.0f} s: {memory['growth_percent']:+.1f} %."
        )
    return _titled("Time and memory", "\n\n".join(lines) + "\n" if lines else "")


def _failures(failures: Mapping[str, str]) -> str:
    return _titled("Not measured", "".join(f"- {name}: {why}\n" for name, why in failures.items()))


def _titled(title: str, body: str) -> str:
    return f"### {title}\n\n{body}" if body else ""


def _finite(value: Any) -> Any:
    """JSON has no NaN: null instead."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
