"""Sounds for the tests, written by the encoders users have."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import soundfile

CODECS = {
    ".wav": ("pcm_s16le", "s16"),
    ".flac": ("flac", "s16"),
    ".mp3": ("libmp3lame", "fltp"),
    ".m4a": ("aac", "fltp"),
    ".opus": ("libopus", "flt"),
    ".webm": ("libopus", "flt"),
}


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    """A sine of half the full scale, float32 (n,)."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def write_sound(path: Path, samples: np.ndarray, rate: int, layout: str = "mono") -> Path:
    """Encode float samples (n,) or (n, channels) as the suffix of `path` says; libsndfile writes all others."""
    values = samples.reshape(len(samples), -1) if samples.ndim == 1 and len(samples) else samples
    if path.suffix not in CODECS:
        soundfile.write(path, values, rate)
        return path
    codec, sample_format = CODECS[path.suffix]
    with av.open(str(path), "w") as container:
        stream = cast(av.AudioStream, container.add_stream(codec, rate=rate, layout=layout))
        planes = np.ascontiguousarray(values.T.astype(np.float32))
        frame = av.AudioFrame.from_ndarray(planes, "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        resampler = av.AudioResampler(sample_format, layout, rate, frame_size=4096)
        for ready in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return path
