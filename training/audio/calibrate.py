"""Fit how to read a trained audio encoder, on human speech held out from training.

A logistic model joins the contact head with the phones' posteriors; the thresholds of closures are the best
compromise on the same speech made harder in the ways of training.augmentation, since nobody reads books in a studio;
gains undo the shrinking that comes with squared error.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from runtime.evaluation.closures import f_score
from runtime.speech.decoding import (
    Calibration,
    Evidence,
    close_lips,
    closing_probability,
    contact_probability,
    threshold_between,
    understood,
)
from runtime.speech.features import FEATURE_FPS, frame_peak, heard_together, heard_twice, scale_for_network
from runtime.speech.filters import runs
from runtime.speech.level import level_of
from runtime.speech.sequence import PhoneSequence
from runtime.stages.articulation import PHONE_NAMES
from training.audio.augmentation import STRETCH, augment
from training.audio.data import Batch, Shard, SpeechData, is_held_out
from training.audio.network import AudioNetwork

log = logging.getLogger(__name__)

RECALL_WEIGHT = 2.0  # a p that stays open is seen sooner than lips that meet at a k
PIECE = 8.0  # seconds; speech made harder comes in pieces
DRAWS = 6  # times that each is made harder, every time in another way
WANTED_REST = 0.998
LARGEST_GAIN = 1.5
_BILABIALS = [PHONE_NAMES.index(name) for name in ("p", "b", "m")]


@dataclasses.dataclass
class HeldOut:
    """What the network says of held-out speech, and the truth, row by row at 50 a second."""

    evidence: Evidence
    contacts: NDArray[np.float32]  # bilabial, labiodental, rest
    controls: NDArray[np.float32]
    phone: NDArray[np.int64]
    weight: NDArray[np.float64]  # so that every corpus counts the same


def listen(network: AudioNetwork, folder: Path, sequence: PhoneSequence) -> HeldOut:
    """Run the network over the held-out shards as the runtime would."""
    parts: list[Evidence] = []
    truths: list[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]] = []
    weights: list[NDArray[np.float64]] = []
    for shard in _held_out(folder):
        for start, end in zip(shard.offsets[:-1], shard.offsets[1:], strict=True):
            mel = shard.mel[start:end].astype(np.float32)
            mel = mel[: len(mel) // 2 * 2]
            parts.append(_hear(network, sequence, scale_for_network(mel, level_of(frame_peak(mel)))))
            rows = slice(start, start + len(mel), 2)
            truths.append(
                (
                    shard.contacts[rows].astype(np.float32),
                    shard.controls[rows].astype(np.float32),
                    shard.phone[rows].astype(np.int64),
                )
            )
            weights.append(np.full(len(mel) // 2, 1 / len(shard.mel)))
    true_contacts, true_controls, phone = (np.concatenate(column) for column in zip(*truths, strict=True))
    return HeldOut(Evidence.join(parts), true_contacts, true_controls, phone, np.concatenate(weights))


def listen_through_noise(
    network: AudioNetwork, folder: Path, sequence: PhoneSequence, seed: int = 0
) -> list[tuple[Evidence, NDArray[np.int64]]]:
    """The same speech made harder, piece by piece: what the network says, and the true phones (T,)."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    data = SpeechData(folder, rng)
    data.rescan()
    frames = round(PIECE * FEATURE_FPS)
    heard = []
    for shard in _held_out(folder) * DRAWS:
        for batch in _pieces(shard, math.ceil(frames * STRETCH) + 1):
            example = augment(batch, frames, data, rng)
            for mel, phone in zip(example.mel, example.phone, strict=True):
                heard.append((_hear(network, sequence, mel.T.numpy()), phone.numpy()))
    return heard


@torch.inference_mode()
def _hear(network: AudioNetwork, sequence: PhoneSequence, scaled: NDArray[np.float32]) -> Evidence:
    """Network input (T, 80) -> what the runtime would make of it."""
    views = torch.stack([torch.from_numpy(view.T.copy()) for view in heard_twice(scaled)])
    phones, controls, contacts = (head.numpy() for head in network(views))
    logits = heard_together(phones)
    return Evidence.of(logits, sequence.posteriors(logits), controls.mean(axis=0), contacts.mean(axis=0))


def _held_out(folder: Path) -> list[Shard]:
    paths = [path for path in sorted(folder.glob("*.npz")) if is_held_out(path)]
    if not paths:
        raise FileNotFoundError(f"no held-out shards (human_*_000.npz) in {folder}")
    return [Shard.load(path) for path in paths]


def _pieces(shard: Shard, frames: int, at_once: int = 8) -> Iterator[Batch]:
    """A shard cut up into pieces of so many frames, whatever utterances they hold."""
    count = len(shard.mel) // frames
    for first in range(0, count, at_once):
        part = slice(first * frames, min(first + at_once, count) * frames)
        yield Batch(
            shard.mel[part].reshape(-1, frames, shard.mel.shape[1]).astype(np.float32),
            shard.phone[part].reshape(-1, frames).astype(np.int64),
            shard.controls[part].reshape(-1, frames, shard.controls.shape[1]).astype(np.float32),
            shard.contacts[part].reshape(-1, frames, shard.contacts.shape[1]).astype(np.float32),
        )


def count_transitions(folder: Path) -> NDArray[np.float64]:
    """How often one phone's frame (20 ms) follows another's in the training speech, (P, P)."""
    counts = np.zeros((len(PHONE_NAMES), len(PHONE_NAMES)))
    for path in sorted(folder.glob("*.npz")):
        if path.name.startswith("noise") or is_held_out(path):
            continue
        phone = Shard.load(path).phone[::2].astype(np.int64)
        np.add.at(counts, (phone[:-1], phone[1:]), 1)
    return counts


def calibrate(
    network: AudioNetwork, folder: Path, sequence: PhoneSequence
) -> tuple[Calibration, dict[str, float]]:
    """The calibration and how well it does on the speech it was fitted to."""
    heard = listen(network, folder, sequence)
    odds = {"bilabial": 0, "labiodental": 1, "rest": 2}
    fitted = {
        name: _fit_logistic(
            heard.evidence.contacts[:, column],
            heard.evidence.odds[:, column],
            heard.contacts[:, column] > 0.5,
            heard.weight,
        )
        for name, column in odds.items()
    }
    gain, offset = _fit_gain(heard)
    calibration = Calibration(**fitted, gain=gain, offset=offset)  # type: ignore[arg-type]
    closing, closures = _fit_closing(listen_through_noise(network, folder, sequence), calibration)
    resting, quiet, false = _resting_threshold(
        contact_probability(heard.evidence, "rest", calibration), heard
    )
    calibration = dataclasses.replace(calibration, closing=closing, resting=resting)
    scores = {
        **{f"closure_{name}": value for name, value in closures.items()},
        "rest_recall": quiet,
        "rest_false_alarms": false,
        "rows": float(len(heard.phone)),
    }
    return calibration, {name: round(value, 4) for name, value in scores.items()}


def _fit_logistic(
    logit: NDArray[np.float32],
    odds: NDArray[np.float32],
    truth: NDArray[np.bool_],
    weight: NDArray[np.float64],
) -> tuple[float, float, float]:
    """Weights of the two scores and a constant, by maximum likelihood with a little shrinkage."""
    inputs = np.stack([logit, odds, np.ones_like(logit)], axis=1).astype(np.float64)
    sign = np.where(truth, 1.0, -1.0)
    share = weight / weight.sum()

    def cost(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (inputs @ theta)
        slope = -sign * share / (1 + np.exp(np.clip(margin, -50, 50)))
        value = float((share * np.logaddexp(0, -margin)).sum() + 1e-4 * (theta**2).sum())
        return value, inputs.T @ slope + 2e-4 * theta

    found = minimize(cost, np.array([0.5, 0.5, 0.0]), jac=True, method="L-BFGS-B").x
    return float(found[0]), float(found[1]), float(found[2])


def _fit_gain(heard: HeldOut) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Gain and offset that give the controls the spread and mean of the truth while somebody speaks."""
    speaking = (heard.phone != 0) & (heard.contacts.max(axis=1) < 0.5)
    truth, said = heard.controls[speaking], heard.evidence.controls[speaking]
    gain = np.clip(truth.std(axis=0) / np.maximum(said.std(axis=0), 1e-3), 1.0, LARGEST_GAIN)
    offset = truth.mean(axis=0) - gain * said.mean(axis=0)
    return tuple(map(float, gain)), tuple(map(float, offset))


@dataclasses.dataclass(frozen=True)
class _Piece:
    """Rows of speech made harder: probability (T,) of a closure, how well it is understood (T,), where p, b, m are."""

    probability: NDArray[np.float32]
    clarity: NDArray[np.float32]
    bilabial: NDArray[np.bool_]
    near: NDArray[np.bool_]


def _fit_closing(
    heard: Sequence[tuple[Evidence, NDArray[np.int64]]], calibration: Calibration
) -> tuple[tuple[float, float], dict[str, float]]:
    """The thresholds with the best F-score of closures, recall weighing RECALL_WEIGHT times as much as precision."""
    pieces = []
    for evidence, phone in heard:
        bilabial = np.isin(phone, _BILABIALS)
        near = np.convolve(bilabial, np.ones(5), "same") > 0
        pieces.append(
            _Piece(closing_probability(evidence, calibration), understood(evidence), bilabial, near)
        )
    grid = [float(value) for value in np.geomspace(0.03, 0.5, 13)]
    pairs = [(low, high) for number, low in enumerate(grid) for high in grid[number:]]
    scores = {pair: _closures(pieces, pair) for pair in pairs}
    best = max(pairs, key=lambda pair: sum(f_score(*rates, RECALL_WEIGHT) for rates in scores[pair]))
    names = ("recall_unsure", "precision_unsure", "recall_sure", "precision_sure")
    return best, dict(zip(names, (*scores[best][0], *scores[best][1]), strict=True))


def _closures(pieces: Sequence[_Piece], closing: tuple[float, float]) -> list[tuple[float, float]]:
    """(recall, precision) of closures where speech is hardly, and where it is well understood."""
    found: tuple[list[bool], list[bool]] = ([], [])
    right: tuple[list[bool], list[bool]] = ([], [])
    for piece in pieces:
        closed = close_lips(piece.probability, threshold_between(closing, piece.clarity)) > 0.5
        sure = piece.clarity > 0.5
        for start, stop in runs(piece.bilabial):
            found[int(sure[start])].append(bool(closed[start:stop].any()))
        for start, stop in runs(closed):
            right[int(sure[start])].append(bool(piece.near[start:stop].any()))
    return [(_share(hits), _share(good)) for hits, good in zip(found, right, strict=True)]


def _share(flags: list[bool]) -> float:
    return float(np.mean(flags)) if flags else 0.0


def _resting_threshold(probability: NDArray[np.float32], heard: HeldOut) -> tuple[float, float, float]:
    """The threshold that WANTED_REST of the frames well inside pauses pass: (it, recall, false alarms)."""
    paused = np.convolve(heard.contacts[:, 2] > 0.5, np.ones(5), "same") == 5
    speaking = heard.contacts[:, 2] < 0.5
    threshold = float(np.clip(np.quantile(probability[paused], 1 - WANTED_REST), 0.05, 0.5))
    return (
        threshold,
        float((probability[paused] > threshold).mean()),
        float((probability[speaking] > threshold).mean()),
    )
