"""What the mouth does while it speaks: phones, their lip and jaw targets, and the track that drives the face.

Two sources make the same `ArticulationTrack`: the audio encoder (any speech) and `articulate` (a known script
whose phone times have been aligned). Both describe a frame by ten symmetric `CONTROLS` and three contacts
(both lips, lip against teeth, rest) and share `compose`, which turns them into ARKit coefficients.

Coarticulation follows Cohen & Massaro, "Modeling coarticulation in synthetic visual speech" (1993): every
phone pulls the mouth towards its target with a dominance that rises and falls around it; the mouth is the
dominance-weighted mean. Here a dominance is the phone's interval blurred by a Gaussian (a closed form).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.speech.filters import runs
from runtime.stages.easing import smoothstep

FloatArray = NDArray[np.float32]

TRACK_FPS = 50.0

_PAIRED = ("Smile", "Frown", "Stretch", "LowerDown", "UpperUp", "Press", "Dimple")
EXPRESSIONS: tuple[str, ...] = (
    "jawOpen",
    "jawForward",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    *(f"mouth{name}{side}" for name in _PAIRED for side in ("Left", "Right")),
    "eyeBlinkLeft",
    "eyeBlinkRight",
)
"""The 25 ARKit blendshapes that drive the face, in the order of every expression array."""

CONTROLS: tuple[str, ...] = (
    "jawOpen",
    "mouthLowerDown",
    "mouthUpperUp",
    "mouthFunnel",
    "mouthPucker",
    "mouthStretch",
    "mouthSmile",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthPress",
)
"""The symmetric movements that speech needs. The first three open the mouth, the others shape the lips."""

_OPENING = 3  # how many leading CONTROLS follow the (faster) opening gesture
_CONTROL_INDEX = {name: index for index, name in enumerate(CONTROLS)}


def _controls(**values: float) -> FloatArray:
    """A control vector (10,) from short names in the order of CONTROLS."""
    short = (
        "jaw",
        "lower",
        "upper",
        "funnel",
        "pucker",
        "stretch",
        "smile",
        "roll_lower",
        "roll_upper",
        "press",
    )
    unknown = set(values) - set(short)
    if unknown:
        raise KeyError(f"unknown controls: {sorted(unknown)}")
    return np.array([values.get(name, 0.0) for name in short], np.float32)


_KEPT_WHEN_CLOSED = np.where(np.arange(len(CONTROLS)) >= _OPENING, 0.5, 0.0).astype(np.float32)
# The lower lip is drawn in under the upper teeth and the upper lip lifted off them: a gap in which teeth are seen,
# so that f is no p.
_LIP_ON_TEETH = {"jaw": 0.12, "upper": 0.65, "roll_lower": 0.55}
# A jaw that falls alone leaves the upper teeth behind the lip; people who open wide show their edge. Times its square.
_LIP_LIFTED_BY_JAW = 0.9
_CONTACT_POSE = {
    "bilabial": _controls(press=0.35, roll_lower=0.25, roll_upper=0.15),
    # The corners of the mouth come in, so that a smile bares fewer teeth.
    "labiodental": _controls(**_LIP_ON_TEETH, pucker=0.25),
}


@dataclass(frozen=True)
class Phone:
    """How one speech sound is articulated.

    target: (10,) CONTROLS at the sound's centre, contacts apart.
    jaw_dominance, lip_dominance: how strongly it holds opening and lip shape against its neighbours.
    contact: "bilabial" (lips together), "labiodental" (lower lip on upper teeth), "rest" (silence) or None.
    """

    name: str
    target: FloatArray
    jaw_dominance: float
    lip_dominance: float
    contact: str | None = None


def _inventory() -> dict[str, Phone]:
    """All phones; targets are set by hand from how each sound looks."""
    table: dict[str, Phone] = {}

    def add(
        names: str, jaw_dominance: float, lip_dominance: float, contact: str | None = None, **pose: float
    ) -> None:
        for name in names.split():
            table[name] = Phone(name, _controls(**pose), jaw_dominance, lip_dominance, contact)

    add("sil", 1.0, 0.4, "rest")
    add("p b m", 4.0, 0.4, "bilabial", jaw=0.05, press=0.35, roll_lower=0.25, roll_upper=0.15)
    add("bh", 1.5, 0.3, jaw=0.08, lower=0.05, upper=0.03)  # Spanish b between vowels: close, no contact
    add("f v", 2.5, 0.6, "labiodental", **_LIP_ON_TEETH)
    add("th dh", 0.8, 0.2, jaw=0.14, lower=0.32, upper=0.15)
    add("t d", 0.8, 0.15, jaw=0.10, lower=0.35, upper=0.15)
    add("n", 0.7, 0.15, jaw=0.12, lower=0.32, upper=0.15)
    add("l", 0.6, 0.15, jaw=0.20, lower=0.30, upper=0.15)
    add("k g ng x", 0.4, 0.1, jaw=0.18, lower=0.22, upper=0.10)
    add("h", 0.08, 0.03, jaw=0.25, lower=0.25, upper=0.12)
    add("sh zh", 0.9, 0.9, jaw=0.06, funnel=0.60, pucker=0.25, lower=0.20)
    add("sj", 0.9, 0.5, jaw=0.06, lower=0.38, upper=0.20, stretch=0.20, funnel=0.10)  # Mandarin x, j, q
    add("s z", 1.0, 0.4, jaw=0.04, lower=0.42, upper=0.25, stretch=0.20)
    add("r", 0.6, 0.7, jaw=0.10, pucker=0.35, funnel=0.45, lower=0.12)
    add("er", 0.8, 0.8, jaw=0.16, pucker=0.30, funnel=0.38, lower=0.15)
    add("rr", 0.5, 0.1, jaw=0.14, lower=0.28, upper=0.12)  # tap and trill
    add("a", 1.0, 0.6, jaw=0.62, lower=0.35, upper=0.25)
    add("ae", 1.0, 0.7, jaw=0.48, lower=0.40, upper=0.30, stretch=0.35, smile=0.12)
    add("ah", 0.9, 0.4, jaw=0.36, lower=0.30, upper=0.15)
    add("eh", 1.0, 0.7, jaw=0.33, lower=0.35, upper=0.22, stretch=0.22)
    add("e", 1.0, 0.8, jaw=0.22, lower=0.38, upper=0.22, stretch=0.32, smile=0.20)
    add("ax", 0.5, 0.2, jaw=0.22, lower=0.25, upper=0.12)
    add("ih", 0.8, 0.6, jaw=0.18, lower=0.35, upper=0.20, stretch=0.20)
    add("i", 0.9, 0.9, jaw=0.10, lower=0.42, upper=0.24, stretch=0.45, smile=0.40)
    add("j", 0.7, 0.7, jaw=0.09, lower=0.36, upper=0.20, stretch=0.35, smile=0.25)
    add("iz", 0.8, 0.4, jaw=0.06, lower=0.40, upper=0.22, stretch=0.20)  # Mandarin apical vowel (si, shi)
    add("o", 1.0, 1.0, jaw=0.40, funnel=0.50, pucker=0.15, lower=0.10)
    add("ou", 1.0, 1.2, jaw=0.28, funnel=0.55, pucker=0.38, lower=0.05)
    add("uh", 0.9, 1.0, jaw=0.16, funnel=0.42, pucker=0.42)
    add("u", 1.0, 1.5, jaw=0.10, funnel=0.45, pucker=0.75)
    add("w", 1.2, 1.6, jaw=0.06, funnel=0.40, pucker=0.80)
    add("y", 1.0, 1.5, jaw=0.08, funnel=0.45, pucker=0.72)
    add("oe", 1.0, 1.2, jaw=0.22, funnel=0.50, pucker=0.42)
    return table


PHONES: dict[str, Phone] = _inventory()
"""The sounds that the audio encoder tells apart, in the order of its posteriors.

Diphthongs and affricates are two sounds each.
"""

PHONE_NAMES: tuple[str, ...] = tuple(PHONES)


@dataclass(frozen=True)
class Segment:
    """One phone in time: seconds from the start of the recording."""

    phone: str
    start: float
    end: float


@dataclass(frozen=True)
class ArticulationTrack:
    """The mouth over time; row i describes the instant i / fps.

    expression: (T, 25) float32, EXPRESSIONS in 0..1; it already includes closed lips where closure is 1.
    closure: (T,) float32 0..1, 1 = the lips must touch (p, b, m and silence).
    voice: (T,) float32 0..1, probability that somebody speaks.
    loudness: (T,) float32, dB relative to the recording's speech level (0 = a loud vowel, -80 = silence).
    """

    fps: float
    expression: FloatArray
    closure: FloatArray
    voice: FloatArray
    loudness: FloatArray

    def __post_init__(self) -> None:
        frames = len(self.expression)
        if self.expression.shape != (frames, len(EXPRESSIONS)):
            raise ValueError(f"expression must be (T, {len(EXPRESSIONS)}), not {self.expression.shape}")
        for name in ("closure", "voice", "loudness"):
            if getattr(self, name).shape != (frames,):
                raise ValueError(f"{name} must be ({frames},), not {getattr(self, name).shape}")

    def __len__(self) -> int:
        return len(self.expression)

    @property
    def duration(self) -> float:
        """Seconds covered by the rows."""
        return len(self) / self.fps

    def resampled(self, fps: float, frames: int | None = None, phase: float = 0.0) -> ArticulationTrack:
        """The track at another frame rate, with every lip closure kept.

        Rows are interpolated at (i + phase) / fps. A slow rate would step over short closures: where it does, the
        new frame nearest to the closure's middle shows the lips as they are there.
        """
        if frames is None:
            frames = max(1, round(self.duration * fps))
        position = np.clip((np.arange(frames) + phase) / fps * self.fps, 0, len(self) - 1)
        rows, closure = np.arange(len(self), dtype=np.float64), self.closure.astype(np.float64)
        closures = runs(self.closure > 0.5)
        # The frames that may show each; one that showed its neighbour may have been moved into it.
        first = np.searchsorted(position, [start - 1 for start, _ in closures]) - 1
        last = np.searchsorted(position, [stop for _, stop in closures]) + 1
        for (start, stop), a, b in zip(closures, np.maximum(first, 0), last, strict=True):
            peak = self.closure[start:stop].max()
            near = position[a:b]
            seen = near[(near > start - 1) & (near < stop)]
            if len(seen) and np.interp(seen, rows, closure).max() >= 0.98 * peak:
                continue
            middle = start + float(np.flatnonzero(self.closure[start:stop] >= 0.98 * peak).mean())
            position[np.clip(round(middle / self.fps * fps - phase), 0, frames - 1)] = middle
        low = np.floor(position).astype(np.int64)
        high = np.minimum(low + 1, len(self) - 1)
        mix = (position - low).astype(np.float32)

        def sample(values: FloatArray) -> FloatArray:
            weight = mix if values.ndim == 1 else mix[:, None]
            return (values[low] * (1 - weight) + values[high] * weight).astype(np.float32)

        return ArticulationTrack(
            fps, sample(self.expression), sample(self.closure), sample(self.voice), sample(self.loudness)
        )


def compose(
    controls: FloatArray, bilabial: FloatArray, labiodental: FloatArray, rest: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Controls (T, 10) and contacts (T,) in 0..1 -> expression (T, 25) and closure (T,).

    Contacts win over controls: a closed mouth keeps half of its rounding or spreading (the m of "moon" is
    round), never its opening; at rest everything relaxes to the neutral, closed mouth.
    """
    touch = labiodental[:, None].astype(np.float32)
    mouth = controls * (1 - touch) + _CONTACT_POSE["labiodental"] * touch
    mouth[:, _CONTROL_INDEX["mouthFunnel"]] += 0.5 * labiodental * controls[:, _CONTROL_INDEX["mouthFunnel"]]
    closed = _CONTACT_POSE["bilabial"] + _KEPT_WHEN_CLOSED * mouth
    mouth = mouth * (1 - bilabial[:, None]) + closed * bilabial[:, None]
    mouth *= 1 - rest[:, None]
    jaw, upper = _CONTROL_INDEX["jawOpen"], _CONTROL_INDEX["mouthUpperUp"]
    mouth[:, upper] = np.maximum(mouth[:, upper], _LIP_LIFTED_BY_JAW * mouth[:, jaw] ** 2)
    closure = np.maximum(bilabial, rest).astype(np.float32)
    return expand_controls(np.clip(mouth, 0, 1)), closure


def expand_controls(controls: FloatArray) -> FloatArray:
    """Symmetric controls (T, 10) -> expression (T, 25) with the left and right half alike."""
    expression = np.zeros((len(controls), len(EXPRESSIONS)), np.float32)
    for index, name in enumerate(EXPRESSIONS):
        source = name.removesuffix("Left").removesuffix("Right")
        if source in _CONTROL_INDEX:
            expression[:, index] = controls[:, _CONTROL_INDEX[source]]
    return expression


@dataclass(frozen=True)
class Mouth:
    """What the mouth does before it is composed: controls (T, 10); bilabial, labiodental, rest (T,) in 0..1."""

    controls: FloatArray
    bilabial: FloatArray
    labiodental: FloatArray
    rest: FloatArray

    def track(self, fps: float, voice: FloatArray, loudness: FloatArray) -> ArticulationTrack:
        """The track that drives the face; voice and loudness (T,) as there."""
        expression, closure = compose(self.controls, self.bilabial, self.labiodental, self.rest)
        return ArticulationTrack(fps, expression, closure, voice, loudness)


@dataclass(frozen=True)
class Gestures(Mouth):
    """What `articulate` computes before composing: also the training targets of the audio encoder.

    phone (T,): index into PHONE_NAMES.
    """

    phone: NDArray[np.int64]


# Seconds. The jaw moves faster than the lips round, and rounding starts ahead of its vowel.
_OPENING_BLUR = 0.035
_SHAPE_BLUR = 0.060
_SHAPE_LEAD = 0.030
_SHORTEST_CLOSURE = 0.045
_CONTACT_BLUR = 0.014
_REST_BLUR = 0.020
_REST_PAUSE = 0.12  # shorter pauses do not close the mouth


def gestures(segments: Sequence[Segment], duration: float, fps: float = TRACK_FPS) -> Gestures:
    """Phones with times -> the mouth's gestures at `fps`, frame i at i / fps; gaps count as silence."""
    spans = _fill_gaps(segments, duration)
    frames = max(1, round(duration * fps))
    times = np.arange(frames) / fps
    opening = _Mixture(times, _OPENING)
    shape = _Mixture(times, len(CONTROLS) - _OPENING)
    bilabial, labiodental, rest = (np.zeros(frames, np.float32) for _ in range(3))
    phone = np.zeros(frames, np.int64)
    order = {name: index for index, name in enumerate(PHONE_NAMES)}
    for span in spans:
        sound = PHONES[span.phone]
        short_pause = sound.contact == "rest" and span.end - span.start < _REST_PAUSE
        scale = 0.25 if short_pause else 1.0
        opening.add(span.start, span.end, _OPENING_BLUR, scale * sound.jaw_dominance, sound.target[:_OPENING])
        shape.add(
            span.start - _SHAPE_LEAD,
            span.end - _SHAPE_LEAD,
            _SHAPE_BLUR,
            scale * sound.lip_dominance,
            sound.target[_OPENING:],
        )
        phone[_slice(times, span.start, span.end)] = order[sound.name]
        if sound.contact == "bilabial":
            _touch(bilabial, times, *_closure_interval(span), _CONTACT_BLUR)
        elif sound.contact == "labiodental":
            _touch(labiodental, times, span.start, span.end, _CONTACT_BLUR)
        elif sound.contact == "rest" and not short_pause:
            _fall_silent(rest, times, span.start, span.end)
    controls = np.concatenate([opening.mean(), shape.mean()], axis=1)
    return Gestures(controls, bilabial, labiodental, rest, phone)


def articulate(segments: Sequence[Segment], duration: float, fps: float = TRACK_FPS) -> ArticulationTrack:
    """The mouth for phones with known times (seconds), e.g. from forced alignment.

    Lips are exactly closed during p, b, m and pauses, touch the teeth at f and v, and round ahead of rounded
    sounds. Voice is 1 outside silence; loudness is nominal (-60 dB in silence, -10 dB in speech), since the
    audio is not known here.
    """
    moves = gestures(segments, duration, fps)
    voice = (1 - moves.rest).astype(np.float32)
    return moves.track(fps, voice, (-60 + 50 * voice).astype(np.float32))


def _fill_gaps(segments: Iterable[Segment], duration: float) -> list[Segment]:
    """Sorted segments with silence in every gap, neighbouring silences joined."""
    filled: list[Segment] = []

    def push(phone: str, start: float, end: float) -> None:
        if end <= start:
            return
        if phone == "sil" and filled and filled[-1].phone == "sil":
            filled[-1] = Segment("sil", filled[-1].start, end)
        else:
            filled.append(Segment(phone, start, end))

    clock = 0.0
    for segment in sorted(segments, key=lambda item: item.start):
        push("sil", clock, segment.start)
        push(segment.phone, max(clock, segment.start), segment.end)
        clock = max(clock, segment.end)
    push("sil", clock, duration)
    return filled


class _Mixture:
    """Dominance-weighted mean of targets; each dominance is an interval blurred by a Gaussian."""

    def __init__(self, times: NDArray[np.float64], channels: int) -> None:
        self.times = times
        self.total = np.zeros((len(times), channels))
        self.weight = np.full(len(times), 1e-6)

    def add(self, start: float, end: float, blur: float, dominance: float, target: FloatArray) -> None:
        from scipy.special import ndtr  # the Gaussian's integral

        part = _slice(self.times, start - 5 * blur, end + 5 * blur)
        times = self.times[part]
        pull = dominance * (ndtr((times - start) / blur) - ndtr((times - end) / blur))
        self.total[part] += pull[:, None] * target
        self.weight[part] += pull

    def mean(self) -> FloatArray:
        return (self.total / self.weight[:, None]).astype(np.float32)


def _closure_interval(span: Segment) -> tuple[float, float]:
    """When the lips are together: m to its end, a stop up to its release, never too short to be seen."""
    end = span.end if span.phone == "m" else span.start + 0.85 * (span.end - span.start)
    missing = max(0.0, _SHORTEST_CLOSURE - (end - span.start)) / 2
    return span.start - missing, end + missing


def _touch(signal: FloatArray, times: NDArray[Any], start: float, end: float, blur: float) -> None:
    """Raise `signal` to exactly 1 within start..end, with Gaussian flanks outside."""
    part = _slice(times, start - 4 * blur, end + 4 * blur)
    distance = np.maximum(np.maximum(start - times[part], times[part] - end), 0)
    signal[part] = np.maximum(signal[part], np.exp(-0.5 * (distance / blur) ** 2))


def _fall_silent(signal: FloatArray, times: NDArray[Any], start: float, end: float) -> None:
    """Rest rises through one half at the pause's start and falls through one half at its end."""
    part = _slice(times, start - 3 * _REST_BLUR, end + 3 * _REST_BLUR)
    inside = np.minimum(times[part] - start, end - times[part])
    if start <= 0:
        inside = end - times[part]
    if end >= times[-1]:
        inside = times[part] - start if start > 0 else np.full(len(times[part]), 1.0)
    signal[part] = np.maximum(signal[part], smoothstep(0.5 + inside / (2 * _REST_BLUR)))


def _slice(times: NDArray[Any], start: float, end: float) -> slice:
    """Frames whose time lies in start..end (end excluded)."""
    return slice(int(np.searchsorted(times, start)), int(np.searchsorted(times, end)))
