"""The ICT-FaceKit head (MIT licence, USC Institute for Creative Technologies) as the training code uses it.

Lengths are centimetres in the head's frame: x to the subject's left (the image's right), y up, z out of the
face. Vertices are those of the parts that are drawn (skin, scalp, gums, tongue, teeth, eyeballs, lashes,
sockets); meshes that need alpha textures, which the light version of the kit does not have, are left out.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from runtime.stages.landmarks import COUNT, GROUPS

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

DEFAULT_PATH = Path(__file__).resolve().parents[3] / "shared" / "facekit"


class Part(IntEnum):
    """What a triangle belongs to."""

    SKIN = 0
    SCALP = 1  # the back of the head, ears' rear, neck and shoulders
    GUMS = 2
    TEETH = 3
    EYEBALL = 4
    LASHES = 5
    MOUTH_SOCKET = 6
    EYE_SOCKET = 7
    TONGUE = 8
    HAIR = 9  # not of the kit: see hair.py


# Ranges of the kit's own vertex numbers.
_MOUTH_SOCKET = (11248, 13294)
_EYE_SOCKETS = (13294, 14062)
_UPPER_TEETH = (17039, 19247)
_LOWER_TEETH = (19247, 21451)
_EYEBALL_RIGHT = (23021, 23791)
_EYEBALL_LEFT = (21451, 22221)

# Way-points (the kit's vertex numbers) of the landmark curves; the other points are spread evenly along the mesh.
_RINGS: dict[str, tuple[int, list[int], int, list[int]]] = {
    "lip_outer": (5708, [5695, 2081, 0, 4275, 6200], 6213, [6346, 6461, 5518, 5957, 5841]),
    "lip_inner": (5702, [5711, 5533, 6216], 6207, [6470, 5517, 5966]),
    "eye_right": (1507, [1542, 1537], 1528, [1518, 1511]),
    "eye_left": (3721, [3756, 3751], 3742, [3732, 3725]),
}
_CHAINS: dict[str, list[int]] = {
    "brow_right": [268, 493, 1914, 2044, 1401],
    "brow_left": [3615, 4240, 4114, 2734, 2509],
}
_NOSE = [978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360]
_JAW = [1278, 1272, 12, 1834, 243, 781, 2199, 1447, 966, 3661, 4390, 3022, 2484, 4036, 2253, 3490, 3496]


@dataclass(frozen=True, eq=False)
class FaceKit:
    """The head with its shape bases and marked vertices.

    Attributes:
        vertices: (N, 3) float32, the neutral mean head, centimetres.
        triangles: (T, 3) int32 vertex numbers, counter-clockwise from outside.
        parts: (T,) int8, a :class:`Part` for each triangle.
        triangle_uv: (T, 3, 2) float32 texture coordinates of the corners, v up; skin and eyeballs fill 0..1.
        vertex_uv: (N, 2) float32, those of the skin's vertices (NaN elsewhere).
        identity: (100, N, 3) float32 shape modes, each to be weighted by a standard normal number.
        expressions: (53, N, 3) float32, ARKit-style; weights 0..1.
        expression_names: 53 names such as ``jawOpen`` or ``mouthSmile_L``.
        landmarks: (116,) int32 vertices of the landmarks, in the order of ``runtime.stages.landmarks``.
        upper_teeth, lower_teeth: vertex numbers.
        original: (N,) int32, each vertex's number in the kit's own file.
    """

    vertices: Floats
    triangles: Ints
    parts: NDArray[np.int8]
    triangle_uv: Floats
    vertex_uv: Floats
    identity: Floats
    expressions: Floats
    expression_names: tuple[str, ...]
    landmarks: Ints
    upper_teeth: Ints
    lower_teeth: Ints
    original: Ints

    @property
    def count(self) -> int:
        """Number of vertices."""
        return len(self.vertices)

    def expression_index(self, name: str) -> int:
        """Row of an expression; accepts ``mouthSmile_L`` and ARKit's ``mouthSmileLeft`` alike."""
        return self.expression_names.index(facekit_name(name))

    @functools.cached_property
    def driven(self) -> NDArray[np.int64]:
        """(25,) rows of the coefficients that drive a film, in the order of ``articulation.EXPRESSIONS``."""
        from runtime.stages.articulation import EXPRESSIONS

        return np.array([self.expression_index(name) for name in EXPRESSIONS])

    def full_weights(self, driven: NDArray[np.floating]) -> Floats:
        """(..., 25) driving coefficients -> (..., 53) weights of the kit's expressions."""
        weights = np.zeros((*driven.shape[:-1], len(self.expression_names)), np.float32)
        weights[..., self.driven] = driven
        return weights

    def individuals(self, identities: NDArray[np.floating]) -> Floats:
        """(B, 100) identity weights -> (B, N, 3) neutral heads; much cheaper for many than one by one."""
        moved = np.asarray(identities, np.float32) @ self.identity.reshape(len(self.identity), -1)
        return np.asarray(self.vertices + moved.reshape(-1, self.count, 3), np.float32)

    def expressed(self, head: Floats, weights: NDArray[np.floating]) -> Floats:
        """A head (N, 3) with (53,) expression weights added -> (N, 3).

        Lips and lids may still intersect: see contact.py.
        """
        used = np.flatnonzero(np.abs(weights) > 1e-4)
        if len(used) == 0:
            return head.copy()
        moved = (
            np.asarray(weights[used], np.float32) @ self.expressions.reshape(len(self.expressions), -1)[used]
        )
        return np.asarray(head + moved.reshape(-1, 3), np.float32)

    def vertices_of(self, *parts: Part) -> NDArray[np.int64]:
        """Vertex numbers used by the triangles of some parts."""
        return np.unique(self.triangles[np.isin(self.parts, parts)])

    def ring(self, name: str, per_side: int) -> Ints:
        """Vertices round the lips or an eye, ``2 + 2 * per_side`` of them, in the landmarks' order."""
        return self._curves.ring(*_RINGS[name], per_side)

    @functools.cached_property
    def _curves(self) -> _Curves:
        skin = self.triangles[self.parts == Part.SKIN]
        return _Curves(self.vertices, skin, _inverse(self.original))


class _Curves:
    """Evenly spaced vertices along shortest paths on the skin."""

    def __init__(self, vertices: Floats, triangles: Ints, number: Ints) -> None:
        self.vertices = vertices
        self.number = number  # the kit's own vertex number -> ours
        edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).astype(
            np.int64
        )
        edges = np.unique(np.sort(edges, axis=1), axis=0)
        length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
        self.graph = coo_matrix((length, (edges[:, 0], edges[:, 1])), shape=(len(vertices),) * 2).tocsr()

    def chain(self, waypoints: list[int], count: int) -> Ints:
        """``count`` vertices, ends included, along the paths through some of the kit's vertices."""
        points = [int(self.number[w]) for w in waypoints]
        path = [points[0]]
        for start, end in itertools.pairwise(points):
            _, before = dijkstra(self.graph, directed=False, indices=start, return_predecessors=True)
            leg = [end]
            while leg[-1] != start:
                leg.append(int(before[leg[-1]]))
            path += leg[-2::-1]
        steps = np.linalg.norm(np.diff(self.vertices[path], axis=0), axis=1)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        nearest = [int(np.argmin(np.abs(along - at))) for at in np.linspace(0, along[-1], count)]
        return np.array(path, np.int32)[nearest]

    def ring(self, first: int, upper: list[int], second: int, lower: list[int], per_side: int) -> Ints:
        """Corner, ``per_side`` upper points, corner, ``per_side`` lower points."""
        there = self.chain([first, *upper, second], per_side + 2)
        back = self.chain([second, *lower, first], per_side + 2)
        return np.concatenate([there, back[1:-1]])


def facekit_name(name: str) -> str:
    """ARKit's ``mouthSmileLeft`` -> the kit's ``mouthSmile_L``; other names (``jawLeft`` too) unchanged."""
    for suffix, short in (("Left", "_L"), ("Right", "_R")):
        if name.endswith(suffix) and name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
            return name.removesuffix(suffix) + short
    return name


def _inverse(original: Ints) -> Ints:
    number = np.full(int(original.max()) + 1, -1, np.int32)
    number[original] = np.arange(len(original), dtype=np.int32)
    return number


def _within(values: NDArray[np.floating] | NDArray[np.integer], bounds: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray((values >= bounds[0]) & (values < bounds[1]))


def _triangle_parts(triangles: Ints, material: NDArray[np.str_]) -> NDArray[np.int8]:
    """Part of each triangle, -1 for those that are not drawn. Gums still include the tongue."""
    parts = np.full(len(triangles), -1, np.int8)
    for name, part in (
        ("M_Face", Part.SKIN),
        ("M_BackHead", Part.SCALP),
        ("M_GumsTongue", Part.GUMS),
        ("M_Teeth", Part.TEETH),
        ("M_ScleraLeft", Part.EYEBALL),
        ("M_ScleraRight", Part.EYEBALL),
        ("M_EyeLashes", Part.LASHES),
    ):
        parts[material == name] = part
    middle = triangles.mean(axis=1)
    scalp = parts == Part.SCALP
    parts[scalp & _within(middle, _MOUTH_SOCKET)] = Part.MOUTH_SOCKET
    parts[scalp & _within(middle, _EYE_SOCKETS)] = Part.EYE_SOCKET
    return parts


def _mark_tongue(
    parts: NDArray[np.int8], triangles: Ints, vertices: Floats, lower_teeth: Ints, jaw: Floats
) -> None:
    """Split the kit's one mesh of gums and tongue: what moves with the jaw far from the teeth is the tongue."""
    distance, _ = cKDTree(vertices[lower_teeth]).query(vertices)
    falling = jaw[:, 1] < 0.3 * jaw[lower_teeth, 1].mean()
    corner = triangles[parts == Part.GUMS]
    tongue = falling[corner].all(axis=1) & (distance[corner].mean(axis=1) > 0.55)
    parts[np.flatnonzero(parts == Part.GUMS)[tongue]] = Part.TONGUE


def _iris_vertex(triangles: Ints, triangle_uv: Floats, bounds: tuple[int, int]) -> int:
    """The eyeball's vertex nearest to the middle of its texture, where the pupil is."""
    own = _within(triangles.min(axis=1), bounds)
    offset = np.linalg.norm(triangle_uv[own] - 0.5, axis=2).ravel()
    return int(triangles[own].ravel()[np.argmin(offset)])


def _landmark_vertices(curves: _Curves, irises: tuple[int, int]) -> Ints:
    per_side = {"lip_outer": 9, "lip_inner": 9, "eye_right": 7, "eye_left": 7}
    found: dict[str, Ints] = {name: curves.ring(*_RINGS[name], side) for name, side in per_side.items()}
    found |= {name: curves.chain(points, 8) for name, points in _CHAINS.items()}
    found["iris"] = np.array(irises, np.int32)
    found["nose"] = curves.number[_NOSE]
    found["jaw"] = curves.number[_JAW]
    landmarks = np.full(COUNT, -1, np.int32)
    for name, group in GROUPS.items():
        landmarks[group] = found[name]
    if (landmarks < 0).any():
        raise ValueError("the face kit's vertices do not fill the runtime's landmark layout")
    return landmarks


@functools.lru_cache(maxsize=2)
def load_facekit(path: Path | None = None) -> FaceKit:
    """Read ``ict_facekit.npz`` (a file, or the folder that holds it; by default ``../shared/facekit``)."""
    path = path or DEFAULT_PATH
    with np.load(path / "ict_facekit.npz" if path.is_dir() else path) as archive:
        data = {name: archive[name] for name in archive.files}
    triangles: Ints = data["tris"].astype(np.int32)
    parts = _triangle_parts(triangles, data["mats"][data["mat"]])
    drawn = parts >= 0
    triangles, parts, corners = triangles[drawn], parts[drawn], data["tuv"][drawn]
    triangle_uv = data["vt"][corners].astype(np.float32)
    triangle_uv -= np.floor(
        triangle_uv.mean(axis=1, keepdims=True)
    )  # each material has a texture tile of its own
    irises = (
        _iris_vertex(triangles, triangle_uv, _EYEBALL_RIGHT),
        _iris_vertex(triangles, triangle_uv, _EYEBALL_LEFT),
    )
    original = np.unique(triangles).astype(np.int32)
    number = _inverse(original)
    triangles = number[triangles]
    vertices = np.ascontiguousarray(data["V"][original].astype(np.float32))
    expressions = np.ascontiguousarray(data["ex"][:, original].astype(np.float32))
    names = tuple(str(name) for name in data["exn"])
    lower_teeth = number[np.arange(*_LOWER_TEETH)]
    _mark_tongue(parts, triangles, vertices, lower_teeth, expressions[names.index("jawOpen")])
    skin = parts == Part.SKIN
    vertex_uv = np.full((len(original), 2), np.nan, np.float32)
    vertex_uv[triangles[skin].ravel()] = triangle_uv[skin].reshape(-1, 2)
    curves = _Curves(vertices, triangles[skin], number)
    return FaceKit(
        vertices=vertices,
        triangles=np.ascontiguousarray(triangles),
        parts=parts,
        triangle_uv=np.ascontiguousarray(triangle_uv),
        vertex_uv=vertex_uv,
        identity=np.ascontiguousarray(data["ids"][:, original].astype(np.float32)),
        expressions=expressions,
        expression_names=names,
        landmarks=_landmark_vertices(curves, (int(number[irises[0]]), int(number[irises[1]]))),
        upper_teeth=number[np.arange(*_UPPER_TEETH)],
        lower_teeth=lower_teeth,
        original=original,
    )
