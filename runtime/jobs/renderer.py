"""The render process: one task from standard input, progress and result to standard output, then the end.

    {"portrait": path, "audio": [paths], "out": path, "options": {...}}                   the task, one line
    {"progress": 0.4, "stage": "..."}   {"result": {...}}   {"problem": {...}}            the answers, a line each

Standard input stays open as long as the server lives. When it closes, the process ends itself at once.

    python -m runtime.jobs.renderer [--ready-for '{"threads": 2}']

With --ready-for (options of renders to come) it loads libraries and networks before there is a task; a task that comes
in the midst of that does not wait for the rest.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import sys
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from runtime.contract import RenderOptions, RuntimeProblem

log = logging.getLogger("runtime.render")

PROGRESS_STEP = 0.002  # smaller steps are not worth a line


class Reporter:
    """Writes the answers. Native libraries print to standard output as they like, so that is turned away."""

    def __init__(self) -> None:
        self._lines: IO[str] = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)
        self._last = (-1.0, "")

    def send(self, **message: Any) -> None:
        self._lines.write(json.dumps(message) + "\n")

    def progress(self, fraction: float, stage: str) -> None:
        """Pass on how far the render is, leaving out what nobody would notice."""
        if stage != self._last[1] or fraction >= self._last[0] + PROGRESS_STEP:
            self._last = (fraction, stage)
            self.send(progress=round(fraction, 4), stage=stage)


def main(arguments: Sequence[str]) -> int:
    """Render one task; the exit status is 0 unless something unforeseen happened."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the server's business
    reporter = Reporter()
    volunteer_for_oom_killer()
    if arguments[:1] == ["--ready-for"]:
        get_ready(RenderOptions(**json.loads(arguments[1])))
    task = next_task()
    if task is None:
        return 0
    try:
        reporter.send(result=render(task, reporter))
    except RuntimeProblem as problem:
        reporter.send(problem={"code": problem.code, "sentence": problem.sentence, "hint": problem.hint})
    return 0


def get_ready(options: RenderOptions) -> None:
    """Do ahead what films with these options wait for, until a task comes or the server goes."""
    from runtime.rehearsal import rehearse

    try:
        for _ in rehearse(options):
            if select.select([0], [], [], 0)[0]:
                return
    except Exception:
        log.exception("nothing could be made ready")  # the task will meet the same, and tell


def next_task() -> dict[str, Any] | None:
    """Wait for the task; None when the server ends first. From then on the process ends with the server."""
    line = sys.stdin.readline()
    if not line:
        return None
    threading.Thread(target=end_with_server, daemon=True).start()
    return dict(json.loads(line))


def render(task: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run the pipeline on a task and return its result as plain values."""
    # Not before the task is there: loading the engine takes a second.
    from runtime.media.joining import join_recordings
    from runtime.media.labels import PRODUCER, Provenance
    from runtime.pipeline import render as render_film
    from runtime.previews import render_preview

    options = RenderOptions(**task["options"])
    origin = Provenance(task.get("producer") or PRODUCER, task.get("job") or uuid.uuid4().hex)
    if task.get("lesson"):
        from runtime.lessons.task import render_lesson

        return render_lesson(task, reporter.progress, origin)
    recordings = [Path(path) for path in task["audio"]]
    audio = join_recordings(recordings, Path(task["out"]).parent, options.max_audio_minutes)
    portrait, out = Path(task["portrait"]), Path(task["out"])
    script, language = task.get("script"), task.get("language")
    tell = reporter.progress
    if variants := task.get("variants"):
        result = render_preview(portrait, audio, out, options, variants, tell, origin, script, language)
    else:
        result = render_film(
            portrait, audio, out, options, progress=tell, provenance=origin, script=script, language=language
        )
    return result.model_dump()


def end_with_server() -> None:
    """Wait until standard input closes, which it does when the server dies, and take the whole group along."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os.killpg(0, signal.SIGKILL)


def volunteer_for_oom_killer() -> None:
    """When memory runs out, this process shall be the one to go, not the server."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
