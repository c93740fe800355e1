"""Who may do what: the API key, links that carry their own permission, and browsers on this machine."""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams

from runtime.contract import RuntimeProblem
from runtime.server.settings import Settings, is_loopback


class Access:
    """Checks requests. Every comparison of secrets takes the same time whatever is wrong."""

    def __init__(self, settings: Settings, secret: bytes) -> None:
        self._key = settings.api_key
        self._socket = settings.socket is not None
        self._secret = secret
        self._lifetime = settings.link_seconds
        self._own_host = urlsplit(settings.public_url).hostname if settings.public_url else None

    def check(self, headers: Headers) -> None:
        """Raise `RuntimeProblem` unless the request may be served."""
        if self._key is None:
            self._check_local(headers)
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            given = headers.get("x-api-key", "")
        if not hmac.compare_digest(_hashed(given.strip()), _hashed(self._key)):
            raise RuntimeProblem(
                "unauthorised", "The API key is missing or wrong.", "Send it as Authorization: Bearer KEY."
            )

    def sign(self, job_id: str) -> str:
        """Return the query of a link that lets anybody fetch one film for a while."""
        expires = int(time.time()) + self._lifetime
        return f"expires={expires}&signature={self._signature(job_id, expires)}"

    def is_signed(self, job_id: str, query: QueryParams) -> bool:
        """Say whether a link's query permits to fetch this film now."""
        expires = query.get("expires", "")
        if not expires.isdigit() or len(expires) > 12:
            return False
        expected = self._signature(job_id, int(expires))
        return (
            hmac.compare_digest(_hashed(query.get("signature", "")), _hashed(expected))
            and int(expires) >= time.time()
        )

    def _check_local(self, headers: Headers) -> None:
        """Without a key, turn away what a web page from elsewhere makes the user's browser send."""
        if self._socket:
            return
        for name in ("host", "origin"):
            value = headers.get(name)
            if value is None:
                continue
            host = urlsplit(value if "://" in value else f"//{value}").hostname or ""
            if not is_loopback(host) and host != self._own_host:
                raise RuntimeProblem(
                    "forbidden", "Without an API key only this machine is served.", "Set SONIC_API_KEY."
                )

    def _signature(self, job_id: str, expires: int) -> str:
        return hmac.new(self._secret, f"{job_id} {expires}".encode(), hashlib.sha256).hexdigest()


def _hashed(text: str) -> bytes:
    # Hashes have one length, so the comparison does not give away the key's.
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
