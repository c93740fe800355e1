"""What the audio network says of each frame, as scores that paths can be compared by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.speech.sequence import PhoneSequence
from runtime.stages.articulation import PHONE_NAMES

FloatArray = NDArray[np.float32]

SOFTENING = 0.4  # neighbouring frames are no independent witnesses
PRIOR = 0.6  # how far the phones' frequency is divided out
WORST = 6.0  # nats that one frame may cost at most: nobody speaks quite as it is written
ANYTHING_COST = 0.8  # nats a frame, for sounds that the script does not have
NEIGHBOUR = (
    2.2  # nats, before softening, for hearing a vowel as the next one to it: accents differ in just that
)
_NEIGHBOURS = tuple(
    [PHONE_NAMES.index(name) for name in group.split()]
    for group in (
        "i ih iz y",
        "e eh ae ih",
        "a ah ax ae o",
        "o ou uh u w l",
        "er rr r ax",
        "er ax ah oe",
        "ih uh ax iz",
    )
)


def phone_scores(logits: FloatArray, sequence: PhoneSequence) -> FloatArray:
    """Phone logits (T, P) -> scores (T, P + 1): log-likelihood ratios against the phone that fits best, <= 0.

    Likelihoods are posteriors over frequencies (hybrid models: Bourlard & Morgan, "Connectionist speech
    recognition", 1994); a vowel's is at least its neighbours', less NEIGHBOUR. The last column is for anything
    at all.
    """
    heard = logits - PRIOR * np.log(sequence.frequency)
    score = heard.copy()
    for group in _NEIGHBOURS:
        score[:, group] = np.maximum(score[:, group], heard[:, group].max(axis=1, keepdims=True) - NEIGHBOUR)
    score = SOFTENING * score
    score = np.maximum(score - score.max(axis=1, keepdims=True), -WORST)
    anything = np.full((len(score), 1), -ANYTHING_COST)
    return np.concatenate([score, anything], axis=1).astype(np.float32)
