"""Fit how to read a trained audio encoder, on human speech held out from training.

A logistic model joins the contact head with the phones' posteriors; the threshold of closures is set for a wanted
recall; gains undo the shrinking that comes with squared error.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from runtime.speech.decoding import Calibration, Evidence, close_lips, contact_probability
from runtime.speech.features import frame_peak, heard_together, heard_twice, scale_for_network
from runtime.speech.level import level_of
from runtime.speech.sequence import PhoneSequence
from runtime.stages.articulation import PHONE_NAMES
from training.audio.data import Shard, is_held_out
from training.audio.network import AudioNetwork

log = logging.getLogger(__name__)

# Of readers in quiet rooms, most of them heard in training; people who talk freely, or with a cold, get less.
WANTED_RECALL = 0.97
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


@torch.inference_mode()
def listen(network: AudioNetwork, folder: Path, sequence: PhoneSequence) -> HeldOut:
    """Run the network over the held-out shards as the runtime would."""
    parts: list[Evidence] = []
    truths: list[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]] = []
    weights: list[NDArray[np.float64]] = []
    paths = [path for path in sorted(folder.glob("*.npz")) if is_held_out(path)]
    if not paths:
        raise FileNotFoundError(f"no held-out shards (human_*_000.npz) in {folder}")
    for path in paths:
        shard = Shard.load(path)
        for start, end in zip(shard.offsets[:-1], shard.offsets[1:], strict=True):
            mel = shard.mel[start:end].astype(np.float32)
            mel = mel[: len(mel) // 2 * 2]
            scaled = scale_for_network(mel, level_of(frame_peak(mel)))
            views = torch.stack([torch.from_numpy(view.T.copy()) for view in heard_twice(scaled)])
            phones, controls, contacts = (head.numpy() for head in network(views))
            posteriors = sequence.posteriors(heard_together(phones))
            parts.append(Evidence.of(posteriors, controls.mean(axis=0), contacts.mean(axis=0)))
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
    probability = contact_probability(heard.evidence, "bilabial", calibration)
    threshold, recall, precision = _closing_threshold(probability, np.isin(heard.phone, _BILABIALS))
    resting, quiet, false = _resting_threshold(
        contact_probability(heard.evidence, "rest", calibration), heard
    )
    calibration = dataclasses.replace(calibration, closing=threshold, resting=resting)
    scores = {
        "closure_recall": recall,
        "closure_precision": precision,
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


def _closing_threshold(
    probability: NDArray[np.float32], bilabial: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """The highest threshold whose closures still meet WANTED_RECALL of the bilabials: (it, recall, precision)."""
    sounds = _runs(bilabial)
    best = (0.03, 0.0, 0.0)
    for threshold in np.arange(0.03, 0.9, 0.01):
        closed = close_lips(probability, float(threshold)) > 0.5
        recall = float(np.mean([closed[a:b].any() for a, b in sounds]))
        near = np.convolve(bilabial, np.ones(5), "same") > 0
        closures = _runs(closed)
        precision = float(np.mean([near[a:b].any() for a, b in closures])) if closures else 0.0
        if recall >= WANTED_RECALL or best[1] == 0.0:
            best = (float(threshold), recall, precision)
    return best


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


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
