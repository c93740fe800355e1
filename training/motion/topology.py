"""Build the face mesh: which vertices of the head it keeps, and how they are joined.

The mesh is triangulated in the skin's texture space, where the face lies flat, with short edges round the lips and lids
and long ones on cheeks and forehead. Lips and eyes are holes. Ears, temples and the underside of the jaw are left out:
there the skin turns away from the camera, and the soft field beyond the mesh's edge does better.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, cKDTree

from runtime.stages.landmarks import COUNT, GROUPS, LID_LOWER, LID_UPPER, LIP_LOWER, LIP_UPPER
from runtime.stages.mesh import EYE, FACE, INTERIOR, LID, LOWER_LIP, UPPER_LIP, FaceMesh
from training.heads.contact import Contact
from training.heads.facekit import FaceKit, Floats, Ints, Part

SIZE = 620  # vertices kept before trimming
UV_SCALE = 512.0
FACING = 0.22  # least z of the outward normal of what the mesh keeps
_LIP_EDGE, _LID_EDGE, _WIDEST_EDGE = 4.0, 7.0, 22.0  # wanted edge lengths in texture pixels


@dataclass(frozen=True)
class Topology:
    """A mesh and the head's vertices that its nodes are (V,)."""

    mesh: FaceMesh
    vertices: Ints


def build_topology(kit: FaceKit, contact: Contact, size: int = SIZE) -> Topology:
    """Choose, join, trim and number the vertices; deterministic."""
    loops = _Loops(kit)
    uv = _texture_pixels(kit)
    chosen = _choose_vertices(kit, loops, uv, size)
    faces = _join(chosen, uv, loops)
    faces = _trim(kit, chosen, faces, uv, loops)
    kept = np.unique(np.concatenate([faces.ravel(), loops.numbers]))
    number = np.full(kit.count, -1, np.int32)
    number[kept] = np.arange(len(kept))
    return _assemble(kit, contact, loops, kept.astype(np.int32), number, faces)


class _Loops:
    """The curves along which the mesh is cut, as vertices of the head."""

    def __init__(self, kit: FaceKit) -> None:
        self.mouth = kit.ring("lip_inner", 19)
        self.lips = kit.ring("lip_outer", 19)
        self.eyes = np.stack([kit.ring(name, 11) for name in ("eye_right", "eye_left")])
        self.numbers = np.concatenate([self.mouth, self.lips, self.eyes.ravel()])

    @property
    def holes(self) -> list[Ints]:
        return [self.mouth, *self.eyes]


def _texture_pixels(kit: FaceKit) -> Floats:
    """(N, 2) places of the skin's vertices in a texture of 512 x 512 pixels, y down; far away for all others."""
    uv = kit.vertex_uv * UV_SCALE
    uv[:, 1] = UV_SCALE - uv[:, 1]
    return np.nan_to_num(uv, nan=-1e4)


def vertex_normals(vertices: Floats, triangles: Ints) -> Floats:
    """(N, 3) outward normals, weighted by the triangles' areas."""
    corner = vertices[triangles]
    across = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normals = np.zeros_like(vertices)
    for place in range(3):
        np.add.at(normals, triangles[:, place], across)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9), np.float32)


def _inside(points: Floats, loop: Floats, margin: float) -> NDArray[np.bool_]:
    """Whether points lie inside a loop or nearer to it than ``margin``."""
    contour = loop.reshape(-1, 1, 2)
    return np.array([cv2.pointPolygonTest(contour, (float(x), float(y)), True) > -margin for x, y in points])


def _choose_vertices(kit: FaceKit, loops: _Loops, uv: Floats, size: int) -> Ints:
    """Farthest-point sampling, with distances measured in the edge length wanted at each place.

    Vertices are taken in mirrored pairs, so that both halves of a face move alike.
    """
    skin = kit.triangles[kit.parts == Part.SKIN]
    normals = vertex_normals(kit.vertices, skin)
    chin = kit.vertices[kit.landmarks[GROUPS["jaw"]][8], 1]
    candidates = kit.vertices_of(Part.SKIN)
    place = kit.vertices[candidates]
    usable = (normals[candidates, 2] > -0.15) & (place[:, 1] > chin - 2) & (place[:, 2] > -2.5)
    candidates = np.setdiff1d(candidates[usable], kit.landmarks[GROUPS["jaw"]])
    for hole in loops.holes:
        candidates = candidates[~_inside(uv[candidates], uv[hole], 0.3)]
    # Landmarks of the jaw slide along its outline: a mesh drawn onto them would shear.
    landmarks = np.delete(kit.landmarks, np.r_[GROUPS["iris"], GROUPS["jaw"]])
    chosen = list(dict.fromkeys([*landmarks.tolist(), *loops.numbers.tolist()]))
    spot = uv[candidates]
    edge = _wanted_edges(spot, uv, loops)
    nearest = np.linalg.norm(spot[:, None] - uv[chosen][None], axis=2).min(axis=1)
    _, partner = cKDTree(kit.vertices[candidates]).query(kit.vertices[candidates] * [-1, 1, 1])
    while len(chosen) < size:
        best = int(np.argmax(nearest / edge))
        for pick in {best, int(partner[best])}:
            chosen.append(int(candidates[pick]))
            nearest = np.minimum(nearest, np.linalg.norm(spot - spot[pick], axis=1))
    return np.array(chosen, np.int32)


def _wanted_edges(spot: Floats, uv: Floats, loops: _Loops) -> Floats:
    to_mouth = np.linalg.norm((spot - uv[loops.lips].mean(axis=0)) / [1.5, 1.0], axis=1)
    to_eye = np.min(
        [np.linalg.norm((spot - uv[eye].mean(axis=0)) / [1.3, 1.0], axis=1) for eye in loops.eyes], axis=0
    )
    round_mouth = np.clip(_LIP_EDGE + (to_mouth - 25) * 0.2, _LIP_EDGE, _WIDEST_EDGE)
    round_eyes = np.clip(_LID_EDGE + (to_eye - 22) * 0.25, _LID_EDGE, _WIDEST_EDGE)
    return np.asarray(np.minimum(round_mouth, round_eyes), np.float32)


def _join(chosen: Ints, uv: Floats, loops: _Loops) -> Ints:
    """Delaunay triangles (vertex numbers of the head), without those that span a hole."""
    triangles = chosen[Delaunay(uv[chosen]).simplices]
    middle = uv[triangles].mean(axis=1)
    for hole in loops.holes:
        open_ = ~_inside(middle, uv[hole], 0.0)
        triangles, middle = triangles[open_], middle[open_]
    corner = uv[triangles]
    longest = np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=2).max(axis=1)
    triangles = _close_notches(triangles[longest < 95], loops)
    corner = uv[triangles]
    first, second = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    flipped = first[:, 0] * second[:, 1] < first[:, 1] * second[:, 0]
    triangles[flipped] = triangles[flipped][:, [0, 2, 1]]
    return np.asarray(triangles, np.int32)


def _close_notches(triangles: Ints, loops: _Loops) -> Ints:
    """Add the triangles at a hole's rim that are missing where Delaunay's edges had crossed the rim."""
    count = _edge_counts(triangles)
    neighbours: dict[int, set[int]] = {}
    for (a, b), times in count.items():
        if times == 1:
            neighbours.setdefault(a, set()).add(b)
            neighbours.setdefault(b, set()).add(a)
    missing = []
    for hole in loops.holes:
        for a, b in zip(hole.tolist(), np.roll(hole, -1).tolist(), strict=True):
            if (min(a, b), max(a, b)) not in count:
                tips = neighbours.get(a, set()) & neighbours.get(b, set())
                missing += [(a, b, tip) for tip in tips]
    return np.concatenate([triangles, np.array(missing, np.int32).reshape(-1, 3)])


def _edge_counts(triangles: Ints) -> Counter[tuple[int, int]]:
    """How many triangles share each edge (lower number first)."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return Counter((min(a, b), max(a, b)) for a, b in edges.tolist())


def _trim(kit: FaceKit, chosen: Ints, triangles: Ints, uv: Floats, loops: _Loops) -> Ints:
    """Keep the part that faces the camera and hangs together with the lips."""
    normals = vertex_normals(kit.vertices, kit.triangles[kit.parts == Part.SKIN])
    chin = kit.vertices[kit.landmarks[GROUPS["jaw"]][8], 1]
    x, y, _ = kit.vertices.T
    facing = (normals[:, 2] > FACING) | ((np.abs(x) < 4.8) & (y > chin + 0.2))
    facing &= y > chin - 0.75
    triangles = triangles[facing[triangles].all(axis=1)]
    while True:
        triangles = _connected(triangles, kit.count, int(loops.mouth[5]))
        ears = _dangling(triangles, loops)
        if not ears.any():
            return triangles
        triangles = triangles[~ears]


def _connected(triangles: Ints, count: int, seed: int) -> Ints:
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    return triangles[label[triangles[:, 0]] == label[seed]]


def _dangling(triangles: Ints, loops: _Loops) -> NDArray[np.bool_]:
    """Triangles that hang on by one edge only: they would make the outer edge ragged."""
    edges = np.sort(
        np.stack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]], axis=1), axis=2
    )
    count = _edge_counts(triangles)
    alone = np.array([sum(count[(a, b)] == 1 for a, b in triangle) for triangle in edges.tolist()])
    at_hole = np.isin(triangles, loops.numbers).any(axis=1)
    return np.asarray((alone >= 2) & ~at_hole)


def _outer_boundary(triangles: Ints, rims: set[int], start: int) -> Ints:
    """The outer edge's vertices in order; ``start`` lies on it."""
    directed = {(int(a), int(b)) for t in triangles for a, b in zip(t, np.roll(t, -1), strict=True)}
    following = {a: b for a, b in directed if (b, a) not in directed and not (a in rims and b in rims)}
    loop = [start]
    while following[loop[-1]] != start:
        loop.append(following[loop[-1]])
        if len(loop) > len(following):
            raise ValueError("the outer edge of the mesh is not one closed curve")
    return np.array(loop, np.int32)


def _teeth(kit: FaceKit, vertices: Ints, upper: bool) -> Ints:
    """Right canine, middle of the incisors and left canine of a row, at the biting edge."""
    place = kit.vertices[vertices]
    found = []
    for x in (-1.6, 0.0, 1.6):
        column = np.flatnonzero(np.abs(place[:, 0] - x) < 0.25)
        front = column[place[column, 2] > place[column, 2].max() - 0.6]
        height = place[front, 1]
        found.append(int(vertices[front[np.argmin(height) if upper else np.argmax(height)]]))
    return np.array(found, np.int32)


def _assemble(
    kit: FaceKit, contact: Contact, loops: _Loops, kept: Ints, number: Ints, faces: Ints
) -> Topology:
    surface = len(kept)
    irises = kit.landmarks[GROUPS["iris"]]
    anchors = np.concatenate(
        [loops.eyes.ravel(), irises, _teeth(kit, kit.upper_teeth, True), _teeth(kit, kit.lower_teeth, False)]
    ).astype(np.int32)
    vertices = np.concatenate([kept, anchors]).astype(np.int32)
    eye_rims = surface + np.arange(48, dtype=np.int32).reshape(2, 24)
    iris_nodes = surface + np.arange(48, 50, dtype=np.int32)
    landmark_node = number[kit.landmarks]
    landmark_node[GROUPS["iris"]] = iris_nodes
    to_canonical = _Canonical(kit)
    share = np.stack([_lid_share(kit, contact, eye)[kept] for eye in (0, 1)])
    face_nodes = number[faces]
    triangles, layers = _painters_order(
        kit, contact, loops, kept, number, face_nodes, share, eye_rims, iris_nodes
    )
    rims = set(number[np.concatenate([loops.mouth, loops.eyes.ravel()])].tolist())
    top = int(face_nodes.ravel()[np.argmax(kit.vertices[kept][face_nodes.ravel(), 1])])
    mesh = FaceMesh(
        mean=to_canonical(kit.vertices[vertices]),
        landmark_mean=to_canonical(kit.vertices[kit.landmarks]),
        landmark_node=landmark_node.astype(np.int32),
        triangles=triangles,
        layers=layers,
        boundary=_outer_boundary(face_nodes, rims, top),
        mouth_loop=number[loops.mouth],
        lip_loop=number[loops.lips],
        eye_loops=number[loops.eyes],
        eye_rims=eye_rims,
        irises=iris_nodes,
        upper_teeth=surface + np.arange(50, 53, dtype=np.int32),
        lower_teeth=surface + np.arange(53, 56, dtype=np.int32),
        lower_side=_lower_side(kit, contact)[kept],
        lip_upper=landmark_node[LIP_UPPER].astype(np.int32),
        lip_lower=landmark_node[LIP_LOWER].astype(np.int32),
        lip_weights=contact.lip_weights[kept],
        lid_upper=landmark_node[LID_UPPER].astype(np.int32),
        lid_lower=landmark_node[LID_LOWER].astype(np.int32),
        lid_weights=contact.lid_weights[:, kept],
        opening_gain=np.array(1.0, np.float32),
    )
    assert len(mesh.landmark_mean) == COUNT
    return Topology(mesh, vertices)


class _Canonical:
    """Head coordinates (N, 3) -> canonical frame (N, 2), for the mean head seen from the front."""

    def __init__(self, kit: FaceKit) -> None:
        irises = self._flat(kit.vertices[kit.landmarks[GROUPS["iris"]]])
        self.middle = irises.mean(axis=0)
        self.unit = float(np.linalg.norm(irises[1] - irises[0]))

    @staticmethod
    def _flat(points: Floats) -> Floats:
        return points[:, :2] * np.array([1, -1], np.float32)

    def __call__(self, points: Floats) -> Floats:
        return np.asarray((self._flat(points) - self.middle) / self.unit, np.float32)


def _lower_side(kit: FaceKit, contact: Contact) -> NDArray[np.bool_]:
    return np.asarray(~contact.upper & (np.abs(kit.vertices[:, 0]) < 9))


def _lid_share(kit: FaceKit, contact: Contact, eye: int) -> Floats:
    """How much of the rim's fall in a blink each vertex makes."""
    return np.asarray(contact.lid_weights[eye].sum(axis=1) ** (1 / 1.5), np.float32)


def _painters_order(
    kit: FaceKit,
    contact: Contact,
    loops: _Loops,
    kept: Ints,
    number: Ints,
    faces: Ints,
    share: Floats,
    eye_rims: Ints,
    irises: Ints,
) -> tuple[Ints, NDArray[np.uint8]]:
    """Triangles of all layers and their layer; within a layer the far ones come first."""
    depth = kit.vertices[kept][faces, 2].mean(axis=1)
    on_lips = (np.abs(contact.lip_weights[kept]).sum(axis=1) > 0.1)[faces].all(axis=1)
    lower = _lower_side(kit, contact)[kept][faces].any(axis=1)
    on_lid = (share.max(axis=0) > 0.14)[faces].any(axis=1)
    layer = np.full(len(faces), FACE, np.uint8)
    layer[on_lips & lower] = LOWER_LIP
    layer[on_lips & ~lower] = UPPER_LIP
    layer[on_lid] = LID
    order = np.lexsort([depth, layer])
    groups = [
        (EYE, _eye_fans(eye_rims, irises)),
        (INTERIOR, _mouth_strip(number[loops.mouth])),
        *((int(kind), faces[order][layer[order] == kind]) for kind in (FACE, LOWER_LIP, UPPER_LIP, LID)),
    ]
    triangles = np.concatenate([part for _, part in groups]).astype(np.int32)
    layers = np.concatenate([np.full(len(part), kind, np.uint8) for kind, part in groups])
    return triangles, layers


def _eye_fans(rims: Ints, irises: Ints) -> Ints:
    return np.array(
        [
            (rim[i], rim[(i + 1) % 24], iris)
            for rim, iris in zip(rims, irises, strict=True)
            for i in range(24)
        ],
        np.int32,
    )


def _mouth_strip(loop: Ints) -> Ints:
    """Two triangles between neighbouring pairs of inner-lip vertices."""
    upper, lower = loop[:21], np.concatenate([loop[:1], loop[:19:-1]])
    strip = []
    for i in range(20):
        strip += [(upper[i], upper[i + 1], lower[i]), (upper[i + 1], lower[i + 1], lower[i])]
    return np.array([t for t in strip if len(set(t)) == 3], np.int32)
