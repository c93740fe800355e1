"""Lips and lids that meet: corrections of the driven mesh where the network alone would leave a crack or a fold.

Everything is in the canonical face frame (irises 1 apart, y down), so a gap is lower minus upper y, positive when open.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from runtime.stages.mesh import RIM_POINTS, FaceMesh, Floats, Ints

LEAST_OPENING: Final = (
    0.016  # a photo's mouth open by less counts as closed: landmarks are no better than that
)
LIP_OVERLAP: Final = 0.006  # closed lips slide over each other by twice this, so that no seam of teeth shows
SEAM_MARGIN: Final = 0.014  # the dark line between the photo's lips stays out of rims that have moved apart
OPEN_MARGIN: Final = 0.05  # more, for a mouth open in the photo: landmarks count the edge of its teeth as lip
CLEARLY_OPEN: Final = (0.02, 0.03)  # a photo's opening between which that sets in
LIP_SHARE: Final = 0.55  # of a lip's thickness that the margin may take at most
ROLLS: Final = (
    (0.05, 0.12),
    (0.07, 0.16),
)  # thickness of upper, lower lip from which it rolls in, and in full
LID_OVERLAP: Final = 0.02  # hides the wet rim of the lower lid, which landmarks leave on either side
BLINK_MEETS: Final = (0.5, 0.9)  # blink between which the upper lid is drawn down to the lower one
BLINK_SHOWS: Final = (0.06, 0.4)  # blink between which new lid skin comes into view
LID_TOP: Final = 0.09  # height over the rim at which a closing lid goes over into the photo's own skin
LID_SKIN: Final = 0.035  # height of the band above that whose skin the lid shows
LID_ROWS: Final = 5
STRIP_POINTS: Final = (
    LID_ROWS + 2
) * RIM_POINTS  # of one eye: rows of the lid from above, then rim and top of the lashes
LASH_HEIGHT: Final = 0.03
_UPPER_SHARE: Final = 0.35  # of a closing gap; the jaw does the rest
_CORNER_TAPER: Final = np.minimum(1.0, np.minimum(np.arange(1, 20), np.arange(19, 0, -1)) / 3)


def ramp(values: Floats, start: float, end: float) -> Floats:
    """0 below ``start``, 1 above ``end``, linear between."""
    return np.minimum(np.maximum((values - np.float32(start)) / np.float32(end - start), 0), 1)


def share(value: float, start: float, end: float) -> float:
    """`ramp` of one number."""
    return min(max((value - start) / (end - start), 0.0), 1.0)


class Lips:
    """The rims of one portrait's lips: 19 pairs of vertices from the right corner to the left.

    `roll_share` (upper, lower) 0..1: how far they may roll in when they close; thin lips would vanish.
    """

    def __init__(self, mesh: FaceMesh, nodes: Floats) -> None:
        """``nodes`` (V, 2): the mesh on the photo. Lips that touch, or nearly, are made to share one line, in place."""
        self.mesh = mesh
        self.upper, self.lower = mesh.mouth_loop[1:20], mesh.mouth_loop[:20:-1]
        gaps = self._gaps(nodes)
        self.is_open = bool(gaps.max() > LEAST_OPENING)
        touching = gaps <= (0 if self.is_open else np.inf)
        middle = (nodes[self.upper[touching]] + nodes[self.lower[touching]]) / 2
        nodes[self.upper[touching]] = nodes[self.lower[touching]] = middle
        self.rest_gaps = self._gaps(nodes)
        self._openness = share(float(self.rest_gaps.max()), *CLEARLY_OPEN)
        self._margins = self._seam_margins(nodes)
        middles = [float(lip[5:14].mean()) for lip in self._thickness(nodes)]
        self.roll_share = tuple(share(t, *full) for t, full in zip(middles, ROLLS, strict=True))

    def _seam_margins(self, nodes: Floats) -> tuple[Floats, Floats]:
        """How far beside the seam the upper and the lower rim may at most be sampled: (19,) each."""
        wanted = SEAM_MARGIN + OPEN_MARGIN * self._openness * _CORNER_TAPER
        upper, lower = (
            np.minimum(wanted, np.maximum(LIP_SHARE * lip, SEAM_MARGIN)) for lip in self._thickness(nodes)
        )
        return upper.astype(np.float32), lower.astype(np.float32)

    def _thickness(self, nodes: Floats) -> tuple[Floats, Floats]:
        """(19,) heights of the red of the upper and of the lower lip."""
        heights = np.abs(nodes[self.mesh.lip_loop, 1] - nodes[self.mesh.mouth_loop, 1])
        return heights[1:20], heights[:20:-1]

    def _gaps(self, nodes: Floats) -> Floats:
        return np.asarray(nodes[self.lower, 1] - nodes[self.upper, 1])

    def meet(self, driven: Floats, closure: float, amount: float) -> Floats:
        """Open the lips to their calibrated height, close them by ``closure``, let none pass through the other.

        ``driven`` (V, 2) is changed in place. Returns the (19,) gaps as they are now, before closed rims overlap.
        """
        mesh = self.mesh
        surface = driven[: mesh.surface_count]
        rest = self.rest_gaps[1::2]
        gaps = driven[mesh.lip_lower, 1] - driven[mesh.lip_upper, 1]
        wanted = rest + float(mesh.opening_gain) * (gaps - rest)
        # The network closes in proportion by itself; only the last of it is left to be sure of.
        wanted = np.maximum(wanted, 0) * (1 - (closure * amount) ** 4)
        surface[:, 1] += mesh.lip_weights @ (gaps - wanted).astype(np.float32)
        return self._smooth_rims(driven, wanted, amount)

    def _smooth_rims(self, driven: Floats, wanted: Floats, amount: float) -> Floats:
        """Fit the vertices between the landmarks' pairs, and let closed rims overlap."""
        found = self._gaps(driven)
        padded = np.concatenate([[0], wanted, [0]])
        goal = found.copy()
        goal[1::2] = wanted
        goal[::2] = np.minimum(np.maximum(found[::2], 0), 1.1 * np.maximum(padded[:-1], padded[1:]))
        excess = found - goal
        overlap = LIP_OVERLAP * amount * _CORNER_TAPER * (1 - ramp(goal, 0, 0.02))
        driven[self.upper, 1] += _UPPER_SHARE * excess + overlap
        driven[self.lower, 1] -= (1 - _UPPER_SHARE) * excess + overlap
        return goal

    def leave_seam(self, source: Floats, gaps: Floats, amount: float) -> None:
        """Where the lips have moved apart or together, take the rims' colour from beside the photo's seam.

        A mouth that is open in the photo does so as soon as it is driven: its teeth must not ride on the lips.
        """
        moved = ramp(np.abs(gaps - self.rest_gaps), 0.01, 0.05)
        # The corners of an open mouth are as dark as its inside; those of a closed one are only a crease.
        part = moved if self.is_open else moved * _CORNER_TAPER
        part = np.maximum(part, self._openness * share(amount, 0, 0.5))
        upper, lower = self._margins
        source[self.upper, 1] -= upper * part
        source[self.lower, 1] += lower * part


class Lids:
    """The upper lids of one portrait. Blinks are relative: 0 the photo's own opening, 1 closed; (right, left).

    A photo of an open eye hides most of the lid. So the closing lid is a strip of its own, drawn over the mesh from
    above the crease to the driven rim, which takes its colour from the clean skin over the crease. A second strip
    carries the lashes, as they are in the photo, along with the rim.
    """

    def __init__(self, mesh: FaceMesh, nodes: Floats) -> None:
        """``nodes`` (V, 2): the mesh on the photo."""
        self.mesh = mesh
        self.rims = mesh.eye_loops[:, :RIM_POINTS]
        self.anchors = mesh.eye_rims[:, :RIM_POINTS]
        taper = np.sqrt(np.sin(np.linspace(0, np.pi, RIM_POINTS)).clip(0))
        self._up = np.stack([np.zeros(RIM_POINTS), -taper], axis=1).astype(np.float32)
        self._hidden = np.zeros((2 * STRIP_POINTS, 2), np.float32)
        self._source = [self._rows(nodes[rim], nodes[rim] + LID_TOP * self._up) for rim in self.rims]

    @staticmethod
    def _rows(rim: Floats, top: Floats) -> Floats:
        """(LID_ROWS, 13, 2) points between a rim and the upper edge of its strip, from above."""
        along = np.linspace(0, 1, LID_ROWS, dtype=np.float32)[:, None, None]
        return top[None] + along * (rim - top)[None]

    def meet(self, driven: Floats, blinks: Floats) -> None:
        """Draw the upper lids down to the lower ones as the blink ends; ``driven`` (V, 2) is changed in place."""
        mesh = self.mesh
        surface = driven[: mesh.surface_count]
        for eye, blink in enumerate(blinks):
            amount = share(float(blink), *BLINK_MEETS)
            if amount > 0:
                gaps = driven[mesh.lid_lower[eye], 1] - driven[mesh.lid_upper[eye], 1] + LID_OVERLAP
                surface[:, 1] += mesh.lid_weights[eye] @ (amount * np.maximum(gaps, 0)).astype(np.float32)

    def strips(self, source: Floats, driven: Floats, blinks: Floats) -> tuple[Floats, Floats]:
        """Both eyes' strips in the photo and as driven: (2 * STRIP_POINTS, 2) each, numbered as `strip_triangles`.

        While neither lid shows new skin the strips are not drawn, and their points say nothing.
        """
        if max(blinks) <= BLINK_SHOWS[0]:
            return self._hidden, self._hidden
        source_strips, driven_strips = [], []
        for eye, blink in enumerate(blinks):
            shown = share(float(blink), *BLINK_SHOWS)
            rim, rest = self.rims[eye], self._source[eye]
            top = driven[self.anchors[eye]] + LID_TOP * self._up
            clean = self._rows(rest[0] + LID_SKIN * self._up, rest[0])
            source_strips += [
                *(rest + shown * (clean - rest)),
                source[rim],
                source[rim] + LASH_HEIGHT * self._up,
            ]
            lash_top = driven[rim] + LASH_HEIGHT * (1 - 0.25 * shown) * self._up
            driven_strips += [*self._rows(driven[rim], top), driven[rim], lash_top]
        return np.concatenate(source_strips), np.concatenate(driven_strips)


def strip_triangles(eye: int, first: int) -> tuple[Ints, Floats, Floats]:
    """Triangles of an eye's lid strip and, after them, of its lash strip.

    ``first`` is the number of the strips' first point. Also returns, for each of the eye's STRIP_POINTS points, how far
    the strip decides over what is drawn below it, and how much of it is newly shown skin (the lashes are not).
    """
    triangles = []
    for upper, lower in [(row, row + 1) for row in range(LID_ROWS - 1)] + [(LID_ROWS + 1, LID_ROWS)]:
        for i in range(RIM_POINTS - 1):
            # The left eye's rim runs from right to left in the image.
            a, b = (i, i + 1) if eye == 0 else (i + 1, i)
            p, q, r, s = (
                first + row * RIM_POINTS + i for row, i in ((upper, a), (upper, b), (lower, a), (lower, b))
            )
            triangles += [(p, q, r), (q, s, r)]
    trust = np.ones((LID_ROWS + 2, RIM_POINTS), np.float32)
    trust[0] = 0
    skin = trust.copy()
    skin[1] = 0.7
    skin[LID_ROWS] = 0
    # Towards the corners of the eye the lid's own folds stay.
    trust[:, [0, -1]] = 0
    trust[1:LID_ROWS, [1, -2]] = 0.5
    trust[1:LID_ROWS, [2, -3]] = 0.85
    return np.array(triangles, np.int32), trust.ravel(), skin.ravel()
