"""Lips and lids that meet: the expression basis alone lets them intersect or stop short of touching.

Both corrections are linear in a few gaps between pairs of rim vertices, so they can be applied to any subset
of vertices and in any frame with y up (the head's own, or a picture's with y negated).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import LID_LOWER, LID_UPPER, LIP_LOWER, LIP_UPPER
from training.heads.facekit import FaceKit, Floats, Ints, Part

LIP_OVERLAP = 0.02  # centimetres that closed lips sink into each other, so that no crack shows
LID_OVERLAP = 0.06
UPPER_LIP_SHARE = 0.35  # how much of a lip gap the upper lip covers; the jaw does the rest
BLINK_START, BLINK_FULL = 0.55, 0.95  # eyeBlink weights between which the lids are drawn together


class Contact:
    """Corrections of a :class:`FaceKit`.

    Attributes:
        lip_upper, lip_lower: (9,) rim vertices that meet, from the right corner to the left.
        lid_upper, lid_lower: (2, 7) the same for the right and the left eye.
        lip_weights: (N, 9) float32, how far each vertex follows each lip gap; upper lip > 0, lower lip < 0.
        lid_weights: (2, N, 7) float32, the same for the upper lids.
        upper: (N,) bool, whether a vertex lies on the upper side of the mouth (as the jaw's motion tells).
    """

    def __init__(self, kit: FaceKit) -> None:
        self.lip_upper: Ints = kit.landmarks[LIP_UPPER]
        self.lip_lower: Ints = kit.landmarks[LIP_LOWER]
        self.lid_upper: Ints = kit.landmarks[LID_UPPER]
        self.lid_lower: Ints = kit.landmarks[LID_LOWER]
        self.upper = self._upper_side(kit)
        self.lip_weights = self._lip_weights(kit)
        self.lid_weights = np.stack([self._lid_weights(kit, eye) for eye in (0, 1)])

    def _upper_side(self, kit: FaceKit) -> NDArray[np.bool_]:
        fall = kit.expressions[kit.expression_index("jawOpen")][:, 1]
        middle = (fall[self.lip_upper] + fall[self.lip_lower]) / 2
        return np.asarray(fall > np.interp(kit.vertices[:, 0], kit.vertices[self.lip_upper, 0], middle))

    def _lip_weights(self, kit: FaceKit) -> Floats:
        rim = np.concatenate([self.lip_upper, self.lip_lower])
        upper, lower = kit.vertices[self.lip_upper], kit.vertices[self.lip_lower]
        x, y, z = kit.vertices.T
        left, right = kit.vertices[[kit.landmarks[LIP_UPPER[0] - 1], kit.landmarks[LIP_UPPER[-1] + 1]], 0]
        width = right - left
        line_x = (upper[:, 0] + lower[:, 0]) / 2
        away = np.abs(y - np.interp(x, line_x, (upper[:, 1] + lower[:, 1]) / 2))
        taper = np.clip(np.minimum(x - left, right - x) / (0.1 * width) + 0.5, 0, 1)
        near = (away < 0.6 * width) & (z > kit.vertices[rim, 2].mean() - 4)
        near[np.setdiff1d(np.arange(kit.count), kit.vertices_of(Part.SKIN))] = False
        strength = np.where(near, np.exp(-0.5 * (away / (0.22 * width)) ** 2) * taper, 0)
        strength *= np.where(self.upper, UPPER_LIP_SHARE, UPPER_LIP_SHARE - 1)
        return np.asarray(_hats(x, line_x) * strength[:, None], np.float32)

    def _lid_weights(self, kit: FaceKit, eye: int) -> Floats:
        fall = -kit.expressions[kit.expression_index(("eyeBlink_R", "eyeBlink_L")[eye])][:, 1]
        upper = self.lid_upper[eye]
        order = np.argsort(kit.vertices[upper, 0])
        rim_x = kit.vertices[upper, 0][order]
        x, y, _ = kit.vertices.T
        width = np.ptp(rim_x) * 1.2
        middle = kit.vertices[np.concatenate([upper, self.lid_lower[eye]])].mean(axis=0)
        near = (np.abs(x - middle[0]) < 0.62 * width) & (np.abs(y - middle[1]) < 1.2)
        near[np.setdiff1d(np.arange(kit.count), kit.vertices_of(Part.SKIN, Part.LASHES))] = False
        most = fall[upper].max()
        share = fall / np.maximum(np.interp(x, rim_x, fall[upper][order]), 0.25 * most)
        share = np.where(near & (fall > 0.04 * most), np.clip(share, 0, 1) ** 1.5, 0)
        share *= (x >= rim_x[0] - 0.25) & (x <= rim_x[-1] + 0.25)
        weights = np.empty((kit.count, len(upper)), np.float32)
        weights[:, order] = _hats(x, rim_x) * share[:, None]
        return weights

    def lip_pull(self, gaps: Floats, closure: float | Floats) -> Floats:
        """How much of each lip gap (upper minus lower y, (..., 9) cm) is to be taken away.

        Overlapping lips are pushed apart to :data:`LIP_OVERLAP`; open ones close by ``closure`` (0..1).
        """
        excess = gaps + LIP_OVERLAP
        return np.asarray(np.where(gaps < -LIP_OVERLAP, excess, excess * closure), np.float32)

    def resolve(self, head: Floats, closure: float = 0.0, blink: tuple[float, float] = (0.0, 0.0)) -> Floats:
        """The expressed head (N, 3), in its own frame, with lips and lids in contact where they should be.

        ``closure`` draws the lips together; ``blink`` are the eyeBlink weights of the right and the left eye.
        """
        result = head.copy()
        gap = head[self.lip_upper] - head[self.lip_lower]
        pull = self.lip_pull(gap[:, 1], closure)
        result[:, 1] -= self.lip_weights @ pull
        # Rims at different depths would show a crack from above or below.
        meeting = np.clip(pull / np.where(np.abs(gap[:, 1]) < 1e-3, 1, gap[:, 1]), 0, 1) * gap[:, 2]
        result[:, 2] -= self.lip_weights @ meeting.astype(np.float32)
        for eye, weight in enumerate(blink):
            amount = float(np.clip((weight - BLINK_START) / (BLINK_FULL - BLINK_START), 0, 1))
            if amount > 0:
                lid_gap = head[self.lid_upper[eye], 1] - head[self.lid_lower[eye], 1] + LID_OVERLAP
                result[:, 1] -= self.lid_weights[eye] @ (amount * np.maximum(lid_gap, 0))
        return result


def _hats(x: NDArray[np.floating], knots: NDArray[np.floating]) -> Floats:
    """(N, K) weights of linear interpolation of N places between K sorted knots, constant beyond the ends."""
    right = np.clip(np.searchsorted(knots, x), 1, len(knots) - 1)
    blend = np.clip((x - knots[right - 1]) / (knots[right] - knots[right - 1]), 0, 1)
    weights = np.zeros((len(x), len(knots)), np.float32)
    rows = np.arange(len(x))
    weights[rows, right - 1] = 1 - blend
    weights[rows, right] = blend
    return weights
