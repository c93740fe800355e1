"""Stage 3, the motion field: where every pixel of a driven frame comes from in the photo, and what the photo lacks.

Two small networks place a face mesh on the photo's landmarks and move it: the driven mesh is S + f(drive) - f(e), S
being the mesh on the photo, f the network's offsets and e the expression that the photo already wears. Driving a
photo with its own expression is therefore exactly rest. Roll and shift of the head are applied to the driven mesh as a
similarity; yaw, pitch and expression come from the network. The mesh is then drawn in painter's order into a backward
sampling map (inside of the mouth and eyes first, lips and lids last), with a soft field round it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.stages.articulation import EXPRESSIONS
from runtime.stages.landmarks import GROUPS
from runtime.stages.mesh import FaceMesh, Floats, Similarity
from runtime.stages.mesh_drawing import Box, Canvases, MeshDrawer
from runtime.stages.rims import BLINK_SHOWS, Lids, Lips, ramp, share
from runtime.stages.upper_face import UpperFace

if TYPE_CHECKING:
    from runtime.inference.packs import ModelPack
    from runtime.inference.sessions import Sessions

MOUTH_SIZE: Final = 128  # pixels of the mouth crop
MOUTH_SPAN: Final = 1.2  # its side in ipd
MOUTH_DROP: Final = 0.12  # of its centre under the incisors' edge, ipd
# How far the upper incisors at least reach below relaxed lips, ipd: 1.9 mm in men, 3.4 in women (Vig & Brundo, "The
# kinetics of anterior tooth display", 1978). Where a photo hides the teeth, landmarks alone may place them too high.
INCISORS_SHOW: Final = 0.04
EYE_SIZE: Final = 64
EYE_SPAN: Final = 0.75
EYE_MARGIN: Final = 0.15  # by which the layer under the lids is larger than the eye
MIDDLE: Final = 9  # of the 19 pairs of vertices along the lips' rims
PIVOT: Final = np.array([0.0, 1.5])  # the head rolls about this place, near the chin; canonical frame

_BLINK_RIGHT: Final = EXPRESSIONS.index("eyeBlinkRight")
_BLINK_LEFT: Final = EXPRESSIONS.index("eyeBlinkLeft")
_ROLLS: Final = [EXPRESSIONS.index("mouthRollUpper"), EXPRESSIONS.index("mouthRollLower")]
# How much of the photo's own expression stays while the face talks: half a smile is the person's, the rest speech's.
KEPT_SHARE: Final = 0.5
_KEPT: Final = np.array(
    [KEPT_SHARE * name.startswith(("mouthSmile", "mouthFrown", "mouthDimple")) for name in EXPRESSIONS],
    np.float32,
)
_CLOSURE: Final = len(EXPRESSIONS)


class OnCanvas(Protocol):
    """What is needed of a Portrait: image (H, W, 3) and landmarks (116, 2) in its pixels."""

    @property
    def image(self) -> NDArray[np.uint8]: ...

    @property
    def landmarks(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class MeshFrame:
    """One frame's motion.

    Attributes:
        region: (x0, y0, x1, y1) box of the canvas that moves, the same for all frames of a portrait.
        map_x, map_y: (h, w) float32, the place in the canvas image that each pixel of the region shows.
        interior: (h, w) uint8 coverage of the open mouth. Where the photo's own mouth is open its pixels serve at rest,
            and the mask comes in with ``amount``.
        lid: (2, h, w) uint8 coverage of lid skin that a blink brings into view (right, left).
        mouth_matrix: (2, 3) float64 canvas pixels -> pixels of a 128 x 128 crop, 1.2 ipd wide, in which the upper teeth
            stand still: the head's movement is in the matrix.
        jaw_offset: (2,) float32, how far the lower teeth have moved from a closed bite, in ipd, in that crop's
            directions.
        eye_matrices: (2, 2, 3) float64 canvas pixels -> pixels of the 64 x 64 crops of the right and the left eye,
            0.75 ipd wide; not mirrored.
        expression: (25,) float32 ARKit coefficients as driven: what the photo keeps of its own is included, eyeBlink is
            absolute.
        closure, head (yaw, pitch, roll in radians, dx, dy in ipd): as driven, ``amount`` applied.
        amount: 0 = the photo untouched, 1 = fully driven.
    """

    region: Box
    map_x: Floats
    map_y: Floats
    interior: NDArray[np.uint8]
    lid: NDArray[np.uint8]
    mouth_matrix: NDArray[np.float64]
    jaw_offset: Floats
    eye_matrices: NDArray[np.float64]
    expression: Floats
    closure: float
    head: Floats
    amount: float


class MotionField:
    """The networks and the mesh, shared by all portraits."""

    def __init__(self, sessions: Sessions, pack: ModelPack) -> None:
        self.source = sessions.get("mesh_source")
        self.motion = sessions.get("mesh_motion")
        self.mesh = FaceMesh.load(pack.asset("mesh"))

    def bind(self, portrait: OnCanvas, incisors_show: float = INCISORS_SHOW) -> FaceMotion:
        """Prepare a portrait that lies on the output canvas.

        `incisors_show`: how far the upper incisors at least reach below relaxed lips, ipd; -inf leaves them where the
        mesh has them.
        """
        height, width = portrait.image.shape[:2]
        return FaceMotion(self, np.asarray(portrait.landmarks, np.float32), (width, height), incisors_show)


class FaceMotion:
    """Drives one portrait. Not for several threads at once; `copy` gives another worker its own arrays."""

    def __init__(
        self,
        field: MotionField,
        landmarks: Floats,
        canvas: tuple[int, int],
        incisors_show: float = INCISORS_SHOW,
    ) -> None:
        self._field, self._landmarks, self._canvas = field, landmarks, canvas
        self._incisors_show = incisors_show
        mesh = self.mesh = field.mesh
        self.frame_of_face = mesh.frame(landmarks)
        self._to_pixels = self.frame_of_face.inverse
        self._canonical = self.frame_of_face(landmarks)
        placed = field.source.run({"landmarks": self._canonical[None]})
        self.own_expression = np.clip(placed["expression"][0], 0, 1).astype(np.float32)
        self.nodes = self._with_anchors(mesh.snapped(placed["nodes"][0], self._canonical))
        self.lips, self.lids = Lips(mesh, self.nodes), Lids(mesh, self.nodes)
        self.upper_face = UpperFace(mesh, self.nodes)
        self._base = self._offsets(self._drives(*_still(1)))[0]
        shut = self._shut()
        self._bite = self._teeth_gap(shut)
        self._teeth_drop = max(0.0, incisors_show - self._incisors_reach(shut))
        self.ipd = self._to_pixels.scale
        self.drawer = MeshDrawer(mesh, self._to_pixels(self.nodes[mesh.boundary]), self.ipd, canvas)
        self._ring: list[Canvases] = []

    @property
    def region(self) -> Box:
        """The (x0, y0, x1, y1) box of the canvas that moves."""
        return self.drawer.region

    def copy(self) -> FaceMotion:
        """The same portrait for another thread."""
        return FaceMotion(self._field, self._landmarks, self._canvas, self._incisors_show)

    def rest(self) -> MeshFrame:
        """The photo as it is: identity map, empty masks, the matrices of the unmoved head."""
        return self.frame(np.zeros(len(EXPRESSIONS), np.float32), 0.0, np.zeros(5, np.float32), 0.0)

    def frame(
        self, expression: Floats, closure: float, head: Floats, amount: float = 1.0, brows: float = 0.0
    ) -> MeshFrame:
        """One frame in arrays of its own; see `frames`."""
        canvases = Canvases.empty(self.drawer.height, self.drawer.width)
        return self._frames(
            np.asarray(expression, np.float32)[None],
            np.array([closure], np.float32),
            np.asarray(head, np.float32)[None],
            np.array([amount], np.float32),
            np.array([brows], np.float32),
            [canvases],
        )[0]

    def frames(
        self,
        expression: Floats,
        closure: Floats,
        head: Floats,
        amount: Floats,
        brows: Floats | None = None,
    ) -> list[MeshFrame]:
        """Frames of a stretch of a motion track; the network runs once for all.

        Their arrays are used again: they hold until the next call.

        Args:
            expression: (T, 25) ARKit coefficients: absolute for mouth and jaw, eyeBlink 0 = the photo's own opening.
            closure: (T,) 1 = the lips must touch.
            head: (T, 5) yaw, pitch, roll (radians) and dx, dy (ipd) against the photo's own pose.
            amount: (T,) 0 = the photo untouched, 1 = fully driven.
            brows: (T,) how far the brows are raised, ipd; None: not at all.
        """
        if brows is None:
            brows = np.zeros(len(amount), np.float32)
        while len(self._ring) < len(amount):
            self._ring.append(Canvases.empty(self.drawer.height, self.drawer.width))
        return self._frames(expression, closure, head, amount, brows, self._ring)

    def _frames(
        self,
        expression: Floats,
        closure: Floats,
        head: Floats,
        amount: Floats,
        brows: Floats,
        canvases: Sequence[Canvases],
    ) -> list[MeshFrame]:
        drives = self._drives(expression, closure, head, amount)
        offsets = self._offsets(drives)
        blinks = expression[:, [_BLINK_RIGHT, _BLINK_LEFT]] * amount[:, None]
        heads = head * amount[:, None]
        moved = offsets - self._base
        moved[amount <= 0] = 0
        for t in np.flatnonzero(amount > 0):
            yaw, pitch = float(heads[t, 0]), float(heads[t, 1])
            self.upper_face.move(moved[t], float(brows[t] * amount[t]), yaw, pitch)
        return [
            self._frame(canvas, drives[t], moved[t], blinks[t], heads[t], float(amount[t]))
            for t, canvas in zip(range(len(amount)), canvases, strict=False)
        ]

    def _drives(self, expression: Floats, closure: Floats, head: Floats, amount: Floats) -> Floats:
        """(T, 28) what the motion network is asked for: coefficients, closure, yaw, pitch."""
        own = self.own_expression
        wanted = np.clip(expression + _KEPT * own[:_CLOSURE], 0, 1)
        wanted[:, _ROLLS] *= 1 - closure[:, None] * (1 - np.array(self.lips.roll_share, np.float32))
        for blink in (_BLINK_RIGHT, _BLINK_LEFT):
            wanted[:, blink] = own[blink] + (1 - own[blink]) * np.clip(expression[:, blink], 0, 1)
        target = np.concatenate([wanted, closure[:, None]], axis=1)
        mixed = own + amount[:, None] * (target - own)
        return np.concatenate([mixed, head[:, :2] * amount[:, None]], axis=1).astype(np.float32)

    def _offsets(self, drives: Floats) -> Floats:
        """(T, V, 2) offsets of the motion network, canonical frame."""
        landmarks = np.repeat(self._canonical[None], len(drives), axis=0)
        return self._field.motion.run({"landmarks": landmarks, "drive": drives})["offsets"]

    def _with_anchors(self, nodes: Floats) -> Floats:
        nodes[self.mesh.irises] = self._canonical[GROUPS["iris"]]
        return nodes

    def _shut(self) -> Floats:
        """(V, 2) the nodes with jaw and lips shut and all else relaxed."""
        drive = np.zeros((1, _CLOSURE + 3), np.float32)
        drive[0, _CLOSURE] = 1
        return np.asarray(self.nodes + self._offsets(drive)[0] - self._base, np.float32)

    def _incisors_reach(self, nodes: Floats) -> float:
        """How far the edge of the upper incisors lies below the middle of closed lips."""
        lips = self.lips
        seam = (nodes[lips.upper[MIDDLE], 1] + nodes[lips.lower[MIDDLE], 1]) / 2
        return float(nodes[self.mesh.upper_teeth[1], 1] - seam)

    def _teeth_gap(self, nodes: Floats) -> Floats:
        """(2,) from the upper to the lower teeth."""
        mesh = self.mesh
        return np.asarray((nodes[mesh.lower_teeth] - nodes[mesh.upper_teeth]).sum(axis=0) / 3, np.float32)

    def _frame(
        self, out: Canvases, drive: Floats, moved: Floats, blinks: Floats, head: Floats, amount: float
    ) -> MeshFrame:
        source, driven = self.nodes.copy(), self.nodes + moved
        gaps = self.lips.meet(driven, float(drive[_CLOSURE]), amount)
        self.lips.leave_seam(source, gaps, amount)
        self.lids.meet(driven, blinks)
        jaw_offset = self._teeth_gap(driven) - self._bite
        strips = self.lids.strips(source, driven, blinks)
        rolled = _head_similarity(head)
        driven = rolled(driven)
        if amount <= 0:
            self._draw_rest(out)
        else:
            self.drawer.draw(
                out,
                self._to_pixels(np.concatenate([self._wide_eyes(source), strips[0]])),
                self._to_pixels(np.concatenate([self._wide_eyes(driven), rolled(strips[1])])),
                ramp(blinks, *BLINK_SHOWS),
                self._interior_weight(amount),
            )
        return MeshFrame(
            region=self.region,
            map_x=out.map_x,
            map_y=out.map_y,
            interior=out.interior,
            lid=out.lid,
            mouth_matrix=self._mouth_matrix(driven, rolled),
            jaw_offset=jaw_offset,
            eye_matrices=self._eye_matrices(driven, rolled),
            expression=drive[:_CLOSURE].copy(),
            closure=float(drive[_CLOSURE]),
            head=np.asarray(head, np.float32),
            amount=amount,
        )

    def _wide_eyes(self, nodes: Floats) -> Floats:
        """The nodes with the eyes' windows a little larger, so that nothing shows between them and the lids."""
        rims, irises = self.mesh.eye_rims, self.mesh.irises[:, None]
        wide = nodes.copy()
        wide[rims] += EYE_MARGIN * (nodes[rims] - nodes[irises])
        return wide

    def _interior_weight(self, amount: float) -> float:
        """An open mouth in the photo shows its own inside at rest, and hands over as the face begins to move."""
        return share(amount, 0.0, 0.5) if self.lips.is_open else 1.0

    def _draw_rest(self, out: Canvases) -> None:
        x0, y0, x1, y1 = self.region
        out.map_x[:] = np.arange(x0, x1, dtype=np.float32)
        out.map_y[:] = np.arange(y0, y1, dtype=np.float32)[:, None]
        out.interior[:] = 0
        out.lid[:] = 0

    def _mouth_matrix(self, driven: Floats, rolled: Similarity) -> NDArray[np.float64]:
        drop = rolled.matrix @ np.array([0.0, MOUTH_DROP + self._teeth_drop])
        return self._crop(driven[self.mesh.upper_teeth[1]] + drop, rolled, MOUTH_SIZE, MOUTH_SPAN)

    def _eye_matrices(self, driven: Floats, rolled: Similarity) -> NDArray[np.float64]:
        middles = driven[self.mesh.eye_rims].sum(axis=1) / self.mesh.eye_rims.shape[1]
        return np.stack([self._crop(middle, rolled, EYE_SIZE, EYE_SPAN) for middle in middles])

    def _crop(self, middle: NDArray[Any], rolled: Similarity, size: int, span: float) -> NDArray[np.float64]:
        """Canvas pixels -> pixels of an upright crop round a place of the canonical frame."""
        turn = (size / span) * rolled.matrix.T
        face = self.frame_of_face
        crop = np.empty((2, 3))
        crop[:, :2] = turn @ face.matrix
        crop[:, 2] = turn @ (face.shift - middle) + (size - 1) / 2
        return crop


def _head_similarity(head: Floats) -> Similarity:
    """Roll about the pivot (clockwise in the image) and shift, of yaw, pitch, roll, dx, dy; canonical frame."""
    cos, sin = np.cos(float(head[2])), np.sin(float(head[2]))
    turn = np.array([[cos, -sin], [sin, cos]])
    return Similarity(turn, PIVOT - turn @ PIVOT + head[3:5])


def _still(count: int) -> tuple[Floats, Floats, Floats, Floats]:
    """A motion track that leaves the photo alone."""
    return (
        np.zeros((count, len(EXPRESSIONS)), np.float32),
        np.zeros(count, np.float32),
        np.zeros((count, 5), np.float32),
        np.zeros(count, np.float32),
    )
