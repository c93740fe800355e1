"""What the processor here is good at, and how much of it is ours."""

from __future__ import annotations

import os
import platform
import re
from functools import cache
from pathlib import Path

# What makes INT8 fast on a processor, and exact: dot products of bytes in 32 bits, and whole tiles of them.
FAST_INT8 = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def fast_int8() -> tuple[str, ...]:
    """Which of FAST_INT8 the processor has; none where the system does not say."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    words = found[1].split() if found else []
    return tuple(word for word in FAST_INT8 if word in words)


def exact_int8() -> bool:
    """Whether ONNX Runtime's own provider adds up products of bytes in 32 bits here; older x86 does so in 16."""
    return platform.machine().lower() not in ("x86_64", "amd64") or bool(fast_int8())
