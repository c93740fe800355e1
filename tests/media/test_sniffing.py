from __future__ import annotations

import io

import av
import numpy as np
import pytest
from PIL import Image

from runtime.contract import RuntimeProblem
from runtime.media.sniffing import check_kind, sniff


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "gif", "tiff", "bmp", "avif"])
def test_pictures_are_known_by_content(form: str) -> None:
    written = io.BytesIO()
    Image.new("RGB", (16, 16), "teal").save(written, form)
    assert sniff(written.getvalue())[0] == "image"


@pytest.mark.parametrize(
    ("form", "codec"),
    [
        ("wav", "pcm_s16le"),
        ("mp3", "libmp3lame"),
        ("flac", "flac"),
        ("ogg", "libopus"),
        ("mp4", "aac"),
        ("adts", "aac"),
        ("webm", "libopus"),
        ("aiff", "pcm_s16be"),
    ],
)
def test_recordings_are_known_by_content(form: str, codec: str) -> None:
    written = io.BytesIO()
    with av.open(written, "w", format=form) as container:
        stream = container.add_stream(codec, rate=48000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        kind = "fltp" if codec in ("aac", "libmp3lame") else "s16"
        samples = np.zeros((1, 4800), np.float32 if kind == "fltp" else np.int16)
        frame = av.AudioFrame.from_ndarray(samples, kind, "mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert sniff(written.getvalue())[0] == "audio"


def test_what_is_neither_is_refused_in_words() -> None:
    with pytest.raises(RuntimeProblem, match="The portrait is a web page, not a picture") as caught:
        check_kind(b"\n<!DOCTYPE html><html>", "image", "portrait")
    assert caught.value.code == "image_unreadable"
    with pytest.raises(RuntimeProblem, match="is a picture, not sound"):
        check_kind(b"\xff\xd8\xff\xe0", "audio", "speech")
    with pytest.raises(RuntimeProblem, match="is empty"):
        check_kind(b"", "audio", "speech")
    with pytest.raises(RuntimeProblem, match="unknown kind"):
        check_kind(b"MZ\x90\x00", "audio", "speech")
