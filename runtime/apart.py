"""Questions that are answered in a process of their own.

Native code looks at files of strangers there, so a server asks a child: a crash costs one answer, never the server.
A module that answers is run as `python -m MODULE`; it reads one JSON value from standard input and prints one
object.
"""

from __future__ import annotations

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
            done = subprocess.run(
                [sys.executable, "-m", module],
                input=json.dumps(question).encode(),
                capture_output=True,
                timeout=seconds,
                env=environment(),
                check=True,
            )
            return dict(json.loads(done.stdout.splitlines()[-1]))
        except subprocess.TimeoutExpired:
            raise RuntimeProblem("check_failed", f"{act} took longer than {seconds:.0f} s.") from None
        except (subprocess.CalledProcessError, OSError, ValueError, IndexError) as fault:
            words = getattr(fault, "stderr", b"") or b""
            log.warning("%s failed: %s %s", act, fault, words[-400:].decode("utf-8", "replace"))
            raise RuntimeProblem("check_failed", f"{act} failed.") from fault


def answer(reply: Callable[[Any], dict[str, Any]]) -> int:
    """Answer the question on standard input; what a module that is run does."""
    sys.stdout.write(json.dumps(reply(json.load(sys.stdin))) + "\n")
    return 0
