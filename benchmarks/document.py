"""Tables as JSON files, and inside a Markdown document between marks: <!-- table: NAME --> ... <!-- end -->."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runtime.bench.tables import Table


def keep(tables: Sequence[Table], folder: Path, machine: Mapping[str, Any]) -> None:
    """Write each table to FOLDER/NAME.json, and into FOLDER.md wherever that has a place for it."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables:
        record = {"machine": dict(machine), **table.as_json()}
        text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
        (folder / f"{table.name}.json").write_text(text, encoding="utf-8")
    document = folder.with_suffix(".md")
    if document.exists():
        text = document.read_text(encoding="utf-8")
        for table in tables:
            text = with_table(text, table.name, table.markdown())
        text = with_table(text, "machine", _sentence(machine))
        document.write_text(text, encoding="utf-8")


def with_table(document: str, name: str, content: str) -> str:
    """The document with new content between the marks of a table; unchanged where it has none."""
    marks = re.compile(rf"(<!-- table: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    return marks.sub(lambda found: f"{found[1]}{content}\n{found[2]}", document)


def _sentence(machine: Mapping[str, Any]) -> str:
    load = machine["load_average_at_start"]
    busy = "" if load is None else f" When the measuring began the load average was {load:g}."
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; Python {machine['python']}, ONNX "
        f"Runtime {machine['onnxruntime']}; {machine['pack']} ({', '.join(machine['precisions'])}).{busy}"
    )
