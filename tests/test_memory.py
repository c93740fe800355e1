"""Memory that goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runtime.memory import peak_memory_mb, resident_memory_mb

# Every second block of a row is freed; what lies between them keeps the heap from shrinking.
HOLES = """
import ctypes, sys
from runtime.memory import keep_heap_small, resident_memory_mb
if sys.argv[1] == "small":
    keep_heap_small()
blocks = ctypes.CDLL("libc.so.6")
blocks.malloc.restype, blocks.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
blocks.free(blocks.malloc(30 << 20))  # after this the library puts what is smaller on the heap
taken = []
for _ in range(40):
    for size in (2 << 20, 100_000):
        taken.append(blocks.malloc(size))
        ctypes.memset(taken[-1], 1, size)
full = resident_memory_mb()
for block in taken[::2]:
    blocks.free(block)
print(full - resident_memory_mb())
"""


def returned(way: str) -> float:
    command = [sys.executable, "-c", HOLES, way]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="how other systems keep memory is their business")
def test_large_blocks_go_back_when_they_are_freed() -> None:
    assert returned("small") > 70
    assert returned("large") < 10


def test_the_peak_is_no_less_than_what_is_used_now() -> None:
    assert 10 < resident_memory_mb() <= peak_memory_mb() + 1
