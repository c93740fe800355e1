"""The provider's credentials, tried for real when they are saved."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import httpx
from dify_plugin import ToolProvider
from dify_plugin.errors.tool import ToolProviderCredentialValidationError

from plugin.client import RuntimeClient
from plugin.rendering import STATE
from plugin.settings import Settings
from runtime.contract import RuntimeProblem
from runtime.storage import S3Settings, S3Storage

CHECK_SECONDS = 14.0  # the form should answer within 15


class SonicProvider(ToolProvider):
    """A runtime that answers and fits, and a bucket that takes a file and hands it out through its signed link."""

    def _validate_credentials(self, credentials: Mapping[str, Any]) -> None:
        limit = gevent.Timeout(CHECK_SECONDS)
        step = "runtime_url"
        with limit:
            try:
                settings = Settings.from_credentials(credentials)
                check_runtime(settings)
                step = "s3_endpoint"
                if settings.storage is not None:
                    check_storage(settings.storage)
            except RuntimeProblem as fault:
                raise ToolProviderCredentialValidationError(str(fault)) from fault
            except gevent.Timeout as late:
                if late is not limit:
                    raise
                raise ToolProviderCredentialValidationError(
                    f"Field {step}: no answer within {CHECK_SECONDS:.0f} s. Try again in a moment."
                ) from None


def check_runtime(settings: Settings) -> None:
    """Raise a `RuntimeProblem` that names the field unless the runtime answers and its version fits."""
    try:
        client = RuntimeClient(settings, STATE / "runtime")
        client.health()
        client.authorised()
    except RuntimeProblem as fault:
        field = "runtime_api_key" if fault.code == "runtime_denied" else "runtime_url"
        raise RuntimeProblem(fault.code, f"Field {field}: {fault}") from fault


def check_storage(settings: S3Settings) -> None:
    """Put a file, get it through the signed link, delete it; raise a `RuntimeProblem` that names the field."""
    storage = S3Storage(replace(settings, connect_timeout=3.0, read_timeout=6.0, retries=0))
    key, content = f"credential-check-{secrets.token_hex(8)}.txt", secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "check.txt"
        source.write_text(content)
        try:
            storage.put(source, key, content_type="text/plain", filename="check.txt")
        except RuntimeProblem as fault:
            raise RuntimeProblem(fault.code, f"{_field(fault)}: {fault.sentence}") from fault
    try:
        _check_link(storage.link(key), content, settings)
    finally:
        storage.delete(key)


def _check_link(link: str, content: str, settings: S3Settings) -> None:
    field = "s3_public_endpoint" if settings.public_endpoint else "s3_endpoint"
    try:
        answer = httpx.get(link, timeout=httpx.Timeout(6.0, connect=3.0))
    except httpx.HTTPError as fault:
        raise RuntimeProblem(
            "storage_unavailable",
            f"Field {field}: the signed link cannot be reached ({fault or type(fault).__name__}).",
        ) from fault
    if answer.status_code != 200 or answer.text != content:
        raise RuntimeProblem(
            "storage_failed",
            f"Field {field}: the signed link answers HTTP {answer.status_code} instead of the file.",
            "Its host must be the one that viewers use, and the region must be the bucket's.",
        )


def _field(fault: RuntimeProblem) -> str:
    """The field that a failed upload points at."""
    if "SignatureDoesNotMatch" in fault.sentence:
        return "Field s3_secret_key"
    if "InvalidAccessKeyId" in fault.sentence:
        return "Field s3_access_key"
    return (
        "Field s3_bucket"
        if fault.code in ("storage_denied", "storage_bucket_missing")
        else "Field s3_endpoint"
    )
