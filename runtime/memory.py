"""How much memory this process uses and has used at most, and how it gives back what it no longer needs."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import re
import sys
from pathlib import Path


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


def give_back_memory() -> None:
    """Return freed memory to the system; one film after another would otherwise leave more and more of it in pieces.

    Filter graphs hold themselves, with all their buffers, until Python looks for such circles. Beyond that only
    GNU's C library has to be asked.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
