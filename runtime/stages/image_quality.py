"""What may spoil a film made from this portrait, one sentence each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.contract import RuntimeProblem
from runtime.stages.landmarks import GROUPS, crop_matrix, five_points

Severity = Literal["info", "warning", "error"]

SMALLEST_FACE = 48.0  # pixels
SMALL_FACE = 110.0
LARGEST_YAW, WIDE_YAW = 45.0, 20.0  # degrees
STEEP_PITCH = 22.0
# In the frame of the head model, faces that look straight into the camera measure about this pitch.
LEVEL_PITCH = -8.0
TURNED_ROLL = 30.0
LOW_CONFIDENCE = 0.45
DARK, BRIGHT = 38.0, 225.0  # mean brightness of the face, 0..255
BLURRED = 0.2  # contrast between neighbouring pixels over contrast in all
CHECK_SIDE = 96  # pixels of the crop in which sharpness is judged


@dataclass(frozen=True)
class Finding:
    """Something about a portrait that its user should know."""

    code: str
    severity: Severity
    sentence: str


def face_side(box: tuple[float, float, float, float]) -> float:
    """Side of a square as large as the face box, pixels."""
    return math.sqrt(max(box[2] - box[0], 0) * max(box[3] - box[1], 0))


def refuse(box: tuple[float, float, float, float], yaw: float) -> None:
    """Raise the `RuntimeProblem` of a face that is too small or turned too far (yaw in radians)."""
    side = face_side(box)
    if side < SMALLEST_FACE:
        raise RuntimeProblem(
            "face_too_small",
            f"The face is only {side:.0f} pixels large; at least {SMALLEST_FACE:.0f} are needed.",
            "Use a larger picture, or one in which the face fills more of the frame.",
        )
    if abs(math.degrees(yaw)) > LARGEST_YAW:
        raise RuntimeProblem(
            "face_turned",
            f"The face is turned {abs(math.degrees(yaw)):.0f} degrees aside; up to {LARGEST_YAW:.0f} can be animated.",
            "Use a picture that shows the face from the front.",
        )


def inspect_quality(
    image: NDArray[np.uint8],
    landmarks: NDArray[np.float32],
    confidence: NDArray[np.float32],
    box: tuple[float, float, float, float],
    angles: tuple[float, float, float],
    faces: int,
) -> tuple[Finding, ...]:
    """Findings on a portrait (H, W, 3) whose face has landmarks (116, 2), a box, and yaw, pitch, roll in radians."""
    pairs = [
        *_about_framing(image.shape, landmarks, box, faces),
        *_about_pose(angles),
        *_about_visibility(confidence),
        *_about_light(image, landmarks),
    ]
    return tuple(Finding(code, "warning", sentence) for code, sentence in pairs)


def _about_framing(
    shape: tuple[int, ...], landmarks: NDArray[np.float32], box: tuple[float, float, float, float], faces: int
) -> list[tuple[str, str]]:
    found = []
    if faces > 1:
        found.append(
            ("several_faces", f"There are {faces} faces in the picture; the largest one will speak.")
        )
    if face_side(box) < SMALL_FACE:
        found.append(
            ("face_small", f"The face is {face_side(box):.0f} pixels large and will look soft in the film.")
        )
    size = np.array([shape[1], shape[0]])
    outside = ((landmarks < -1) | (landmarks > size)).any(axis=1)
    if outside.sum() >= 3:
        found.append(("face_cropped", "Part of the face lies outside the picture."))
    return found


def _about_pose(angles: tuple[float, float, float]) -> list[tuple[str, str]]:
    yaw, pitch, roll = (math.degrees(angle) for angle in angles)
    found = []
    if abs(yaw) > WIDE_YAW:
        found.append(
            ("face_angled", f"The face is turned {abs(yaw):.0f} degrees aside; the far side may look wrong.")
        )
    tilt = pitch - LEVEL_PITCH
    if abs(tilt) > STEEP_PITCH:
        where = "up" if tilt > 0 else "down"
        found.append(
            ("face_tilted", f"The face looks {abs(tilt):.0f} degrees {where}; the mouth may look wrong.")
        )
    if abs(roll) > TURNED_ROLL:
        found.append(
            ("head_leaning", f"The head leans {abs(roll):.0f} degrees; a levelled picture works better.")
        )
    return found


def _about_visibility(confidence: NDArray[np.float32]) -> list[tuple[str, str]]:
    mouth = float(np.concatenate([confidence[GROUPS["lip_outer"]], confidence[GROUPS["lip_inner"]]]).mean())
    eyes = float(np.concatenate([confidence[GROUPS["eye_right"]], confidence[GROUPS["eye_left"]]]).mean())
    found = []
    if mouth < LOW_CONFIDENCE:
        found.append(("mouth_unclear", "The mouth is hard to make out; something may cover it."))
    if eyes < LOW_CONFIDENCE:
        found.append(("eyes_unclear", "The eyes are hard to make out; blinks may look wrong."))
    return found


def _about_light(image: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> list[tuple[str, str]]:
    crop = cv2.warpAffine(
        image, crop_matrix(five_points(landmarks), CHECK_SIDE), (CHECK_SIDE, CHECK_SIDE), flags=cv2.INTER_AREA
    )
    grey = cv2.cvtColor(crop[20:84, 20:76], cv2.COLOR_RGB2GRAY).astype(np.float32)
    found = []
    if grey.mean() < DARK:
        found.append(("face_dark", "The face is very dark; a brighter picture works better."))
    elif grey.mean() > BRIGHT:
        found.append(("face_overexposed", "The face is over-exposed; its features are hard to see."))
    detail = cv2.Laplacian(grey, cv2.CV_32F).std() / (grey.std() + 4)
    if detail < BLURRED:
        found.append(("face_blurred", "The face is blurred; a sharper picture works better."))
    return found
