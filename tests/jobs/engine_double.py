"""Stands in for the engine where a test needs a crash, a hang or an exact pace; speaks the render process' protocol.

    python engine_double.py [SECONDS [FRAMES]] [--ready-for OPTIONS]

The options' seed chooses what happens; the film is a real MP4 of SECONDS rendering time and FRAMES frames (6).
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from runtime.contract import RuntimeProblem
from runtime.jobs.renderer import Reporter, next_task, volunteer_for_oom_killer
from runtime.media.video import VideoWriter
from runtime.speech.script import TimedWord
from runtime.subtitles.film import FilmSubtitles

FINE, CRASH, CRASH_ONCE, NO_FACE, HANG, NO_FILM, GRANDCHILD, BABBLE, CRASH_AT_EXIT, LINGER = range(10)
STEPS = 20


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=float, nargs="?", default=0.1)
    parser.add_argument("frames", type=int, nargs="?", default=6)
    parser.add_argument("--ready-for")
    given = parser.parse_args()
    seconds, frames = given.seconds, given.frames
    reporter = Reporter()
    volunteer_for_oom_killer()
    task = next_task()
    if task is None:
        return
    behaviour = task["options"].get("seed", FINE) % 10
    misbehave(behaviour, task, reporter)
    for step in range(STEPS):
        reporter.progress(step / STEPS, "rendering")
        time.sleep(seconds / STEPS)
    if behaviour != NO_FILM:
        try:
            write_film(Path(task["out"]), task["options"].get("seed", 0), frames)
            write_subtitles(task)
        except RuntimeProblem as problem:
            reporter.send(problem={"code": problem.code, "sentence": problem.sentence, "hint": problem.hint})
            return
        reporter.send(result=RESULT | {"path": task["out"]})
    if behaviour == LINGER:
        time.sleep(3600)
    if behaviour == CRASH_AT_EXIT:
        os.kill(os.getpid(), signal.SIGSEGV)


def misbehave(behaviour: int, task: dict[str, Any], reporter: Reporter) -> None:
    marker = Path(task["portrait"]).parent / "tried"
    if behaviour == CRASH or (behaviour == CRASH_ONCE and not marker.exists()):
        marker.touch()
        os.write(2, b"about to crash\n")
        os.kill(os.getpid(), signal.SIGSEGV)
    elif behaviour == NO_FACE:
        reporter.send(problem={"code": "no_face", "sentence": "No face was found.", "hint": "Try another."})
        sys.exit(0)
    elif behaviour == HANG:
        time.sleep(3600)
    elif behaviour == GRANDCHILD:
        child = subprocess.Popen(["sleep", "3600"])
        (Path(task["portrait"]).parent / "grandchild").write_text(str(child.pid))
        time.sleep(3600)
    elif behaviour == BABBLE:
        os.write(1, b"a native library says hello\n")  # standard output, which is not ours
        reporter.send(odd=True)


def write_film(path: Path, seed: int, frames: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    with VideoWriter(path, 64, 64, 25, threads=1) as writer:
        for number in range(frames):
            writer.write(np.roll(noise, 7 * number, (0, 1)))


def write_subtitles(task: dict[str, Any]) -> None:
    """Files beside the film, as the engine makes them: the whole script over the whole film."""
    script, film = task.get("script"), FilmSubtitles(task["options"].get("subtitles"), task.get("script"))
    film.time([TimedWord(script, 0.0, 0.2, 0, len(script), 1.0)] if script else [], 0.24)
    film.write(Path(task["out"]))


RESULT = {
    "duration": 0.24,
    "frames": 6,
    "fps": 25.0,
    "width": 64,
    "height": 64,
    "warnings": [],
    "timings": {"texture": 0.1},
    "real_time_factor": 0.5,
    "peak_memory_mb": 60.0,
    "provider": "none",
    "model_pack": "double",
}

if __name__ == "__main__":
    main()
