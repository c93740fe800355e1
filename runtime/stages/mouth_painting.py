"""The mouth network, cut up by how often its parts have to run.

Once for a portrait: what the photo's crop looks like. For every frame a few small matrix products, which say where the
two rows of teeth stand, and the convolutions that paint. Between them lie the *atlases*, learned features that move
rigidly with the upper and with the lower teeth; OpenCV moves them, faster than any network provider samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.motion_field import MOUTH_SPAN
from runtime.stages.tooth_gaps import with_gaps

if TYPE_CHECKING:
    from runtime.inference.sessions import Sessions

Floats = NDArray[np.float32]

# Channels of the painter's input `near`.
LIPS, MASK, PHOTO, GRID, LOWER_GRID = slice(0, 3), 3, slice(4, 8), slice(8, 10), slice(10, 12)
ROWS: Final = (slice(12, 16), slice(16, 20))  # the upper and the lower teeth's atlas
CHANNELS: Final = 20


class Graph(Protocol):
    """What is needed of a Session."""

    def run(self, inputs: dict[str, Floats]) -> dict[str, Floats]: ...


class MouthInputs(Protocol):
    """What is needed of a frame: the warped photo's crop and its mask (4, S, S) 0..1, drive (30,)."""

    @property
    def frame(self) -> Floats: ...

    @property
    def drive(self) -> Floats: ...


@dataclass(frozen=True)
class MouthGraphs:
    """The three graphs and the atlases (2, S, S, 4) of the upper and the lower teeth."""

    source: Graph
    drive: Graph
    paint: Graph
    atlases: Floats

    @classmethod
    def open(cls, sessions: Sessions) -> MouthGraphs:
        """Those of the sessions' pack, the gaps between teeth stressed."""
        with np.load(sessions.pack.asset("mouth_atlases")) as stored:
            atlases = with_gaps(stored["atlases"].astype(np.float32))
        return cls(sessions.get("mouth_source"), sessions.get("mouth_drive"), sessions.get("mouth"), atlases)

    def bind(self, source: Floats) -> MouthPainter:
        """The painter of a portrait, of whose photo `source` (4, S, S) 0..1 is the crop with its open mouth."""
        return MouthPainter(self, source)


class MouthPainter:
    """Paints the mouths of one portrait. Not for several threads at once: it reuses its buffers."""

    def __init__(self, graphs: MouthGraphs, source: Floats) -> None:
        self._graphs = graphs
        seen = graphs.source.run({"source": source[None]})
        self._code, self._photo = seen["code"], seen["photo"][0]
        self._gain_in = seen["gain_in"][0][:, None, None]
        self._gain_out = seen["gain_out"][0][:, None, None]
        self._grid = coordinates(source.shape[-1])
        self._near = np.empty((0, CHANNELS, *source.shape[1:]), np.float32)

    def __call__(self, frames: Sequence[MouthInputs]) -> Floats:
        """(B, 5, S, S), all 0..1: RGB, the weight of the lips' rim, the weight of the photo's own teeth."""
        count = len(frames)
        drive = np.stack([inputs.drive for inputs in frames])
        told = self._graphs.drive.run({"code": np.repeat(self._code, count, axis=0), "drive": drive})
        near = self._buffer(count)
        for inputs, rows, out in zip(frames, told["rows"], near, strict=True):
            self._fill(inputs, rows, out)
        painted = self._graphs.paint.run(
            {"near": near, "told_fine": told["told_fine"], "told_coarse": told["told_coarse"]}
        )["painted"]
        painted[:, :3] *= self._gain_out
        np.minimum(painted[:, :3], 1.0, out=painted[:, :3])
        return painted

    def _buffer(self, count: int) -> Floats:
        """`near` for so many frames; what is the same in all of them is in it."""
        if len(self._near) < count:
            self._near = np.empty((count, *self._near.shape[1:]), np.float32)
            self._near[:, PHOTO] = self._photo
            self._near[:, GRID] = self._grid
        return self._near[:count]

    def _fill(self, inputs: MouthInputs, rows: Floats, near: Floats) -> None:
        """Write what a frame is made of into `near` (20, S, S); `rows` (2, 2, 3) takes its pixels to the atlases'."""
        lips, mask = inputs.frame[:3], inputs.frame[3]
        # What the warp shows inside the open mouth is stretched lip: better not seen at all.
        np.multiply(lips, (1 - mask) * self._gain_in, out=near[LIPS])
        near[MASK] = mask
        np.subtract(self._grid, inputs.drive[28:30, None, None] * (2 / MOUTH_SPAN), out=near[LOWER_GRID])
        for atlas, row, channels in zip(self._graphs.atlases, rows, ROWS, strict=True):
            moved = cv2.warpAffine(
                atlas,
                row,
                atlas.shape[1::-1],
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            near[channels] = moved.transpose(2, 0, 1)


def coordinates(size: int) -> Floats:
    """(2, size, size) x and y of the pixel centres in -1..1 (the crop's borders)."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
    return np.stack(np.meshgrid(axis, axis)).astype(np.float32)
