"""Hair as geometry: a scalp that swells where hair grows, a curtain of long hair, a fringe over the forehead."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from training.heads.facekit import FaceKit, Floats, Ints, Part
from training.heads.noise import COUNT, SIZE, noise


@dataclass(frozen=True)
class HairStyle:
    """Lengths in centimetres on the mean head; ``None`` where there is no such hair."""

    scalp: Floats | None  # (N,) how far hair covers each vertex of the head, 0..1
    thickness: Floats | None  # (N,) swelling of the scalp
    curtain_end: float | None  # y at which long hair ends
    curtain_front: float = 1.2  # angle from straight ahead where the curtain starts, radians
    curtain_width: float = 9.5
    wave: float = 0.3
    fringe_end: float | None = None  # y at which the fringe ends over the nose
    fringe_tilt: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class HairMesh:
    """(M, 3) vertices in the head's frame, (K, 3) triangles, (M, 2) place across and along the strands."""

    vertices: Floats
    triangles: Ints
    strand: Floats


EMPTY = HairMesh(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros((3, 2), np.float32))


def sample_style(kit: FaceKit, rng: np.random.Generator, hat: bool = False) -> HairStyle:
    """A random style; ``hat`` gives a close, even cover without strands, such as a cap or a scarf."""
    seed = int(rng.integers(1 << 30))
    if not hat and rng.random() < 0.07:
        return HairStyle(None, None, None)
    scalp = _scalp_cover(kit, rng)
    height = np.clip((kit.vertices[:, 1] - 6) / 8, 0, 1)
    lumps = _noise_at(kit.vertices, int(rng.integers(COUNT)))
    thick = (rng.uniform(0.2, 1.8) + rng.uniform(0, 1.8) * height) * (0.6 if hat else 1) * (0.5 + lumps)
    long_hair = rng.random() < (0.3 if hat else 0.5)
    fringe = not hat and rng.random() < 0.38
    return HairStyle(
        scalp=scalp,
        thickness=(scalp * scalp * thick).astype(np.float32),
        curtain_end=float(rng.uniform(-16, 0)) if long_hair else None,
        curtain_front=float(rng.uniform(0.62, 1.6)),
        curtain_width=float(rng.uniform(8.7, 11.5)),
        wave=float(rng.uniform(0, 0.55)),
        fringe_end=float(rng.uniform(4.6, 9.0)) if fringe else None,
        fringe_tilt=float(rng.normal(0, 0.25)),
        seed=seed,
    )


def _noise_at(vertices: Floats, texture: int) -> Floats:
    u = (vertices[:, 0] * 0.04 + vertices[:, 2] * 0.02) * SIZE
    v = vertices[:, 1] * 0.04 * SIZE
    return noise(8.0)[texture][v.astype(int) % SIZE, u.astype(int) % SIZE]


def _scalp_cover(kit: FaceKit, rng: np.random.Generator) -> Floats:
    """Hair grows above a line that falls from the forehead over the temples to the nape."""
    x, y, z = kit.vertices.T
    front, side, nape = rng.uniform(8.2, 12.0), rng.uniform(-1.5, 4.5), rng.uniform(-7, -2)
    parting, temples = rng.uniform(-0.35, 0.35), rng.uniform(-0.36, 0.11)
    towards_front = np.clip((z - 2.4) / 3.6, 0, 1) ** rng.uniform(0.5, 1.2)
    line = np.where(z > 2.4, side + (front - side) * towards_front, np.where(z > -1.5, side + 1, nape))
    line += (z > 6) * (temples * np.clip(np.abs(x) - 3, 0, None) + parting * x)
    cover = np.clip((y - line) / 1.2 + 0.5, 0, 1)
    cover[(np.abs(x) > 7.3) & (y < 5.2) & (y > -2.5) & (z < 3.5) & (z > -2.5)] = 0  # the ears
    return (cover * _outer_skin(kit)).astype(np.float32)


@functools.lru_cache(maxsize=2)
def _outer_skin(kit: FaceKit) -> NDArray[np.bool_]:
    """(N,) whether a vertex belongs to the outside of the head."""
    outside = np.zeros(kit.count, bool)
    outside[kit.vertices_of(Part.SKIN, Part.SCALP)] = True
    return outside


def build_mesh(kit: FaceKit, style: HairStyle, head: Floats) -> HairMesh:
    """The hanging hair of a person whose neutral head is ``head`` (N, 3)."""
    rng = np.random.default_rng(style.seed)
    sheets = []
    if style.curtain_end is not None:
        sheets += [_curtain(style, style.curtain_end, rng, layer) for layer in (0.0, 0.55)]
    if style.fringe_end is not None:
        sheets.append(_fringe(kit, style, style.fringe_end, head, rng))
    return _joined(sheets) if sheets else EMPTY


def _curtain(style: HairStyle, end: float, rng: np.random.Generator, layer: float) -> Floats:
    """(rows, columns, 5): x, y, z, across, along. A tube round the head, open at the front."""
    columns, rows = 56, 14
    angle = np.linspace(style.curtain_front, 2 * np.pi - style.curtain_front, columns)[None, :]
    ends = end + rng.normal(0, 0.5, (1, columns))
    down = np.linspace(0, 1, rows)[:, None]
    y = 12.5 + (ends - 12.5) * down
    # The crown is narrow, the widest place lies at the cheeks, the tips turn in a little.
    width = style.curtain_width - layer
    radius = width * (0.55 + 0.45 * np.sqrt(np.clip((12.5 - y) / 5.5, 0, 1)))
    radius *= 1 - rng.uniform(-0.1, 0.25) * np.clip((-2 - y) / 12, 0, 1)
    radius += style.wave * np.sin(y * rng.uniform(0.5, 1.6) + 0.7 * np.sin(angle * 3) + rng.uniform(0, 6))
    radius += 0.25 * rng.standard_normal((1, columns))
    x, z = radius * np.sin(angle), -0.5 + radius * np.cos(angle)
    across = np.broadcast_to(angle, x.shape) + 0.05 * style.wave * np.sin(y)
    return np.stack([x, np.broadcast_to(y, x.shape), z, across, -y], axis=-1).astype(np.float32)


def _fringe(kit: FaceKit, style: HairStyle, end: float, head: Floats, rng: np.random.Generator) -> Floats:
    """Locks over the forehead, each of its own length, lying on the skin."""
    columns, rows = 60, 7
    across = np.linspace(-6.4, 6.4, columns)[None, :]
    locks = np.repeat(rng.normal(0, 0.45, columns // 3 + 1), 3)[:columns]
    ends = end + style.fringe_tilt * across + 0.02 * across**2 + locks + rng.normal(0, 0.12, columns)
    y = 11.5 + (np.minimum(ends, 10.5) - 11.5) * np.linspace(0, 1, rows)[:, None]
    sway = rng.uniform(-0.25, 0.25)
    x = across * (0.8 + 0.2 * np.linspace(0, 1, rows)[:, None]) + sway * (11.5 - y)
    front = np.flatnonzero((kit.vertices[:, 2] > 2) & (kit.vertices[:, 1] > 2))
    distance, nearest = cKDTree(head[front, :2]).query(np.stack([x, y], axis=-1), k=4)
    weight = 1 / (distance + 0.05)
    depth = (head[front, 2][nearest] * weight).sum(axis=-1) / weight.sum(axis=-1)
    depth = depth + rng.uniform(0.25, 0.8) + 0.08 * rng.standard_normal((1, columns))
    return np.stack([x, y, depth, x * 0.12 + 3, -y], axis=-1).astype(np.float32)


def _joined(sheets: list[Floats]) -> HairMesh:
    vertices, triangles, start = [], [], 0
    for sheet in sheets:
        rows, columns = sheet.shape[:2]
        index: NDArray[np.int64] = np.arange(rows * columns).reshape(rows, columns) + start
        corner, right, below = index[:-1, :-1], index[:-1, 1:], index[1:, :-1]
        across = index[1:, 1:]
        triangles += [np.stack([corner, below, right], -1), np.stack([right, below, across], -1)]
        vertices.append(sheet.reshape(-1, 5))
        start += rows * columns
    flat = np.concatenate(vertices)
    faces = np.concatenate([t.reshape(-1, 3) for t in triangles]).astype(np.int32)
    return HairMesh(np.ascontiguousarray(flat[:, :3]), faces, np.ascontiguousarray(flat[:, 3:]))
