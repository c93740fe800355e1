"""Several recordings, one after the other, as one."""

from __future__ import annotations

import itertools
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runtime.contract import RuntimeProblem
from runtime.media.audio import AudioFile

RATE = 48_000  # hertz
PAUSE = 0.25  # seconds between two recordings: the breath between two sentences


def join_recordings(paths: Sequence[Path], folder: Path, max_minutes: float = 30.0) -> Path:
    """Return the only recording as it is, or a new 16-bit WAV file in `folder` that holds all of them in order, with a
    short pause between each two.

    Memory does not grow with their length. Raises `RuntimeProblem` for a recording that cannot be read, and for more
    than `max_minutes` of all together.
    """
    if len(paths) == 1:
        return paths[0]
    recordings = [AudioFile.open(path, max_minutes) for path in paths]
    channels = max(min(recording.channels, 2) for recording in recordings)
    joined, left = folder / "joined.wav", round(max_minutes * 60 * RATE)
    with wave.open(str(joined), "wb") as sink:
        sink.setnchannels(channels)
        sink.setsampwidth(2)
        sink.setframerate(RATE)
        for place, recording in enumerate(recordings):
            pause = np.zeros((round(PAUSE * RATE) if place else 0, channels), np.float32)
            for block in itertools.chain([pause], recording.blocks(RATE, channels)):
                left -= len(block)
                if left < 0:
                    raise _too_long(max_minutes)
                sink.writeframes(np.rint(block * 32767).astype("<i2").tobytes())
    return joined


def _too_long(max_minutes: float) -> RuntimeProblem:
    return RuntimeProblem(
        "audio_too_long",
        f"The recordings together are longer than the {max_minutes:g} minutes that are allowed.",
        "Raise max_audio_minutes, or cut the recordings.",
    )
