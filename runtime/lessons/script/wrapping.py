"""What stands round a script that was copied out of a chat: a byte order mark, a code fence about the whole."""

from __future__ import annotations

import re

FENCE = re.compile(r"(`{3,}|~{3,})(markdown|md|json)[ \t]*", re.IGNORECASE)


def unwrap(text: str) -> str:
    """Return the script without them. Line numbers stay: a fence becomes an empty line."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    written = [number for number, line in enumerate(lines) if line.strip()]
    if len(written) < 2:
        return text
    first, last = written[0], written[-1]
    fence = FENCE.fullmatch(lines[first].strip())
    if fence is not None and lines[last].strip() == fence[1]:
        lines[first] = lines[last] = ""
    return "\n".join(lines)
