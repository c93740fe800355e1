"""What is seen in a portrait, for people and for programs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from runtime.contract import RuntimeProblem
from runtime.stages.landmarks import GROUPS

if TYPE_CHECKING:
    from runtime.stages.image_encoding import Portrait

COLOURS = {
    "lip_outer": (230, 60, 60),
    "lip_inner": (255, 150, 150),
    "eye_right": (60, 200, 60),
    "eye_left": (60, 200, 60),
    "iris": (255, 255, 0),
    "brow_right": (80, 160, 255),
    "brow_left": (80, 160, 255),
    "nose": (255, 140, 0),
    "jaw": (200, 80, 255),
}


def describe(portrait: Portrait) -> dict[str, Any]:
    """A portrait as plain values: boxes and landmarks in pixels of the picture, angles in degrees."""
    height, width = portrait.image.shape[:2]
    return {
        "width": width,
        "height": height,
        "face_box": [round(float(value), 2) for value in portrait.box],
        "face_count": portrait.face_count,
        "pose_degrees": {
            name: round(math.degrees(getattr(portrait, name)), 2) for name in ("yaw", "pitch", "roll")
        },
        "landmarks": np.round(portrait.landmarks.astype(float), 2).tolist(),
        "landmark_groups": {name: [part.start, part.stop] for name, part in GROUPS.items()},
        "confidence": np.round(portrait.confidence.astype(float), 3).tolist(),
        "findings": [
            {"code": finding.code, "severity": finding.severity, "sentence": finding.sentence}
            for finding in portrait.findings
        ],
    }


def draw_overlay(portrait: Portrait, path: Path) -> None:
    """Write the picture with box and landmarks drawn on it."""
    picture = np.ascontiguousarray(portrait.image.copy())
    size = max(1, round(max(portrait.box[2] - portrait.box[0], portrait.box[3] - portrait.box[1]) / 200))
    x0, y0, x1, y1 = (round(float(value)) for value in portrait.box)
    cv2.rectangle(picture, (x0, y0), (x1, y1), (255, 255, 255), size, cv2.LINE_AA)
    for name, part in GROUPS.items():
        for x, y in portrait.landmarks[part]:
            centre = round(float(x) * 16), round(float(y) * 16)  # 1/16 pixels
            cv2.circle(picture, centre, 16 * size, COLOURS[name], -1, cv2.LINE_AA, 4)
    try:
        Image.fromarray(picture).save(path)
    except (OSError, ValueError) as fault:
        raise RuntimeProblem(
            "overlay_unwritable", f"The picture {path} cannot be written: {fault}."
        ) from fault
