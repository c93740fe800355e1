"""Several recordings, one after the other, as one."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runtime.media.audio import AudioFile

RATE = 48_000  # hertz
PAUSE = 0.25  # seconds between two recordings: the breath between two sentences


def join_recordings(paths: Sequence[Path], folder: Path, max_minutes: float = 30.0) -> Path:
    """Return the only recording as it is, or a new 16-bit WAV file in `folder` that holds all of them in order, with a
    short pause between each two.

    Memory does not grow with their length. Raises `RuntimeProblem` for a recording that cannot be read.
    """
    if len(paths) == 1:
        return paths[0]
    recordings = [AudioFile.open(path, max_minutes) for path in paths]
    channels = max(min(recording.channels, 2) for recording in recordings)
    joined = folder / "joined.wav"
    with wave.open(str(joined), "wb") as sink:
        sink.setnchannels(channels)
        sink.setsampwidth(2)
        sink.setframerate(RATE)
        for place, recording in enumerate(recordings):
            if place:
                sink.writeframes(bytes(round(PAUSE * RATE) * channels * 2))
            for block in recording.blocks(RATE, channels):
                sink.writeframes(np.rint(block * 32767).astype("<i2").tobytes())
    return joined
