"""A schematic face with landmarks at known places."""

from __future__ import annotations

import numpy as np

from runtime.stages.landmarks import COUNT, GROUPS, Points


def frontal_face(
    ipd: float = 60.0, centre: tuple[float, float] = (128.0, 110.0), gap: float = 0.0, lids: float = 0.2
) -> Points:
    """Landmarks (116, 2): `centre` lies between the irises, `gap` and `lids` are openings in ipd."""
    points = np.zeros((COUNT, 2))
    points[GROUPS["iris"]] = [(-0.5, 0), (0.5, 0)]
    for name, side, inwards in (("eye_right", -0.5, 1), ("eye_left", 0.5, -1)):
        upper = np.linspace(-0.25, 0.25, 9) * inwards + side
        lower = upper[-2:0:-1]
        points[GROUPS[name], 0] = np.concatenate([upper, lower])
        bow = np.concatenate([np.full(9, -lids / 2), np.full(7, lids / 2)])
        bow[[0, 8]] = 0
        points[GROUPS[name], 1] = bow
    for name, half, thick in (("lip_outer", 0.45, 0.12), ("lip_inner", 0.4, 0.0)):
        upper = np.linspace(-half, half, 11)
        points[GROUPS[name], 0] = np.concatenate([upper, upper[-2:0:-1]])
        bow = np.concatenate([np.full(11, -thick - gap / 2), np.full(9, thick + gap / 2)])
        bow[[0, 10]] = 0
        points[GROUPS[name], 1] = bow + 1.1
    for name, x in (("brow_right", -0.5), ("brow_left", 0.5)):
        points[GROUPS[name]] = np.stack([np.linspace(x - 0.35, x + 0.35, 8), np.full(8, -0.4)], 1)
    points[GROUPS["nose"], 1] = [0.0, 0.2, 0.4, 0.6, 0.72, 0.72, 0.75, 0.72, 0.72]
    angle = np.linspace(np.pi, 0, 17)
    points[GROUPS["jaw"]] = np.stack([1.15 * np.cos(angle), 0.1 + 1.7 * np.sin(angle)], 1)
    return (points * ipd + centre).astype(np.float32)
