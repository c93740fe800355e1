"""Whether a portrait will do. A server finds out in a process of its own (see apart.py)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from runtime.apart import answer, ask_apart
from runtime.contract import RuntimeProblem

CHECK_SECONDS = 60.0
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
    """Run `examine` in a child process. Raises `RuntimeProblem` if that fails."""
    return ask_apart("runtime.portraits", str(picture), CHECK_SECONDS, "Looking at the portrait")


if __name__ == "__main__":
    sys.exit(answer(lambda picture: examine(Path(picture))))
