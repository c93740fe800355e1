"""A table of measurements: for the terminal, for Markdown, for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Cell = str | float | int | None


@dataclass
class Table:
    """Rows of measurements under named columns; `note` says how they were taken. None is shown as a dash."""

    name: str
    title: str
    columns: Sequence[str]
    rows: list[list[Cell]] = field(default_factory=list)
    note: str = ""

    def add(self, *cells: Cell) -> None:
        """Append a row."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.columns)} columns")
        self.rows.append(list(cells))

    def text(self) -> str:
        """The table with aligned columns, numbers to the right."""
        shown = [[str(name) for name in self.columns], *([_shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[n]) for row in shown) for n in range(len(self.columns))]
        lines = [
            "  ".join(
                word.ljust(width) if n == 0 else word.rjust(width)
                for n, (word, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in shown
        ]
        rule = "-" * max(len(line) for line in lines)
        return "\n".join([self.title, rule, *lines, *([self.note] if self.note else [])])

    def markdown(self) -> str:
        """The table as GitHub shows it."""
        head = "| " + " | ".join(self.columns) + " |"
        rule = "|" + "|".join(["---"] + ["---:"] * (len(self.columns) - 1)) + "|"
        body = ["| " + " | ".join(_shown(cell) for cell in row) + " |" for row in self.rows]
        return "\n".join(
            [f"**{self.title}**", "", head, rule, *body, *(["", self.note] if self.note else [])]
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values: each row as an object."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"name": self.name, "title": self.title, "note": self.note, "rows": rows}


def _shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        digits = 0 if abs(cell) >= 100 else 1 if abs(cell) >= 10 else 2
        return f"{cell:.{digits}f}"
    return str(cell)
