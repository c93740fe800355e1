"""From a driven mesh to the pictures that stage 4 needs: a sampling map and the masks of what the photo cannot show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from runtime.stages.easing import smoothstep
from runtime.stages.mesh import EYE, INTERIOR, LOWER_LIP, UPPER_LIP, FaceMesh, Floats, Ints
from runtime.stages.rasterizing import (
    Bytes,
    average_down,
    draw_mesh,
    draw_values,
    fill_map,
    fill_polygon,
    soft_field,
)
from runtime.stages.rims import STRIP_POINTS, strip_triangles

Box = tuple[int, int, int, int]

FIELD_REACH: Final = 0.95  # ipd beyond the mesh over which its movement fades away
FIELD_MARGIN: Final = 1.25  # ipd round the mesh at rest that may move at all
FIELD_FADE: Final = 0.3  # the last part of that margin, where movement is forced to nothing
FIELD_STEP: Final = 0.125  # ipd between nodes of the coarse grid
FIELD_SOFTNESS: Final = 0.04


@dataclass
class Canvases:
    """The arrays of one frame: map_x, map_y (h, w) float32, interior (h, w) uint8, lid (2, h, w) uint8."""

    map_x: Floats
    map_y: Floats
    interior: Bytes
    lid: Bytes

    @classmethod
    def empty(cls, height: int, width: int) -> Canvases:
        """New arrays of a region's size, masks empty."""
        return cls(
            np.empty((height, width), np.float32),
            np.empty((height, width), np.float32),
            np.zeros((height, width), np.uint8),
            np.zeros((2, height, width), np.uint8),
        )


class MeshDrawer:
    """Draws frames of one portrait. Not for several threads at once: it reuses its scratch arrays.

    ``region`` is the (x0, y0, x1, y1) box of the canvas outside which nothing moves.
    """

    def __init__(self, mesh: FaceMesh, edge: Floats, ipd: float, canvas: tuple[int, int]) -> None:
        """``edge`` (B, 2): the mesh's boundary at rest, canvas pixels; ``canvas``: (width, height)."""
        self.mesh = mesh
        self.ipd = ipd
        wanted = _outer_box(edge, FIELD_MARGIN * ipd)
        self.region: Box = (
            max(wanted[0], 0),
            max(wanted[1], 0),
            min(wanted[2], canvas[0]),
            min(wanted[3], canvas[1]),
        )
        self.width, self.height = self.region[2] - self.region[0], self.region[3] - self.region[1]
        self.origin = np.array(self.region[:2], np.float32)
        self.step = FIELD_STEP * ipd
        self.window = self._window(wanted)
        self.field = np.empty((*self.window.shape, 2), np.float32)
        strips = [strip_triangles(eye, mesh.node_count + eye * STRIP_POINTS) for eye in (0, 1)]
        self.trust = np.concatenate(
            [np.ones(mesh.node_count, np.float32), *(trust for _, trust, _ in strips)]
        )
        self.trust[mesh.boundary] = 0
        self.closed_boundary = np.append(mesh.boundary, mesh.boundary[0])
        self.triangles = np.concatenate([mesh.triangles, *(triangles for triangles, _, _ in strips)])
        self.one_sided = np.zeros(len(self.triangles), np.uint8)
        self.one_sided[: len(mesh.triangles)] = ~np.isin(mesh.layers, (EYE, INTERIOR))
        self.lips = mesh.triangles[np.isin(mesh.layers, (LOWER_LIP, UPPER_LIP))]
        self.lid_strips = [triangles for triangles, _, _ in strips]
        self.new_skin = np.concatenate(
            [np.zeros(mesh.node_count, np.float32), *(skin for _, _, skin in strips)]
        )
        self.fineness = 4 if ipd < 150 else 2
        self._scratch = np.zeros(0, np.float32)

    def _window(self, wanted: Box) -> Floats:
        """(gh, gw) 1 inside, falling to 0 at the border of the region that would be wanted on an endless canvas."""
        columns = int(np.ceil((self.width - 1) / self.step)) + 2
        rows = int(np.ceil((self.height - 1) / self.step)) + 2
        fade = FIELD_FADE * self.ipd
        x = self.origin[0] + np.arange(columns) * self.step
        y = self.origin[1] + np.arange(rows) * self.step
        # A cell that holds the last pixel has its outer node beyond it: keep one step clear of the border.
        inside_x = np.minimum(x - wanted[0], wanted[2] - self.step - x) / fade
        inside_y = np.minimum(y - wanted[1], wanted[3] - self.step - y) / fade
        return np.ascontiguousarray(smoothstep(np.minimum(inside_x[None], inside_y[:, None])), np.float32)

    def draw(self, out: Canvases, source: Floats, driven: Floats, shown: Floats, interior: float) -> None:
        """Draw one frame.

        Args:
            out: arrays of the region's size, overwritten.
            source, driven: (V + 2 * STRIP_POINTS, 2) nodes and strips of lids, canvas pixels.
            shown: (2,) how far each lid shows new skin, 0..1.
            interior: weight of the mouth's interior mask, 0..1.
        """
        driven = np.asarray(driven, np.float32)
        source = np.asarray(source, np.float32)
        self._draw_map(out, source, driven, bool(shown.max() > 0))
        self._draw_interior(out.interior, driven, interior)
        for eye, triangles in enumerate(self.lid_strips):
            out.lid[eye] = 0
            if shown[eye] > 0:
                self._draw_lid(out.lid[eye], driven, triangles, float(shown[eye]))

    def _draw_map(self, out: Canvases, source: Floats, driven: Floats, blinking: bool) -> None:
        edge = np.ascontiguousarray(driven[self.closed_boundary].T)
        soft_field(
            edge,
            edge - source[self.closed_boundary].T,
            self.origin,
            self.step,
            FIELD_REACH * self.ipd,
            FIELD_SOFTNESS * self.ipd,
            self.window,
            self.field,
        )
        fill_map(self.field, self.step, self.region[0], self.region[1], out.map_x, out.map_y)
        used = len(self.triangles) if blinking else len(self.mesh.triangles)
        draw_mesh(
            driven - self.origin,
            source,
            self.trust,
            self.triangles[:used],
            self.one_sided[:used],
            out.map_x,
            out.map_y,
        )

    def _draw_interior(self, mask: Bytes, driven: Floats, weight: float) -> None:
        """The polygon between the inner lips, less what the lips themselves cover, anti-aliased."""
        mask[:] = 0
        if weight <= 0:
            return
        window = self._window_of(driven[self.mesh.mouth_loop])
        if window is None:
            return
        fine, placed = self._fine(window, driven)
        fill_polygon(placed[self.mesh.mouth_loop], 1.0, fine)
        draw_values(placed, np.zeros(len(placed), np.float32), self.lips, fine)
        x0, y0, x1, y1 = window
        average_down(fine, self.fineness, weight, mask[y0:y1, x0:x1])

    def _draw_lid(self, mask: Bytes, driven: Floats, triangles: Ints, weight: float) -> None:
        window = self._window_of(driven[triangles.ravel()])
        if window is None:
            return
        fine, placed = self._fine(window, driven)
        draw_values(placed, self.new_skin, triangles, fine)
        x0, y0, x1, y1 = window
        average_down(fine, self.fineness, weight, mask[y0:y1, x0:x1])

    def _window_of(self, points: Floats) -> Box | None:
        """The part of the region that points (N, 2) span, in its own pixels."""
        x0, y0 = np.maximum(np.floor(points.min(axis=0) - self.origin).astype(int) - 1, 0)
        x1, y1 = np.ceil(points.max(axis=0) - self.origin).astype(int) + 2
        x1, y1 = min(int(x1), self.width), min(int(y1), self.height)
        return (int(x0), int(y0), x1, y1) if x1 > x0 and y1 > y0 else None

    def _fine(self, window: Box, points: Floats) -> tuple[Floats, Floats]:
        """An empty array over a window at higher resolution, and the points in its pixels."""
        k = self.fineness
        shape = ((window[3] - window[1]) * k, (window[2] - window[0]) * k)
        size = shape[0] * shape[1]
        if len(self._scratch) < size:
            self._scratch = np.zeros(size, np.float32)
        fine = self._scratch[:size].reshape(shape)
        fine[:] = 0
        corner = self.origin + np.array(window[:2], np.float32)
        return fine, np.asarray((points - corner + 0.5) * k - 0.5, np.float32)


def _outer_box(points: Floats, margin: float) -> Box:
    x0, y0 = np.floor(points.min(axis=0) - margin).astype(int)
    x1, y1 = np.ceil(points.max(axis=0) + margin).astype(int) + 1
    return int(x0), int(y0), int(x1), int(y1)
