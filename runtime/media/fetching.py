"""Downloads of portraits and speech from addresses that strangers give: capped, timed, and kept off the inside.

A server that fetches addresses for others can be used to reach what only it can reach (server-side request
forgery). So a host name is resolved once, every address it has is checked, and the connection goes to the checked
address itself: a second, different answer of the name server is never asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from runtime.contract import RuntimeProblem
from runtime.media.sniffing import HEAD_BYTES, MediaKind, check_kind

log = logging.getLogger(__name__)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Iterable[str]]

MEGABYTE = 1024 * 1024
REDIRECTS = (301, 302, 303, 307, 308)
# Public addresses that lead to a cloud's inside all the same: Azure's host agent.
INSIDE = frozenset({ipaddress.ip_address("168.63.129.16")})
# IPv6 addresses that carry an IPv4 address, and the bit where it begins (RFC 6052, RFC 3056).
EMBEDDED_IPV4 = ((ipaddress.ip_network("64:ff9b::/96"), 0), (ipaddress.ip_network("2002::/16"), 80))


@dataclass(frozen=True)
class FetchPolicy:
    """Limits of a download. `allowed` names hosts (or host:port, or networks like 10.0.0.0/8) that are trusted
    although their addresses are private. Times are seconds, sizes bytes."""

    image_bytes: int = 30 * MEGABYTE
    audio_bytes: int = 200 * MEGABYTE
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    total_timeout: float = 180.0
    max_redirects: int = 5
    allowed: frozenset[str] = field(default_factory=frozenset)

    def limit(self, kind: MediaKind) -> int:
        """Return the largest accepted file of this kind in bytes."""
        return self.audio_bytes if kind == "audio" else self.image_bytes


@dataclass(frozen=True)
class Fetched:
    """A downloaded file: where it lies, its SHA-256 (hex), size in bytes and the name its address suggests."""

    path: Path
    sha256: str
    size: int
    name: str


def resolve(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Fetcher:
    """Downloads files under a `FetchPolicy`. Safe to use from several threads."""

    def __init__(
        self,
        policy: FetchPolicy | None = None,
        resolver: Resolver = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.policy = policy or FetchPolicy()
        self._resolver = resolver
        self._tls = tls or ssl.create_default_context()

    def fetch(self, url: str, kind: MediaKind, folder: Path) -> Fetched:
        """Download `url` into `folder` and return what came; nothing is left behind after an error."""
        deadline = time.monotonic() + self.policy.total_timeout
        target = folder / f"{kind}.download"
        try:
            with self._follow(url, kind, deadline) as answer:
                digest, size = self._stream(answer, kind, target, deadline)
                name = _file_name(str(answer.extensions["public_url"]))
            with target.open("rb") as stream:
                extension = check_kind(stream.read(HEAD_BYTES), kind, f"{kind} at the given address")
            return Fetched(target.rename(target.with_suffix(extension)), digest, size, name)
        except httpx.TimeoutException:
            raise _unreachable(kind, url, "it did not answer in time") from None
        except (httpx.HTTPError, ssl.SSLError) as fault:
            raise _unreachable(kind, url, _plain(fault)) from fault
        except OSError as fault:
            # What the network does wrong comes as one of the others; this is the file on this machine's disk.
            raise RuntimeProblem("disk_full", "The server's disk is full.", "Try again later.") from fault
        finally:
            target.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _follow(self, url: str, kind: MediaKind, deadline: float) -> Iterator[httpx.Response]:
        for _ in range(self.policy.max_redirects + 1):
            with self._open(url, kind, deadline) as answer:
                if answer.status_code not in REDIRECTS or "location" not in answer.headers:
                    _check_answer(answer, url, kind)
                    answer.extensions["public_url"] = url
                    yield answer
                    return
                url = _joined(url, answer.headers["location"], kind)
        raise _unreachable(kind, url, f"it redirects more than {self.policy.max_redirects} times")

    @contextlib.contextmanager
    def _open(self, url: str, kind: MediaKind, deadline: float) -> Iterator[httpx.Response]:
        host, port, scheme = _parts(url, kind)
        address = self._checked_address(host, port, kind)
        pinned = _pinned(url, address, port, kind)
        timeout = httpx.Timeout(
            min(self.policy.read_timeout, max(0.1, deadline - time.monotonic())),
            connect=self.policy.connect_timeout,
        )
        bracketed = f"[{host}]" if ":" in host else host
        headers = {
            "Host": bracketed if port == {"http": 80, "https": 443}[scheme] else f"{bracketed}:{port}",
            "Accept-Encoding": "identity",
            "User-Agent": "sonic-talking-video",
        }
        # No proxy from the environment: it would connect to wherever the name leads by then.
        with (
            httpx.Client(verify=self._tls, trust_env=False, timeout=timeout) as client,
            client.stream("GET", pinned, headers=headers, extensions={"sni_hostname": host}) as answer,
        ):
            yield answer

    def _checked_address(self, host: str, port: int, kind: MediaKind) -> str:
        try:
            addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in self._resolver(host, port)]
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise RuntimeProblem("fetch_failed", f"The {kind}'s host {host} is not known.")
        if not self._is_allowed(host, port, addresses):
            for address in addresses:
                if not is_public(address):
                    log.warning("refused to fetch from %s: not a public address", host)
                    raise RuntimeProblem(
                        "fetch_refused",
                        f"The {kind}'s host {host} is inside a private network and is not fetched from.",
                        "The operator can allow it with SONIC_FETCH_ALLOW.",
                    )
        return str(addresses[0])

    def _is_allowed(self, host: str, port: int, addresses: list[Address]) -> bool:
        names = {host.lower().rstrip("."), f"{host.lower().rstrip('.')}:{port}"}
        if names & {entry.lower() for entry in self.policy.allowed}:
            return True
        networks = [network for entry in self.policy.allowed if (network := _network(entry)) is not None]
        return all(any(address in network for network in networks) for address in addresses)

    def _stream(
        self, answer: httpx.Response, kind: MediaKind, target: Path, deadline: float
    ) -> tuple[str, int]:
        limit = self.policy.limit(kind)
        if int(answer.headers.get("content-length") or 0) > limit:
            raise too_large(kind, limit)
        digest, size = hashlib.sha256(), 0
        with target.open("wb") as sink:
            for chunk in answer.iter_raw():
                size += len(chunk)
                if size > limit:
                    raise too_large(kind, limit)
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the whole download took too long")
                digest.update(chunk)
                sink.write(chunk)
        return digest.hexdigest(), size


def is_public(address: Address) -> bool:
    """Say whether an address is one of the open internet, also when it hides an IPv4 address in an IPv6 one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.teredo is not None:
            return False
        for network, shift in EMBEDDED_IPV4:
            if address in network:
                return is_public(ipaddress.IPv4Address(int(address) >> shift & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast and address not in INSIDE


def too_large(kind: str, limit: int) -> RuntimeProblem:
    """Return the problem of a file over its limit (bytes)."""
    code = "audio_too_large" if kind == "audio" else "image_too_large"
    return RuntimeProblem(code, f"The {kind} is larger than {limit / MEGABYTE:g} MB, the most accepted.")


def _parts(url: str, kind: MediaKind) -> tuple[str, int, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _not_understood(kind) from None
    if not parts.scheme and url.startswith("/"):
        raise RuntimeProblem(
            "fetch_refused",
            f"The {kind}'s address is relative ({url.partition('?')[0]}).",
            "Dify gives such addresses when FILES_URL is not set; set FILES_URL (or INTERNAL_FILES_URL) there.",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RuntimeProblem("fetch_refused", f"The {kind}'s address must begin with http:// or https://.")
    if parts.username is not None or parts.password is not None:
        raise RuntimeProblem("fetch_refused", f"The {kind}'s address must not hold a user name or password.")
    return parts.hostname, port or (443 if parts.scheme == "https" else 80), parts.scheme


def _joined(url: str, location: str, kind: MediaKind) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise _not_understood(kind) from None


def _pinned(url: str, address: str, port: int, kind: MediaKind) -> httpx.URL:
    try:
        return httpx.URL(url).copy_with(host=address, port=port)
    except httpx.InvalidURL:
        raise _not_understood(kind) from None


def _not_understood(kind: MediaKind) -> RuntimeProblem:
    return RuntimeProblem("fetch_refused", f"The {kind}'s address cannot be understood.")


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


def _check_answer(answer: httpx.Response, url: str, kind: MediaKind) -> None:
    if answer.status_code != 200:
        expired = answer.status_code in (401, 403, 404, 410)
        hint = "Signed addresses expire; give a fresh one." if expired else None
        raise _unreachable(kind, url, f"it answered {answer.status_code}", hint)
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise _unreachable(kind, url, "it sends the file compressed though asked not to")


def _unreachable(kind: str, url: str, why: str, hint: str | None = None) -> RuntimeProblem:
    # Only the host is named: paths and queries of signed addresses are secrets.
    host = urlsplit(url).hostname
    return RuntimeProblem("fetch_failed", f"The {kind} could not be fetched from {host}: {why}.", hint)


def _plain(fault: Exception) -> str:
    text = str(fault).partition("(_ssl.c")[0].strip().rstrip(".")
    return text or type(fault).__name__


def _file_name(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])[:120]
