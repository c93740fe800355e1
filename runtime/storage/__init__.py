"""Where finished films live: one small interface, a local folder or an S3 bucket behind it."""

from runtime.storage.base import Storage, StorageProblem, UploadStopped, content_disposition
from runtime.storage.local import LocalStorage
from runtime.storage.s3 import S3Settings, S3Storage

__all__ = [
    "LocalStorage",
    "S3Settings",
    "S3Storage",
    "Storage",
    "StorageProblem",
    "UploadStopped",
    "content_disposition",
]
