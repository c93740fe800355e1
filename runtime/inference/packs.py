"""A model pack: a folder of ONNX graphs and assets, described by its pack.json.

{"name": "sonic-int8", "version": "0.1.0", "licence": "Apache-2.0",
 "graphs": {"landmarks": {"precisions": {"fp16": {"file", "sha256", "bytes"}, "int8": {..., "quantization"}},
                          "opset", "inputs", "outputs", "command", "seed", "data", "metrics", "licence"}},
 "assets": {"mesh": {"file", "sha256", "bytes", ...}}}

The precisions of a graph are one network: fp32 as trained, fp16 with its large weights stored in half precision (the
arithmetic stays float32), int8 as `python -m runtime quantize` makes it, with the record of how.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.contract import RuntimeProblem

BUNDLED_PACK = Path(__file__).resolve().parents[1] / "models" / "sonic-int8"
# From the one wanted most to the one wanted least, for int8 on and off.
PRECISIONS_INT8 = ("int8", "fp16", "fp32")
PRECISIONS_FULL = ("fp32", "fp16")


@dataclass(frozen=True)
class Graph:
    """One ONNX file of a pack; `record` is what pack.json says of the graph, `precision` the file chosen."""

    name: str
    path: Path
    precision: str
    sha256: str
    record: Mapping[str, Any]


@dataclass(frozen=True)
class ModelPack:
    """The contents of pack.json. Files are checked against their checksums when they are first asked for."""

    folder: Path
    name: str
    version: str
    graphs: Mapping[str, Mapping[str, Any]]
    assets: Mapping[str, Mapping[str, Any]]
    _verified: set[Path] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def load(cls, path: str | Path | None = None) -> ModelPack:
        """Read a pack's description; the bundled pack when no path is given."""
        folder = Path(path) if path is not None else BUNDLED_PACK
        try:
            description = json.loads((folder / "pack.json").read_text(encoding="utf-8"))
            return cls(
                folder=folder,
                name=description["name"],
                version=description["version"],
                graphs=description.get("graphs", {}),
                assets=description.get("assets", {}),
            )
        except FileNotFoundError:
            raise RuntimeProblem("pack_missing", f"There is no model pack (pack.json) in {folder}.") from None
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise RuntimeProblem(
                "pack_unreadable", f"The model pack in {folder} cannot be read: {fault}."
            ) from fault

    @property
    def label(self) -> str:
        """Name and version, as results and logs show it."""
        return f"{self.name} {self.version}"

    def has(self, name: str) -> bool:
        """Say whether the pack carries a graph of this name."""
        return name in self.graphs

    def graph(self, name: str, int8: bool = True) -> Graph:
        """Return the graph's file in the precision that `int8` asks for, its checksum verified."""
        if name not in self.graphs:
            raise RuntimeProblem("pack_incomplete", f"The model pack {self.label} has no graph {name}.")
        record = self.graphs[name]
        files = record["precisions"]
        for precision in PRECISIONS_INT8 if int8 else PRECISIONS_FULL:
            if precision in files:
                return Graph(
                    name, self._verify(files[precision]), precision, files[precision]["sha256"], record
                )
        raise RuntimeProblem(
            "pack_incomplete",
            f"The model pack {self.label} has {name} only as {', '.join(files) or 'an empty entry'}.",
        )

    def asset(self, name: str) -> Path:
        """Return the path of a file that is not a graph, its checksum verified."""
        if name not in self.assets:
            raise RuntimeProblem("pack_incomplete", f"The model pack {self.label} has no asset {name}.")
        return self._verify(self.assets[name])

    def _verify(self, entry: Mapping[str, Any]) -> Path:
        path = self.folder / entry["file"]
        if path in self._verified:
            return path
        try:
            found = file_sha256(path)
        except OSError as fault:
            raise RuntimeProblem(
                "pack_incomplete", f"The model file {path} cannot be read: {fault}."
            ) from fault
        if found != entry["sha256"]:
            raise RuntimeProblem(
                "pack_corrupt",
                f"The model file {path} does not have the checksum that pack.json gives.",
                "Fetch the pack again.",
            )
        self._verified.add(path)
        return path


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def file_entry(path: Path) -> dict[str, Any]:
    """What pack.json says of any file: name, checksum, size."""
    return {"file": path.name, "sha256": file_sha256(path), "bytes": path.stat().st_size}
