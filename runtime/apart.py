"""Questions that are answered in a process of their own.

Native code looks at files of strangers there, so a crash costs one answer, never who asked; and what libraries keep in
memory ends with the answer. A module that answers is run as `python -m MODULE`; it reads one JSON value, a line, from
standard input and prints one object. Standard input stays open as long as somebody waits for the answer.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import runtime
from runtime.contract import RuntimeProblem

log = logging.getLogger(__name__)

AT_ONCE = threading.BoundedSemaphore(2)
# A process that opens files of strangers needs none of these.
SECRETS = ("SONIC_API_KEY", "SONIC_S3_ACCESS_KEY", "SONIC_S3_SECRET_KEY", "SONIC_S3_SESSION_TOKEN")


def environment() -> dict[str, str]:
    """Variables for a child that runs a module of ours: the server's without its secrets, and where we lie."""
    root = str(Path(runtime.__file__).parents[1])
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, (root, kept.get("PYTHONPATH"))))}


def ask_apart(module: str, question: Any, seconds: float, act: str) -> dict[str, Any]:
    """Return a module's answer; at most two are asked at a time. Raises `RuntimeProblem` if there is none within
    `seconds`; `act` says what was tried, as in "Looking at the portrait"."""
    with AT_ONCE:
        try:
            return dict(json.loads(_asked(module, question, seconds).splitlines()[-1]))
        except subprocess.TimeoutExpired:
            raise RuntimeProblem("check_failed", f"{act} took longer than {seconds:.0f} s.") from None
        except (subprocess.CalledProcessError, OSError, ValueError, IndexError) as fault:
            words = getattr(fault, "stderr", b"") or b""
            log.warning("%s failed: %s %s", act, fault, words[-400:].decode("utf-8", "replace"))
            raise RuntimeProblem("check_failed", f"{act} failed.") from fault


def _asked(module: str, question: Any, seconds: float) -> bytes:
    """Everything a module prints."""
    with subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as child:
        lifeline, child.stdin = child.stdin, None  # else `communicate` would close it
        assert lifeline is not None
        try:
            with lifeline:
                lifeline.write(json.dumps(question).encode() + b"\n")
                lifeline.flush()
                said, words = child.communicate(timeout=seconds)
        finally:
            child.kill()
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, module, said, words)
    return said


def answer(reply: Callable[[Any], dict[str, Any]]) -> int:
    """Answer the question on standard input; what a module that is run does."""
    question = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_asker, daemon=True).start()
    sys.stdout.write(json.dumps(reply(question)) + "\n")
    return 0


def _end_with_asker() -> None:
    """Wait until standard input closes, which it does when who asked dies, and end."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(1)
