"""The report of a quantisation: JSON for programs, one HTML page with its plots inside for people."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from runtime.evaluation.report import number

Report = Mapping[str, Any]

QUANTISED, PROTECTED, PLAIN = "#2a7f9e", "#c8553d", "#9aa5ab"
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto; padding: 0 1rem; color: #1c2529; }
table { border-collapse: collapse; margin: .7rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #dde3e6; }
th:first-child, td:first-child { text-align: left; }
td.why { text-align: left; max-width: 22rem; white-space: normal; } tr.protected td { color: #a53f2b; }
svg { max-width: 100%; height: auto; } summary { cursor: pointer; } .scroll { overflow-x: auto; }
"""


def write_report(report: Report, folder: Path) -> None:
    """Write quantization.json and quantization.html into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "quantization.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (folder / "quantization.html").write_text(as_html(report), encoding="utf-8")


def as_text(report: Report) -> str:
    """One line for each graph, for the terminal."""
    head, rows = _summary(report)
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    lines = []
    for first, *others in (head, *rows):
        cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        lines.append("  ".join([first.ljust(widths[0]), *cells]))
    refused = [graph["refused"] for graph in report["graphs"].values() if "refused" in graph]
    return "\n".join([*lines, *refused]) + "\n"


def as_html(report: Report) -> str:
    """The whole page: no other file and no network is needed to read it."""
    calibration = report["calibration"]
    parts = [
        f"<h1>INT8 quantisation of {html.escape(report['pack'])}</h1>",
        f"<p>Method {report['method']}; {calibration['pictures']} pictures and {calibration['recordings']} recordings "
        f"through the pipeline; allowed drop {report['max_psnr_drop']:g} dB; "
        f"ONNX Runtime {html.escape(report['onnxruntime'])}.</p>",
        "<p>PSNR: outputs against full precision on held-out samples, peak = the range of the output, the worst "
        "provider. Drop: what a graph of 30 dB against the truth (coordinates: 50 dB) loses by that error. "
        "Times: processor milliseconds of one item on one thread. Memory: what a process grows by.</p>",
        _table(*_summary(report)),
        _svg(_costs_figure(report)),
        *(_graph_section(name, graph) for name, graph in report["graphs"].items()),
    ]
    title = f"INT8 quantisation of {html.escape(report['pack'])}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style>{''.join(parts)}</html>\n"
    )


def _summary(report: Report) -> tuple[list[str], list[list[str]]]:
    providers = list(dict.fromkeys(p for graph in report["graphs"].values() for p in graph["cost"]))
    head = ["graph", "layers in INT8", "PSNR dB", "drop dB", "size KB"]
    head += [f"{provider} {what}" for provider in providers for what in ("ms", "MB")]
    rows = []
    for name, graph in report["graphs"].items():
        sizes = graph["bytes"]
        cells = [
            name,
            f"{graph.get('quantised', 0)} of {graph.get('quantised', 0) + len(graph.get('protected', {}))}",
            number(min(graph["psnr"].values()) if graph.get("psnr") else None),
            number(graph.get("psnr_drop"), 2),
            f"{sizes['before'] / 1024:.0f} → {sizes.get('int8', sizes['fp16']) / 1024:.0f}",
        ]
        for provider in providers:
            cost = graph["cost"].get(provider)
            for key, digits in (("milliseconds", 2), ("memory_mb", 0)):
                cells.append(
                    f"{cost['before'][key]:.{digits}f} → {cost['after'][key]:.{digits}f}" if cost else "–"
                )
        rows.append(cells)
    return head, rows


def _graph_section(name: str, graph: Report) -> str:
    if "refused" in graph:
        return f"<h2>{html.escape(name)}</h2><p>{html.escape(graph['refused'])}</p>"
    head = ["layer", "type", "weights", "alone dB", "weight scale"]
    head += ["output scale", "zero point", "output range", "protected"]
    rows, classes = [], []
    for layer in graph["layers"]:
        weight, output = layer["weight"], layer["output"]
        rows.append(
            [
                layer["name"],
                layer["type"],
                str(layer["weights"]),
                number(layer["drop_alone"], 4),
                _short(weight and weight["scale"]),
                _short(output and output["scale"]),
                str(output["zero_point"]) if output else "–",
                f"{output['low']:.3g} … {output['high']:.3g}" if output else "–",
                layer["protected"],
            ]
        )
        classes.append("protected" if layer["protected"] else "")
    return (
        f"<h2>{html.escape(name)}</h2>{_svg(_graph_figure(graph))}"
        f'<details><summary>Layers</summary><div class="scroll">{_table(head, rows, classes)}</div></details>'
    )


def _short(value: float | None) -> str:
    return f"{value:.3g}" if value else "–"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], classes: Sequence[str] = ()) -> str:
    lines = ["<tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in head) + "</tr>"]
    for number_, row in enumerate(rows):
        kind = f' class="{classes[number_]}"' if number_ < len(classes) and classes[number_] else ""
        why = ' class="why"'
        cells = (
            f"<td{why if head[place] == 'protected' else ''}>{html.escape(cell)}</td>"
            for place, cell in enumerate(row)
        )
        lines.append(f"<tr{kind}>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _costs_figure(report: Report) -> Figure:
    """Size, time and memory of every graph in INT8, as a share of full precision."""
    names = [name for name, graph in report["graphs"].items() if "refused" not in graph]
    providers = list(dict.fromkeys(p for name in names for p in report["graphs"][name]["cost"]))
    panels = ["size", *(f"{what}, {provider}" for provider in providers for what in ("time", "memory"))]
    figure = Figure(figsize=(10, 1.2 + 0.32 * len(names)), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, panel in zip(axes, panels, strict=True):
        shares = [_share(report["graphs"][name], panel) for name in names]
        axis.barh(names, shares, color=QUANTISED)
        axis.axvline(1, color=PLAIN, linewidth=1)
        axis.set_title(panel, fontsize=9)
        axis.set_xlim(0, max(1.1, *shares, 0))
        axis.tick_params(labelsize=8)
        axis.invert_yaxis() if axis is axes[0] else None
    figure.supxlabel("INT8 / full precision", fontsize=9)
    return figure


def _share(graph: Report, panel: str) -> float:
    if panel == "size":
        return float(graph["bytes"]["int8"] / graph["bytes"]["before"])
    what, provider = panel.split(", ")
    cost = graph["cost"].get(provider)
    key = "milliseconds" if what == "time" else "memory_mb"
    return float(cost["after"][key] / cost["before"][key]) if cost and cost["before"][key] else 0.0


def _graph_figure(graph: Report) -> Figure:
    """Left what each layer costs alone, right the range of what it gives on."""
    layers = graph["layers"]
    places = range(len(layers))
    colours = [PROTECTED if layer["protected"] else QUANTISED for layer in layers]
    figure = Figure(figsize=(10, 1.1 + 0.2 * len(layers)), layout="constrained")
    cost, ranges = figure.subplots(1, 2, sharey=True)
    cost.barh(places, [max(layer["drop_alone"] or 0.0, 1e-5) for layer in layers], color=colours)
    cost.set_xscale("log")
    cost.set_xlabel("drop alone, dB (red: protected)", fontsize=9)
    cost.set_yticks(places, [layer["name"] for layer in layers], fontsize=7)
    for place, (layer, colour) in enumerate(zip(layers, colours, strict=True)):
        if (output := layer["output"]) is not None:
            ranges.plot([output["low"], output["high"]], [place, place], color=colour, linewidth=3)
    ranges.axvline(0, color=PLAIN, linewidth=1)
    ranges.set_xscale("symlog")
    ranges.set_xlabel("quantised range of the output", fontsize=9)
    cost.invert_yaxis()
    for axis in (cost, ranges):
        axis.tick_params(axis="x", labelsize=8)
    return figure


def _svg(figure: Figure) -> str:
    """A figure as an SVG element; text stays text."""
    stream = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "sonic"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return re.sub(r"^.*?(?=<svg)", "", stream.getvalue(), flags=re.DOTALL)
