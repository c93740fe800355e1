"""The gaps between teeth, drawn into the atlases of the mouth network.

The network learned its teeth from renderings whose upper teeth hardly stand apart and whose lower ones do not at all.
So the upper atlas holds faint gaps and the lower a plain band, and a plain band is what is painted. But what an atlas
shows the network paints, in the portrait's light and behind its lips and tongue: gaps need only be drawn there, once,
and then move with the teeth like all else in an atlas.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.motion_field import MOUTH_DROP, MOUTH_SPAN

Floats = NDArray[np.float32]

# All in ipd; heights are below the edge of the upper incisors, with the jaw shut.
UPPER_CROWNS: Final = (-0.14, 0.05)
UPPER_FRONT: Final = 0.28  # from the middle to behind the canine; the atlas holds little but noise beyond
UPPER_STRESS: Final = 0.8  # how much of the difference to a row's own blur is added
UPPER_WIDTH: Final = 0.08  # of that blur: less than a tooth
LOWER_CROWNS: Final = (-0.025, 0.16)
LOWER_EDGES: Final = (
    0.0,
    0.08,
    0.168,
    0.26,
)  # from the middle to behind the canine: 5.0, 5.5 and 5.8 mm of 63
LOWER_DEPTH: Final = 0.5  # of the dark between two teeth
LOWER_ROUNDNESS: Final = 6  # the higher, the flatter a tooth between its gaps
CROWN_FADE: Final = 0.03


def with_gaps(atlases: Floats) -> Floats:
    """Atlases (2, S, S, C) of the upper and the lower teeth with the gaps stressed; a new array."""
    upper, lower = atlases.copy()
    size = upper.shape[0]
    x = (np.arange(size) - (size - 1) / 2) * (MOUTH_SPAN / size)
    y = x + MOUTH_DROP
    # The upper gaps are in every channel, and the network knows how to read them there.
    width = 2 * round(UPPER_WIDTH / MOUTH_SPAN * size / 2) + 1
    front = np.outer(_between(y, *UPPER_CROWNS), _between(x, -UPPER_FRONT, UPPER_FRONT))
    upper += UPPER_STRESS * front[..., None] * (upper - cv2.blur(upper, (width, 1)))
    # Brightness is what training starts the first channel from. Teeth are what is brighter there than most.
    bright = lower[..., 0]
    shade = LOWER_DEPTH * np.outer(_between(y, *LOWER_CROWNS), _sides_of_teeth(np.abs(x)))
    bright -= shade * np.maximum(bright - np.median(bright), 0)
    return np.stack([upper, lower]).astype(np.float32)


def _between(y: NDArray[np.float64], top: float, bottom: float) -> NDArray[np.float64]:
    """1 from `top` to `bottom`, fading to 0 outside."""
    return np.asarray(np.clip(np.minimum(y - top, bottom - y) / CROWN_FADE, 0, 1))


def _sides_of_teeth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """How near places `x` ipd beside the middle are to the lower teeth's edges: 0 amid a tooth, 1 in a gap."""
    edges = np.array(LOWER_EDGES)
    tooth = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
    place = (x - edges[tooth]) / (edges[tooth + 1] - edges[tooth])
    return np.minimum(np.abs(2 * place - 1), 1) ** LOWER_ROUNDNESS
