"""Putting a trained model into a pack: write the file, describe it, record how it was made.

Several trainings may finish at once, so pack.json is only touched under a file lock and replaced in one step.
"""

from __future__ import annotations

import fcntl
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx

from runtime.inference.packs import file_entry

log = logging.getLogger(__name__)

RECORD_KEYS = {"command", "seed", "data", "metrics", "licence"}
NEW_PACK = {"name": "sonic-int8", "version": "0.1.0", "licence": "Apache-2.0", "graphs": {}, "assets": {}}


def add_graph(
    pack_dir: str | Path, name: str, onnx_path: str | Path, record: Mapping[str, Any], precision: str = "fp32"
) -> Path:
    """Put an ONNX file into the pack as graph `name` and return its new path.

    `record` says how it was made: command, seed, data, metrics, licence (all five are required).
    Checksum, size, opset, input and output shapes are read from the file. A new fp32 file takes the place of all
    precisions, which were made from the old one; any other is put beside what is there. What exporters note about
    the program they ran in is left out.
    """
    missing = RECORD_KEYS - record.keys()
    if missing:
        raise ValueError(f"the record of {name} lacks {', '.join(sorted(missing))}")
    model = onnx.load(str(onnx_path))
    onnx.checker.check_model(model)
    _forget_origin(model)
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    initialised = {tensor.name for tensor in model.graph.initializer}
    file_name = f"{name}.onnx" if precision == "fp32" else f"{name}.{precision}.onnx"
    with _locked_description(Path(pack_dir)) as description:
        graph = description["graphs"].setdefault(name, {})
        files = graph.get("precisions", {})
        if precision == "fp32":
            for old in files.values():
                (Path(pack_dir) / old["file"]).unlink(missing_ok=True)
            files = {}
        files[precision] = _write(model, Path(pack_dir) / file_name)
        graph.clear()
        graph.update(
            precisions=files,
            opset=opset,
            inputs=[_tensor(value) for value in model.graph.input if value.name not in initialised],
            outputs=[_tensor(value) for value in model.graph.output],
            **record,
        )
    log.info("added graph %s (%s, %d bytes) to %s", name, precision, files[precision]["bytes"], pack_dir)
    return Path(pack_dir) / file_name


def add_asset(
    pack_dir: str | Path, name: str, path: str | Path, record: Mapping[str, Any] | None = None
) -> Path:
    """Copy a file that is not a graph (a mesh, a table) into the pack as asset `name`; returns its new path."""
    target = Path(pack_dir) / (name + Path(path).suffix)
    with _locked_description(Path(pack_dir)) as description:
        description["assets"][name] = {**_bring_in(Path(path), target), **(record or {})}
    log.info("added asset %s to %s", name, pack_dir)
    return target


@contextmanager
def _locked_description(pack_dir: Path) -> Iterator[dict[str, Any]]:
    """Hold the pack's lock, hand out the description, write it back whole if the block succeeds."""
    pack_dir.mkdir(parents=True, exist_ok=True)
    path = pack_dir / "pack.json"
    with (pack_dir / ".pack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        description = (
            json.loads(path.read_text(encoding="utf-8"))
            if path.exists()
            else json.loads(json.dumps(NEW_PACK))
        )
        yield description
        aside = path.with_suffix(".json.new")
        aside.write_text(json.dumps(description, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        aside.replace(path)


def _forget_origin(model: onnx.ModelProto) -> None:
    """Remove stack traces and remarks: they name the folders of the machine that exported the model."""
    model.ClearField("doc_string")
    del model.metadata_props[:]
    graph = model.graph
    for part in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        part.ClearField("doc_string")
        del part.metadata_props[:]


def _write(model: onnx.ModelProto, target: Path) -> dict[str, Any]:
    aside = target.with_name(target.name + ".new")
    onnx.save(model, str(aside))
    aside.replace(target)
    return file_entry(target)


def _bring_in(source: Path, target: Path) -> dict[str, Any]:
    if source.resolve() != target.resolve():
        aside = target.with_name(target.name + ".new")
        shutil.copyfile(source, aside)
        aside.replace(target)
    return file_entry(target)


def _tensor(value: onnx.ValueInfoProto) -> dict[str, Any]:
    kind = value.type.tensor_type
    shape = [dim.dim_param or dim.dim_value for dim in kind.shape.dim]
    return {
        "name": value.name,
        "shape": shape,
        "dtype": onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name,
    }
