"""Instruments that say where a face's landmarks are in pictures: our own network, and MediaPipe Face Mesh.

MediaPipe is independent of our models, so its readings weigh more; it is optional and may live in another
interpreter (it needs older versions of Python and NumPy than the runtime).
"""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.contract import RuntimeProblem
from runtime.evaluation import mediapipe_worker
from runtime.evaluation.contours import from_face_mesh
from runtime.stages.landmarks import COUNT, GROUPS, LID_LOWER, LID_UPPER, LIP_LOWER, LIP_UPPER

log = logging.getLogger(__name__)

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]

_MIDDLE_OF_LIPS = slice(3, 6)  # the three middle pairs of the nine: what "closed" is judged by


@dataclass(frozen=True)
class FaceTrack:
    """Landmarks over a film: points (T, 116, 2) float32 in pixels, NaN where no face was seen."""

    points: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.points)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(T,) whether the instrument found the face."""
        return ~np.isnan(self.points[:, 0, 0])

    @property
    def lip_gap(self) -> Floats:
        """(T,) mean gap of the three middle pairs of inner-lip points, in ipd, along the face's own downward axis.

        Never below 0: lips that overlap are closed.
        """
        gap = self._gaps(LIP_UPPER, LIP_LOWER)[:, _MIDDLE_OF_LIPS].mean(axis=1)
        return np.maximum(gap, 0)

    @property
    def eye_gap(self) -> Floats:
        """(T, 2) largest gap between the lids of the right and the left eye, in ipd."""
        eyes = [self._gaps(LID_UPPER[eye], LID_LOWER[eye]).max(axis=1) for eye in (0, 1)]
        return np.maximum(np.stack(eyes, axis=1), 0)

    def _gaps(self, upper: NDArray[np.int64], lower: NDArray[np.int64]) -> Floats:
        irises = self.points[:, GROUPS["iris"]].astype(np.float64)
        across = irises[:, 1] - irises[:, 0]
        ipd = np.linalg.norm(across, axis=1, keepdims=True)
        down = np.stack([-across[:, 1], across[:, 0]], axis=1) / ipd
        gaps = self.points[:, lower].astype(np.float64) - self.points[:, upper]
        return np.einsum("tpc,tc->tp", gaps, down) / ipd


class Instrument(Protocol):
    """Something that finds landmarks; `name` is how reports call it."""

    name: str

    def film(self, frames: Iterable[Image], first: Image) -> FaceTrack:
        """Landmarks of consecutive frames of one film, all of the size of `first`, its first frame."""

    def stills(self, images: Sequence[Image]) -> FaceTrack:
        """Landmarks of unrelated pictures of one size, each looked at afresh."""


class MediaPipe:
    """MediaPipe Face Mesh, run by an interpreter that has it."""

    name = "MediaPipe"

    def __init__(self, interpreter: str) -> None:
        self.interpreter = interpreter

    @classmethod
    def find(cls, interpreter: str | None = None) -> MediaPipe | None:
        """The given interpreter, which must work; else this one, if it has mediapipe; else None."""
        if interpreter is None:
            return cls(sys.executable) if importlib.util.find_spec("mediapipe") else None
        tool = cls(interpreter)
        try:
            tool.stills([np.zeros((64, 64, 3), np.uint8)])
        except (OSError, RuntimeProblem) as fault:
            raise RuntimeProblem(
                "mediapipe_missing", f"{interpreter} does not run MediaPipe Face Mesh: {fault}."
            ) from fault
        return tool

    def stills(self, images: Sequence[Image]) -> FaceTrack:
        return self._measure(images, images[0], "still")

    def film(self, frames: Iterable[Image], first: Image) -> FaceTrack:
        return self._measure(frames, first, "film")

    def _measure(self, frames: Iterable[Image], first: Image, mode: str) -> FaceTrack:
        height, width = first.shape[:2]
        rows = []
        with self._worker(width, height, mode) as (to_worker, from_worker):
            for frame in frames:
                to_worker.write(np.ascontiguousarray(frame).tobytes())
                to_worker.flush()
                rows.append(from_face_mesh(_read_points(from_worker)))
        return FaceTrack(np.array(rows, np.float32).reshape(-1, COUNT, 2))

    @contextmanager
    def _worker(self, width: int, height: int, mode: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        command = [self.interpreter, str(Path(mediapipe_worker.__file__)), str(width), str(height), mode]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdin and process.stdout
        try:
            yield process.stdin, process.stdout
        except BrokenPipeError as fault:
            raise RuntimeProblem("mediapipe_failed", "The MediaPipe process ended early") from fault
        finally:
            process.stdout.close()
            try:
                process.stdin.close()
            except BrokenPipeError:
                log.debug("the MediaPipe process had already gone")
            process.wait()


def _read_points(stream: IO[bytes]) -> NDArray[np.float32]:
    size = mediapipe_worker.POINTS * 2 * 4
    raw = stream.read(size)
    if len(raw) != size:
        raise RuntimeProblem("mediapipe_failed", "The MediaPipe process ended early")
    return np.frombuffer(raw, "<f4").reshape(mediapipe_worker.POINTS, 2)


def landmark_error(points: NDArray[np.float32], truth: NDArray[np.float32]) -> dict[str, float]:
    """Mean distance of landmarks (116, 2) from `truth`, in % of truth's outer-eye distance, for lips and eyes."""
    unit = np.linalg.norm(truth[GROUPS["eye_left"].start] - truth[GROUPS["eye_right"].start])
    distance = np.linalg.norm(points - truth, axis=1) / unit * 100
    parts = {"lips": ("lip_outer", "lip_inner"), "eyes": ("eye_right", "eye_left")}
    return {
        part: float(np.concatenate([distance[GROUPS[group]] for group in groups]).mean())
        for part, groups in parts.items()
    }
