"""What a file is, judged by its first bytes; names and headers sent along are not believed."""

from __future__ import annotations

from typing import Literal

from runtime.contract import RuntimeProblem

MediaKind = Literal["image", "audio", "slide"]
HEAD_BYTES = 4096

IMAGE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1")
ACCEPTED = {
    "image": "JPEG, PNG, WebP, AVIF, TIFF, GIF and BMP are understood.",
    "slide": "Pictures and PDF are understood.",
    "audio": "WAV, MP3, FLAC, M4A, OGG, Opus and WebM are understood.",
}


def check_kind(head: bytes, wanted: MediaKind, name: str) -> str:
    """Return the file name extension that fits the content, or raise if it is not of the wanted kind.

    `head` is the file's beginning (`HEAD_BYTES` of it are enough), `name` what to call it in the message.
    """
    kind, extension = sniff(head)
    if kind == wanted or (wanted == "slide" and kind in ("image", "pdf")):
        return extension
    found = {
        "html": "a web page",
        "image": "a picture",
        "audio": "a recording or film",
        "pdf": "a PDF",
        "empty": "empty",
    }
    what = {"image": "a picture", "audio": "sound", "slide": "a picture or PDF"}[wanted]
    code = f"{wanted}_unreadable"
    raise RuntimeProblem(
        code, f"The {name} is {found.get(kind, 'a file of unknown kind')}, not {what}.", ACCEPTED[wanted]
    )


def sniff(head: bytes) -> tuple[str, str]:
    """Return kind (image, audio, pdf, html, empty, unknown) and extension of a file that begins with `head`."""
    if not head:
        return "empty", ""
    if b"%PDF-" in head[:1024]:
        return "pdf", ".pdf"
    return _image(head) or _audio(head) or (("html", ".html") if _is_markup(head) else ("unknown", ""))


def _image(head: bytes) -> tuple[str, str] | None:
    for magic, extension in (
        (b"\xff\xd8\xff", ".jpg"),
        (b"\x89PNG\r\n\x1a\n", ".png"),
        (b"GIF8", ".gif"),
        (b"II*\x00", ".tif"),
        (b"MM\x00*", ".tif"),
    ):
        if head.startswith(magic):
            return "image", extension
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image", ".webp"
    if head[4:8] == b"ftyp" and head[8:12] in IMAGE_BRANDS:
        return "image", ".avif"
    # "BM" alone is too little to go by: the two reserved words of a bitmap's header are zero.
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "image", ".bmp"
    return None


def _audio(head: bytes) -> tuple[str, str] | None:
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "audio", ".wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio", ".aiff"
    for magic, extension in (
        (b"fLaC", ".flac"),
        (b"OggS", ".ogg"),
        (b"\x1aE\xdf\xa3", ".webm"),
        (b"ID3", ".mp3"),
        (b"#!AMR", ".amr"),
        (b"caff", ".caf"),
    ):
        if head.startswith(magic):
            return "audio", extension
    if head[4:8] == b"ftyp":
        return "audio", ".m4a"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        # The same eleven bits begin MPEG audio and ADTS; ADTS has layer 0, which MPEG audio reserves.
        return "audio", ".aac" if head[1] & 0x06 == 0 else ".mp3"
    return None


def _is_markup(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    return start.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<script"))
