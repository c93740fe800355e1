"""Colour of every pixel of a rasterised head: procedural skin, eyes, mouth and hair under a few lights.

One pass over the triangle-number picture ("deferred" shading), compiled by numba. Colours are linear light, 0..1 and
a little over. The key light (row 1 of the lights) casts shadows through a depth map seen from it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

Colour = tuple[float, float, float]


class Material(NamedTuple):
    """Looks of one person; all numbers are Python floats (numba compiles once for them)."""

    skin: Colour
    lip: Colour
    brow: Colour
    beard: Colour
    hair: Colour
    mouth: Colour  # gums and the lining of the mouth
    tongue: Colour
    blush: Colour
    teeth: Colour
    sclera: Colour
    iris: Colour
    cloth: Colour
    lip_strength: float
    lip_creases: float
    lip_gloss: float
    brow_strength: float
    brow_fill: float  # 0 single hairs .. 1 solid
    liner: float
    eye_shadow: float
    blush_strength: float
    beard_strength: float
    moustache_strength: float
    walrus_strength: float
    goatee_strength: float
    stubble_scale: float
    mottle: float
    mottle_scale: float
    freckles: float
    shine: float
    gloss: float
    iris_radius: float
    pupil_radius: float
    strand_scale: float
    strand_contrast: float
    hair_shine: float
    wrap: float
    teeth_occlusion: float  # darkening a centimetre behind the lips
    neckline: float  # y below which cloth covers the body, cm
    neck_curve: float


class Noises(NamedTuple):
    coarse: np.ndarray
    fine: np.ndarray
    broad: np.ndarray


class Shadow(NamedTuple):
    """Depth map of the key light: rows of ``frame`` are its right, up and towards-light axes."""

    depth: np.ndarray  # (S, S)
    frame: np.ndarray  # (3, 3)
    scale: float  # pixels per centimetre
    bias: float  # centimetres
    strength: float  # 0 = off


@njit(fastmath=True, cache=True, inline="always")
def _tile(texture, u, v):  # type: ignore[no-untyped-def]
    """Bilinear sample of a tileable texture; u, v in tiles."""
    n = texture.shape[0]
    x, y = u * n, v * n
    x0, y0 = math.floor(x), math.floor(y)
    fx, fy = x - x0, y - y0
    left, right, top, bottom = x0 % n, (x0 + 1) % n, y0 % n, (y0 + 1) % n
    upper = texture[top, left] * (1 - fx) + texture[top, right] * fx
    lower = texture[bottom, left] * (1 - fx) + texture[bottom, right] * fx
    return upper * (1 - fy) + lower * fy


@njit(fastmath=True, cache=True, inline="always")
def _mask(masks, u, v, channel):  # type: ignore[no-untyped-def]
    """Bilinear sample of a face mask at texture coordinates (v up)."""
    n = masks.shape[0]
    x, y = min(max(u * n, 0.0), n - 1.001), min(max((1 - v) * n, 0.0), n - 1.001)
    x0, y0 = int(x), int(y)
    fx, fy = x - x0, y - y0
    upper = masks[y0, x0, channel] * (1 - fx) + masks[y0, x0 + 1, channel] * fx
    lower = masks[y0 + 1, x0, channel] * (1 - fx) + masks[y0 + 1, x0 + 1, channel] * fx
    return upper * (1 - fy) + lower * fy


@njit(fastmath=True, cache=True, inline="always")
def _mix(base, other, weight):  # type: ignore[no-untyped-def]
    return (
        base[0] + weight * (other[0] - base[0]),
        base[1] + weight * (other[1] - base[1]),
        base[2] + weight * (other[2] - base[2]),
    )


@njit(fastmath=True, cache=True, inline="always")
def _scaled(base, factor):  # type: ignore[no-untyped-def]
    return (base[0] * factor, base[1] * factor, base[2] * factor)


@njit(fastmath=True, cache=True, inline="always")
def _unit(value):  # type: ignore[no-untyped-def]
    return min(1.0, max(0.0, value))


# Channels of the mask stack; appearance.MASK_ORDER lists the same names.
_LIPS, _BROW, _LINER, _SOCKET, _BLUSH, _NOSTRIL, _BEARD, _MOUSTACHE, _WALRUS, _GOATEE, _SEAM, _ANY = range(12)


@njit(fastmath=True, cache=True)
def _skin(m, noises, masks, u, v, qx, qy, qz, face):  # type: ignore[no-untyped-def]
    """Albedo, shine, gloss, occlusion of skin at neutral position q (cm)."""
    s = m.mottle_scale
    uneven = (_tile(noises.coarse, qx * s * 0.03, qy * s * 0.03) - 0.5) * 2
    grain = (_tile(noises.fine, qx * s * 0.12 + 0.3 * qz * 0.1, qy * s * 0.12) - 0.5) * 1.2
    level = 1 + m.mottle * (uneven + grain)
    red = m.mottle * 0.7 * (_tile(noises.broad, qx * 0.05, qy * 0.05) - 0.5)
    colour = (
        m.skin[0] * level * (1 + red),
        m.skin[1] * level * (1 - 0.5 * red),
        m.skin[2] * level * (1 - 0.6 * red),
    )
    shine, gloss, occlusion = m.shine, m.gloss, 1.0
    if qy < m.neckline - m.neck_curve * max(0.0, qz + 2) + 0.25 * abs(qx):
        weave = 0.75 + 0.5 * _tile(noises.fine, qx * 0.08, qy * 0.08 + qz * 0.05)
        return _scaled(m.cloth, weave), 0.02, 8.0, 1.0
    if m.freckles > 0:
        spot = _unit((_tile(noises.fine, qx * 0.21, qy * 0.21) - 0.78) * 9) * m.freckles
        colour = _mix(colour, _scaled(m.skin, 0.55), spot)
    if not face:
        return colour, shine, gloss, occlusion
    side = masks.shape[0]
    if masks[max(0, min(int((1 - v) * side), side - 1)), max(0, min(int(u * side), side - 1)), _ANY] <= 0:
        return colour, shine, gloss, occlusion
    colour = _mix(colour, m.blush, _mask(masks, u, v, _BLUSH) * m.blush_strength)
    colour = _scaled(colour, 1 - 0.9 * _mask(masks, u, v, _SOCKET) * m.eye_shadow)
    stubble = _unit(0.3 + 1.4 * _tile(noises.fine, qx * m.stubble_scale, qy * m.stubble_scale * 0.55))
    hairy = max(
        _mask(masks, u, v, _BEARD) * m.beard_strength, _mask(masks, u, v, _GOATEE) * m.goatee_strength
    )
    hairy = max(hairy, _mask(masks, u, v, _MOUSTACHE) * m.moustache_strength) * stubble
    colour = _mix(colour, m.beard, hairy)
    shine *= 1 - hairy
    lips = _mask(masks, u, v, _LIPS) * m.lip_strength
    crease = 1 + m.lip_creases * (_tile(noises.fine, qx * 0.9, qy * 0.12) - 0.5) * 2
    colour = _mix(colour, _scaled(m.lip, crease), lips)
    shine += lips * m.lip_gloss
    walrus = _mask(masks, u, v, _WALRUS) * m.walrus_strength * stubble
    colour = _mix(colour, m.beard, walrus)
    hairs = _unit(m.brow_fill * 0.7 - 0.1 + 1.9 * _tile(noises.fine, qx * 0.35 + qy * 0.2, qy * 0.12))
    colour = _mix(colour, m.brow, _mask(masks, u, v, _BROW) * m.brow_strength * hairs)
    colour = _scaled(colour, 1 - _mask(masks, u, v, _LINER) * m.liner)
    occlusion = (1 - 0.75 * _mask(masks, u, v, _NOSTRIL)) * (1 - 0.45 * _mask(masks, u, v, _SEAM))
    return colour, shine, gloss, occlusion


@njit(fastmath=True, cache=True)
def _eyeball(m, noises, u, v, qx, qy):  # type: ignore[no-untyped-def]
    """The cornea is part of the eyeball's mesh, so the iris is painted by its distance from the texture's middle."""
    radius = math.sqrt((u - 0.5) ** 2 + (v - 0.5) ** 2)
    colour = m.sclera
    if radius < m.iris_radius:
        angle = math.atan2(v - 0.5, u - 0.5)
        fibres = 0.6 + 0.7 * _tile(noises.fine, angle * 0.8, radius * 1.5)
        ring = 0.45 if radius > m.iris_radius - 0.02 else 1.0
        edge = _unit((m.iris_radius - radius) / 0.02)
        colour = _mix(colour, _scaled(m.iris, fibres * ring), 0.35 + 0.65 * edge)
        if radius < m.pupil_radius:
            colour = (0.02, 0.02, 0.02)
    under_lid = _unit((qy - 3.75) / 0.5)
    corners = _unit((abs(qx) - 3.9) / 0.6) + _unit((2.3 - abs(qx)) / 0.5)
    return colour, 0.5, 90.0, 1 - 0.55 * under_lid - 0.25 * corners


@njit(fastmath=True, cache=True)
def _mouth(m, noises, part, qx, qy, qz, lip_depth, daylight):  # type: ignore[no-untyped-def]
    """Gums, teeth, tongue and lining: light falls off behind the lips and with a small opening."""
    behind = max(0.0, lip_depth - qz)
    if part == 3:
        grain = 0.93 + 0.1 * _tile(noises.fine, qx * 0.2, qy * 0.2)
        falloff = math.exp(-m.teeth_occlusion * max(0.0, behind - 0.2)) * (0.45 + 0.55 * daylight)
        return _scaled(m.teeth, grain), 0.22, 45.0, max(0.05, falloff)
    mottle = 0.85 + 0.3 * _tile(noises.fine, qx * 0.3, qz * 0.3)
    if part == 8:
        return _scaled(m.tongue, mottle), 0.15, 22.0, max(0.03, math.exp(-0.42 * behind) * daylight)
    if part == 2:
        return _scaled(m.mouth, mottle), 0.2, 30.0, max(0.03, math.exp(-0.5 * behind) * daylight)
    return _scaled(m.mouth, 0.5), 0.05, 10.0, max(0.015, math.exp(-0.85 * behind) * daylight)


@njit(fastmath=True, cache=True, inline="always")
def _strands(m, noises, across, along):  # type: ignore[no-untyped-def]
    """Brightness of hair, 1 on average, streaked along the strands."""
    s = m.strand_scale
    fine = _tile(noises.coarse, across * s * 3, along * 0.05)
    broad = _tile(noises.fine, across * s, along * 0.03)
    return 1 + m.strand_contrast * (1.1 * broad + 0.8 * fine - 0.95)


@njit(fastmath=True, cache=True, inline="always")
def _lit(shadow, px, py, pz):  # type: ignore[no-untyped-def]
    """Share of the key light that reaches a point, by bilinear comparison with the shadow map."""
    n = shadow.depth.shape[0]
    f = shadow.frame
    x = (px * f[0, 0] + py * f[0, 1] + pz * f[0, 2]) * shadow.scale + n / 2
    y = (px * f[1, 0] + py * f[1, 1] + pz * f[1, 2]) * shadow.scale + n / 2
    z = -(px * f[2, 0] + py * f[2, 1] + pz * f[2, 2]) - shadow.bias
    x0, y0 = int(x), int(y)
    if x0 < 0 or y0 < 0 or x0 >= n - 1 or y0 >= n - 1:
        return 1.0
    fx, fy = x - x0, y - y0
    hidden = 0.0
    if z > shadow.depth[y0, x0]:
        hidden += (1 - fx) * (1 - fy)
    if z > shadow.depth[y0, x0 + 1]:
        hidden += fx * (1 - fy)
    if z > shadow.depth[y0 + 1, x0]:
        hidden += (1 - fx) * fy
    if z > shadow.depth[y0 + 1, x0 + 1]:
        hidden += fx * fy
    return 1 - shadow.strength * hidden


@njit(fastmath=True, cache=True)
def shade(  # type: ignore[no-untyped-def]
    image, ids, weights, parts, triangles, uv, positions, normals, neutral, hairiness,
    hair_triangles, hair_positions, hair_normals, hair_strand,
    masks, noises, m, lights, light_colours, shadow, lip_depth, daylight,
):  # fmt: skip
    """Fill ``image`` (H, W, 3) wherever ``ids`` >= 0.

    Triangle numbers from ``len(triangles)`` on belong to the hair mesh, whose ``hair_strand`` (M, 2) holds the place
    across and along the strands. ``positions`` and ``normals`` are in the camera's frame (z towards the viewer),
    ``neutral`` is the unposed mean head that the patterns are painted on, ``hairiness`` (N,) covers the scalp.
    """
    height, width = ids.shape
    for y in range(height):
        for x in range(width):
            t = ids[y, x]
            if t < 0:
                continue
            a, b = weights[y, x, 0], weights[y, x, 1]
            c = 1 - a - b
            reach = 1.0
            if t >= triangles.shape[0]:
                t -= triangles.shape[0]
                i, j, k = hair_triangles[t, 0], hair_triangles[t, 1], hair_triangles[t, 2]
                across = a * hair_strand[i, 0] + b * hair_strand[j, 0] + c * hair_strand[k, 0]
                along = a * hair_strand[i, 1] + b * hair_strand[j, 1] + c * hair_strand[k, 1]
                px = a * hair_positions[i, 0] + b * hair_positions[j, 0] + c * hair_positions[k, 0]
                py = a * hair_positions[i, 1] + b * hair_positions[j, 1] + c * hair_positions[k, 1]
                pz = a * hair_positions[i, 2] + b * hair_positions[j, 2] + c * hair_positions[k, 2]
                nx = a * hair_normals[i, 0] + b * hair_normals[j, 0] + c * hair_normals[k, 0]
                ny = a * hair_normals[i, 1] + b * hair_normals[j, 1] + c * hair_normals[k, 1]
                nz = a * hair_normals[i, 2] + b * hair_normals[j, 2] + c * hair_normals[k, 2]
                streak = _strands(m, noises, across, along)
                colour = _scaled(m.hair, max(0.1, streak))
                shine, gloss, occlusion = m.hair_shine * max(0.0, streak - 0.6), 9.0, 1.0
                if nz < 0:  # the inside of the curtain
                    nx, ny, nz = -nx, -ny, -nz
                    occlusion = 0.35
            else:
                i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                px = a * positions[i, 0] + b * positions[j, 0] + c * positions[k, 0]
                py = a * positions[i, 1] + b * positions[j, 1] + c * positions[k, 1]
                pz = a * positions[i, 2] + b * positions[j, 2] + c * positions[k, 2]
                nx = a * normals[i, 0] + b * normals[j, 0] + c * normals[k, 0]
                ny = a * normals[i, 1] + b * normals[j, 1] + c * normals[k, 1]
                nz = a * normals[i, 2] + b * normals[j, 2] + c * normals[k, 2]
                qx = a * neutral[i, 0] + b * neutral[j, 0] + c * neutral[k, 0]
                qy = a * neutral[i, 1] + b * neutral[j, 1] + c * neutral[k, 1]
                qz = a * neutral[i, 2] + b * neutral[j, 2] + c * neutral[k, 2]
                u = a * uv[t, 0, 0] + b * uv[t, 1, 0] + c * uv[t, 2, 0]
                v = a * uv[t, 0, 1] + b * uv[t, 1, 1] + c * uv[t, 2, 1]
                if nz < 0:
                    nx, ny, nz = -nx, -ny, -nz
                part = parts[t]
                if part == 0 or part == 1:
                    colour, shine, gloss, occlusion = _skin(m, noises, masks, u, v, qx, qy, qz, part == 0)
                    covered = a * hairiness[i] + b * hairiness[j] + c * hairiness[k]
                    if covered > 0:
                        angle = math.atan2(qx, qy + 2.0)
                        streak = _strands(m, noises, angle, qz + 0.5 * qy)
                        w = _unit((covered - 0.4 + 0.3 * (streak - 1)) * 5)
                        colour = _mix(colour, _scaled(m.hair, max(0.1, streak)), w)
                        shine = shine * (1 - w) + w * m.hair_shine * max(0.0, streak - 0.6)
                        gloss = gloss * (1 - w) + 9 * w
                elif part == 4:
                    colour, shine, gloss, occlusion = _eyeball(m, noises, u, v, qx, qy)
                elif part == 5:
                    colour, shine, gloss, occlusion = (0.045, 0.035, 0.03), 0.0, 1.0, 1.0
                elif part == 7:
                    colour, shine, gloss, occlusion = m.skin, 0.0, 1.0, 0.4
                else:
                    colour, shine, gloss, occlusion = _mouth(m, noises, part, qx, qy, qz, lip_depth, daylight)
                    reach = min(1.0, occlusion * 1.6)
            length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
            nx, ny, nz = nx / length, ny / length, nz / length
            sky = 0.75 + 0.25 * ny
            red = light_colours[0, 0] * sky * occlusion
            green = light_colours[0, 1] * sky * occlusion
            blue = light_colours[0, 2] * sky * occlusion
            glint_r, glint_g, glint_b = 0.0, 0.0, 0.0
            for q in range(1, lights.shape[0]):
                lx, ly, lz = lights[q, 0], lights[q, 1], lights[q, 2]
                facing = nx * lx + ny * ly + nz * lz
                visible = reach * (0.5 + 0.5 * occlusion)
                if q == 1 and shadow.strength > 0:
                    visible *= _lit(shadow, px, py, pz)
                # Light bleeds round the terminator, red furthest: a cheap stand-in for scattering under the skin.
                red_wrap = m.wrap + 0.08
                light_red = max(0.0, (facing + red_wrap) / (1 + red_wrap)) * visible
                light_other = max(0.0, (facing + m.wrap) / (1 + m.wrap)) * visible
                red += light_colours[q, 0] * light_red
                green += light_colours[q, 1] * light_other
                blue += light_colours[q, 2] * light_other
                if shine > 0 and facing > 0:
                    hx, hy, hz = lx, ly, lz + 1
                    half = math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
                    glint = shine * visible * max(0.0, (nx * hx + ny * hy + nz * hz) / half) ** gloss
                    glint_r += light_colours[q, 0] * glint
                    glint_g += light_colours[q, 1] * glint
                    glint_b += light_colours[q, 2] * glint
            image[y, x, 0] = colour[0] * red + glint_r
            image[y, x, 1] = colour[1] * green + glint_g
            image[y, x, 2] = colour[2] * blue + glint_b
