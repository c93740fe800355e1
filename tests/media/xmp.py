"""Read the XMP packet of an MP4 as other programs do: from box to box to a `uuid` box (XMP specification part 3)."""

from __future__ import annotations

import struct
from pathlib import Path

XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def read_xmp(path: Path) -> str:
    content = path.read_bytes()
    start = 0
    while start < len(content):
        size, kind = struct.unpack_from(">I4s", content, start)
        assert size >= 8, "a box of 64 bits or without an end"
        if kind == b"uuid" and content[start + 8 : start + 24] == XMP_BOX:
            return content[start + 24 : start + size].decode()
        start += size
    raise AssertionError(f"{path} has no XMP packet")
