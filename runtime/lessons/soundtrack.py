"""The sound of one scene: its takes one after the other, with natural gaps and even loudness."""

from __future__ import annotations

import json
import math
import os
import threading
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.lessons.loudness import amplified, gain_to_target
from runtime.media.audio import AudioFile

RATE = 48_000  # hertz
LEAD, TAIL = (
    0.5,
    0.7,
)  # seconds before the first and after the last word: time to see the slide, and to breathe
GAP = 0.45  # seconds between two takes
SILENT_SCENE = 4.0  # seconds that a slide without narration is shown
MARGIN = 0.06  # seconds of a take's own silence that stay at its edges
WINDOW = RATE // 100  # samples; what is heard is told apart in hundredths of a second
UNDER_LOUDEST = 45.0  # dB; a window this much fainter than the loudest one is silence
FADE = RATE // 200  # samples

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Take:
    """A recording of a part of the script. `pause_after`: seconds asked for behind it, on top of the natural gap.
    Without a `path` nothing is said."""

    text: str
    path: Path | None
    pause_after: float = 0.0


@dataclass(frozen=True)
class Spoken:
    """What was said from `start` to `end` seconds of the scene."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class SceneSound:
    """A scene's sound as a 16-bit mono WAV of `seconds`, a whole number of frames."""

    path: Path
    seconds: float
    spoken: tuple[Spoken, ...]

    def save(self, target: Path) -> None:
        """Write what is known beside the sound itself."""
        with _whole(target) as aside:
            aside.write_text(
                json.dumps({"seconds": self.seconds, "spoken": [asdict(one) for one in self.spoken]})
            )

    @classmethod
    def load(cls, path: Path, source: Path) -> SceneSound:
        """The opposite of `save`."""
        held = json.loads(source.read_text())
        return cls(path, held["seconds"], tuple(Spoken(**one) for one in held["spoken"]))


@dataclass(frozen=True)
class _Part:
    """A stretch of the scene: samples `start` to `stop` of a recording, or that much silence."""

    start: int
    stop: int
    recording: AudioFile | None = None

    @property
    def length(self) -> int:
        return self.stop - self.start


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A file to write that becomes `target` when it is whole; others may be writing the same at the same time."""
    aside = target.with_name(f"{target.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        yield aside
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def record(takes: Sequence[Take], target: Path, fps: float, max_minutes: float = 30.0) -> SceneSound:
    """Lay takes one after the other into `target`, brought to one loudness; their own silence is cut to a margin.

    Memory does not grow with their length. Raises `RuntimeProblem` for a take that cannot be read.
    """
    recordings = [AudioFile.open(take.path, max_minutes) if take.path else None for take in takes]
    edges = [_edges(recording) if recording else (0, 0) for recording in recordings]
    parts, spoken = _arrange(takes, recordings, edges)
    samples = sum(part.length for part in parts)
    frames = math.ceil(samples / RATE * fps - 1e-3)
    total = round(frames / fps * RATE)
    parts.append(_Part(0, max(0, total - samples)))
    _write(parts, target, gain_to_target(lambda: _played(parts), RATE), total)
    return SceneSound(target, frames / fps, tuple(spoken))


def _edges(recording: AudioFile) -> tuple[int, int]:
    """Where in a recording something is heard: its first sample, and the one behind its last."""
    levels: list[Samples] = []
    length = 0
    for block in recording.blocks(RATE, 1, block_seconds=1.0):
        length += len(block)
        levels.append(_levels(block[:, 0]))
    return _heard(np.concatenate(levels), length)


def _levels(samples: Samples) -> Samples:
    """Level in dBFS of each window of a block; a rest that fills none counts as one."""
    whole = np.pad(samples, (0, -len(samples) % WINDOW)).reshape(-1, WINDOW)
    return (10 * np.log10(np.mean(whole.astype(np.float64) ** 2, axis=1) + 1e-12)).astype(np.float32)


def _heard(levels: Samples, length: int) -> tuple[int, int]:
    """The samples from the first to the last window with sound, and a margin; all of them if there is none."""
    loud = np.flatnonzero(levels > max(float(levels.max()) - UNDER_LOUDEST, -75.0))
    if not len(loud):
        return 0, length
    margin = round(MARGIN * RATE)
    return max(0, int(loud[0]) * WINDOW - margin), min(length, (int(loud[-1]) + 1) * WINDOW + margin)


def _arrange(
    takes: Sequence[Take], recordings: Sequence[AudioFile | None], edges: Sequence[tuple[int, int]]
) -> tuple[list[_Part], list[Spoken]]:
    parts = [_silence(LEAD)]
    spoken: list[Spoken] = []
    for place, (take, recording, (start, stop)) in enumerate(zip(takes, recordings, edges, strict=True)):
        at = sum(part.length for part in parts)
        if recording is not None:
            parts.append(_Part(start, stop, recording))
            spoken.append(Spoken(take.text, at / RATE, (at + stop - start) / RATE))
        natural = GAP if recording is not None and place < len(takes) - 1 else 0.0
        parts.append(_silence(natural + take.pause_after))
    # A slide that only waits is shown for as long as the script says.
    waits = any(take.pause_after for take in takes)
    parts.append(_silence(TAIL if spoken or waits else SILENT_SCENE - LEAD))
    return parts, spoken


def _silence(seconds: float) -> _Part:
    return _Part(0, round(seconds * RATE))


def _write(parts: Sequence[_Part], target: Path, gain: float, total: int) -> None:
    left = total
    with _whole(target) as aside, wave.open(str(aside), "wb") as sink:
        sink.setnchannels(1)
        sink.setsampwidth(2)
        sink.setframerate(RATE)
        for block in amplified(_played(parts), RATE, gain):
            block = block[:left]  # resampling to and fro may add some
            left -= len(block)
            sink.writeframes(np.rint(block * 32767).astype("<i2").tobytes())
        sink.writeframes(bytes(2 * left))


def _played(parts: Sequence[_Part]) -> Iterator[Samples]:
    for part in parts:
        if part.recording is None:
            for start in range(0, part.length, RATE):
                yield np.zeros(min(RATE, part.length - start), np.float32)
            continue
        at = 0
        for block in part.recording.blocks(RATE, 1, block_seconds=1.0):
            samples = block[:, 0]
            low, high = max(part.start - at, 0), min(part.stop - at, len(samples))
            if low < high:
                yield _faded(samples[low:high], at + low - part.start, part.stop - at - low)
            at += len(samples)


def _faded(samples: Samples, since_start: int, until_end: int) -> Samples:
    """Fade a cut edge, which would click; counts are samples from the take's edges to the block's first one."""
    if since_start >= FADE and until_end - len(samples) >= FADE:
        return samples
    rising = (since_start + np.arange(len(samples)) + 1) / FADE
    falling = (until_end - np.arange(len(samples))) / FADE
    return samples * np.clip(np.minimum(rising, falling), 0, 1).astype(np.float32)
