"""What lives above the mouth besides blinks: brows that rise with what is stressed, eyes that stay on the viewer.

Both are movements of the driven mesh in the canonical face frame (irises 1 apart, y down). The mesh network has no
part in them: skin slides over the forehead much alike on all faces, and an eyeball turns.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from runtime.stages.easing import smoothstep
from runtime.stages.landmarks import GROUPS
from runtime.stages.mesh import FaceMesh, Floats

FOREHEAD: Final = 0.55  # ipd above the brows over which their movement fades
TO_LID: Final = 0.8  # of the way from brow to lid, over which it fades below them
TEMPLE: Final = (0.95, 1.1)  # ipd from the middle of the face between which it fades sideways
BETWEEN: Final = 0.6  # how much of it the skin between the brows follows
IRIS_DEPTH: Final = 0.165  # ipd from the eyeball's centre to the iris (about 10 of 62 mm)
GAZE_HELD: Final = 0.8  # of the head's turn; the reflex of a person who looks at somebody holds nearly all


class UpperFace:
    """The brows and irises of one portrait."""

    def __init__(self, mesh: FaceMesh, nodes: Floats) -> None:
        """``nodes`` (V, 2): the mesh on the photo."""
        self._irises = mesh.irises
        self.follows = brow_weights(mesh, nodes)  # (S,) 0..1
        self._follows = np.zeros((mesh.node_count, 1), np.float32)
        self._follows[: mesh.surface_count, 0] = self.follows

    def move(self, driven: Floats, brows: float, yaw: float, pitch: float) -> None:
        """Raise the brows by `brows` ipd and turn the eyes against the head's turn (radians), in place.

        ``driven`` (V, 2): the mesh before roll and shift.
        """
        if brows > 0:
            driven[:, 1:] -= np.float32(brows) * self._follows
        turn = GAZE_HELD * IRIS_DEPTH
        driven[self._irises] += np.array([-turn * np.sin(yaw), turn * np.sin(pitch)], np.float32)


def brow_weights(mesh: FaceMesh, nodes: Floats) -> Floats:
    """(S,) how far each surface vertex follows the brows: 1 on them, 0 at the lids and high on the forehead."""
    brows = [nodes[mesh.landmark_node[GROUPS[name]]] for name in ("brow_right", "brow_left")]
    line = np.concatenate(brows)  # from the image's left to its right
    lids = nodes[mesh.eye_loops[:, 1:12]].reshape(-1, 2)
    gap = float(np.mean(lids[:, 1] - np.interp(lids[:, 0], line[:, 0], line[:, 1])))
    x, y = nodes[: mesh.surface_count].T
    below = y - np.interp(x, line[:, 0], line[:, 1])
    up_and_down = np.where(below < 0, -below / FOREHEAD, below / max(TO_LID * gap, 0.05))
    sideways = (np.abs(x) - TEMPLE[0]) / (TEMPLE[1] - TEMPLE[0])
    middle = BETWEEN + (1 - BETWEEN) * smoothstep(np.abs(x) / max(float(line[8, 0]), 0.05))
    return np.asarray(smoothstep(1 - up_and_down) * smoothstep(1 - sideways) * middle, np.float32)
