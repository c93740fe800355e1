"""Stage 2, once for a portrait: find the face, its landmarks and pose, and judge the picture."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runtime.contract import RuntimeProblem
from runtime.stages.face_detection import CERTAIN, FaceCandidate, FaceDetector
from runtime.stages.head_pose import HeadPose
from runtime.stages.image_quality import Finding, face_side, inspect_quality, refuse
from runtime.stages.landmark_reading import VIEWS, LandmarkReader, LipReader, jittered
from runtime.stages.landmarks import crop_matrix, five_points, transformed

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
    """Runs the graphs ``face_detector``, ``landmarks`` and, where the pack has it, ``landmarks_refine``.

    The last few portraits are remembered.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._detector = FaceDetector(sessions)
        self._reader = LandmarkReader(sessions.get("landmarks"))
        self._lips = (
            LipReader(sessions.get("landmarks_refine")) if sessions.pack.has("landmarks_refine") else None
        )
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
        points, error = self._reader.read(image, [crop_matrix(five_points(near))], mirror=True)
        return points if self._lips is None else self._lips.improved(image, points, error, views=())[0]

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
        points, error = self._reader.read(image, [crop_matrix(candidate.points)])
        for _ in range(PASSES):
            if error.mean() > HOPELESS_ERROR:
                break
            points, error = self._reader.read(image, [crop_matrix(five_points(points))])
        face = _Face(points, error)
        apart = np.linalg.norm(five_points(points) - candidate.points, axis=1).mean() / max(
            candidate.size, 1.0
        )
        # The less sure the detector, the surer the landmarks must be.
        allowed = WORST_ERROR if candidate.score >= CERTAIN else 0.8 * WORST_ERROR
        log.debug("score %.2f, error %.2f, apart %.2f", candidate.score, error.mean(), apart)
        return face if error.mean() < allowed and apart < DISAGREEMENT else None

    def _refined(self, image: NDArray[np.uint8], face: _Face) -> tuple[Points, NDArray[np.float32]]:
        """A last pass on several crops, each mirrored too, whose answers are averaged, and the lips from near by."""
        aligned = crop_matrix(five_points(face.landmarks))
        points, error = self._reader.read(image, [jittered(aligned, *view) for view in VIEWS], mirror=True)
        return (points, error) if self._lips is None else self._lips.improved(image, points, error)


def face_box(landmarks: Points, shape: tuple[int, ...]) -> Box:
    """The face from hairline to chin, within a picture of that shape; brows are two thirds up a face."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    low = low - [0, 0.3 * (high[1] - low[1])]
    limit = np.array([shape[1] - 1, shape[0] - 1])
    (x0, y0), (x1, y1) = np.clip(low, 0, limit), np.clip(high, 0, limit)
    return float(x0), float(y0), float(x1), float(y1)
