"""Stage 1: speech of any length -> the mouth's articulation track, in constant memory.

Samples become log-mel features, features go through the network in overlapping windows of fixed size, and what
it says of each frame is decoded into closures, rests and ARKit coefficients. The result does not depend on the
windows: each has 2.4 s of context on either side, of which the network sees 1.52 s; within the rest the order of
phones forgets where the window began.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.inference.sessions import Sessions
from runtime.speech.decoding import Calibration, Evidence, decode
from runtime.speech.features import (
    FFT,
    HOP,
    LEVEL_RANGE,
    MELS,
    RATE,
    frame_count,
    frame_peak,
    framed_log_mel,
    heard_together,
    heard_twice,
    scale_for_network,
)
from runtime.speech.level import FRAMES_AHEAD, LevelTracker
from runtime.speech.sequence import PhoneSequence
from runtime.stages.articulation import EXPRESSIONS, TRACK_FPS, ArticulationTrack

log = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]

CONTEXT = 240  # feature frames (10 ms) on either side of a window: what network and order of phones look at
_SAMPLES_PER_ROW = round(RATE / TRACK_FPS)
_SILENCE = (LEVEL_RANGE[0] + 40.0) / 20.0  # what silence looks like to the network


class Network(Protocol):
    """What runs the graph: `runtime.inference.sessions.Session`."""

    def run(self, inputs: dict[str, FloatArray]) -> dict[str, FloatArray]: ...


@dataclass(frozen=True)
class Window:
    """What is heard in rows start..stop of the track: posteriors (n, P) of PHONE_NAMES, and all that decides.

    logits (n, P): what the network says of each row by itself, before its neighbours are asked.
    """

    start: int
    stop: int
    phones: FloatArray
    logits: FloatArray
    evidence: Evidence
    loudness: FloatArray


@dataclass(frozen=True)
class Hearing:
    """All that is heard in a recording of T rows, and how to read it. logits (T, P), or (0, P) where not kept."""

    evidence: Evidence
    loudness: FloatArray
    logits: FloatArray
    calibration: Calibration
    sequence: PhoneSequence

    def track(self) -> ArticulationTrack:
        """What the mouth does, by the sound alone."""
        return decode(self.evidence, self.loudness, self.calibration)


class AudioEncoder:
    """Speech to articulation with the graph `audio_encoder`.

    window_seconds: how much is encoded at once; a matter of memory and speed, not of the result.
    """

    def __init__(self, sessions: Sessions, window_seconds: float = 20.0) -> None:
        session = sessions.get("audio_encoder")
        self._network: Network = session
        self._calibration = Calibration.of(session.graph.record)
        self._sequence = PhoneSequence.load(sessions.pack.asset("phone_transitions"))
        self._core = 2 * round(window_seconds * TRACK_FPS)

    def encode(
        self,
        samples: FloatArray | Iterable[FloatArray],
        sample_rate: int = RATE,
        progress: Callable[[float], None] | None = None,
    ) -> ArticulationTrack:
        """The track, 50 rows a second, for mono samples in -1..1: one array, or blocks of 16 kHz as they come.

        `progress` is told how many seconds have been encoded. An array of another rate is resampled.
        """
        return self.hear(samples, sample_rate, progress, keep_logits=False).track()

    def hear(
        self,
        samples: FloatArray | Iterable[FloatArray],
        sample_rate: int = RATE,
        progress: Callable[[float], None] | None = None,
        keep_logits: bool = True,
    ) -> Hearing:
        """The same before it is decided what the mouth does; `keep_logits` for alignment with a script."""
        evidence: list[Evidence] = []
        loudness: list[FloatArray] = []
        logits: list[FloatArray] = []
        for window in self.windows(_as_blocks(samples, sample_rate)):
            evidence.append(window.evidence)
            loudness.append(window.loudness)
            logits.append(window.logits if keep_logits else window.logits[:0])
            if progress is not None:
                progress(window.stop / TRACK_FPS)
        return Hearing(
            Evidence.join(evidence),
            np.concatenate(loudness),
            np.concatenate(logits),
            self._calibration,
            self._sequence,
        )

    def windows(self, blocks: Iterable[FloatArray]) -> Iterator[Window]:
        """The network's outputs piece by piece, for whoever needs the phones' posteriors (alignment)."""
        features = _FeatureStream()
        start = 0
        for block in blocks:
            features.push(block)
            while features.ready(start + self._core + CONTEXT):
                yield self._encode(features, start, start + self._core)
                start += self._core
                features.forget(start - CONTEXT)
        features.end()
        rows = max(1, -(-features.samples // _SAMPLES_PER_ROW))
        while start < 2 * rows:
            yield self._encode(features, start, min(start + self._core, 2 * rows))
            start += self._core

    def _encode(self, features: _FeatureStream, start: int, stop: int) -> Window:
        """Run one window; the graph always gets the same shape, so that it is compiled once."""
        mel = features.scaled(start - CONTEXT, start + self._core + CONTEXT)
        views = [
            self._network.run({"input": np.ascontiguousarray(view.T[None])}) for view in heard_twice(mel)
        ]
        rows = slice(CONTEXT // 2, CONTEXT // 2 + (stop - start) // 2)
        logits = heard_together(np.concatenate([view["phones"] for view in views]))
        phones = self._sequence.posteriors(logits)[rows]
        controls, contacts = (
            np.mean([view[name][0, rows] for view in views], axis=0) for name in ("controls", "contacts")
        )
        evidence = Evidence.of(logits[rows], phones, controls, contacts)
        return Window(start // 2, stop // 2, phones, logits[rows], evidence, features.loudness(start, stop))


class _FeatureStream:
    """Log-mel frames and levels of samples that arrive in blocks; old frames can be forgotten."""

    def __init__(self) -> None:
        self.samples = 0
        self._pending = np.zeros(FFT // 2, np.float32)  # from the first frame not yet computed
        self._mel = np.zeros((0, MELS), np.float32)
        self._first = 0  # index of the first frame kept
        self._levels = LevelTracker()
        self._ended = False

    def push(self, block: FloatArray) -> None:
        self.samples += len(block)
        self._take(block.astype(np.float32, copy=False))

    def end(self) -> None:
        """Complete the last frames with silence."""
        missing = frame_count(self.samples) - self._known
        needed = (missing - 1) * HOP + FFT - len(self._pending)
        self._take(np.zeros(max(needed, 0), np.float32))
        self._levels.end()
        self._ended = True

    def ready(self, stop: int) -> bool:
        """Whether the frames before `stop` and their levels are known."""
        return self._known >= stop + FRAMES_AHEAD

    def forget(self, before: int) -> None:
        drop = max(0, before - self._first)
        self._mel = self._mel[drop:].copy()
        self._first += drop

    def scaled(self, start: int, stop: int) -> FloatArray:
        """Network input (stop - start, 80); silence before the beginning and after the end."""
        out = np.full((stop - start, MELS), _SILENCE, np.float32)
        low, high = max(start, 0), min(stop, self._known)
        if high > low:
            mel = self._mel[low - self._first : high - self._first]
            out[low - start : high - start] = scale_for_network(mel, self._levels.level(low, high))
        return out

    def loudness(self, start: int, stop: int) -> FloatArray:
        """dB relative to the speech level, the louder of each two frames, ((stop - start) / 2,)."""
        out = np.full(stop - start, LEVEL_RANGE[0], np.float32)
        high = min(stop, self._known)
        mel = self._mel[start - self._first : high - self._first]
        out[: high - start] = frame_peak(mel) - self._levels.level(start, high)
        return np.clip(out.reshape(-1, 2).max(axis=1), *LEVEL_RANGE)

    @property
    def _known(self) -> int:
        return self._first + len(self._mel)

    def _take(self, block: FloatArray) -> None:
        self._pending = np.concatenate([self._pending, block])
        frames = (len(self._pending) - FFT) // HOP + 1 if len(self._pending) >= FFT else 0
        if frames > 0:
            mel = framed_log_mel(self._pending[: (frames - 1) * HOP + FFT])
            self._mel = np.concatenate([self._mel, mel])
            self._levels.push(frame_peak(mel))
            self._pending = self._pending[frames * HOP :]


def _as_blocks(samples: FloatArray | Iterable[FloatArray], sample_rate: int) -> Iterator[FloatArray]:
    """Blocks of at most ten seconds at 16 kHz."""
    if not isinstance(samples, np.ndarray):
        if sample_rate != RATE:
            raise ValueError(f"blocks must come at {RATE} Hz, not {sample_rate}")
        yield from samples
        return
    if samples.ndim != 1:
        raise ValueError(f"samples must be mono (N,), not {samples.shape}")
    if sample_rate != RATE:
        import librosa

        samples = librosa.resample(samples.astype(np.float32), orig_sr=sample_rate, target_sr=RATE)
    for start in range(0, len(samples), 10 * RATE):
        yield samples[start : start + 10 * RATE]


def write_csv(track: ArticulationTrack, path: str | Path, fps: float | None = None) -> None:
    """One row a frame: time in seconds, the 25 ARKit coefficients, closure, voice, loudness in dB."""
    if fps is not None and fps != track.fps:
        track = track.resampled(fps)
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["time", *EXPRESSIONS, "closure", "voice", "loudness"])
        for row in range(len(track)):
            shape = [f"{value:.4f}" for value in track.expression[row]]
            table.writerow(
                [
                    f"{row / track.fps:.4f}",
                    *shape,
                    f"{track.closure[row]:.4f}",
                    f"{track.voice[row]:.4f}",
                    f"{track.loudness[row]:.2f}",
                ]
            )
