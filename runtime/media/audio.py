"""Speech recordings, decoded with PyAV in blocks so that memory does not grow with their length."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from runtime.contract import RuntimeProblem
from runtime.media.mixing import mixed

log = logging.getLogger(__name__)

ANALYSIS_RATE = 16_000
FADE_SECONDS = 0.03
BLOCK_SECONDS = 10.0
# Containers whose header states the length; the others only estimate it, which proves nothing about truncation.
LENGTH_IN_HEADER = ("wav", "flac", "mov", "aiff", "w64", "caf", "matroska")
UNKNOWN_WAV_SIZE = 0x7FFFF000
TRUNCATION_TOLERANCE = 0.5  # seconds; codec delays and coarse headers stay well under it


@dataclass(frozen=True)
class AudioFile:
    """A recording that can be opened. `stated_duration` is the header's word in seconds, or None."""

    path: Path
    rate: int
    channels: int
    stated_duration: float | None
    max_seconds: float

    @classmethod
    def open(cls, path: str | Path, max_minutes: float = 30.0) -> AudioFile:
        """Look into a recording's header, refusing what is not sound or states to be too long."""
        path = Path(path)
        if not path.exists():
            raise RuntimeProblem("audio_missing", f"There is no audio file at {path}.")
        try:
            with av.open(str(path.absolute())) as container:
                if not container.streams.audio:
                    raise RuntimeProblem("audio_unreadable", f"The file {path.name} holds no sound.")
                stream = container.streams.audio[0]
                stated = _stated_duration(container, stream)
                found = cls(
                    path=path,
                    rate=stream.codec_context.sample_rate,
                    channels=stream.codec_context.channels,
                    stated_duration=stated,
                    max_seconds=max_minutes * 60.0,
                )
        except (FFmpegError, OSError, ValueError) as fault:
            raise _unreadable(path, fault) from fault
        if found.rate <= 0 or found.channels <= 0:
            raise RuntimeProblem("audio_unreadable", f"The audio file {path.name} has no usable sound track.")
        if stated is not None and stated > found.max_seconds:
            raise found._too_long(stated)
        return found

    def mono(self, rate: int = ANALYSIS_RATE, block_seconds: float = BLOCK_SECONDS) -> Iterator[np.ndarray]:
        """Yield the sound as float32 blocks (n,) in -1..1, all channels mixed to one.

        Raises `RuntimeProblem` when there is no sound, when it is longer than allowed, when it is shorter than the
        header states.
        """
        for block in self.blocks(rate, 1, block_seconds):
            yield block[:, 0]

    def blocks(
        self, rate: int, channels: int, block_seconds: float = BLOCK_SECONDS, end: float | None = None
    ) -> Iterator[np.ndarray]:
        """Yield the sound as float32 blocks (n, channels) in -1..1 at `rate` hertz; channels is 1 or 2.

        With `end` (seconds) the sound fades out there instead of breaking off with a click.
        """
        whole = self._whole_blocks(rate, channels, block_seconds)
        return whole if end is None else _faded_out(whole, rate, end)

    def _whole_blocks(self, rate: int, channels: int, block_seconds: float) -> Iterator[np.ndarray]:
        size = max(1, int(block_seconds * rate))
        pending: list[np.ndarray] = []
        held = 0
        total = 0
        end = 0.0
        for piece, reached in self._resampled(rate, channels):
            # A sound that begins late, or has gaps, is shorter than it lasts.
            end = max(reached, (total + len(piece)) / rate)
            pending.append(piece)
            held += len(piece)
            total += len(piece)
            if total > self.max_seconds * rate:
                raise self._too_long(None)
            while held >= size:
                joined = np.concatenate(pending)
                yield joined[:size]
                pending, held = [joined[size:]], held - size
        if total == 0:
            raise RuntimeProblem("audio_empty", f"The audio file {self.path.name} holds no sound at all.")
        if self.stated_duration is not None and end < self.stated_duration - TRUNCATION_TOLERANCE:
            raise RuntimeProblem(
                "audio_truncated",
                f"The audio file {self.path.name} ends after {end:.1f} s, though its header states "
                f"{self.stated_duration:.1f} s.",
                "The file is cut off; fetch or export it again.",
            )
        if held:
            yield np.concatenate(pending)

    def _resampled(self, rate: int, channels: int) -> Iterator[tuple[np.ndarray, float]]:
        """Pieces (n, channels), each with the moment (seconds) up to which the file has been read."""
        resampler = AudioResampler(format="flt", rate=rate)  # its own mixing would be too loud and cut off
        damaged = 0
        end = 0.0
        try:
            with av.open(str(self.path.absolute())) as container:
                for packet in container.demux(container.streams.audio[0]):
                    try:
                        frames = packet.decode()
                    except FFmpegError:
                        damaged += 1  # a scratch; the decoder goes on with the next packet
                        continue
                    if packet.pts is not None and packet.duration is not None:
                        end = float((packet.pts + packet.duration) * packet.time_base)
                    for frame in frames:
                        frame.pts = None  # gaps in the time stamps would otherwise upset the resampler
                        for ready in resampler.resample(frame):
                            yield _samples(ready, channels), end
                for ready in resampler.resample(None):
                    yield _samples(ready, channels), end
        except (FFmpegError, OSError, ValueError) as fault:
            raise _unreadable(self.path, fault) from fault
        if damaged:
            log.warning("%d damaged packets of %s were skipped", damaged, self.path.name)

    def _too_long(self, seconds: float | None) -> RuntimeProblem:
        length = f"{seconds / 60:.1f} minutes long" if seconds is not None else "longer"
        return RuntimeProblem(
            "audio_too_long",
            f"The audio file {self.path.name} is {length}, and {self.max_seconds / 60:g} minutes are allowed.",
            "Raise max_audio_minutes, or cut the recording.",
        )


class SampleFeed:
    """Hands out the samples of `AudioFile.blocks` as asked for, and silence after their end."""

    def __init__(self, blocks: Iterator[np.ndarray], channels: int) -> None:
        self._blocks = blocks
        self._held = np.zeros((0, channels), np.float32)

    def take(self, count: int) -> np.ndarray:
        """The next samples, (count, channels) float32."""
        while len(self._held) < count:
            block = next(self._blocks, None)
            if block is None:
                block = np.zeros((count - len(self._held), self._held.shape[1]), np.float32)
            self._held = np.concatenate([self._held, block])
        taken, self._held = self._held[:count], self._held[count:]
        return taken


def _faded_out(blocks: Iterator[np.ndarray], rate: int, end: float) -> Iterator[np.ndarray]:
    start = 0
    for block in blocks:
        times = (start + np.arange(len(block), dtype=np.float64)) / rate
        gain = np.clip((end - times) / FADE_SECONDS, 0, 1).astype(np.float32)
        yield block * gain[:, None]
        start += len(block)
        if start >= end * rate:
            return


def _samples(frame: av.AudioFrame, channels: int) -> np.ndarray:
    values = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
    values = np.clip(np.nan_to_num(values), -1.0, 1.0).astype(np.float32, copy=False)
    return mixed(values, [channel.name for channel in frame.layout.channels], channels)


def _stated_duration(container: av.container.InputContainer, stream: av.AudioStream) -> float | None:
    if not container.format.name.startswith(LENGTH_IN_HEADER):
        return None
    if container.format.name == "wav":
        return _wav_duration(Path(container.name))
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # The length of a film says nothing about that of its sound.
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


def _wav_duration(path: Path) -> float | None:
    """What a WAV header promises in seconds; FFmpeg itself only reports what the file still holds."""
    bytes_per_second = 0
    with path.open("rb") as stream:
        stream.seek(12)  # behind RIFF, size, WAVE come chunks: name, size, content, padded to an even length
        while len(head := stream.read(8)) == 8:
            name, size = head[:4], int.from_bytes(head[4:], "little")
            if name == b"data":
                # A program that streams its sound does not know the length yet and writes the largest number there is.
                known = bytes_per_second and size < UNKNOWN_WAV_SIZE
                return size / bytes_per_second if known else None
            start = stream.tell()
            if name == b"fmt ":
                bytes_per_second = int.from_bytes(stream.read(16)[8:12], "little")
            stream.seek(start + size + size % 2)
    return None


def _unreadable(path: Path, fault: Exception) -> RuntimeProblem:
    reason = getattr(fault, "strerror", None) or str(fault)
    return RuntimeProblem(
        "audio_unreadable",
        f"The audio file {path.name} cannot be read: {reason}.",
        "WAV, MP3, FLAC, M4A, OGG, Opus and WebM are understood.",
    )
