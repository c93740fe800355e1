"""What a workspace entered as the provider's credentials, checked and typed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from runtime.contract import RuntimeProblem
from runtime.storage import S3Settings

DAY = 24 * 3600
PORTRAIT_BYTES = 30 * 1024 * 1024
AUDIO_BYTES = 200 * 1024 * 1024
LABEL_LENGTH = 40
S3_NEEDED = ("s3_endpoint", "s3_bucket", "s3_access_key", "s3_secret_key")


@dataclass(frozen=True)
class Settings:
    """Where films are made (None: by the bundled runtime), where they are put and how they are labelled."""

    runtime_url: str | None = None
    api_key: str | None = None
    storage: S3Settings | None = None
    label: str = "auto"

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any]) -> Settings:
        """Read the form's fields; empty ones count as not given. Raises `RuntimeProblem` naming the field."""
        given = {name: str(value).strip() for name, value in credentials.items() if value not in (None, "")}
        label = given.get("label", "auto")
        if len(label) > LABEL_LENGTH:
            raise _wrong("label", label, f"auto, off or a text of at most {LABEL_LENGTH} characters")
        return cls(
            runtime_url=_address("runtime_url", given["runtime_url"]) if given.get("runtime_url") else None,
            api_key=given.get("runtime_api_key") or None,
            storage=_storage(given),
            label=label,
        )

    @property
    def fingerprint(self) -> str:
        """A short name for this configuration, without secrets that could be read back from it."""
        parts = [self.runtime_url or "", self.api_key or ""]
        if self.storage is not None:
            parts += [
                self.storage.endpoint,
                self.storage.bucket,
                self.storage.prefix,
                self.storage.access_key,
            ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _storage(given: Mapping[str, str]) -> S3Settings | None:
    if not any(given.get(name) for name in S3_NEEDED):
        return None
    for name in S3_NEEDED:
        if not given.get(name):
            raise RuntimeProblem(
                "credentials_incomplete",
                f"Field {name} is empty, but object storage needs all of {', '.join(S3_NEEDED)}.",
            )
    public = given.get("s3_public_endpoint")
    return S3Settings(
        endpoint=_address("s3_endpoint", given["s3_endpoint"], scheme_needed=False),
        public_endpoint=_address("s3_public_endpoint", public, scheme_needed=False) if public else None,
        bucket=given["s3_bucket"],
        access_key=given["s3_access_key"],
        secret_key=given["s3_secret_key"],
        region=given.get("s3_region") or "us-east-1",
        prefix=given.get("s3_prefix", "").strip("/"),
        create_bucket=True,
        presign_seconds=_link_seconds(given.get("s3_link_days", "7")),
        connect_timeout=4.0,
        retries=2,
    )


def _link_seconds(text: str) -> int:
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0.01 <= days <= 7:
        raise _wrong("s3_link_days", text, "a number of days from 0.01 to 7")
    return round(days * DAY)


def _address(field: str, text: str, *, scheme_needed: bool = True) -> str:
    whole = text if "://" in text or scheme_needed else f"https://{text}"
    try:
        parts = urlsplit(whole)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise _wrong(field, text, "an address like https://host:port")
    return text.rstrip("/")


def _wrong(field: str, value: str, allowed: str) -> RuntimeProblem:
    return RuntimeProblem("credentials_invalid", f"Field {field} is {value}, but must be {allowed}.")
