"""SubRip and WebVTT, read back by FFmpeg's demuxers and decoders."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from runtime.subtitles import Cue, to_srt, to_vtt

CUES = [
    Cue(0.0, 1.5, ("Fish & chips <b>", "a < b > c")),
    Cue(61.25, 63.0, ("“你好”，世界！",)),
    Cue(3661.001, 3662.999, ("مرحبا --> שלום",)),
]


def test_srt_as_written() -> None:
    assert to_srt(CUES[:2]) == (
        "1\n00:00:00,000 --> 00:00:01,500\nFish & chips <b>\na < b > c\n\n"
        "2\n00:01:01,250 --> 00:01:03,000\n“你好”，世界！\n"
    )


def test_vtt_as_written() -> None:
    assert to_vtt(CUES[:1]) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nFish &amp; chips &lt;b&gt;\na &lt; b &gt; c\n"
    )


def test_no_subtitles_make_a_valid_file() -> None:
    assert to_srt([]) == ""
    assert to_vtt([]) == "WEBVTT\n"


@pytest.mark.parametrize("suffix", ["srt", "vtt"])
def test_ffmpeg_reads_them(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film.{suffix}"
    path.write_text({"srt": to_srt, "vtt": to_vtt}[suffix](CUES), encoding="utf-8")
    with av.open(str(path)) as opened:
        stream = opened.streams.subtitles[0]
        read = [packet for packet in opened.demux(stream) if packet.size]
        base = float(stream.time_base or 0)
    assert [(packet.pts or 0) * base for packet in read] == pytest.approx([cue.start for cue in CUES])
    assert [(packet.duration or 0) * base for packet in read] == pytest.approx(
        [cue.end - cue.start for cue in CUES]
    )
    assert "“你好”，世界！" in bytes(read[1]).decode()
    assert "-->" not in bytes(read[2]).decode()
