"""From what the audio network says of each frame to lips that really close, touch and rest.

The network is unsure; a mouth must not be. Probabilities become decisions with hysteresis: where lips meet, they
meet fully for at least 60 ms, and where somebody pauses, the mouth stays shut. How much it takes to believe in a
closure depends on how well the voice is understood around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.speech.filters import maximum_filter, percentile_filter, runs, uniform_filter
from runtime.stages.articulation import CONTROLS, PHONE_NAMES, TRACK_FPS, ArticulationTrack, Mouth

FloatArray = NDArray[np.float32]

CONTACTS = ("bilabial", "labiodental", "rest", "voice")
_BILABIALS = [PHONE_NAMES.index(name) for name in ("p", "b", "m")]
_LABIODENTALS = [PHONE_NAMES.index(name) for name in ("f", "v")]
_SILENCE = PHONE_NAMES.index("sil")


@dataclass(frozen=True)
class Calibration:
    """How to read one trained network; fitted on held-out speech by `training.audio.calibrate`.

    bilabial, labiodental, rest: weights (contact logit, log-odds of the phones, constant) of a logistic model.
    closing: probability from which p, b, m are believed, where the voice is hardly and where it is well understood
    (CERTAINTY). resting: the same for pauses.
    gain, offset: (10,) for the CONTROLS, which a network that minimises squares makes too small.
    """

    bilabial: tuple[float, float, float] = (1.0, 0.0, 0.0)
    labiodental: tuple[float, float, float] = (1.0, 0.0, 0.0)
    rest: tuple[float, float, float] = (1.0, 0.0, 0.0)
    closing: tuple[float, float] = (0.5, 0.5)
    resting: float = 0.5
    gain: tuple[float, ...] = field(default=(1.0,) * len(CONTROLS))
    offset: tuple[float, ...] = field(default=(0.0,) * len(CONTROLS))

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Calibration:
        """From a graph's record in pack.json; the defaults where it has none."""
        known = {item.name for item in fields(cls)}
        stored: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in record.get("calibration", {}).items()
            if name in known
        }
        return cls(**stored)


@dataclass(frozen=True)
class Evidence:
    """The network's word on T frames at 50 a second, phones already reduced to what the mouth needs.

    controls (T, 10); contacts (T, 4) logits of CONTACTS; odds (T, 3) log-odds of p b m, of f v, of silence;
    certainty (T,) probability of the likeliest phone by the frame's own logits.
    """

    controls: FloatArray
    contacts: FloatArray
    odds: FloatArray
    certainty: FloatArray

    @classmethod
    def of(
        cls, logits: FloatArray, phones: FloatArray, controls: FloatArray, contacts: FloatArray
    ) -> Evidence:
        """From the network's outputs for one window; phones (T, P) are the posteriors that follow from logits."""
        groups = (_BILABIALS, _LABIODENTALS, [_SILENCE])
        chance = np.stack([phones[:, group].sum(axis=1) for group in groups], axis=1)
        chance = np.clip(chance, 1e-4, 1 - 1e-4)
        odds = np.log(chance / (1 - chance)).astype(np.float32)
        certainty = 1 / np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)
        return cls(controls, contacts, odds, certainty.astype(np.float32))

    @classmethod
    def join(cls, parts: list[Evidence]) -> Evidence:
        columns = ([getattr(part, item.name) for part in parts] for item in fields(cls))
        return cls(*(np.concatenate(column) for column in columns))


CERTAINTY = (0.6, 0.75)
"""Mean probability of the likeliest phone in speech that is hardly, and in speech that is well understood."""

_SHORTEST_CLOSURE = 3  # frames of 20 ms
_EDGE = 0.5  # of the likeliest frame within _EDGE_WINDOW
_EDGE_WINDOW = 7
_SHORTEST_REST = 7
_SHORTEST_SPEECH = 4
_LONG_REST = 12  # from here on a faint pause is believed; a shorter one may be the closure of a t
_SURE_REST = 0.8
_CERTAINTY_WINDOW = 250
_STEADY_WINDOW = 75
_STEADY_RANGE = 4.5  # dB; syllables alone make more than ten
_INAUDIBLE = -55.0  # dB under the speech level: nobody speaks, whatever the network says


def contact_probability(evidence: Evidence, contact: str, calibration: Calibration) -> FloatArray:
    """Calibrated probability (T,) of "bilabial", "labiodental" or "rest"."""
    by_logit, by_odds, constant = getattr(calibration, contact)
    row = CONTACTS.index(contact)
    score = by_logit * evidence.contacts[:, row] + by_odds * evidence.odds[:, row] + constant
    return _sigmoid(score)


def decode(evidence: Evidence, loudness: FloatArray, calibration: Calibration) -> ArticulationTrack:
    """Evidence and loudness (T,) in dB -> the track that drives the mouth."""
    mouth, voice = decode_mouth(evidence, loudness, calibration)
    return mouth.track(TRACK_FPS, voice, loudness)


def decode_mouth(
    evidence: Evidence, loudness: FloatArray, calibration: Calibration
) -> tuple[Mouth, FloatArray]:
    """The same before composing, with the probability of voice (T,)."""
    gain, offset = np.array(calibration.gain, np.float32), np.array(calibration.offset, np.float32)
    controls = np.clip(evidence.controls * gain + offset, 0, 1).astype(np.float32)
    bilabial = close_lips(
        closing_probability(evidence, calibration), closing_threshold(evidence, calibration)
    )
    labiodental = np.clip(1.3 * contact_probability(evidence, "labiodental", calibration) - 0.1, 0, 1)
    nobody = (loudness < _INAUDIBLE) | steady_noise(loudness)
    rest = rest_mouth(
        pauses(contact_probability(evidence, "rest", calibration), calibration.resting) | nobody
    )
    voice = _sigmoid(evidence.contacts[:, CONTACTS.index("voice")])
    voice = np.where(nobody, 0, voice).astype(np.float32)
    return Mouth(controls, bilabial, labiodental.astype(np.float32), rest), voice


def closing_probability(evidence: Evidence, calibration: Calibration) -> FloatArray:
    """Probability (T,) of p, b, m; none where f, v are likelier: the lip cannot be at both places."""
    bilabial = contact_probability(evidence, "bilabial", calibration)
    labiodental = contact_probability(evidence, "labiodental", calibration)
    return np.where(bilabial < labiodental, 0, bilabial).astype(np.float32)


def closing_threshold(evidence: Evidence, calibration: Calibration) -> FloatArray:
    """From which probability p, b, m are believed, frame by frame (T,).

    In noise or mumbled speech all posteriors are flat and true closures get little, too: a low threshold. Where the
    network follows every sound a closure that it doubts is none. In between geometrically.
    """
    return threshold_between(calibration.closing, understood(evidence))


def threshold_between(closing: tuple[float, float], clarity: FloatArray) -> FloatArray:
    """The same (T,) for a voice that is understood so well, `clarity` (T,) 0..1."""
    low, high = closing
    return np.asarray(low * (high / low) ** clarity, np.float32)


def understood(evidence: Evidence) -> FloatArray:
    """How well the voice is understood around each frame (T,), 0 hardly to 1 well, judged over 5 s of speech."""
    width = min(_CERTAINTY_WINDOW, len(evidence.certainty))
    spoken = (evidence.odds[:, 2] < 0).astype(np.float64)
    unsure, sure = CERTAINTY
    around = uniform_filter(spoken * (evidence.certainty - unsure), width)
    share = uniform_filter(spoken, width)
    return np.clip(around / np.maximum(share, 1 / width) / (sure - unsure), 0, 1)


def pauses(probability: FloatArray, threshold: float) -> NDArray[np.bool_]:
    """Frames (T,) at rest: above the threshold; a short pause must have a frame that is quite sure, too."""
    silent = probability > threshold
    for start, stop in runs(silent):
        if stop - start < _LONG_REST and probability[start:stop].max() < _SURE_REST:
            silent[start:stop] = False
    return silent


def steady_noise(loudness: FloatArray) -> NDArray[np.bool_]:
    """Frames (T,) in the middle of 1.5 s whose loudness hardly changes: fans, hum, hiss, but never speech."""
    window = min(_STEADY_WINDOW, len(loudness))
    if window < _STEADY_WINDOW // 2:
        return np.zeros(len(loudness), bool)
    high = percentile_filter(loudness, 95, window)
    low = percentile_filter(loudness, 10, window)
    return np.asarray(high - low < _STEADY_RANGE)


def close_lips(probability: FloatArray, threshold: FloatArray) -> FloatArray:
    """Probabilities of p, b, m and thresholds (T,) -> closure: exactly 1 where believed, approaching where nearly so.

    A believed closure covers the frames above the threshold that are at least half as likely as the likeliest near
    them: the edge of a sound is where its probability halves. It covers three at least, the likeliest next to it.
    """
    belief = probability / threshold
    closure = (0.4 * np.clip(belief, 0, 1) ** 2).astype(np.float32)
    for first, last in runs((belief > 1) & (belief >= _EDGE * maximum_filter(belief, _EDGE_WINDOW))):
        while last - first < min(_SHORTEST_CLOSURE, len(belief)):
            before = belief[first - 1] if first > 0 else -1.0
            after = belief[last] if last < len(belief) else -1.0
            first, last = (first - 1, last) if before > after else (first, last + 1)
        closure[first:last] = 1.0
    return closure


def rest_mouth(silent: NDArray[np.bool_]) -> FloatArray:
    """Silent frames (T,) -> rest 0..1: pauses of at least 140 ms, not broken by blips, with soft edges."""
    silent = silent.copy()
    for start, stop in runs(~silent):
        if stop - start < _SHORTEST_SPEECH:
            silent[start:stop] = True
    for start, stop in runs(silent):
        inside = start > 0 and stop < len(silent)
        if inside and stop - start < _SHORTEST_REST:
            silent[start:stop] = False
    padded = np.pad(silent.astype(np.float32), 1, mode="edge")
    return (0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]).astype(np.float32)


def _sigmoid(x: FloatArray) -> FloatArray:
    return (1 / (1 + np.exp(-np.clip(x, -30, 30)))).astype(np.float32)
