"""Processes that render scenes side by side."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
OWNER = """
import multiprocessing, os, time
from concurrent.futures import ProcessPoolExecutor
from runtime.lessons.rendering import _begin
if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _begin, (context.SimpleQueue(), context.Event())) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(600)
"""


def test_they_end_with_who_owns_them(tmp_path: Path) -> None:
    script = tmp_path / "owner.py"
    script.write_text(OWNER)
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)}
    ) as owner:
        assert owner.stdout is not None
        worker = Path(f"/proc/{int(owner.stdout.readline())}")
        assert worker.exists()
        owner.kill()
    deadline = time.monotonic() + 30
    while worker.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
