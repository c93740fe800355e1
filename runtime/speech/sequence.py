"""Phones in sequence: what a single frame suggests, weighed by which sounds follow which and how long they last.

The forward-backward algorithm of hidden Markov models (Rabiner, "A tutorial on hidden Markov models", 1989) on
frames of 20 ms. The network's posteriors take the part of likelihoods: divided by the phones' frequency, and
softened, because neighbouring frames are no independent witnesses (hybrid models: Bourlard & Morgan, 1994).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

_FAINTEST = 1e-8  # no frame may rule a phone out altogether


@dataclass(frozen=True)
class PhoneSequence:
    """transitions (P, P): probability that the next frame's phone follows this one's; frequency (P,) of each.

    softening: power that the network's word is raised to; prior: how far frequencies are divided out.
    """

    transitions: NDArray[np.float64]
    frequency: NDArray[np.float64]
    softening: float = 1.0
    prior: float = 0.8

    @classmethod
    def load(cls, path: Path) -> PhoneSequence:
        """From an npz with counts (P, P) of a phone's frame following another's."""
        with np.load(path) as stored:
            return cls.of_counts(stored["counts"])

    @classmethod
    def of_counts(cls, counts: NDArray[np.floating]) -> PhoneSequence:
        smoothed = counts.astype(np.float64) + 0.1
        frequency = smoothed.sum(axis=1)
        return cls(smoothed / frequency[:, None], frequency / frequency.sum())

    def posteriors(self, logits: FloatArray) -> FloatArray:
        """Phone logits (T, P) of consecutive frames -> posteriors (T, P) given all of them."""
        score = self.softening * (logits - self.prior * np.log(self.frequency))
        likelihood = np.exp(score - score.max(axis=1, keepdims=True)) + _FAINTEST
        forward = np.empty_like(likelihood, dtype=np.float64)
        backward = np.ones_like(forward)
        state = self.frequency
        for row, evidence in enumerate(likelihood):
            state = (state @ self.transitions if row else state) * evidence
            state = state / state.sum()
            forward[row] = state
        state = backward[-1]
        for row in range(len(likelihood) - 2, -1, -1):
            state = self.transitions @ (state * likelihood[row + 1])
            state = state / state.sum()
            backward[row] = state
        joint = forward * backward
        return (joint / joint.sum(axis=1, keepdims=True)).astype(np.float32)
