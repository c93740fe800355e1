"""How much memory this process uses and has used at most, and how it gives back what it no longer needs."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import re
import sys
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3)


def peak_memory_mb() -> float:
    """Peak resident memory of the process in MB (2**20 bytes); 0 where the system does not tell.

    Linux's own high-water mark comes first: `ru_maxrss` of a child process starts at its parent's.
    """
    try:
        found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
        if found:
            return int(found[1]) / 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def resident_memory_mb() -> float:
    """Resident memory of the process now, in MB (2**20 bytes); the peak where the system tells no more."""
    try:
        found = re.search(r"VmRSS:\s*(\d+) kB", Path("/proc/self/status").read_text())
        if found:
            return int(found[1]) / 1024
    except OSError:
        pass
    return peak_memory_mb()


def keep_heap_small() -> None:
    """Have blocks of 1 MB and more returned to the system as soon as they are freed, in this process from now on.

    Left alone, GNU's C library raises that limit to the largest block it has seen freed. Then blocks of all sizes and
    lifetimes share the heap, and one film after another needs a little more of it. The price is that the system
    clears their pages anew each time: some 5 % of the processor time of a film.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL("libc.so.6")
        library.mallopt(M_MMAP_THRESHOLD, 1 << 20)
        # Named too, or the heap's end would be given back and taken again all the time.
        library.mallopt(M_TRIM_THRESHOLD, 64 << 20)


def give_back_memory() -> None:
    """Return freed memory to the system; one film after another would otherwise leave more and more of it in pieces.

    Filter graphs hold themselves, with all their buffers, until Python looks for such circles. Beyond that only
    GNU's C library has to be asked.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
