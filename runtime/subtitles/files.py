"""Subtitles as files: SubRip (.srt) and WebVTT (.vtt)."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.subtitles.cues import Cue

SUFFIXES = {"srt": "application/x-subrip; charset=utf-8", "vtt": "text/vtt; charset=utf-8"}
"""Suffix and media type of what `to_srt` and `to_vtt` write."""


def to_srt(shown: Sequence[Cue]) -> str:
    """Return SubRip. It knows no escapes; an arrow in the text, which would read as times, becomes a real one."""
    blocks = [
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text.replace('-->', '→')}\n"
        for number, cue in enumerate(shown, 1)
    ]
    return "\n".join(blocks)


def to_vtt(shown: Sequence[Cue]) -> str:
    """Return WebVTT (W3C), with its escapes for the signs that would begin a tag or an entity."""
    blocks = [f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_escape(cue.text)}\n" for cue in shown]
    return "\n".join(["WEBVTT\n", *blocks])


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
