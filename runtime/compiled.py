"""Inner loops in machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any], fastmath: bool = False) -> Callable[..., Any]:
    """The function compiled by numba and kept on disk for the next start, where there is a place to keep it.

    It does not hold Python's lock. `fastmath` lets sums be reordered, so that they run in vector instructions. Division
    by zero gives infinity, as in numpy: looking out for it would keep loops from such instructions, too.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": fastmath, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # numba found neither this folder nor the user's cache writable
        return njit(**options)(function)
