"""Finished films and recordings, read back for measuring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from runtime.contract import RuntimeProblem
from runtime.evaluation.alignment import ALIGNMENT_SUFFIXES, read_words
from runtime.media.audio import ANALYSIS_RATE, AudioFile

Image = NDArray[np.uint8]

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".avif"})
_SOUNDS = frozenset({".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aac", ".webm"})
_FILMS = frozenset({".mp4", ".mov", ".mkv", ".webm"})


@dataclass(frozen=True)
class Speech:
    """A recording and, where there is one beside it, its phone alignment."""

    audio: Path
    alignment: Path | None

    @property
    def name(self) -> str:
        """The recording's name without its ending."""
        return self.audio.stem

    @property
    def script(self) -> str | None:
        """The words of the alignment, noises left out; None where it has none."""
        words = read_words(self.alignment) if self.alignment else []
        return " ".join(word.label for word in words if word.label[:1].isalpha()) or None

    def samples(self) -> NDArray[np.float32]:
        """The whole sound, mono at 16 kHz."""
        return np.concatenate(list(AudioFile.open(self.audio).mono()))


def find_portraits(folder: Path) -> list[Path]:
    """Pictures in a folder, by name."""
    return _found(folder, _PICTURES, "pictures")


def find_speech(folder: Path) -> list[Speech]:
    """Recordings in a folder and below it, by name, each with the alignment that has its name."""
    recordings = _found(folder, _SOUNDS, "recordings", deep=True)
    return [Speech(path, _alignment_of(path)) for path in recordings]


def find_films(folder: Path) -> list[Path]:
    """Films in a folder, by name."""
    return _found(folder, _FILMS, "films")


def _found(folder: Path, endings: frozenset[str], kind: str, deep: bool = False) -> list[Path]:
    if not folder.is_dir():
        raise RuntimeProblem("folder_missing", f"There is no folder {folder}.")
    entries = folder.rglob("*") if deep else folder.iterdir()
    paths = sorted(path for path in entries if path.suffix.lower() in endings and path.is_file())
    if not paths:
        raise RuntimeProblem("folder_empty", f"The folder {folder} holds no {kind}.")
    return paths


def _alignment_of(audio: Path) -> Path | None:
    candidates = [audio.with_name(audio.stem + suffix) for suffix in ALIGNMENT_SUFFIXES]
    return next((path for path in candidates if path.exists()), None)


def is_newer(film: Path, sources: Iterable[Path]) -> bool:
    """Whether a film is there and younger than everything that it came from."""
    return film.exists() and all(source.stat().st_mtime < film.stat().st_mtime for source in sources)


def read_frames(path: Path) -> Iterator[Image]:
    """The film's frames as RGB (H, W, 3), one after the other."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            pixels = frame.to_ndarray(
                format="rgb24", src_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.JPEG
            )
            yield pixels.astype(np.uint8, copy=False)


def frame_rate(path: Path) -> float:
    """Frames per second as the film's header states."""
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
    if rate is None:
        raise RuntimeProblem("film_unreadable", f"The film {path.name} does not state its frame rate.")
    return float(rate)


def write_wav(path: Path, samples: NDArray[np.float32], rate: int = ANALYSIS_RATE) -> None:
    """Write mono 16-bit sound."""
    import wave

    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
