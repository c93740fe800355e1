"""From RGB to what encoders take: BT.709 in limited range, colours at half the resolution.

The same picture as libswscale's, within rounding, in a fifth of its time.
"""

from __future__ import annotations

from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from runtime.compiled import compiled

Bytes = NDArray[np.uint8]

# ITU-R BT.709-6, tables 3 and 4: luma from red, green and blue; 16 is black, 219 steps to white, 224 of colour.
_RED, _BLUE = 0.2126, 0.0722
_GREEN = 1 - _RED - _BLUE
_LUMA, _COLOUR = 65536 * 219 / 255, 65536 * 224 / 255  # in 1/65536
_Y: Final = tuple(round(_LUMA * share) for share in (_RED, _GREEN, _BLUE))
_CB: Final = tuple(round(_COLOUR * part / (2 - 2 * _BLUE)) for part in (-_RED, -_GREEN, 1 - _BLUE))
_CR: Final = tuple(round(_COLOUR * part / (2 - 2 * _RED)) for part in (1 - _RED, -_GREEN, -_BLUE))
(_YR, _YG, _YB), (_CBR, _CBG, _CBB), (_CRR, _CRG, _CRB) = _Y, _CB, _CR
_BLACK: Final = (16 << 16) + (1 << 15)  # and a half, to round
_GREY: Final = (128 << 18) + (1 << 17)  # of sums over four pixels


def yuv420_frame(image: Bytes) -> av.VideoFrame:
    """A frame of format yuv420p from (H, W, 3) RGB, H and W even."""
    height, width = image.shape[:2]
    frame = av.VideoFrame(width, height, "yuv420p")
    planes = (_pixels(plane) for plane in frame.planes)
    _fill(np.ascontiguousarray(image), *planes)
    return frame


def _pixels(plane: Any) -> Bytes:
    """A plane's pixels (h, w), to be written into."""
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


@compiled
def _fill(rgb: Bytes, luma: Bytes, blue: Bytes, red: Bytes) -> None:
    """Each colour sample is of the mean of its four pixels."""
    height, width = blue.shape
    for y in range(height):
        for line in range(2 * y, 2 * y + 2):
            row, out = rgb[line].reshape(-1), luma[line]
            for x in range(2 * width):
                out[x] = (_YR * row[3 * x] + _YG * row[3 * x + 1] + _YB * row[3 * x + 2] + _BLACK) >> 16
        a, b = rgb[2 * y].reshape(-1), rgb[2 * y + 1].reshape(-1)
        for x in range(width):
            p, q = 6 * x, 6 * x + 3
            r = np.int32(a[p]) + a[q] + b[p] + b[q]
            g = np.int32(a[p + 1]) + a[q + 1] + b[p + 1] + b[q + 1]
            c = np.int32(a[p + 2]) + a[q + 2] + b[p + 2] + b[q + 2]
            blue[y, x] = (_CBR * r + _CBG * g + _CBB * c + _GREY) >> 18
            red[y, x] = (_CRR * r + _CRG * g + _CRB * c + _GREY) >> 18
