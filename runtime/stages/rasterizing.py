"""Drawing triangles and polygons into sampling maps and masks: the inner loops of the motion field.

Compiled by numba once and cached; the loops do not hold Python's lock, so frames may be drawn in several threads.
Points are (x, y) in pixels of the array that is drawn into; pixel centres have whole coordinates.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numba import njit
from numpy.typing import NDArray

from runtime.compiled import compiled

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

# Triangles thinner than this (pixels) say nothing of use; spans are widened as much, so that their neighbours close
# over them and no crack opens.
_SLACK = 0.05


_compiled = partial(compiled, fastmath=True)


@njit(nogil=True, fastmath=True, error_model="numpy", inline="always")
def _span(x0: float, y0: float, x1: float, y1: float, x2: float, y2: float, y: float) -> tuple[float, float]:
    """Left and right end of a triangle on the line at height y; left > right where it misses the line."""
    left, right = 1e9, -1e9
    for edge in range(3):
        if edge == 0:
            ax, ay, bx, by = x0, y0, x1, y1
        elif edge == 1:
            ax, ay, bx, by = x1, y1, x2, y2
        else:
            ax, ay, bx, by = x2, y2, x0, y0
        if (y < ay and y < by) or (y > ay and y > by):
            continue
        if ay == by:
            left, right = min(left, ax, bx), max(right, ax, bx)
        else:
            x = ax + (y - ay) / (by - ay) * (bx - ax)
            left, right = min(left, x), max(right, x)
    return left, right


@njit(nogil=True, fastmath=True, error_model="numpy", inline="always")
def _is_sliver(x0: float, y0: float, x1: float, y1: float, x2: float, y2: float, area: float) -> bool:
    longest = max(
        (x1 - x0) ** 2 + (y1 - y0) ** 2, (x2 - x1) ** 2 + (y2 - y1) ** 2, (x0 - x2) ** 2 + (y0 - y2) ** 2
    )
    return area * area <= _SLACK * _SLACK * longest


@_compiled
def draw_mesh(
    driven: Floats,
    source: Floats,
    trust: Floats,
    triangles: Ints,
    one_sided: Bytes,
    map_x: Floats,
    map_y: Floats,
) -> None:
    """Draw triangles, in the order given, into a backward sampling map.

    Args:
        driven: (K, 2) vertices in pixels of the map; source: (K, 2) where their colour lies in the photo, pixels.
        trust: (K,) 1 where the mesh decides, 0 where what the map already holds does (its outer edge); linear between.
        triangles: (T, 3); one_sided: (T,) whether a triangle seen from behind is left out.
        map_x, map_y: (h, w), changed in place.
    """
    height, width = map_x.shape
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = (
            driven[i, 0],
            driven[i, 1],
            driven[j, 0],
            driven[j, 1],
            driven[k, 0],
            driven[k, 1],
        )
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if _is_sliver(x0, y0, x1, y1, x2, y2, area) or (one_sided[t] == 1 and area < 0):
            continue
        top = max(0, math.ceil(min(y0, y1, y2)))
        bottom = min(height - 1, math.floor(max(y0, y1, y2)))
        # The colour's place is linear over the triangle: s = s_i + (x - x0) * sx + (y - y0) * sy, likewise the trust.
        u1, u2 = (y2 - y0) / area, (y1 - y0) / area
        v1, v2 = (x2 - x0) / area, (x1 - x0) / area
        a, b = source[j, 0] - source[i, 0], source[k, 0] - source[i, 0]
        sxx, sxy = a * u1 - b * u2, b * v2 - a * v1
        a, b = source[j, 1] - source[i, 1], source[k, 1] - source[i, 1]
        syx, syy = a * u1 - b * u2, b * v2 - a * v1
        a, b = trust[j] - trust[i], trust[k] - trust[i]
        wx, wy = a * u1 - b * u2, b * v2 - a * v1
        blended = trust[i] < 1 or trust[j] < 1 or trust[k] < 1
        for y in range(top, bottom + 1):
            left, right = _span(x0, y0, x1, y1, x2, y2, float(y))
            first = max(0, math.ceil(left - _SLACK))
            last = min(width - 1, math.floor(right + _SLACK))
            dy = y - y0
            base_x = np.float32(source[i, 0] + dy * sxy - x0 * sxx)
            base_y = np.float32(source[i, 1] + dy * syy - x0 * syx)
            slope_x, slope_y = np.float32(sxx), np.float32(syx)
            if blended:
                base_w = trust[i] + dy * wy - x0 * wx
                for x in range(first, last + 1):
                    w = np.float32(min(max(base_w + x * wx, 0.0), 1.0))
                    map_x[y, x] += w * (base_x + slope_x * np.float32(x) - map_x[y, x])
                    map_y[y, x] += w * (base_y + slope_y * np.float32(x) - map_y[y, x])
            else:
                for x in range(first, last + 1):
                    map_x[y, x] = base_x + slope_x * np.float32(x)
                    map_y[y, x] = base_y + slope_y * np.float32(x)


@_compiled
def draw_values(points: Floats, values: Floats, triangles: Ints, out: Floats) -> None:
    """Draw triangles facing the viewer into ``out`` (h, w), each with its corners' ``values`` (K,) interpolated."""
    height, width = out.shape
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = (
            points[i, 0],
            points[i, 1],
            points[j, 0],
            points[j, 1],
            points[k, 0],
            points[k, 1],
        )
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area < 0 or _is_sliver(x0, y0, x1, y1, x2, y2, area):
            continue
        a, b = values[j] - values[i], values[k] - values[i]
        vx = (a * (y2 - y0) - b * (y1 - y0)) / area
        vy = (b * (x1 - x0) - a * (x2 - x0)) / area
        top = max(0, math.ceil(min(y0, y1, y2)))
        bottom = min(height - 1, math.floor(max(y0, y1, y2)))
        for y in range(top, bottom + 1):
            left, right = _span(x0, y0, x1, y1, x2, y2, float(y))
            first = max(0, math.ceil(left - _SLACK))
            last = min(width - 1, math.floor(right + _SLACK))
            for x in range(first, last + 1):
                out[y, x] = values[i] + (x - x0) * vx + (y - y0) * vy


@_compiled
def fill_polygon(points: Floats, value: float, out: Floats) -> None:
    """Set ``out`` (h, w) where a closed polygon (N, 2), clockwise as seen, winds round a pixel's centre at least once.

    Parts that are turned inside out (lips that overlap) wind the other way and stay empty.
    """
    height, width = out.shape
    count = points.shape[0]
    at = np.empty(count, np.float32)
    turn = np.empty(count, np.int32)
    top, bottom = height, -1
    for n in range(count):
        top = min(top, math.ceil(points[n, 1]))
        bottom = max(bottom, math.floor(points[n, 1]))
    for y in range(max(top, 0), min(bottom, height - 1) + 1):
        found = 0
        for n in range(count):
            m = n + 1 if n + 1 < count else 0
            ay, by = points[n, 1], points[m, 1]
            if (ay <= y) == (by <= y):
                continue
            x = points[n, 0] + (y - ay) / (by - ay) * (points[m, 0] - points[n, 0])
            direction = -1 if ay <= y else 1
            place = found
            while place > 0 and at[place - 1] > x:
                at[place], turn[place] = at[place - 1], turn[place - 1]
                place -= 1
            at[place], turn[place] = x, direction
            found += 1
        winding = 0
        for n in range(found - 1):
            winding += turn[n]
            if winding > 0:
                first = max(0, math.ceil(at[n]))
                last = min(width - 1, math.floor(at[n + 1]))
                for x in range(first, last + 1):
                    out[y, x] = value


@_compiled
def average_down(fine: Floats, factor: int, gain: float, out: Bytes) -> None:
    """Write into ``out`` (0..255) the mean of each block of ``factor`` squared of ``fine`` (0..1), times ``gain``."""
    height, width = out.shape
    unit = 255.0 * gain / (factor * factor)
    for y in range(height):
        for x in range(width):
            total = 0.0
            for v in range(factor):
                for u in range(factor):
                    total += fine[y * factor + v, x * factor + u]
            out[y, x] = int(min(total * unit, 255.0) + 0.5)


@_compiled
def soft_field(
    edge: Floats,
    moved: Floats,
    origin: Floats,
    step: float,
    reach: float,
    softness: float,
    window: Floats,
    out: Floats,
) -> None:
    """The movement of what surrounds the mesh, on a coarse grid.

    Each node takes the mean movement of the edge's vertices, weighted by 1 / (distance^2 + softness^2)^2, and lets it
    fade to nothing at ``reach`` from the edge (smoothstep; inside the edge there is no fading).

    Args:
        edge: (2, B + 1) x and y of the mesh's outer edge as driven, the first vertex repeated at the end.
        moved: (2, B + 1) how far each vertex has come; pixels.
        origin: (2,) the first node's place, ``step``: pixels between nodes.
        window: (gh, gw) factor for each node.
        out: (gh, gw, 2) movement, pixels.
    """
    rows, columns = window.shape
    one, nothing = np.float32(1), np.float32(0)
    soft, far = np.float32(softness * softness), np.float32(reach * reach)
    # Whole rows of nodes at once, vertex by vertex, and few arrays to a loop: so the loops within run in vector
    # instructions, for which the rows are made longer than they are.
    wide = (columns + 15) // 16 * 16
    place = (origin[0] + np.arange(wide) * step).astype(np.float32)
    nearest, crossings = np.empty(wide, np.float32), np.empty(wide, np.float32)
    total, sum_x, sum_y = np.empty(wide, np.float32), np.empty(wide, np.float32), np.empty(wide, np.float32)
    for row in range(rows):
        y = np.float32(origin[1] + row * step)
        nearest[:], crossings[:] = np.float32(1e18), nothing
        total[:], sum_x[:], sum_y[:] = nothing, nothing, nothing
        for n in range(edge.shape[1] - 1):
            start, end = edge[0, n], edge[0, n + 1]
            ay, by = edge[1, n] - y, edge[1, n + 1] - y
            ex, ey = end - start, by - ay
            shortness = one / (ex * ex + ey * ey + np.float32(1e-9))
            for column in range(wide):
                ax = start - place[column]
                along = min(max(-(ax * ex + ay * ey) * shortness, nothing), one)
                px, py = ax + along * ex, ay + along * ey
                nearest[column] = min(nearest[column], px * px + py * py)
            if (ay > 0) != (by > 0):
                # The edge crosses the ray to the right of a node where it changes sides right of it.
                side = one if ey > 0 else -one
                for column in range(wide):
                    turn = (start - place[column]) * ey - ay * ex
                    crossings[column] += one if turn * side > nothing else nothing
            moved_x, moved_y = moved[0, n + 1], moved[1, n + 1]
            for column in range(wide):
                bx = end - place[column]
                weight = one / (bx * bx + by * by + soft)
                weight *= weight
                total[column] += weight
                sum_x[column] += weight * moved_x
                sum_y[column] += weight * moved_y
        for column in range(columns):
            factor = window[row, column] / total[column]
            if crossings[column] % 2 == 0:
                left = max(one - math.sqrt(nearest[column] / far), nothing)
                factor *= left * left * (3.0 - 2.0 * left)
            out[row, column, 0] = sum_x[column] * factor
            out[row, column, 1] = sum_y[column] * factor


@_compiled
def fill_map(field: Floats, step: float, left: int, top: int, map_x: Floats, map_y: Floats) -> None:
    """Fill a backward map over a region at (left, top): each pixel's own place minus the field (gh, gw, 2) there.

    Where nothing moves that is the exact identity.
    """
    height, width = map_x.shape
    rows, columns = field.shape[0], field.shape[1]
    # First along the grid's few rows, then down from row to row of pixels, in vector instructions.
    along_x, along_y = np.empty((rows, width), np.float32), np.empty((rows, width), np.float32)
    for x in range(width):
        column = min(int(x / step), columns - 2)
        u = np.float32(x / step - column)
        for row in range(rows):
            a, b = field[row, column], field[row, column + 1]
            along_x[row, x] = a[0] + u * (b[0] - a[0])
            along_y[row, x] = a[1] + u * (b[1] - a[1])
    for y in range(height):
        row = min(int(y / step), rows - 2)
        v = np.float32(y / step - row)
        near, below = along_x[row], along_x[row + 1]
        for x in range(width):
            map_x[y, x] = np.float32(left + x) - (near[x] + v * (below[x] - near[x]))
        near, below = along_y[row], along_y[row + 1]
        for x in range(width):
            map_y[y, x] = np.float32(top + y) - (near[x] + v * (below[x] - near[x]))
