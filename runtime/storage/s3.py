"""Films in a bucket of any server that speaks S3 (MinIO, Ceph, AWS, R2), through the minio client."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import quote, urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from runtime.contract import RuntimeProblem
from runtime.storage.base import StorageProblem, UploadStopped, content_disposition

logger = logging.getLogger(__name__)

PRESIGN_LIMIT = 7 * 24 * 3600  # seconds; Signature Version 4 allows no more
PART_SIZE = 16 * 1024 * 1024  # bytes; a larger film goes up in parts of this size
CHECK_SECONDS = 5.0  # a server that takes longer to say whether it is there counts as out of reach
PRIVATE_CACHE = "private, max-age=604800"
PUBLIC_CACHE = "public, max-age=604800"
Addressing = Literal["auto", "path", "virtual"]


@dataclass(frozen=True)
class S3Settings:
    """How to reach a bucket. Times are seconds.

    An endpoint is `host[:port]` or a whole address; without a scheme, `secure` decides. Links are signed for
    `public_endpoint` (where viewers reach the server), uploads go to `endpoint`. With `public_base_url` links are
    that address plus the key, unsigned and lasting.
    """

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    session_token: str | None = None
    public_endpoint: str | None = None
    create_bucket: bool = False
    prefix: str = ""
    region: str = "us-east-1"
    secure: bool = True
    ca_file: str | None = None
    addressing: Addressing = "auto"
    presign_seconds: int = PRESIGN_LIMIT
    public_base_url: str | None = None
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    retries: int = 3

    def __repr__(self) -> str:
        return f"S3Settings(endpoint={self.endpoint!r}, bucket={self.bucket!r}, prefix={self.prefix!r})"


class S3Storage:
    """A bucket, or a folder (prefix) of one. Opens no connection before it is used."""

    name = "s3"

    def __init__(self, settings: S3Settings) -> None:
        if not 1 <= settings.presign_seconds <= PRESIGN_LIMIT:
            raise RuntimeProblem(
                "option_out_of_range",
                f"The lifetime of S3 links is {settings.presign_seconds} s, but must be from 1 to "
                f"{PRESIGN_LIMIT} (7 days, the most that S3 allows).",
            )
        self.settings = settings
        self._client = _client(settings, settings.endpoint)
        # Signing needs no connection, so this client may point at an address that only viewers can reach.
        self._signer = _client(settings, settings.public_endpoint or settings.endpoint)
        hurried = replace(
            settings,
            connect_timeout=min(settings.connect_timeout, CHECK_SECONDS),
            read_timeout=min(settings.read_timeout, CHECK_SECONDS),
            retries=0,
        )
        self._checker = _client(hurried, settings.endpoint)
        self._bucket_seen = False

    def put(
        self,
        source: Path,
        key: str,
        *,
        content_type: str,
        filename: str,
        stop: threading.Event | None = None,
    ) -> int:
        """Upload a file, in parts if it is large."""
        size = source.stat().st_size
        headers = {
            "Content-Disposition": content_disposition(filename),
            "Cache-Control": PUBLIC_CACHE if self.settings.public_base_url else PRIVATE_CACHE,
        }
        try:
            self._ensure_bucket(self._client)
            with source.open("rb") as stream:
                self._client.put_object(
                    self.settings.bucket,
                    self.object_name(key),
                    _StoppableReader(stream, stop),  # type: ignore[arg-type]
                    size,
                    content_type=content_type,
                    metadata=headers,  # type: ignore[arg-type]
                    part_size=PART_SIZE,
                    # One part at a time: the client leaves its helper threads behind when an upload is stopped.
                    num_parallel_uploads=1,
                )
        except UploadStopped:
            raise
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as fault:
            raise self._problem(fault) from fault
        return size

    def link(self, key: str) -> str:
        """Return a signed address for the public endpoint, or the unsigned public one."""
        if self.settings.public_base_url:
            return f"{self.settings.public_base_url.rstrip('/')}/{quote(self.object_name(key))}"
        return self._signer.get_presigned_url(
            "GET",
            self.settings.bucket,
            self.object_name(key),
            expires=timedelta(seconds=self.settings.presign_seconds),
        )

    def delete(self, key: str) -> None:
        """Remove an object."""
        try:
            self._client.remove_object(self.settings.bucket, self.object_name(key))
        except S3Error as fault:
            if fault.code not in ("NoSuchKey", "NoSuchBucket"):
                raise self._problem(fault) from fault
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as fault:
            raise self._problem(fault) from fault

    def check(self) -> None:
        """Raise `StorageProblem` unless the server answers soon and the bucket is there (or was made now).

        A key that may not look at the bucket is not found fault with: it may be allowed to put.
        """
        self._bucket_seen = False
        try:
            self._ensure_bucket(self._checker)
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as fault:
            raise self._problem(fault) from fault

    def object_name(self, key: str) -> str:
        """Return the whole name of an object in the bucket."""
        prefix = self.settings.prefix.strip("/")
        return f"{prefix}/{key}" if prefix else key

    def _ensure_bucket(self, looker: Minio) -> None:
        if self._bucket_seen:
            return
        bucket = self.settings.bucket
        if not self._may_exist(looker):
            if not self.settings.create_bucket:
                raise self._bucket_missing()
            try:
                self._client.make_bucket(bucket, location=self.settings.region)
                logger.info("made the bucket %s", bucket)
            except S3Error as fault:
                # Somebody else was faster.
                if fault.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                    raise
        self._bucket_seen = True

    def _may_exist(self, looker: Minio) -> bool:
        try:
            return looker.bucket_exists(self.settings.bucket)
        except S3Error as fault:
            # To look at a bucket is a permission of its own; whether the key is any good, the upload tells.
            if fault.code != "AccessDenied":
                raise
            return True

    def _bucket_missing(self) -> StorageProblem:
        return StorageProblem(
            "storage_bucket_missing",
            f"The bucket {self.settings.bucket} does not exist on {self.settings.endpoint}.",
            "Make it, or allow that with SONIC_S3_CREATE_BUCKET=1.",
        )

    def _problem(self, fault: Exception) -> StorageProblem:
        place = f"The object storage at {self.settings.endpoint}"
        if isinstance(fault, StorageProblem):
            return fault
        if isinstance(fault, S3Error):
            # The bucket may have been removed while we ran.
            self._bucket_seen = False
            if fault.code == "NoSuchBucket":
                return self._bucket_missing()
            if fault.code in ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
                return StorageProblem(
                    "storage_denied",
                    f"{place} refused the access key ({fault.code}).",
                    "Check SONIC_S3_ACCESS_KEY, SONIC_S3_SECRET_KEY, the region and the bucket's policy.",
                )
            return StorageProblem("storage_failed", f"{place} answered {fault.code}.")
        return StorageProblem("storage_unavailable", f"{place} cannot be reached ({_reason(fault)}).")


class _StoppableReader:
    """A file that refuses to be read further once its upload is to stop."""

    def __init__(self, stream: BinaryIO, stop: threading.Event | None) -> None:
        self._stream = stream
        self._stop = stop

    def read(self, size: int = -1) -> bytes:
        if self._stop is not None and self._stop.is_set():
            raise UploadStopped
        return self._stream.read(size)


def _client(settings: S3Settings, address: str) -> Minio:
    whole = address if "://" in address else f"{'https' if settings.secure else 'http'}://{address}"
    parts = urlsplit(whole)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise RuntimeProblem(
            "option_out_of_range",
            f"The S3 endpoint is {address}, but must be host, host:port or an http(s) address without a path.",
        )
    retry = urllib3.Retry(
        total=settings.retries,
        backoff_factor=0.3,
        backoff_max=8,
        status_forcelist=(500, 502, 503, 504),
        allowed_methods=None,
        raise_on_status=False,
    )
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=settings.connect_timeout, read=settings.read_timeout),
        maxsize=8,
        retries=retry,
        cert_reqs="CERT_REQUIRED",
        ca_certs=settings.ca_file,  # None: the system's
    )
    client = Minio(
        endpoint=parts.netloc,
        access_key=settings.access_key,
        secret_key=settings.secret_key,
        session_token=settings.session_token,
        secure=parts.scheme == "https",
        region=settings.region,
        http_client=pool,
    )
    if settings.addressing == "virtual":
        client.enable_virtual_style_endpoint()
    elif settings.addressing == "path":
        client.disable_virtual_style_endpoint()
    return client


def _reason(fault: BaseException) -> str:
    # The innermost cause says it best: "Connection refused" instead of three layers of wrapping.
    reason = getattr(fault, "reason", None)
    if isinstance(reason, BaseException):
        return _reason(reason)
    if isinstance(fault, urllib3.exceptions.NewConnectionError):
        return str(fault).rpartition(": ")[2]
    return str(fault) or type(fault).__name__
