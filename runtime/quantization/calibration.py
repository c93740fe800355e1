"""Calibration data: what the graphs of a pack are fed while the real pipeline films portraits that speak.

Ranges that are measured on anything else (noise, empty pictures) do not fit what the graphs will see.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.contract import RenderOptions, RuntimeProblem
from runtime.evaluation.films import find_portraits, find_speech
from runtime.inference.packs import Graph, ModelPack
from runtime.inference.sessions import Session, Sessions
from runtime.media.audio import AudioFile
from runtime.media.image import load_image
from runtime.pipeline import Stopwatch, draw_regions, frame_portrait
from runtime.quantization.samples import Reservoir, Samples, rows_of
from runtime.stages.articulation import ArticulationTrack
from runtime.stages.audio_encoding import AudioEncoder
from runtime.stages.image_encoding import ImageEncoder
from runtime.stages.motion_field import MotionField
from runtime.stages.performance import MotionTrack, perform
from runtime.stages.texture_rendering import TextureRenderer

log = logging.getLogger(__name__)

CALIBRATING, HELD_OUT = 64, 24  # rows that are kept of each graph, at most
SECONDS = 60.0  # of each recording that are listened to
FRAMES = 12  # of each portrait's film: stages 3 and 4 know no neighbours, so any will do
EVERY = 4  # portraits, recordings or rows; the last of each so many is held out


class Recorder(Sessions):
    """Full-precision sessions that keep samples of what they are fed.

    `held_out` says for which purpose rows are kept from now on; None: every fourth row is held out.
    """

    def __init__(self, pack: ModelPack, provider: str = "auto", threads: int = 0, seed: int = 0) -> None:
        super().__init__(pack, provider, threads, int8=False)
        self.held_out: bool | None = None
        self._random = np.random.default_rng(seed)
        self._kept: dict[tuple[str, bool], Reservoir] = {}
        self._rows: dict[str, int] = {}

    def _start(self, graph: Graph) -> Session:
        return _Overheard(super()._start(graph), self)

    def keep(self, name: str, inputs: Mapping[str, NDArray]) -> None:
        """Take the rows of one call of a graph."""
        for row in rows_of(inputs):
            number = self._rows[name] = self._rows.get(name, 0) + 1
            held_out = number % EVERY == 0 if self.held_out is None else self.held_out
            most = HELD_OUT if held_out else CALIBRATING
            self._kept.setdefault((name, held_out), Reservoir(most, self._random)).offer(row)

    def samples(self) -> dict[str, Samples]:
        """What was kept, by graph; a graph of which too little was seen is judged on the rows that set its ranges."""
        found: dict[str, Samples] = {}
        for (name, held_out), reservoir in self._kept.items():
            samples = found.setdefault(name, Samples())
            (samples.held_out if held_out else samples.calibrating).extend(reservoir.rows)
        for samples in found.values():
            samples.calibrating = samples.calibrating or samples.held_out
            samples.held_out = samples.held_out or samples.calibrating
        return found


class _Overheard(Session):
    """A session whose recorder sees what it is fed."""

    def __init__(self, session: Session, recorder: Recorder) -> None:
        super().__init__(session._session, session.graph, session.provider)
        self._recorder = recorder

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        self._recorder.keep(self.graph.name, inputs)
        return super().run(inputs)


@dataclass(frozen=True)
class Recording:
    """Samples by graph, and how many pictures and recordings they come from."""

    samples: Mapping[str, Samples]
    pictures: int
    recordings: int


def record(
    pack: ModelPack,
    folder: Path,
    provider: str = "auto",
    threads: int = 0,
    tell: Callable[[str], None] | None = None,
) -> Recording:
    """Film the portraits in a folder, speaking what its recordings say, and keep what the graphs are fed.

    Raises `RuntimeProblem` when the folder lacks pictures or speech, or none of its pictures shows a face.
    """
    tell = tell or log.info
    pictures, speech = find_portraits(folder), find_speech(folder)
    recorder = Recorder(pack, provider, threads)
    tracks = []
    for number, recording in enumerate(speech):
        tell(f"listening to {recording.audio.name}")
        recorder.held_out = _is_held_out(number, len(speech))
        tracks.append(_listen(recording.audio, recorder))
    filmed = 0
    for number, picture in enumerate(pictures):
        tell(f"filming {picture.name}")
        recorder.held_out = _is_held_out(number, len(pictures))
        options = RenderOptions(seed=number)
        try:
            _film(picture, tracks[number % len(tracks)], recorder, options)
            filmed += 1
        except RuntimeProblem as problem:
            log.warning("%s is left out: %s", picture.name, problem.sentence)
    if not filmed:
        raise RuntimeProblem("no_face", f"None of the pictures in {folder} can be filmed.")
    samples = recorder.samples()
    if missing := [name for name in pack.graphs if name not in samples]:
        raise RuntimeProblem(
            "calibration_incomplete",
            f"The graph {missing[0]} was never run while the pictures in {folder} were filmed.",
            "More pictures and longer speech reach more of the pipeline.",
        )
    return Recording(samples, filmed, len(tracks))


def _is_held_out(number: int, count: int) -> bool | None:
    """Whole pictures and recordings are held out where there are enough of them."""
    return None if count < EVERY else number % EVERY == EVERY - 1


def _listen(path: Path, sessions: Sessions) -> ArticulationTrack:
    return AudioEncoder(sessions).encode(_first_seconds(AudioFile.open(path)))


def _first_seconds(audio: AudioFile) -> Iterator[NDArray[np.float32]]:
    left = round(SECONDS * 16000)
    for block in audio.mono():
        yield block[:left]
        left -= len(block)
        if left <= 0:
            return


def _film(picture: Path, track: ArticulationTrack, sessions: Sessions, options: RenderOptions) -> None:
    photo = ImageEncoder(sessions).encode(load_image(picture))
    portrait, _ = frame_portrait(photo, options)
    motion = perform(track, len(track) / track.fps, options)
    face = MotionField(sessions, sessions.pack).bind(portrait)
    texture = TextureRenderer(sessions).bind(portrait, face)
    for _ in draw_regions(_chosen(motion, telling_frames(motion)), face, texture, Stopwatch()):
        pass


def telling_frames(motion: MotionTrack, count: int = FRAMES) -> list[int]:
    """Numbers of the frames to render: two thirds evenly spread, the others within blinks, which are rare."""
    blink = motion.expression[:, -2:].max(axis=1)
    blinking = np.flatnonzero(blink > 0.05)
    spread = np.linspace(0, len(motion) - 1, max(1, count - count // 3))
    closing = blinking[np.linspace(0, len(blinking) - 1, count // 3).astype(int)] if len(blinking) else []
    return sorted({int(number) for number in (*spread, *closing)})


def _chosen(motion: MotionTrack, frames: Sequence[int]) -> MotionTrack:
    rows = np.asarray(frames)
    return replace(
        motion,
        expression=motion.expression[rows],
        closure=motion.closure[rows],
        head=motion.head[rows],
        amount=motion.amount[rows],
    )
