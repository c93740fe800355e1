"""Addresses of the web and of mail, read aloud piece by piece."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_PIECES = re.compile(r"[A-Za-z]+|\d+|[./@]")


def read_address(text: str, signs: Mapping[str, str], digits: Callable[[str], str]) -> list[str]:
    """The likely readings of a URL, a domain or an e-mail address.

    Words stay as they are, `digits` speaks numbers and `signs` names full stop, slash and at; all else is silent.
    """
    scheme, _, address = text.rpartition("://")
    address = address.rstrip("/")
    spoken = [_spoken(address, signs, digits), _spoken(address.removeprefix("www."), signs, digits)]
    return [*spoken, f"{' '.join(scheme.upper())} {spoken[0]}"] if scheme else spoken


def _spoken(address: str, signs: Mapping[str, str], digits: Callable[[str], str]) -> str:
    said = {**signs, "www": "W W W"}
    return " ".join(
        digits(piece) if piece.isdigit() else said.get(piece, piece) for piece in _PIECES.findall(address)
    )
