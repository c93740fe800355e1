"""Even loudness: measured after EBU R128 (ITU-R BS.1770), brought to one level, peaks kept below full scale.

The work is FFmpeg's (filters ebur128 and alimiter), fed block by block, so memory does not grow with the recording.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

TARGET = -16.0  # LUFS, integrated: what web players and podcasts have settled on
CEILING = -1.5  # dBTP, true peak; AAC needs a little room
LOUDEST_GAIN = 30.0  # dB; what is quieter than that is noise
SILENCE = -69.0  # LUFS; the meter's gate is at -70
BETWEEN_SAMPLES = 1.0  # dB that a wave may rise above its samples; more is rare in speech
TOLERANCE = 0.2  # dB
CORRECTIONS = 3  # of the gain, at most
OVERSAMPLING = 4  # finds the peaks between samples (BS.1770-4, annex 2)

Samples = NDArray[np.float32]


def measure(blocks: Iterable[Samples], rate: int) -> float:
    """Return the integrated loudness in LUFS of mono sound (n,) float32 in blocks; -70 where there is none."""
    loudness = -70.0
    for frame in _filtered(blocks, rate, [("ebur128", "metadata=1")]):
        loudness = float(frame.metadata.get("lavfi.r128.I", loudness))
    return loudness


def gain_to_target(play: Callable[[], Iterable[Samples]], rate: int) -> float:
    """Return the gain in dB with which `amplified` brings sound to the target; 0 for silence.

    `play` returns the sound from its beginning, as blocks of mono samples, as often as it is called. Where the
    ceiling takes some of the loudness away again, the gain makes up for that.
    """
    meter = _PeakMeter()
    loudness = measure(meter.passing(play()), rate)
    if loudness <= SILENCE:
        return 0.0
    gain = min(TARGET - loudness, LOUDEST_GAIN)
    if meter.level + gain < CEILING - BETWEEN_SAMPLES:
        return gain
    for _ in range(CORRECTIONS):
        missing = TARGET - measure(amplified(play(), rate, gain), rate)
        if missing < TOLERANCE:
            break
        gain = min(gain + missing, LOUDEST_GAIN)
    return gain


class _PeakMeter:
    """Notes the highest sample of what passes, as a level in dBFS."""

    def __init__(self) -> None:
        self.level = -120.0

    def passing(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        for block in blocks:
            peak = float(np.abs(block).max(initial=1e-6))
            self.level = max(self.level, 20 * math.log10(peak))
            yield block


def amplified(blocks: Iterable[Samples], rate: int, gain: float) -> Iterator[Samples]:
    """Yield the sound louder by `gain` dB, peaks between samples included held under the ceiling.

    As many samples come out as go in, none of them later.
    """
    ceiling = 10 ** (CEILING / 20)
    chain = [
        ("volume", f"{gain:.3f}dB"),
        ("aresample", str(OVERSAMPLING * rate)),
        ("alimiter", f"limit={ceiling:.4f}:attack=5:release=60:level=disabled:latency=1"),
        ("aresample", str(rate)),
    ]
    for frame in _filtered(blocks, rate, chain):
        yield frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)


def _filtered(
    blocks: Iterable[Samples], rate: int, filters: list[tuple[str, str]]
) -> Iterator[av.AudioFrame]:
    graph = Graph()
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate))
    last = source
    for name, arguments in [*filters, ("aformat", "sample_fmts=flt:channel_layouts=mono")]:
        step = graph.add(name, arguments)
        last.link_to(step)
        last = step
    sink = graph.add("abuffersink")
    last.link_to(sink)
    graph.configure()
    at = 0
    for block in blocks:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block[None]), "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        at += len(block)
        source.push(frame)
        yield from _ready(sink)
    source.push(None)
    yield from _ready(sink)


def _ready(sink: av.filter.context.FilterContext) -> Iterator[av.AudioFrame]:
    while True:
        try:
            frame = sink.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, av.AudioFrame)
        yield frame
