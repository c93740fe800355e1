"""Lips and lids that meet: corrections of the driven mesh where the network alone would leave a crack or a fold.

Everything is in the canonical face frame (irises 1 apart, y down), so a gap is lower minus upper y, positive when open.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from runtime.stages.mesh import LASH_POINTS, FaceMesh, Floats

LEAST_OPENING: Final = (
    0.016  # a photo's mouth open by less counts as closed: landmarks are no better than that
)
LIP_OVERLAP: Final = 0.006  # closed lips slide over each other by twice this, so that no seam of teeth shows
SEAM_MARGIN: Final = 0.014  # the dark line between the photo's lips stays out of rims that have moved apart
LID_OVERLAP: Final = 0.012
BLINK_MEETS: Final = (0.5, 0.9)  # blink between which the upper lid is drawn down to the lower one
BLINK_SHOWS: Final = (0.06, 0.4)  # blink between which new lid skin comes into view
LID_SOURCE_RISE: Final = 0.075  # where a lid's rim takes its skin from: above the lashes, towards the brow
LASH_HEIGHT: Final = 0.03
_UPPER_SHARE: Final = 0.35  # of a closing gap; the jaw does the rest
_CORNER_TAPER: Final = np.minimum(1.0, np.minimum(np.arange(1, 20), np.arange(19, 0, -1)) / 3)


def ramp(value: float | Floats, start: float, end: float) -> Floats:
    """0 below ``start``, 1 above ``end``, linear between."""
    return np.asarray(np.clip((value - start) / (end - start), 0, 1), np.float32)


class Lips:
    """The rims of one portrait's lips: 19 pairs of vertices from the right corner to the left."""

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
        wanted = np.maximum(wanted, 0) * (1 - closure * amount)
        surface[:, 1] += mesh.lip_weights @ (gaps - wanted).astype(np.float32)
        return self._smooth_rims(driven, wanted, amount)

    def _smooth_rims(self, driven: Floats, wanted: Floats, amount: float) -> Floats:
        """Fit the vertices between the landmarks' pairs, and let closed rims overlap."""
        found = self._gaps(driven)
        padded = np.concatenate([[0], wanted, [0]])
        goal = found.copy()
        goal[1::2] = wanted
        goal[::2] = np.clip(found[::2], 0, 1.1 * np.maximum(padded[:-1], padded[1:]))
        excess = found - goal
        overlap = LIP_OVERLAP * amount * _CORNER_TAPER * (1 - ramp(goal, 0, 0.02))
        driven[self.upper, 1] += _UPPER_SHARE * excess + overlap
        driven[self.lower, 1] -= (1 - _UPPER_SHARE) * excess + overlap
        return goal

    def leave_seam(self, source: Floats, gaps: Floats) -> None:
        """Where the lips have moved apart or together, take the rims' colour from beside the photo's seam."""
        margin = SEAM_MARGIN * ramp(np.abs(gaps - self.rest_gaps), 0.01, 0.05) * _CORNER_TAPER
        source[self.upper, 1] -= margin
        source[self.lower, 1] += margin


class Lids:
    """The upper lids of one portrait. Blinks are relative: 0 the photo's own opening, 1 closed; (right, left)."""

    def __init__(self, mesh: FaceMesh) -> None:
        self.mesh = mesh
        self.rims = mesh.eye_loops[:, :LASH_POINTS]
        taper = np.sqrt(np.sin(np.linspace(0, np.pi, LASH_POINTS)).clip(0))
        self.rise = np.stack([np.zeros(LASH_POINTS), -taper], axis=1).astype(np.float32)

    def meet(self, driven: Floats, blinks: Floats) -> None:
        """Draw the upper lids down to the lower ones as the blink ends; ``driven`` (V, 2) is changed in place."""
        mesh = self.mesh
        surface = driven[: mesh.surface_count]
        for eye, blink in enumerate(blinks):
            amount = float(ramp(float(blink), *BLINK_MEETS))
            if amount > 0:
                gaps = driven[mesh.lid_lower[eye], 1] - driven[mesh.lid_upper[eye], 1] + LID_OVERLAP
                surface[:, 1] += mesh.lid_weights[eye] @ (amount * np.maximum(gaps, 0)).astype(np.float32)

    def lashes(self, source: Floats, driven: Floats, blinks: Floats) -> tuple[Floats, Floats]:
        """Strips of lashes that ride on the rims: source and driven points (52, 2); then the lids' own skin in
        ``source`` (V, 2) is shifted, in place, off the lashes."""
        source_strips, driven_strips = [], []
        for eye, blink in enumerate(blinks):
            shown = float(ramp(float(blink), *BLINK_SHOWS))
            rim = self.rims[eye]
            raised = self.rise * LASH_HEIGHT
            source_strips += [source[rim], source[rim] + raised]
            driven_strips += [driven[rim], driven[rim] + raised * (1 - 0.25 * shown)]
            source[rim] += self.rise * (LID_SOURCE_RISE * shown)
        return np.concatenate(source_strips), np.concatenate(driven_strips)
