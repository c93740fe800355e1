"""Stage 2, once for a portrait: find the face, its landmarks and pose, and judge the picture."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.contract import RuntimeProblem
from runtime.stages.face_detection import CERTAIN, FaceCandidate, FaceDetector
from runtime.stages.head_pose import HeadPose
from runtime.stages.image_quality import Finding, face_side, inspect_quality, refuse
from runtime.stages.landmarks import CROP_SIZE, FLIP, crop_matrix, five_points, transformed

if TYPE_CHECKING:
    from runtime.inference.sessions import Sessions

__all__ = ["Finding", "ImageEncoder", "Portrait"]

log = logging.getLogger(__name__)

Box = tuple[float, float, float, float]
Points = NDArray[np.float32]

CACHED = 4  # portraits that are remembered
WORTH_A_LOOK = 16  # candidates of the detector that the landmark network looks at
# Beyond this mean expected error (pixels of the 128-pixel crop) what looked like a face is not taken for one.
WORST_ERROR = 3.1
HOPELESS_ERROR = 3 * WORST_ERROR
PASSES = 2  # over a crop that the landmarks themselves align, after the one that the detector's points align
DISAGREEMENT = 0.35  # allowed between the detector's five points and the landmarks', of the face's size
BESIDE = 0.35  # of the largest face's side: smaller ones in the picture are not worth a warning
# Crops that are averaged in the last pass: turn (radians), zoom, shift to the right and down (of the side).
VIEWS = (
    (0.0, 1.0, 0.0, 0.0),
    (0.07, 1.05, 0.02, 0.01),
    (-0.07, 0.95, -0.02, -0.01),
    (0.03, 0.9, 0.015, -0.025),
    (-0.03, 1.1, -0.015, 0.025),
)


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture with what was found in it.

    Attributes:
        image: (H, W, 3) RGB uint8.
        landmarks: (116, 2) float32 pixels, as in ``runtime.stages.landmarks``.
        confidence: (116,) float32 in 0..1.
        box: x0, y0, x1, y1 of the face from hairline to chin, pixels, within the picture.
        yaw, pitch, roll: of the head, radians.
        face_count: faces in the picture that are worth a mention; this one is the largest.
        findings: what its user should know.
    """

    image: NDArray[np.uint8]
    landmarks: Points
    confidence: NDArray[np.float32]
    box: Box
    yaw: float
    pitch: float
    roll: float
    face_count: int
    findings: tuple[Finding, ...]

    def moved(self, matrix: NDArray[Any], image: NDArray[np.uint8]) -> Portrait:
        """The same face on another canvas; ``matrix`` (2, 3) takes this picture's pixels to that of ``image``."""
        x0, y0, x1, y1 = self.box
        corners = transformed(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32), matrix)
        low, high = corners.min(axis=0), corners.max(axis=0)
        return replace(
            self,
            image=image,
            landmarks=transformed(self.landmarks, matrix),
            box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
            roll=self.roll + float(np.arctan2(matrix[1, 0], matrix[0, 0])),
        )


@dataclass(frozen=True)
class _Face:
    """Landmarks (116, 2) in the picture with their expected error (116,), in pixels of the crop."""

    landmarks: Points
    error: NDArray[np.float32]

    @property
    def size(self) -> float:
        span = np.ptp(self.landmarks, axis=0)
        return float(np.sqrt(span[0] * span[1]))


class ImageEncoder:
    """Runs the graphs ``face_detector`` and ``landmarks``; the last few portraits are remembered."""

    def __init__(self, sessions: Sessions) -> None:
        self._detector = FaceDetector(sessions)
        self._session = sessions.get("landmarks")
        self._pose = HeadPose(sessions.pack.asset("face_shape"))
        self._known: OrderedDict[str, Portrait] = OrderedDict()

    def encode(self, image: NDArray[np.uint8]) -> Portrait:
        """Find the largest face in a picture (H, W, 3) RGB uint8.

        Raises `RuntimeProblem`: ``no_face``, ``face_too_small`` (under 48 pixels) or ``face_turned`` (over 45 degrees).
        """
        key = hashlib.sha256(np.ascontiguousarray(image).tobytes() + str(image.shape).encode()).hexdigest()
        if key not in self._known:
            self._known[key] = self._encode(image)
            while len(self._known) > CACHED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    def follow(self, image: NDArray[np.uint8], near: Points) -> Points:
        """Landmarks (116, 2) of the face that lies where ``near`` (116, 2) says, as in a film's previous frame."""
        return self._landmarks(image, [crop_matrix(five_points(near))], mirror=True)[0]

    def _encode(self, image: NDArray[np.uint8]) -> Portrait:
        faces = self._faces(image, self._detector.find(image)) or self._faces(
            image, self._detector.find(image, thorough=True)
        )
        if not faces:
            raise RuntimeProblem(
                "no_face",
                "No face was found in the picture.",
                "Use a picture that shows a face from the front, well lit and not covered.",
            )
        largest = max(faces, key=lambda face: face.size)
        landmarks, error = self._refined(image, largest)
        confidence = np.exp(-error / 4).astype(np.float32)
        angles = self._pose.estimate(landmarks, confidence)
        box = face_box(landmarks, image.shape)
        refuse(box, angles[0])
        count = sum(face.size >= BESIDE * largest.size for face in faces)
        findings = inspect_quality(image, landmarks, confidence, box, angles, count)
        log.info("face of %.0f pixels, %d in the picture", face_side(box), count)
        return Portrait(image, landmarks, confidence, box, *angles, count, findings)

    def _faces(self, image: NDArray[np.uint8], candidates: Sequence[FaceCandidate]) -> list[_Face]:
        """The candidates that the landmark network takes for a face too, each face once."""
        faces: list[_Face] = []
        for candidate in candidates[:WORTH_A_LOOK]:
            face = self._looked_at(image, candidate)
            if face is None:
                continue
            centre = face.landmarks.mean(axis=0)
            others = (
                np.linalg.norm(centre - other.landmarks.mean(axis=0)) / max(face.size, other.size)
                for other in faces
            )
            if all(distance > 0.45 for distance in others):
                faces.append(face)
        return faces

    def _looked_at(self, image: NDArray[np.uint8], candidate: FaceCandidate) -> _Face | None:
        """The landmarks of a candidate, or None if the landmark network does not see a face there."""
        points, error = self._landmarks(image, [crop_matrix(candidate.points)])
        for _ in range(PASSES):
            if error.mean() > HOPELESS_ERROR:
                break
            points, error = self._landmarks(image, [crop_matrix(five_points(points))])
        face = _Face(points, error)
        apart = np.linalg.norm(five_points(points) - candidate.points, axis=1).mean() / max(
            candidate.size, 1.0
        )
        # The less sure the detector, the surer the landmarks must be.
        allowed = WORST_ERROR if candidate.score >= CERTAIN else 0.8 * WORST_ERROR
        log.debug("score %.2f, error %.2f, apart %.2f", candidate.score, error.mean(), apart)
        return face if error.mean() < allowed and apart < DISAGREEMENT else None

    def _refined(self, image: NDArray[np.uint8], face: _Face) -> tuple[Points, NDArray[np.float32]]:
        """A last pass on several crops, each mirrored too, whose answers are averaged."""
        aligned = crop_matrix(five_points(face.landmarks))
        return self._landmarks(image, [_jittered(aligned, *view) for view in VIEWS], mirror=True)

    def _landmarks(
        self, image: NDArray[np.uint8], matrices: Sequence[NDArray[np.float64]], mirror: bool = False
    ) -> tuple[Points, NDArray[np.float32]]:
        """Landmarks (116, 2) in the picture and expected errors (116,) in crop pixels, means over the crops."""
        crops = np.stack([cut(image, matrix) for matrix in matrices]).transpose(0, 3, 1, 2).astype(np.float32)
        if mirror:
            crops = np.concatenate([crops, crops[..., ::-1]])
        answer = self._session.run({"input": np.ascontiguousarray(crops)})
        points, error = answer["points"].copy(), answer["error"]
        if mirror:
            half = len(matrices)
            points[half:] = points[half:, FLIP]
            points[half:, :, 0] = CROP_SIZE - 1 - points[half:, :, 0]
            error = np.concatenate([error[:half], error[half:, FLIP]])
        inverse = [cv2.invertAffineTransform(matrix) for matrix in matrices] * (2 if mirror else 1)
        placed = np.stack([transformed(p, m) for p, m in zip(points, inverse, strict=True)])
        return placed.mean(axis=0), np.asarray(error.mean(axis=0), np.float32)


def cut(image: NDArray[np.uint8], matrix: NDArray[np.float64], size: int = CROP_SIZE) -> NDArray[np.uint8]:
    """The crop (size, size, 3) that an affine map (2, 3) of the picture's pixels shows, without aliasing."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.6:
        # warpAffine looks at four pixels only, so a large picture is first shrunk to about the crop's scale.
        factor = 1.3 * scale
        corners = transformed(
            np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32),
            cv2.invertAffineTransform(matrix),
        )
        low = np.clip(np.floor(corners.min(axis=0)) - 8, 0, None).astype(int)
        high = np.ceil(corners.max(axis=0)).astype(int) + 8
        part = image[low[1] : max(high[1], low[1] + 1), low[0] : max(high[0], low[0] + 1)]
        if part.size:
            wide, high_ = max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor))
            image = np.asarray(cv2.resize(part, (wide, high_), interpolation=cv2.INTER_AREA), np.uint8)
            sx, sy = part.shape[1] / wide, part.shape[0] / high_
            back = np.array([[sx, 0, 0.5 * sx - 0.5 + low[0]], [0, sy, 0.5 * sy - 0.5 + low[1]], [0, 0, 1]])
            matrix = matrix @ back
    flags = cv2.INTER_CUBIC if scale > 1.5 else cv2.INTER_LINEAR
    crop = cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def face_box(landmarks: Points, shape: tuple[int, ...]) -> Box:
    """The face from hairline to chin, within a picture of that shape; brows are two thirds up a face."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    low = low - [0, 0.3 * (high[1] - low[1])]
    limit = np.array([shape[1] - 1, shape[0] - 1])
    (x0, y0), (x1, y1) = np.clip(low, 0, limit), np.clip(high, 0, limit)
    return float(x0), float(y0), float(x1), float(y1)


def _jittered(
    matrix: NDArray[np.float64], turn: float, zoom: float, right: float, down: float
) -> NDArray[np.float64]:
    """A crop's map turned, zoomed and shifted about the crop's middle."""
    middle = np.full(2, (CROP_SIZE - 1) / 2)
    linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    offset = linear @ (matrix[:, 2] - middle) + middle + np.array([right, down]) * CROP_SIZE
    return np.concatenate([linear @ matrix[:, :2], offset[:, None]], axis=1)
