"""Whether a portrait will do, found out in a process of its own: `python -m runtime.portraits PICTURE`.

It prints one JSON object. Native code looks at files of strangers here, so a server runs this as a child: a crash
costs one answer, never the server.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import runtime
from runtime.contract import RuntimeProblem

log = logging.getLogger(__name__)

CHECK_SECONDS = 60.0
AT_ONCE = threading.BoundedSemaphore(2)
BULKY = ("landmarks", "landmark_groups", "confidence")  # thousands of numbers that say nothing to a reader


def examine(picture: Path) -> dict[str, Any]:
    """Return what is seen in a picture, and `usable`: whether a film can be made of it.

    `findings` say what is wrong or could be better. A picture without a usable face is an answer, not an error.
    """
    from runtime.inference.packs import ModelPack
    from runtime.inference.sessions import Sessions
    from runtime.inspection import describe
    from runtime.media.image import load_image
    from runtime.stages.image_encoding import ImageEncoder

    try:
        seen = describe(ImageEncoder(Sessions(ModelPack.load(), "cpu", 1)).encode(load_image(picture)))
    except RuntimeProblem as problem:
        finding = {"code": problem.code, "severity": "error", "sentence": str(problem)}
        return {"usable": False, "findings": [finding]}
    findings = seen["findings"]
    usable = all(finding["severity"] != "error" for finding in findings)
    return {"usable": usable, **{name: value for name, value in seen.items() if name not in BULKY}}


def examine_apart(picture: Path) -> dict[str, Any]:
    """Run `examine` in a child process; at most two at a time. Raises `RuntimeProblem` if that fails."""
    root = str(Path(runtime.__file__).parents[1])
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    with AT_ONCE:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "runtime.portraits", str(picture)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=CHECK_SECONDS,
                env={**os.environ, "PYTHONPATH": paths},
                check=True,
            )
            return dict(json.loads(done.stdout.splitlines()[-1]))
        except subprocess.TimeoutExpired:
            raise RuntimeProblem(
                "check_failed", f"Looking at the portrait took longer than {CHECK_SECONDS:.0f} s."
            ) from None
        except (subprocess.CalledProcessError, OSError, ValueError, IndexError) as fault:
            words = getattr(fault, "stderr", b"") or b""
            log.warning(
                "a portrait could not be examined: %s %s", fault, words[-400:].decode("utf-8", "replace")
            )
            raise RuntimeProblem("check_failed", "The portrait could not be examined.") from fault


def main() -> int:
    """Examine the picture that the command line names."""
    sys.stdout.write(json.dumps(examine(Path(sys.argv[1]))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
