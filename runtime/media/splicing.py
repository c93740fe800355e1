"""Films of one kind, one after the other, as one: pictures are copied, the sound is laid under the whole."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

from runtime.contract import RuntimeProblem
from runtime.media.audio import AudioFile, SampleFeed
from runtime.media.labels import Provenance
from runtime.media.video import AUDIO_BITRATE, check_target, unwritable


@dataclass(frozen=True)
class Chapter:
    """A stretch of a film that players list by its title; seconds."""

    title: str
    start: float
    end: float


@dataclass(frozen=True)
class Piece:
    """A film without sound, how many frames it has, and the recording that belongs under it."""

    film: Path
    frames: int
    sound: Path


def splice(
    pieces: Sequence[Piece],
    out: Path,
    fps: float,
    chapters: Sequence[Chapter] = (),
    title: str = "",
    provenance: Provenance | None = None,
) -> None:
    """Write films of one encoder's making, in order, to one MP4 with sound and chapters.

    Each recording is cut or filled up to its film's frames and all are encoded as one track, so that neither gap nor
    click nor drift comes in where two meet. Memory does not grow with the length; after an error nothing is left.
    """
    check_target(out)
    aside = out.with_name(f".{out.stem}.{os.getpid()}.partial.mp4")
    origin = provenance or Provenance()
    try:
        with av.open(
            str(aside.absolute()), "w", format="mp4", options={"movflags": "+faststart+use_metadata_tags"}
        ) as container:
            container.metadata.update(origin.container_metadata() | ({"title": title} if title else {}))
            container.set_chapters([_entry(number, chapter) for number, chapter in enumerate(chapters)])
            _Splice(container, fps, pieces).write()
        origin.append_xmp(aside)
        aside.replace(out)
    except (FFmpegError, OSError) as fault:
        raise unwritable(out, fault) from fault
    finally:
        aside.unlink(missing_ok=True)


class _Splice:
    """Copies pictures and encodes sound side by side, a second of each at a time."""

    def __init__(self, container: av.container.OutputContainer, fps: float, pieces: Sequence[Piece]) -> None:
        self._container = container
        self._rate = Fraction(fps).limit_denominator(1001)
        self._pieces = pieces
        self._frames = 0
        self._samples = 0
        with av.open(str(pieces[0].film)) as first:
            template = first.streams.video[0]
            self._headers = template.codec_context.extradata
            self._video = container.add_stream_from_template(template)
            self._video.time_base = template.time_base
        self._audio = container.add_stream("aac", rate=48_000, layout="mono")
        self._audio.bit_rate = AUDIO_BITRATE[1]

    def write(self) -> None:
        for piece in self._pieces:
            self._copy(piece)
        self._container.mux(self._audio.encode(None))

    def _copy(self, piece: Piece) -> None:
        blocks = AudioFile.open(piece.sound, max_minutes=600).blocks(48_000, 1, block_seconds=1.0)
        sound = SampleFeed(blocks, 1)
        with av.open(str(piece.film)) as film:
            stream = film.streams.video[0]
            if stream.codec_context.extradata != self._headers:
                raise RuntimeProblem(
                    "films_differ", f"{piece.film.name} was encoded differently from the films before it."
                )
            assert stream.time_base is not None
            offset = round(self._frames / self._rate / stream.time_base)
            copied = 0
            for packet in film.demux(stream):
                if packet.dts is None or packet.pts is None:  # the end
                    continue
                packet.pts += offset
                packet.dts += offset
                packet.stream = self._video
                self._container.mux(packet)
                copied += 1
                self._sound_until(self._frames + copied, sound)
        if copied != piece.frames:
            raise RuntimeProblem(
                "films_differ", f"{piece.film.name} has {copied} frames instead of {piece.frames}."
            )
        self._frames += copied

    def _sound_until(self, frames: int, sound: SampleFeed) -> None:
        """Encode sound up to the end of that many frames."""
        wanted = round(frames * 48_000 / self._rate) - self._samples
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.take(wanted).T), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._samples, Fraction(1, 48_000)
        self._samples += wanted
        self._container.mux(self._audio.encode(frame))


def _entry(number: int, chapter: Chapter) -> av.container.Chapter:
    return {
        "id": number,
        "start": round(1000 * chapter.start),
        "end": round(1000 * chapter.end),
        "time_base": Fraction(1, 1000),  # type: ignore[typeddict-item]
        "metadata": {"title": chapter.title},
    }
