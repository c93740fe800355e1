"""What the audio network says of each frame, as scores that paths can be compared by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.speech.sequence import PhoneSequence

FloatArray = NDArray[np.float32]

SOFTENING = 0.4  # neighbouring frames are no independent witnesses
PRIOR = 0.5  # how far the phones' frequency is divided out
WORST = 6.0  # nats that one frame may cost at most: nobody speaks quite as it is written
ANYTHING_COST = 1.2  # nats a frame, for sounds that the script does not have


def phone_scores(logits: FloatArray, sequence: PhoneSequence) -> FloatArray:
    """Phone logits (T, P) -> scores (T, P + 1): log-likelihood ratios against the phone that fits best, <= 0.

    Likelihoods are posteriors over frequencies (hybrid models: Bourlard & Morgan, "Connectionist speech
    recognition", 1994). The last column is for anything at all.
    """
    score = SOFTENING * (logits - PRIOR * np.log(sequence.frequency))
    score = np.maximum(score - score.max(axis=1, keepdims=True), -WORST)
    anything = np.full((len(score), 1), -ANYTHING_COST)
    return np.concatenate([score, anything], axis=1).astype(np.float32)
