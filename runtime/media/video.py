"""Writing the film: H.264 and AAC in MP4, frame by frame."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from runtime.contract import RuntimeProblem
from runtime.media.audio import AudioFile, SampleFeed
from runtime.media.labels import Provenance

log = logging.getLogger(__name__)

AUDIO_BITRATE = {1: 96_000, 2: 160_000}
KEYFRAME_SECONDS = 2  # how far a player must go back when the viewer jumps
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class VideoWriter:
    """Streams RGB frames and a recording into an MP4 of constant frame rate; use it as a context manager.

    The film is written beside its target under another name and renamed when complete: after an error or an
    interruption nothing is left. Colours are converted by the BT.709 matrix to limited range and tagged so. Sound
    is cut, or filled with silence, to exactly the length of the frames.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        fps: float,
        audio: AudioFile | None = None,
        quality: int = 18,
        preset: str = "veryfast",
        threads: int = 0,
        hardware: bool = False,
        sound_end: float | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        """`hardware` lets the GPU's encoder make the pictures where there is one.
        `sound_end` (seconds) lets the sound fade out there: for a film that ends before its recording does.
        Every film is marked as generated; `provenance` says by whom and under which number."""
        from runtime.media.colour import yuv420_frame  # loads numba, which who only joins films does not need

        if width % 2 or height % 2:
            raise ValueError(f"width and height must be even, not {width}x{height}")
        self.path = Path(path)
        check_target(self.path)
        self.width = width
        self.height = height
        self.rate = Fraction(fps).limit_denominator(1001)
        self.frames = 0
        self._provenance = provenance or Provenance()
        self._aside = self.path.with_name(f".{self.path.stem}.{os.getpid()}.partial.mp4")
        self._converted = yuv420_frame
        self._sound: SampleFeed | None = None
        self._samples = 0
        try:
            # The index goes to the front of the file, so that browsers start before the download ends; metadata
            # keeps its own names.
            options = {"movflags": "+faststart+use_metadata_tags"}
            self._container = av.open(str(self._aside.absolute()), "w", format="mp4", options=options)
            self._container.metadata.update(self._provenance.container_metadata())
            encoder = "h264_nvenc" if hardware and nvenc_starts(width, height) else "libx264"
            self._video = self._add_video(encoder, encoder_options(encoder, quality, preset), threads)
            self._audio = self._add_audio(audio, sound_end) if audio is not None else None
        except (FFmpegError, OSError) as fault:
            self._discard()
            raise self._problem(fault) from fault

    def _add_video(self, encoder: str, options: dict[str, str], threads: int) -> av.VideoStream:
        stream = self._container.add_stream(encoder, rate=self.rate, options=options)
        assert isinstance(stream, av.VideoStream)
        context = stream.codec_context
        stream.width, stream.height, stream.pix_fmt = self.width, self.height, "yuv420p"
        context.time_base = 1 / self.rate
        context.gop_size = int(KEYFRAME_SECONDS * self.rate)
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.thread_count = threads
        return stream

    def _add_audio(self, audio: AudioFile, end: float | None) -> av.AudioStream:
        # The two rates every player knows; the one of which the recording's rate is a part loses least.
        rate = 44_100 if 44_100 % audio.rate == 0 else 48_000
        channels = min(audio.channels, 2)
        stream = self._container.add_stream("aac", rate=rate, layout="mono" if channels == 1 else "stereo")
        stream.bit_rate = AUDIO_BITRATE[channels]
        self._sound = SampleFeed(audio.blocks(rate, channels, block_seconds=1.0, end=end), channels)
        return stream

    def write(self, frame: np.ndarray) -> None:
        """Append one RGB uint8 frame (height, width, 3), and the sound that belongs to it."""
        if frame.shape != (self.height, self.width, 3):
            raise ValueError(f"expected a frame of {self.width}x{self.height}, got shape {frame.shape}")
        try:
            picture = self._converted(frame)
            picture.color_range = ColorRange.MPEG
            picture.colorspace = Colorspace.ITU709
            picture.color_primaries = ColorPrimaries.BT709
            picture.color_trc = ColorTrc.BT709
            picture.pts = self.frames
            picture.time_base = 1 / self.rate
            self._container.mux(self._video.encode(picture))
            self.frames += 1
            self._advance_audio()
        except (FFmpegError, OSError) as fault:
            raise self._problem(fault) from fault

    def _advance_audio(self) -> None:
        """Encode sound up to the end of the last frame."""
        if self._audio is None:
            return
        assert self._sound is not None
        rate = self._audio.codec_context.sample_rate
        wanted = round(self.frames * rate / self.rate) - self._samples
        samples = self._sound.take(wanted)
        packed = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), "fltp", self._audio.layout.name)
        packed.sample_rate = rate
        packed.pts = self._samples
        packed.time_base = Fraction(1, rate)
        self._samples += wanted
        self._container.mux(self._audio.encode(packed))

    def close(self) -> None:
        """Finish the file and move it to its name."""
        if self.frames == 0:
            self._discard()
            raise ValueError("a film needs at least one frame")
        try:
            self._container.mux(self._video.encode(None))
            if self._audio is not None:
                self._container.mux(self._audio.encode(None))
            self._container.close()
            self._provenance.append_xmp(self._aside)
            self._aside.replace(self.path)
        except (FFmpegError, OSError) as fault:
            self._discard()
            raise self._problem(fault) from fault
        log.debug("wrote %s, %d frames", self.path, self.frames)

    def _discard(self) -> None:
        container = getattr(self, "_container", None)
        if container is not None:
            try:
                container.close()
            except (FFmpegError, OSError):
                log.debug("closing an abandoned film failed", exc_info=True)
        self._aside.unlink(missing_ok=True)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._discard()

    def _problem(self, fault: Exception) -> RuntimeProblem:
        return unwritable(self.path, fault)


def unwritable(path: Path, fault: Exception) -> RuntimeProblem:
    """The sentence for a film that could not be written."""
    if getattr(fault, "errno", None) in NO_ROOM:
        return RuntimeProblem(
            "disk_full", f"There is no room left in {path.absolute().parent} for {path.name}."
        )
    reason = getattr(fault, "strerror", None) or str(fault)
    return RuntimeProblem("video_unwritable", f"The film {path} cannot be written: {reason}.")


# x264's presets and NVENC's, from the fastest to the one that makes the smallest files.
NVENC_PRESETS = {
    "ultrafast": "p1",
    "superfast": "p2",
    "veryfast": "p3",
    "faster": "p4",
    "fast": "p4",
    "medium": "p5",
    "slow": "p6",
    "slower": "p7",
    "veryslow": "p7",
}


# A face moves little, and x264 saves on its colours: a lid that closes over a dark iris stays blue, and lips bleed. At
# -6 the error of the colours round the eyes is a fifth smaller, and films are 8 % larger.
CHROMA_OFFSET = -6
# x264's macroblock tree gives bits to what stays as it is and takes them from what changes: lips and lids, the very
# things that are watched. Without it mouths are 0.8 to 2.7 dB nearer to what was rendered, and films 1.5 to 1.8
# times as large.
MACROBLOCK_TREE = 0


def encoder_options(encoder: str, quality: int, preset: str) -> dict[str, str]:
    """Options of an H.264 encoder (libx264 or h264_nvenc) for a constant quality and x264's name of a preset."""
    if encoder == "libx264":
        tuned = f"chroma-qp-offset={CHROMA_OFFSET}:mbtree={MACROBLOCK_TREE}"
        return {"crf": str(quality), "preset": preset, "x264-params": tuned}
    # Constant quality is a variable bit rate without a target, steered by cq alone.
    return {"rc": "vbr", "cq": str(quality), "b": "0", "preset": NVENC_PRESETS[preset], "tune": "hq"}


@cache
def nvenc_starts(width: int, height: int) -> bool:
    """Whether the GPU here encodes H.264 pictures of this size; some of NVIDIA's have no encoder at all."""
    try:
        context = av.CodecContext.create("h264_nvenc", "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = Fraction(1, 25)
        context.open()
    except (FFmpegError, ValueError) as fault:
        log.info("the GPU's encoder does not start (%s); x264 takes its place", fault)
        return False
    return True


def check_target(path: Path, sources: Iterable[Path] = ()) -> None:
    """Raise the sentence for a place where no film can be written, before any work is done.

    A film must not take the place of one of the `sources` that it is made of.
    """
    for source in sources:
        if path.exists() and source.exists() and path.samefile(source):
            raise RuntimeProblem("video_unwritable", f"The film would replace {path}, which it is made of.")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise RuntimeProblem("folder_missing", f"The folder {folder} for the film does not exist.")
    if path.is_dir():
        raise RuntimeProblem("video_unwritable", f"The film cannot be written to {path}: that is a folder.")
    if not os.access(folder, os.W_OK):
        raise RuntimeProblem("video_unwritable", f"The folder {folder} cannot be written to.")
