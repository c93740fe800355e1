"""Triangles to pixels: a z-buffer and vertex normals, compiled by numba."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

FAR = 1e9


class Canvas:
    """Buffers of one picture: triangle number (-1 = none), first two barycentric weights, depth."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.ids = np.empty((size, size), np.int32)
        self.weights = np.zeros((size, size, 2), np.float32)
        self.depth = np.empty((size, size), np.float32)
        self.clear()

    def clear(self) -> None:
        self.ids.fill(-1)
        self.depth.fill(FAR)

    def draw(self, points: Floats, triangles: Ints, first_id: int = 0, density: float = 1.0) -> None:
        """Draw triangles of points (N, 3): x, y in pixels, depth growing away from the viewer.

        ``density`` below 1 leaves out that share of the pixels, a screen door for thin stuff such as lashes.
        """
        _draw(points, triangles, first_id, density, self.ids, self.weights, self.depth)


@njit(fastmath=True, cache=True)
def _draw(points, triangles, first_id, density, ids, weights, depth):  # type: ignore[no-untyped-def]
    height, width = ids.shape
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, z0 = points[i, 0], points[i, 1], points[i, 2]
        x1, y1, z1 = points[j, 0], points[j, 1], points[j, 2]
        x2, y2, z2 = points[k, 0], points[k, 1], points[k, 2]
        left = max(0, math.ceil(min(x0, x1, x2)))
        right = min(width - 1, math.floor(max(x0, x1, x2)))
        top = max(0, math.ceil(min(y0, y1, y2)))
        bottom = min(height - 1, math.floor(max(y0, y1, y2)))
        if left > right or top > bottom:
            continue
        area = (y1 - y2) * (x0 - x2) + (x2 - x1) * (y0 - y2)
        if abs(area) < 1e-9:
            continue
        inverse = 1.0 / area
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                a = ((y1 - y2) * (x - x2) + (x2 - x1) * (y - y2)) * inverse
                b = ((y2 - y0) * (x - x2) + (x0 - x2) * (y - y2)) * inverse
                c = 1.0 - a - b
                if a < -1e-5 or b < -1e-5 or c < -1e-5:
                    continue
                z = a * z0 + b * z1 + c * z2
                if z < depth[y, x]:
                    if density < 1.0 and ((x * 7349 + y * 9151) % 97) / 97.0 > density:
                        continue
                    depth[y, x] = z
                    ids[y, x] = first_id + t
                    weights[y, x, 0] = a
                    weights[y, x, 1] = b


@njit(fastmath=True, cache=True)
def vertex_normals(vertices, triangles):  # type: ignore[no-untyped-def]
    """(N, 3) unit normals, area-weighted means over the triangles of each vertex."""
    normals = np.zeros_like(vertices)
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux = vertices[j, 0] - vertices[i, 0]
        uy = vertices[j, 1] - vertices[i, 1]
        uz = vertices[j, 2] - vertices[i, 2]
        vx = vertices[k, 0] - vertices[i, 0]
        vy = vertices[k, 1] - vertices[i, 1]
        vz = vertices[k, 2] - vertices[i, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (i, j, k):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(normals.shape[0]):
        length = math.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2) + 1e-9
        normals[v, 0] /= length
        normals[v, 1] /= length
        normals[v, 2] /= length
    return normals
