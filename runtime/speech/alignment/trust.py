"""Whether what is said is what is written, stretch by stretch.

A path through the wrong words fits as badly as chance has it. One sound tells little, two seconds tell much, and
what the whole script is like helps to judge each part: each frame's score is averaged with its surroundings and
drawn towards the mean of all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Flags = NDArray[np.bool_]

SURROUNDINGS = 75  # frames on either side that a frame is judged by
DOUBTFUL = -0.65  # mean score (nats a frame) at which right and wrong are equally likely
ALIEN = -1.8  # the same for a word of a few sounds, which may well be said badly
_FEW, _MANY = 10, 60  # frames; a word that lasts as long as a sentence is judged like one
ENOUGH = 0.5  # share of the words; where fewer fit, it is another text, and those that fit do so by chance,
CERTAIN = 4.0  # unless words of so many seconds fit one after another: a part of a longer script
_WEIGHT_OF_ALL = 40.0  # frames that the rest of the recording counts for
_SHARPNESS = 6.0  # how fast doubt turns into certainty, per nat
_UNWRITTEN = -1.2  # what a frame of speech counts as that the script does not have
_OMITTED, _FRAMES_OF_OMITTED = -1.3, 10  # what a word that nobody said counts as


def fit_of_stretches(
    scores: FloatArray, spoken: Flags, unwritten: Flags, omitted: NDArray[np.int64]
) -> FloatArray:
    """How well text and sound belong together around each frame, (T,) in 0..1; one half is the border.

    scores (T,): of the sounds on the path, against those that fit best. spoken, unwritten (T,): frames of words
    and of speech that is not in the script; silence fits any text. omitted (n,): for each word that was left
    out, the frame where it would have been.
    """
    if not spoken.any():
        return np.zeros(len(scores), np.float32)
    sums = np.where(spoken, scores, 0.0) + np.where(unwritten, _UNWRITTEN, 0.0)
    counts = (spoken | unwritten).astype(np.float64)
    np.add.at(sums, omitted, _OMITTED * _FRAMES_OF_OMITTED)
    np.add.at(counts, omitted, _FRAMES_OF_OMITTED)
    overall = sums.sum() / counts.sum()
    mean = (_around(sums) + _WEIGHT_OF_ALL * overall) / (_around(counts) + _WEIGHT_OF_ALL)
    return _certainty(mean - DOUBTFUL).astype(np.float32)


def fit_of_word(scores: FloatArray) -> float:
    """The same for one word by its own frames (n,) alone."""
    border = np.interp(len(scores), (_FEW, _MANY), (ALIEN, DOUBTFUL))
    return float(_certainty(scores.mean(dtype=np.float64) - border))


def _certainty(lead: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-_SHARPNESS * lead)))


def _around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of the values within SURROUNDINGS, nearer ones counting more."""
    from scipy.ndimage import uniform_filter1d

    width = SURROUNDINGS + 1
    once = uniform_filter1d(values, width, mode="constant") * width
    return np.asarray(uniform_filter1d(once, width, mode="constant"))
