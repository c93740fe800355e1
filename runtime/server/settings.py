"""Everything an operator can set, from SONIC_... environment variables; the command line overrides some."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.contract import RuntimeProblem
from runtime.storage import LocalStorage, S3Settings, S3Storage, Storage
from runtime.storage.s3 import PRESIGN_LIMIT, Addressing

PREFIX = "SONIC_"


class Settings(BaseModel):
    """The server's settings. The variable of a field is SONIC_ and the field's name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    state: Path = Field(Path("sonic-state"), description="folder for jobs, inputs and films")
    host: str = Field("127.0.0.1", description="address to listen on; others than loopback need an API key")
    port: int = Field(8100, ge=0, le=65535, description="TCP port")
    socket: Path | None = Field(None, description="Unix socket to listen on instead of TCP")
    api_key: str | None = Field(None, min_length=8, description="key that clients must send", repr=False)
    public_url: str | None = Field(None, description="how clients reach this server, for the links it gives")

    workers: int = Field(0, ge=0, le=256, description="renders side by side; 0 = by cores, GPUs and memory")
    render_threads: int = Field(0, ge=0, le=256, description="threads of one render; 0 = cores / workers")
    render_memory_mb: float = Field(
        1000, gt=0, description="memory of one render at 512 pixels, until one was measured"
    )
    spare_render: bool = Field(
        True, description="keep a render process ready, with everything loaded (0 = off)"
    )
    reserve_memory_mb: float = Field(512, ge=0, description="memory that renders must leave free")
    gpu_render_memory_mb: float = Field(3000, ge=0, description="GPU memory of one render")
    attempts: int = Field(2, ge=1, le=10, description="attempts at a render whose process crashes")
    time_limit: float = Field(7200, gt=0, description="seconds that one render may take")
    queue_limit: int = Field(100, ge=1, description="jobs that may wait; more get 429")
    stop_grace: float = Field(
        20, ge=0, description="seconds that renders may finish in when the server stops"
    )
    max_audio_minutes: float = Field(30, ge=0.1, le=600, description="longest audio that clients may ask for")

    image_limit_mb: float = Field(30, gt=0, description="largest portrait in MB")
    audio_limit_mb: float = Field(
        200, gt=0, description="largest recording in MB, all clips of a job together"
    )
    fetch_timeout: float = Field(180, gt=0, description="seconds that the download of one input may take")
    fetch_allow: str = Field(
        "",
        description="hosts, host:port or networks, comma-separated, that may be fetched from though private",
    )
    reserve_disk_mb: float = Field(256, ge=0, description="free disk below which nothing is accepted")
    retention_days: float = Field(7, gt=0, description="days that finished jobs are kept")
    retention_gb: float = Field(
        20, gt=0, description="GB that inputs and films may take; the oldest go first"
    )
    retention_input_hours: float = Field(24, ge=0, description="hours that inputs are kept after a job's end")
    retention_remote: bool = Field(False, description="also remove old films from the object storage")

    label: str = Field(
        "off",
        min_length=1,
        max_length=40,
        description="visible label where clients leave it at auto: off or a text",
    )
    label_enforced: bool = Field(
        False, description="that label also where clients ask for another, or for none"
    )
    label_font: Path | None = Field(
        None, description="font file for labels that the built-in font cannot write"
    )
    producer: str = Field("Sonic Talking Video", description="producer named in each film's AIGC metadata")

    storage: Literal["local", "s3"] = Field("local", description="where films go: local or s3")
    link_seconds: int = Field(
        PRESIGN_LIMIT, ge=60, le=PRESIGN_LIMIT, description="lifetime of links to films in seconds"
    )
    s3_endpoint: str | None = Field(None, description="host:port or address that films are uploaded to")
    s3_public_endpoint: str | None = Field(None, description="host:port or address that links are signed for")
    s3_public_base_url: str | None = Field(
        None, description="unsigned links: this address and the film's name"
    )
    s3_bucket: str = Field("talking-videos", description="bucket")
    s3_create_bucket: bool = Field(False, description="make the bucket when it is missing")
    s3_prefix: str = Field("", description="folder in the bucket")
    s3_region: str = Field("us-east-1", description="region")
    s3_access_key: str | None = Field(None, description="access key", repr=False)
    s3_secret_key: str | None = Field(None, description="secret key", repr=False)
    s3_session_token: str | None = Field(None, description="token of temporary credentials", repr=False)
    s3_secure: bool = Field(True, description="TLS, where the endpoint has no http:// or https://")
    s3_ca_file: Path | None = Field(None, description="PEM file of the authority that signed its certificate")
    s3_addressing: Addressing = Field(
        "auto", description="bucket in the path or the host: auto, path, virtual"
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")
    log_format: Literal["json", "text"] = Field("json", description="json (one object a line) or text")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], **overrides: Any) -> Settings:
        """Read the variables; overrides that are None count as not given. Raises `RuntimeProblem`."""
        values: dict[str, Any] = {
            name: environment[variable_name(name)]
            for name in cls.model_fields
            if environment.get(variable_name(name), "") != ""
        }
        values |= {name: value for name, value in overrides.items() if value is not None}
        try:
            settings = cls(**values)
        except ValidationError as fault:
            first = fault.errors(include_url=False, include_input=False)[0]
            raise RuntimeProblem(
                "setting_invalid", f"{variable_name(str(first['loc'][0]))} is wrong: {first['msg']}."
            ) from None
        settings.check()
        return settings

    def check(self) -> None:
        """Refuse what must not run: a server that everybody on the network could use, or half a storage."""
        if self.socket is None and self.api_key is None and not is_loopback(self.host):
            raise RuntimeProblem(
                "api_key_missing",
                f"Without an API key the server listens on loopback only, not on {self.host}.",
                "Set SONIC_API_KEY, or leave SONIC_HOST at 127.0.0.1.",
            )
        if self.label not in ("off", "auto"):
            from runtime.media.labels import visible_label

            visible_label(self.label, self.label_font)  # raises where the font lacks a sign
        if self.storage == "s3":
            missing = [
                variable_name(name)
                for name in ("s3_endpoint", "s3_access_key", "s3_secret_key")
                if not getattr(self, name)
            ]
            if missing:
                raise RuntimeProblem("setting_missing", f"S3 storage needs {', '.join(missing)}.")

    def make_storage(self, folder: Path) -> Storage:
        """Return the storage that is configured; `folder` is where local films go."""
        if self.storage == "local":
            return LocalStorage(folder)
        return S3Storage(
            S3Settings(
                endpoint=str(self.s3_endpoint),
                bucket=self.s3_bucket,
                access_key=str(self.s3_access_key),
                secret_key=str(self.s3_secret_key),
                session_token=self.s3_session_token,
                public_endpoint=self.s3_public_endpoint,
                create_bucket=self.s3_create_bucket,
                prefix=self.s3_prefix,
                region=self.s3_region,
                secure=self.s3_secure,
                ca_file=str(self.s3_ca_file) if self.s3_ca_file else None,
                addressing=self.s3_addressing,
                presign_seconds=self.link_seconds,
                public_base_url=self.s3_public_base_url,
            )
        )


def variable_name(field: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + field.upper()


def is_loopback(host: str) -> bool:
    """Say whether a listening address is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
