"""Time and memory of a render, measured from outside on the command that users run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.contract import RuntimeProblem
from runtime.evaluation.films import write_wav
from runtime.media.audio import ANALYSIS_RATE


@dataclass(frozen=True)
class Run:
    """One `python -m runtime render --json`: its JSON answer and the process's peak resident memory."""

    answer: dict[str, Any]
    peak_mb: float


def run_render(portrait: Path, audio: Path, out: Path, options: Sequence[str] = ()) -> Run:
    """Render in a process of its own and say what it took.

    The peak is the kernel's (`ru_maxrss` of exactly this child), so nothing short-lived is missed.
    """
    command = [sys.executable, "-m", "runtime", "render", "--portrait", str(portrait), "--audio", str(audio)]
    command += ["--out", str(out), "--json", *options]
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        process = subprocess.Popen(command, stdout=said, stderr=complained)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complained.seek(0)
        if process.returncode:
            last = complained.read().strip().splitlines()[-1:] or ["no word"]
            raise RuntimeProblem("render_failed", f"Rendering {portrait.name} failed: {last[0]}")
        answer = json.loads(said.read())
    per_mb = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Run(answer, usage.ru_maxrss / per_mb)


def looped(samples: NDArray[np.float32], seconds: float, rate: int = ANALYSIS_RATE) -> NDArray[np.float32]:
    """Speech repeated to a given length."""
    return np.resize(samples, round(seconds * rate)).astype(np.float32)


def memory_growth(
    portrait: Path, speech: NDArray[np.float32], folder: Path, short_seconds: float, long_seconds: float
) -> dict[str, float]:
    """Peak memory for a short and a long recording, MB, and the growth in %."""
    peaks = []
    for seconds in (short_seconds, long_seconds):
        audio = folder / f"memory_{seconds:.0f}s.wav"
        write_wav(audio, looped(speech, seconds))
        film = folder / "memory.mp4"
        peaks.append(run_render(portrait, audio, film).peak_mb)
        audio.unlink()
        film.unlink()
    return {
        "short_seconds": short_seconds,
        "long_seconds": long_seconds,
        "short_mb": peaks[0],
        "long_mb": peaks[1],
        "growth_percent": (peaks[1] / peaks[0] - 1) * 100,
    }
