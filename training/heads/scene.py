"""A synthetic portrait: a *scene* (who, how they look, light, camera, background) seen in a *pose*.

    renderer = HeadRenderer(load_facekit())
    scene = renderer.sample_scene(numpy.random.default_rng(7))
    picture = renderer.render(scene, Pose(weights, yaw=0.1), size=256, supersample=2)

A scene is fixed once drawn: rendering it again in another pose gives the same person in the same light before the
same frozen camera, which is what pairs of frames for training need.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from runtime.stages.landmarks import crop_matrix, five_points, head_rotation
from training.heads import hair
from training.heads.appearance import MASK_ORDER, Kind, sample_material
from training.heads.backdrop import sample_backdrop
from training.heads.contact import Contact
from training.heads.expressions import ExpressionSampler
from training.heads.facekit import FaceKit, Floats, Part
from training.heads.glasses import Glasses, draw_glasses, sample_glasses
from training.heads.hair import HairMesh, HairStyle
from training.heads.noise import COUNT, noise
from training.heads.raster import FAR, Canvas, vertex_normals
from training.heads.shading import Material, Noises, Shadow, shade
from training.heads.uvmasks import skin_masks

PIVOT = np.array([0, 0, 2], np.float32)  # the head turns about this point of its own frame, cm


def face_matrix(points: Floats, size: int) -> NDArray[np.float64]:
    """The runtime's crop of the whole face, for :meth:`HeadRenderer.framed`."""
    return crop_matrix(five_points(points), size)


@dataclass(frozen=True)
class Pose:
    """What moves: (53,) expression weights, lip closure 0..1, and the head's angles in radians."""

    weights: Floats
    closure: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class Camera:
    """Perspective from ``distance`` cm; ``matrix`` (2, 3) takes the projection plane (cm, y down) to a unit square."""

    distance: float
    matrix: NDArray[np.float64]


@dataclass(frozen=True)
class Light:
    """Row 0 ambient, row 1 the key light that casts shadows, then fill lights. Directions point to the light."""

    directions: Floats  # (L, 3)
    colours: Floats  # (L, 3)
    shadow: float  # darkness of cast shadows, 0 = none

    @property
    def level(self) -> float:
        """Rough brightness of a lit white wall, for painted backgrounds and clothes."""
        return float(self.colours[0].mean() + 0.5 * self.colours[1:].mean(axis=1).sum())


@dataclass(frozen=True)
class Scene:
    """Everything but the pose."""

    kind: Kind
    identity: Floats  # (100,)
    head: Floats  # (N, 3) that person's neutral head, bald
    material: Material
    style: HairStyle
    hair: HairMesh
    light: Light
    camera: Camera
    glasses: Glasses | None
    lashes: float  # 0..1
    textures: tuple[int, int, int]
    backdrop_seed: int
    busy: float

    def with_camera(self, camera: Camera) -> Scene:
        """The same scene before another camera."""
        return replace(self, camera=camera)


@dataclass(frozen=True)
class Picture:
    """A rendering.

    Attributes:
        image: (S, S, 3) float32 RGB, linear light, 0..1 and a little over.
        points: (N, 3) float32 vertices: x, y in pixels of ``image``, depth in cm (smaller = nearer).
        landmarks: (116, 2) float32 pixels.
        parts: (S, S) int8 :class:`Part` seen at each pixel's centre, -1 = background.
        normals: (N, 3) float32 in the camera's frame, z towards the viewer.
        coverage: (S, S) float32, how much of each pixel head, hair and body cover, 0..1.
    """

    image: Floats
    points: Floats
    landmarks: Floats
    parts: NDArray[np.int8]
    normals: Floats
    coverage: Floats


class HeadRenderer:
    """Draws scenes and renders them. Holds the face kit and what is computed once from it."""

    def __init__(self, kit: FaceKit) -> None:
        self.kit = kit
        self.contact = Contact(kit)
        self.expressions = ExpressionSampler(kit)
        masks = skin_masks(kit)
        covered = np.max(np.stack(list(masks.values())), axis=0) > 0.002
        masks["any"] = _floats(cv2.dilate(covered.astype(np.float32), np.ones((5, 5), np.uint8)))
        self._masks = np.ascontiguousarray(np.stack([masks[name] for name in MASK_ORDER], axis=-1))
        self._body_masks = self._vertex_masks(masks)
        lashes = kit.parts == Part.LASHES
        upper = kit.vertices[kit.triangles][:, :, 1].mean(axis=1) > 3.35
        order = np.concatenate([np.flatnonzero(~lashes), np.flatnonzero(lashes & upper)])
        self.triangles = np.ascontiguousarray(kit.triangles[order])
        self.parts = np.ascontiguousarray(kit.parts[order])
        self._uv = np.ascontiguousarray(kit.triangle_uv[order])
        self._solid = int((~lashes).sum())
        self._lip_depth = float(kit.vertices[self.contact.lip_upper, 2].mean())
        self._canvases: dict[tuple[str, int], Canvas] = {}
        self._latest: tuple[Floats, Pose, Floats] | None = None

    # -- sampling -----------------------------------------------------------------------------------------------

    def sample_people(self, rng: np.random.Generator, count: int) -> list[tuple[Floats, Floats]]:
        """Pairs of identity weights (100,) and the neutral head (N, 3) they make, for :meth:`sample_scene`."""
        identities = rng.standard_normal((count, len(self.kit.identity))) * rng.uniform(0.6, 1.15, (count, 1))
        return list(zip(identities.astype(np.float32), self.kit.individuals(identities), strict=True))

    def sample_scene(
        self,
        rng: np.random.Generator,
        kind: Kind | None = None,
        busy: float = 0.5,
        person: tuple[Floats, Floats] | None = None,
    ) -> Scene:
        """A random person in random light, in front of a camera that frames the neutral face."""
        if kind is None:
            kind = "statue" if (draw := rng.random()) < 0.06 else "drawing" if draw < 0.15 else "person"
        hat = rng.random() < 0.1
        identity, head = person or self.sample_people(rng, 1)[0]
        style = hair.sample_style(self.kit, rng, hat)
        scene = Scene(
            kind=kind,
            identity=identity,
            head=head,
            material=sample_material(rng, kind, hat),
            style=style,
            hair=hair.build_mesh(self.kit, style, head),
            light=sample_light(rng, flat=kind == "drawing"),
            camera=Camera(float(rng.uniform(38, 160)), np.eye(2, 3)),
            glasses=sample_glasses(rng) if kind == "person" and rng.random() < 0.15 else None,
            lashes=float(rng.uniform(0.15, 0.6)) if rng.random() < 0.5 else 0.0,
            textures=(int(rng.integers(COUNT)), int(rng.integers(COUNT)), int(rng.integers(COUNT))),
            backdrop_seed=int(rng.integers(1 << 30)),
            busy=busy,
        )
        rest = Pose(np.zeros(len(self.kit.expression_names), np.float32))
        return self.framed(scene, rest)

    def sample_pose(self, rng: np.random.Generator) -> Pose:
        """A random expression; the head turned up to about 42 degrees aside, 24 up or down, upright."""
        weights, closure = self.expressions.sample(rng)
        yaw = np.clip(rng.normal(0, 15), -42, 42) if rng.random() < 0.8 else rng.uniform(-42, 42)
        pitch = np.clip(rng.normal(0, 9), -24, 24)
        return Pose(weights, closure, float(np.radians(yaw)), float(np.radians(pitch)))

    def framed(
        self,
        scene: Scene,
        pose: Pose,
        zoom: float = 1.0,
        turn: float = 0.0,
        shift: tuple[float, float] = (0.0, 0.0),
        squeeze: float = 1.0,
        align: Callable[[Floats, int], NDArray[np.float64]] = face_matrix,
    ) -> Scene:
        """Aim the camera so that the face in this pose lies as the runtime's landmark crop will show it.

        ``align`` is the runtime's own crop, of the face or of the mouth; ``zoom``, ``turn`` (radians, clockwise),
        ``shift`` (of the side) and ``squeeze`` (width over height) are what it may leave uncorrected.
        """
        positions = self._posed(self._geometry(scene, pose), pose)[self.kit.landmarks]
        plane = _onto_plane(positions, scene.camera.distance)
        aligned = align(plane, 1)
        aligned[:, 2] += 0.5  # crop pixels -> the unit square
        cosine, sine = np.cos(turn) * zoom, np.sin(turn) * zoom
        jitter = np.array([[cosine * squeeze, -sine], [sine * squeeze, cosine]])
        offset = np.array([0.5, 0.5]) + shift - jitter @ [0.5, 0.5]
        linear = jitter @ aligned[:, :2]
        matrix = np.concatenate([linear, (jitter @ aligned[:, 2] + offset)[:, None]], axis=1)
        return scene.with_camera(replace(scene.camera, matrix=matrix))

    # -- rendering ----------------------------------------------------------------------------------------------

    def project(self, scene: Scene, pose: Pose, size: int) -> Floats:
        """(N, 3) vertices of the bald head: x, y in pixels of a picture of that size, depth in cm. No rendering."""
        positions = self._posed(self._geometry(scene, pose), pose)
        return _to_pixels(positions, scene.camera, size)

    def render(
        self, scene: Scene, pose: Pose, size: int, supersample: float = 2.0, backdrop: Floats | None = None
    ) -> Picture:
        """Render at ``size`` pixels, computed ``supersample`` times finer. ``backdrop``: (S, S, 3) linear light."""
        fine = round(size * supersample)
        geometry = self._geometry(scene, pose)
        skin = _to_pixels(self._posed(geometry, pose), scene.camera, size)
        clothed = self._with_volume(scene, geometry)
        positions = self._posed(clothed, pose)
        normals = vertex_normals(positions, self.triangles)
        strands = self._posed(scene.hair.vertices, pose)
        canvas = self._canvas("picture", fine)
        points = _to_pixels(positions, scene.camera, fine)
        canvas.draw(points, self.triangles[: self._solid])
        if scene.lashes > 0:
            canvas.draw(points, self.triangles[self._solid :], self._solid, scene.lashes)
        canvas.draw(_to_pixels(strands, scene.camera, fine), scene.hair.triangles, len(self.triangles))
        image, coverage = self._behind(scene, pose, fine, backdrop)
        coverage[canvas.ids >= 0] = 1
        shade(
            image, canvas.ids, canvas.weights, self.parts, self.triangles, self._uv, positions, normals,
            self.kit.vertices, self._hairiness(scene), scene.hair.triangles, strands,
            vertex_normals(strands, scene.hair.triangles), scene.hair.strand, self._masks,
            Noises(*(noise(g)[t] for g, t in zip((1.2, 2.5, 12.0), scene.textures, strict=True))),
            scene.material, scene.light.directions, scene.light.colours,
            self._shadow(scene, positions, strands, fine), self._lip_depth, self._daylight(geometry),
        )  # fmt: skip
        if scene.kind == "drawing":
            self._outline(image, canvas)
        if scene.glasses is not None:
            frame = lambda p: _to_pixels(self._posed(p, pose), scene.camera, fine)  # noqa: E731
            draw_glasses(
                image, scene.glasses, scene.head[self.kit.landmarks], frame, canvas.depth, scene.light.level
            )
        step = (np.arange(size) * fine + fine // 2) // size
        ids = canvas.ids[np.ix_(step, step)]
        parts = np.where(ids < 0, -1, np.append(self.parts, Part.HAIR)[np.minimum(ids, len(self.parts))])
        if fine != size:
            image = _floats(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA))
            coverage = _floats(cv2.resize(coverage, (size, size), interpolation=cv2.INTER_AREA))
        landmarks = skin[self.kit.landmarks, :2].copy()
        return Picture(image, skin, landmarks, parts.astype(np.int8), normals, coverage)

    # -- parts of it --------------------------------------------------------------------------------------------

    def _geometry(self, scene: Scene, pose: Pose) -> Floats:
        """The expressed head in its own frame, lips and lids in contact."""
        if self._latest is not None and self._latest[0] is scene.head and self._latest[1] is pose:
            return self._latest[2]
        index = self.kit.expression_index
        blink = (float(pose.weights[index("eyeBlink_R")]), float(pose.weights[index("eyeBlink_L")]))
        expressed = self.kit.expressed(scene.head, pose.weights)
        resolved = self.contact.resolve(expressed, pose.closure, blink)
        self._latest = (scene.head, pose, resolved)
        return resolved

    @staticmethod
    def _posed(vertices: Floats, pose: Pose) -> Floats:
        rotation = head_rotation(pose.yaw, pose.pitch, pose.roll).astype(np.float32)
        return np.ascontiguousarray((vertices - PIVOT) @ rotation.T)

    def _vertex_masks(self, masks: dict[str, Floats]) -> Floats:
        """(N,) where a beard stands off the skin."""
        volume = np.zeros(self.kit.count, np.float32)
        inside = np.isfinite(self.kit.vertex_uv[:, 0])
        side = masks["beard"].shape[0]
        place = np.clip(self.kit.vertex_uv[inside] * [1, -1] + [0, 1], 0, 0.999) * side
        volume[inside] = np.maximum(masks["beard"], masks["goatee"])[
            place[:, 1].astype(int), place[:, 0].astype(int)
        ]
        return volume

    def _with_volume(self, scene: Scene, geometry: Floats) -> Floats:
        """The head with its scalp swollen by hair and its chin by a beard."""
        beard = max(scene.material.beard_strength, scene.material.goatee_strength)
        thickness = scene.style.thickness
        if thickness is None and beard < 0.5:
            return geometry
        swelling = np.zeros(self.kit.count, np.float32) if thickness is None else thickness
        if beard >= 0.5:
            swelling = swelling + self._body_masks * (beard - 0.4)
        return geometry + vertex_normals(geometry, self.triangles) * swelling[:, None]

    def _hairiness(self, scene: Scene) -> Floats:
        return np.zeros(self.kit.count, np.float32) if scene.style.scalp is None else scene.style.scalp

    def _daylight(self, geometry: Floats) -> float:
        """How much light enters the mouth, by its opening."""
        gaps = geometry[self.contact.lip_upper, 1] - geometry[self.contact.lip_lower, 1]
        return float(np.clip(0.3 + gaps.max() / 1.8, 0.3, 1.0))

    def _canvas(self, use: str, size: int) -> Canvas:
        canvas = self._canvases.setdefault((use, size), Canvas(size))
        canvas.clear()
        return canvas

    def _shadow(self, scene: Scene, positions: Floats, strands: Floats, size: int) -> Shadow:
        if scene.light.shadow <= 0:
            return Shadow(np.full((2, 2), FAR, np.float32), np.eye(3, dtype=np.float32), 1.0, 0.0, 0.0)
        towards = scene.light.directions[1]
        right = np.cross([0, 1, 0], towards)
        right /= np.linalg.norm(right) + 1e-9
        axes = np.stack([right, np.cross(towards, right), towards]).astype(np.float32)
        canvas = self._canvas("shadow", int(np.clip(size, 128, 512)))
        scale = canvas.size / 34.0

        def seen(points: Floats) -> Floats:
            turned = points @ axes.T
            turned[:, :2] = turned[:, :2] * scale + canvas.size / 2
            turned[:, 2] *= -1
            return turned

        canvas.draw(seen(positions), self.triangles[: self._solid])
        canvas.draw(seen(strands), scene.hair.triangles, len(self.triangles))
        return Shadow(canvas.depth, axes, float(scale), 0.12 + 2.2 / float(scale), scene.light.shadow)

    def _behind(self, scene: Scene, pose: Pose, size: int, backdrop: Floats | None) -> tuple[Floats, Floats]:
        """The background with a body under the head, and the body's coverage."""
        if backdrop is None:
            image = sample_backdrop(np.random.default_rng(scene.backdrop_seed), size, scene.busy)
        else:
            image = _floats(cv2.resize(backdrop, (size, size)))
        body = np.array(
            [[-10, -13, 0], [10, -13, 0], [17, -20, 0], [19, -60, 0], [-19, -60, 0], [-17, -20, 0]]
        )
        outline = _to_pixels(self._posed(body.astype(np.float32), pose), scene.camera, size)[:, :2]
        cloth = tuple(c * scene.light.level * 0.8 for c in scene.material.cloth)
        cv2.fillPoly(image, [np.round(outline).astype(np.int32)], cloth)
        coverage = np.zeros((size, size), np.float32)
        cv2.fillPoly(coverage, [np.round(outline).astype(np.int32)], 1.0)
        return np.ascontiguousarray(image, np.float32), coverage

    def _outline(self, image: Floats, canvas: Canvas) -> None:
        """Ink lines where depth jumps or one part meets another."""
        depth = np.minimum(canvas.depth, 60)
        jump = cv2.morphologyEx(depth, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 1.2
        ink = cv2.GaussianBlur(jump.astype(np.float32), (0, 0), max(0.5, canvas.size / 400))
        image *= 1 - 0.85 * np.clip(ink, 0, 1)[..., None]


def sample_light(rng: np.random.Generator, flat: bool = False) -> Light:
    """One to three lights and an ambient glow, exposed so that faces come out neither black nor white."""
    count = int(rng.integers(1, 4))
    directions = np.zeros((count + 1, 3), np.float32)
    colours = np.zeros((count + 1, 3), np.float32)
    colours[0] = rng.uniform(0.9, 1.3) if flat else rng.uniform(0.15, 0.75) * (1 + rng.normal(0, 0.06, 3))
    for q in range(1, count + 1):
        across = rng.normal(0, 50) if q == 1 else rng.uniform(-100, 100)
        up = rng.uniform(-15, 65) if rng.random() < 0.9 else rng.uniform(-60, -15)
        across, up = np.radians(across), np.radians(up)
        directions[q] = [np.sin(across) * np.cos(up), np.sin(up), np.cos(across) * np.cos(up)]
        power = rng.uniform(0.25, 1.0) * (1 if q == 1 else 0.7 * rng.random())
        colours[q] = power * (0.25 if flat else 1.0) * (1 + rng.normal(0, 0.08, 3))
    exposure = rng.uniform(0.75, 1.1) / max(0.4, colours[0].mean() + 0.65 * colours[1:].mean(axis=1).sum())
    shadow = float(rng.uniform(0.4, 0.95)) if rng.random() < 0.55 and not flat else 0.0
    return Light(directions, colours * np.float32(exposure), shadow)


def _floats(image: NDArray[Any]) -> Floats:
    return np.asarray(image, np.float32)


def _onto_plane(positions: Floats, distance: float) -> Floats:
    """Perspective projection of points (..., 3) in the camera's frame -> (..., 2) cm, y down."""
    factor = distance / (distance - positions[..., 2:3])
    return np.asarray(positions[..., :2] * factor * np.array([1, -1], np.float32), np.float32)


def _to_pixels(positions: Floats, camera: Camera, size: int) -> Floats:
    return _to_pixels_fast(positions, camera.distance, camera.matrix * size)


@njit(fastmath=True, cache=True)
def _to_pixels_fast(positions, distance, matrix):  # type: ignore[no-untyped-def]
    points = np.empty_like(positions)
    for i in range(positions.shape[0]):
        factor = distance / (distance - positions[i, 2])
        x, y = positions[i, 0] * factor, -positions[i, 1] * factor
        points[i, 0] = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] - 0.5
        points[i, 1] = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] - 0.5
        points[i, 2] = -positions[i, 2]
    return points
