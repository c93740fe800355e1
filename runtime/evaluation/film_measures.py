"""What can be measured on finished films: closures, silence, sync, and likeness to real speakers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.contract import RuntimeProblem
from runtime.evaluation.alignment import Interval, read_alignment
from runtime.evaluation.closures import (
    ClosureCount,
    closed_frames,
    count_closures,
    noisy_frames,
    quiet_frames,
    silent_frames,
    spoken_frames,
)
from runtime.evaluation.films import Speech, frame_rate, read_frames
from runtime.evaluation.instruments import FaceTrack, Instrument
from runtime.evaluation.photo_measures import surroundings
from runtime.evaluation.synchrony import expected_opening, loudness, measure_synchrony
from runtime.media.audio import ANALYSIS_RATE
from runtime.stages.landmarks import Points


@dataclass(frozen=True)
class Lips:
    """What one instrument saw of lips in one film."""

    closures: ClosureCount
    silent: int
    silent_closed: int


def sum_lips(films: Sequence[Lips]) -> dict[str, float | int | None]:
    """Rates over several films."""
    total = sum((film.closures for film in films), ClosureCount())
    silent = sum(film.silent for film in films)
    closed = sum(film.silent_closed for film in films)
    return total.rates() | {"silent_frames": silent, "silent_closed": closed / silent if silent else None}


def measure_film(
    clip: Speech, film: Path, points: Points, tool: Instrument
) -> tuple[Lips, dict[str, Any] | None]:
    """Closures, silence and sync of a finished film as one instrument sees them; sync is None for tiny clips."""
    fps = frame_rate(film)
    gap = _track(film, points, tool).lip_gap
    closed = closed_frames(gap)
    audio = clip.samples()
    phones: list[Interval] = read_alignment(clip.alignment) if clip.alignment is not None else []
    if phones:
        speech = spoken_frames(phones, len(gap), fps)
        silent = silent_frames(phones, len(gap), fps) & ~noisy_frames(audio, ANALYSIS_RATE, speech, fps)
        count = count_closures(closed, phones, fps)
    else:
        silent = quiet_frames(audio, ANALYSIS_RATE, len(gap), fps)
        count = ClosureCount()
    lips = Lips(count, int(silent.sum()), int((silent & closed).sum()))
    seconds = len(audio) / ANALYSIS_RATE
    if seconds < 2.5 or np.isfinite(gap).mean() < 0.5:
        return lips, None
    expected = expected_opening(phones, seconds) if phones else loudness(audio, ANALYSIS_RATE)
    sync = measure_synchrony(gap, fps, expected)
    against = "phones" if phones else "loudness"
    return lips, asdict(sync) | {
        "lag_frames": sync.lag * fps,
        "margin": sync.margin,
        "against": against,
    }


def _track(film: Path, points: Points, tool: Instrument) -> FaceTrack:
    """Landmarks of a film within the surroundings of the face; `points` are those of its photo on its canvas."""
    first = next(iter(read_frames(film)))
    x0, y0, x1, y1 = surroundings(points, first.shape, room=3.0)

    def cropped() -> Iterator[NDArray[np.uint8]]:
        for frame in read_frames(film):
            yield np.ascontiguousarray(frame[y0:y1, x0:x1])

    return tool.film(cropped(), first[y0:y1, x0:x1])


def lip_gap_of(film: Path, tool: Instrument, fps: float = 25.0) -> NDArray[np.float64]:
    """Lip gap at 25 frames per second; frames without a face are bridged."""
    first = next(iter(read_frames(film)))
    gap = tool.film(read_frames(film), first).lip_gap
    seen = np.isfinite(gap)
    if not seen.any():
        raise RuntimeProblem("no_face", f"{tool.name} sees no face in {film.name}.")
    moments = (np.arange(len(gap)) + 0.5) / frame_rate(film)
    grid = (np.arange(int(len(gap) / frame_rate(film) * fps)) + 0.5) / fps
    return np.interp(grid, moments[seen], gap[seen])
