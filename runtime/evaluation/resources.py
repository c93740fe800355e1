"""Time and memory of a render, measured from outside on the command that users run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.contract import RuntimeProblem
from runtime.evaluation.films import write_wav
from runtime.media.audio import ANALYSIS_RATE


def run_render(portrait: Path, audio: Path, out: Path, options: Sequence[str] = ()) -> dict[str, Any]:
    """Render in a process of its own; its JSON answer.

    Memory is the answer's own `peak_memory_mb`: seen from outside (`ru_maxrss`), a child's peak starts at its
    parent's on Linux.
    """
    command = [sys.executable, "-m", "runtime", "render", "--portrait", str(portrait), "--audio", str(audio)]
    command += ["--out", str(out), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise RuntimeProblem("render_failed", f"Rendering {portrait.name} failed: {last[0]}")
    return json.loads(done.stdout)


def looped(samples: NDArray[np.float32], seconds: float, rate: int = ANALYSIS_RATE) -> NDArray[np.float32]:
    """Speech repeated to a given length."""
    return np.resize(samples, round(seconds * rate)).astype(np.float32)


def memory_growth(
    portrait: Path,
    speech: NDArray[np.float32],
    folder: Path,
    lengths: tuple[float, float],
    options: Sequence[str] = (),
) -> dict[str, float]:
    """Peak memory for a short and a long recording (seconds), MB, and the growth in %."""
    peaks = []
    for seconds in lengths:
        audio = folder / f"memory_{seconds:.0f}s.wav"
        write_wav(audio, looped(speech, seconds))
        film = folder / "memory.mp4"
        peaks.append(run_render(portrait, audio, film, options)["peak_memory_mb"])
        audio.unlink()
        film.unlink()
    return {
        "short_seconds": lengths[0],
        "long_seconds": lengths[1],
        "short_mb": peaks[0],
        "long_mb": peaks[1],
        "growth_percent": (peaks[1] / peaks[0] - 1) * 100,
    }
