"""Laying a painted crop over the picture: the inner loop of the texture renderer, compiled by numba and cached."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.compiled import compiled

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]


@compiled
def lay(picture: Image, to_layer: NDArray[np.float64], layer: Floats, inside: Image, own: Image) -> None:
    """Blend a layer into a picture in place, sampled linearly, its edges going on for ever.

    Args:
        picture: (h, w, 3).
        to_layer: (2, 3) affine map from pixels of the picture to the layer's.
        layer: (H, W, 4 or 5): RGB 0..255, cover 0..1, and the share of `own` in the colour.
        inside: (h, w) where the colour covers whatever the layer's cover says, 0..255; or empty.
        own: (h, w, 3) another picture of the same place; or empty.
    """
    height, width = picture.shape[:2]
    last_x, last_y = np.float32(layer.shape[1] - 1), np.float32(layer.shape[0] - 1)
    unit, half, zero, one = np.float32(1 / 255), np.float32(0.5), np.float32(0), np.float32(1)
    a, b = np.float32(to_layer[0, 0]), np.float32(to_layer[1, 0])
    for y in range(height):
        start_x = np.float32(to_layer[0, 1] * y + to_layer[0, 2])
        start_y = np.float32(to_layer[1, 1] * y + to_layer[1, 2])
        for x in range(width):
            u = min(max(start_x + a * np.float32(x), zero), last_x)
            v = min(max(start_y + b * np.float32(x), zero), last_y)
            i, j = int(u), int(v)
            u, v = u - np.float32(i), v - np.float32(j)
            k, m = min(i + 1, int(last_x)), min(j + 1, int(last_y))
            nw, ne, sw, se = (one - u) * (one - v), u * (one - v), (one - u) * v, u * v
            cover = nw * layer[j, i, 3] + ne * layer[j, k, 3] + sw * layer[m, i, 3] + se * layer[m, k, 3]
            if inside.size:
                within = np.float32(inside[y, x]) * unit
                cover = within + (one - within) * cover
            if cover <= zero:
                continue
            share = zero
            if own.size:
                share = nw * layer[j, i, 4] + ne * layer[j, k, 4] + sw * layer[m, i, 4] + se * layer[m, k, 4]
            for c in range(3):
                colour = nw * layer[j, i, c] + ne * layer[j, k, c] + sw * layer[m, i, c] + se * layer[m, k, c]
                if own.size:
                    colour += share * (np.float32(own[y, x, c]) - colour)
                base = np.float32(picture[y, x, c])
                value = base + cover * (colour - base) + half
                picture[y, x, c] = np.uint8(min(max(value, zero), np.float32(255)))
