"""Lips that know the script: what is said comes from the aligned words, how it is said from the sound.

The words give each sound's target and the moments at which lips meet, touch the teeth and round. The sound gives
how far the mouth opens: a mumble stays small, a shout grows large. Where the words are not trusted the sound rules
alone, and the two pass into each other smoothly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from runtime.speech.alignment.aligner import TRUSTED, Alignment
from runtime.stages.articulation import TRACK_FPS, Mouth, Segment, gestures

FloatArray = NDArray[np.float32]

_FADE = 0.06  # seconds; half the time in which one gives way to the other
_REST_PAUSE = 0.18  # seconds; lips stay as they are in shorter pauses, unless the sound has them rest
_PHRASE = 0.35  # seconds; openings are compared over a few syllables
_GAIN = (0.7, 1.3)  # how much smaller or larger than usual the sound may make the mouth
_HEARD_SHARE = 0.33  # of the movement that stays the sound's own, for what words cannot tell
_HELD = 3  # rows of 20 ms by which a closure may begin sooner or end later, if that is what is heard
_OPENINGS = 3  # leading controls that open the mouth
_SPEAKING = 0.8  # voice in trusted words, however faint


def guide(heard: Mouth, voice: FloatArray, alignment: Alignment) -> tuple[Mouth, FloatArray]:
    """What is heard (T rows), with its voice (T,), corrected by what is known to be said."""
    rows = len(voice)
    said = gestures(_bridged(alignment.segments, heard.rest), rows / TRACK_FPS)
    known = alignment.trust >= TRUSTED
    share = _faded(known)
    usual = np.concatenate(
        [said.controls[:, :_OPENINGS] * _gain(heard, said, known)[:, None], said.controls[:, _OPENINGS:]],
        axis=1,
    )
    follow = (1 - _HEARD_SHARE) * share[:, None]
    controls = np.clip(heard.controls + follow * (usual - heard.controls), 0, 1)
    speaking = known & (said.rest < 0.5)
    return (
        Mouth(
            controls.astype(np.float32),
            np.where(known, _as_long_as_heard(said.bilabial, heard.bilabial), heard.bilabial),
            np.where(known, said.labiodental, heard.labiodental),
            (heard.rest + share * (said.rest - heard.rest)).astype(np.float32),
        ),
        np.where(speaking, np.maximum(voice, _SPEAKING), voice).astype(np.float32),
    )


def _bridged(segments: Sequence[Segment], rest: FloatArray) -> list[Segment]:
    """Sounds without the pauses between them in which nobody closes the mouth; `rest` (T,) is what is heard."""
    bridged: list[Segment] = []
    for segment in segments:
        if bridged and 0 < segment.start - bridged[-1].end < _REST_PAUSE:
            middle = (bridged[-1].end + segment.start) / 2
            if rest[min(int(middle * TRACK_FPS), len(rest) - 1)] < 0.5:
                bridged[-1] = replace(bridged[-1], end=middle)
                segment = replace(segment, start=middle)
        bridged.append(segment)
    return bridged


def _as_long_as_heard(said: FloatArray, heard: FloatArray) -> FloatArray:
    """Closures (T,) that are said, longer by what the sound has the lips shut before, after and between them.

    The words say which sounds close the lips, but the aligner may be a frame or two off where they do.
    """
    closed = said >= 1
    for _ in range(_HELD):
        closed[1:] |= closed[:-1] & (heard[1:] >= 1)
        closed[:-1] |= closed[1:] & (heard[:-1] >= 1)
    return np.where(closed, 1, said).astype(np.float32)


def _faded(known: NDArray[np.bool_]) -> FloatArray:
    from scipy.ndimage import uniform_filter1d

    width = 2 * round(_FADE * TRACK_FPS) + 1
    return np.asarray(uniform_filter1d(known.astype(np.float32), width, mode="nearest"))


def _gain(heard: Mouth, said: Mouth, known: NDArray[np.bool_]) -> FloatArray:
    """How much wider (T,) the mouth opens than it usually does for these sounds, over a few syllables."""
    from scipy.ndimage import gaussian_filter1d

    free = known & (said.bilabial < 0.1) & (said.labiodental < 0.1) & (said.rest < 0.1)
    openings = (np.where(free, mouth.controls[:, :_OPENINGS].sum(axis=1), 0) for mouth in (heard, said))
    by_sound, by_words = (gaussian_filter1d(opening, _PHRASE * TRACK_FPS) for opening in openings)
    return np.clip((by_sound + 1e-3) / (by_words + 1e-3), *_GAIN).astype(np.float32)
