"""Filters along the first axis of a signal, as scipy.ndimage's functions of these names without `1d` have them.

Loading scipy.ndimage takes a ninth of the time that the first frame of a film takes. `runs`, the stretches in which a
mask is set, is needed with them.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Edge = Literal["reflect", "nearest"]
_PADDING: dict[Edge, Literal["symmetric", "edge"]] = {"reflect": "symmetric", "nearest": "edge"}
REACH = 4.0  # standard deviations after which a bell curve is cut off
BLOCK = 4096  # rows whose windows are looked at together


def gaussian_filter(
    values: NDArray[Any], sigma: float, order: Literal[0, 1] = 0, mode: Edge = "reflect"
) -> NDArray[Any]:
    """Values (T, ...) blurred by a bell curve of `sigma` rows, or (`order` 1) the slope of that."""
    radius = int(REACH * sigma + 0.5)
    places = np.arange(-radius, radius + 1)
    bell = np.exp(-0.5 * (places / sigma) ** 2)
    bell /= bell.sum()
    kernel = bell if order == 0 else bell * places / sigma**2
    padded = _padded(values.astype(np.float64), radius, radius, mode)
    blurred = np.zeros(values.shape)
    for place, weight in enumerate(kernel):
        blurred += weight * padded[place : place + len(values)]
    return blurred.astype(values.dtype)


def uniform_filter(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Means of values (T,) over `size` rows round each."""
    padded = _padded(values.astype(np.float64), size // 2, size - 1 - size // 2, "reflect")
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    return np.asarray((sums[size:] - sums[:-size]) / size, values.dtype)


def maximum_filter(values: NDArray[Any], size: int) -> NDArray[Any]:
    """The largest of values (T,) within `size` rows round each."""
    padded = _padded(values, size // 2, size - 1 - size // 2, "reflect")
    return np.asarray(sliding_window_view(padded, size).max(axis=1))


def percentile_filter(values: NDArray[Any], percentile: float, size: int) -> NDArray[Any]:
    """The value of values (T,) that ranks so among the `size` rows round each; at the ends the last goes on."""
    rank = int(size * percentile / 100)
    windows = sliding_window_view(_padded(values, size // 2, size - 1 - size // 2, "nearest"), size)
    blocks = [
        np.partition(windows[start : start + BLOCK], rank, axis=1)[:, rank]
        for start in range(0, len(values), BLOCK)
    ]
    return np.concatenate(blocks)


def _padded(values: NDArray[Any], before: int, after: int, mode: Edge) -> NDArray[Any]:
    return np.pad(values, [(before, after)] + [(0, 0)] * (values.ndim - 1), _PADDING[mode])


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and stop (excluded) of each stretch of True in a mask (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
