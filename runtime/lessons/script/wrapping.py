"""What stands round a script that came from a chat: a byte order mark, a model's reasoning, a fence about the whole."""

from __future__ import annotations

import re

FENCE = re.compile(r"(`{3,}|~{3,})(markdown|md|json)?[ \t]*", re.IGNORECASE)
# Of a script: a bare fence about anything else is code to be shown.
BEGINNING = re.compile(r"#{1,6}\s|-{3}|\{")
REASONING = re.compile(r"\s*<think>.*?</think>", re.DOTALL)


def unwrap(text: str) -> tuple[str, int | None]:
    """Return the script without them, and the line of the reasoning that was left out, if there was any.

    Line numbers stay: what is left out becomes empty lines.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    thought = REASONING.match(text)
    line = None
    if thought is not None:
        line = text[: thought[0].index("<")].count("\n") + 1
        text = "\n" * thought[0].count("\n") + text[thought.end() :]
    return _unfenced(text), line


def _unfenced(text: str) -> str:
    lines = text.split("\n")
    written = [number for number, line in enumerate(lines) if line.strip()]
    if len(written) < 3:
        return text
    first, last = written[0], written[-1]
    fence = FENCE.fullmatch(lines[first].strip())
    if fence is None or lines[last].strip() != fence[1]:
        return text
    if fence[2] or BEGINNING.match(lines[written[1]].strip()):
        lines[first] = lines[last] = ""
    return "\n".join(lines)
