"""How a script's faults are told: by line."""

from __future__ import annotations

from runtime.contract import Notice, RuntimeProblem

MAX_CHARACTERS = 200_000
MAX_SCENES = 200


def invalid(line: int | None, sentence: str, hint: str | None = None) -> RuntimeProblem:
    """Return the problem of a script that cannot be understood at `line` (1 = first; None = as a whole)."""
    where = f"Line {line} of the script: " if line is not None else ""
    return RuntimeProblem("script_invalid", where + sentence, hint)


def noticed(line: int, sentence: str) -> Notice:
    """Return the notice of something in `line` that was understood otherwise than written."""
    return Notice(code="script_notice", sentence=f"Line {line} of the script: {sentence}")
