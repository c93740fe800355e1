"""Inputs of graphs that were seen in real runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Row = dict[str, NDArray]  # the inputs of one graph for one item: batches of one


@dataclass
class Samples:
    """Rows of one graph: those that set the ranges, and those on which the result is judged."""

    calibrating: list[Row] = field(default_factory=list)
    held_out: list[Row] = field(default_factory=list)


class Reservoir:
    """An even choice of at most `most` rows out of any number that pass by (algorithm R, Vitter 1985)."""

    def __init__(self, most: int, random: np.random.Generator) -> None:
        self.rows: list[Row] = []
        self._most, self._random, self._seen = most, random, 0

    def offer(self, row: Row) -> None:
        """Keep the row, perhaps in the place of another."""
        self._seen += 1
        if len(self.rows) < self._most:
            self.rows.append(row)
        elif (place := int(self._random.integers(self._seen))) < self._most:
            self.rows[place] = row


def rows_of(inputs: Mapping[str, NDArray]) -> Iterator[Row]:
    """The items of a batch, each as a batch of one, copied."""
    for number in range(min(len(values) for values in inputs.values())):
        yield {name: values[number : number + 1].copy() for name, values in inputs.items()}


def batches_of(rows: Sequence[Row], size: int) -> list[Row]:
    """Rows side by side, up to `size` together; only rows of the same shapes go together."""
    groups: dict[tuple[tuple[int, ...], ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(values.shape for values in row.values()), []).append(row)
    found = []
    for group in groups.values():
        for start in range(0, len(group), size):
            some = group[start : start + size]
            found.append({name: np.concatenate([row[name] for row in some]) for name in some[0]})
    return found
