"""What the tests that make films share: inputs of our own, and a look into the film that came out."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.plugin.daemon import Reply, file_parameter
from tests.plugin.fileserver import FileServer

ASSETS = Path(__file__).resolve().parents[2] / "_assets"
PORTRAIT = ASSETS / "demo_portrait.jpg"
SPEECH = ASSETS / "demo_speech.ogg"
TTS = {"provider": "openai", "model": "tts-1", "model_type": "tts", "voice": "alloy"}
SMALL = {"min_resolution": 256, "fps": 12, "wait_seconds": 200}


def portrait(files: FileServer) -> dict[str, Any]:
    """The demo portrait as a file of Dify's, its kind wrongly named as Dify often does."""
    url = files.signed("face.jpg", PORTRAIT.read_bytes())
    return file_parameter(url, mime_type="image/png", filename="face.png", extension=".png", type="image")


def spoken(seconds: float, start: float = 0.0, rate: int = 24000) -> np.ndarray:
    """A stretch of the demo speech as 16-bit samples."""
    with av.open(str(SPEECH)) as container:
        resampler = av.AudioResampler("s16", "mono", rate)
        parts = [
            part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)
        ]
    return np.concatenate(parts)[int(start * rate) :][: int(seconds * rate)]


def encoded(samples: np.ndarray, form: str, rate: int = 24000) -> bytes:
    """Samples as mp3, wav or bare (s16le)."""
    if form == "raw":
        return samples.astype("<i2").tobytes()
    sink = io.BytesIO()
    with av.open(sink, "w", format=form) as container:
        stream: Any = container.add_stream(
            {"mp3": "libmp3lame", "wav": "pcm_s16le"}[form], rate=rate, layout="mono"
        )
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), "s16", "mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.format.name, "mono", rate)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(part))
    return sink.getvalue()


def audio(files: FileServer, seconds: float = 1.5, start: float = 0.0) -> dict[str, Any]:
    """A recording as a file of Dify's: a WAV that is called an mp3."""
    name = f"speech-{start:g}-{seconds:g}.wav"
    return file_parameter(files.signed(name, encoded(spoken(seconds, start), "wav")))


def taking_uploads(files: FileServer) -> Reply:
    """Dify's answer to a plugin that wants to put a file: where to send it."""

    def reply(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        yield {"url": f"{files.base}/files/upload/for-plugin?sign=abc&filename={request['filename']}"}

    return reply


def film_at(url: str) -> dict[str, Any]:
    """Fetch a film, decode all of it, and say what it is."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return film_in(answer.read())


def film_in(content: bytes) -> dict[str, Any]:
    """Decode all of a film."""
    container: Any
    with av.open(io.BytesIO(content)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        pictures = heard = 0
        for frame in container.decode(video, sound):
            if isinstance(frame, av.VideoFrame):
                pictures += 1
            else:
                heard += frame.samples
        return {
            "codec": video.codec_context.name,
            "width": video.codec_context.width,
            "height": video.codec_context.height,
            "seconds": pictures / float(video.average_rate or 25),
            "sound_seconds": heard / sound.codec_context.sample_rate,
        }
