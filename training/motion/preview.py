"""Contact sheets of the motion field alone: a photo in a dozen poses, the open mouth filled with a flat dark colour.

    python -m training.motion.preview --image photo.png --landmarks photo.npz --pack PACK --out sheet.png

``photo.npz`` holds ``landmarks`` (116, 2) in the image's pixels. Shows folds, tears and double lips before any texture
network covers them up.
"""

from __future__ import annotations

import argparse
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.stages.articulation import EXPRESSIONS
from runtime.stages.landmarks import GROUPS
from runtime.stages.motion_field import FaceMotion, MeshFrame, MotionField

log = logging.getLogger("training.motion")

Image = NDArray[np.uint8]
DARK: Final = np.array([66, 18, 28], np.float32)
LID: Final = np.array([40, 200, 40], np.float32)


@dataclass(frozen=True)
class Pose:
    """A named state: symmetric coefficients, closure, head (degrees and ipd)."""

    name: str
    mouth: dict[str, float]
    closure: float = 0.0
    blink: float = 0.0
    head: tuple[float, float, float, float, float] = (0, 0, 0, 0, 0)
    amount: float = 1.0

    def arguments(self) -> dict[str, Any]:
        """Arguments of ``FaceMotion.frame``."""
        expression = np.zeros(len(EXPRESSIONS), np.float32)
        for name, value in {**self.mouth, "eyeBlink": self.blink}.items():
            for side in ("", "Left", "Right"):
                if name + side in EXPRESSIONS:
                    expression[EXPRESSIONS.index(name + side)] = value
        head = np.array([*np.radians(self.head[:3]), *self.head[3:]], np.float32)
        return {"expression": expression, "closure": self.closure, "head": head, "amount": self.amount}


PRESSED = {"mouthPress": 0.35, "mouthRollLower": 0.25, "mouthRollUpper": 0.15}
AA = {"jawOpen": 0.62, "mouthLowerDown": 0.35, "mouthUpperUp": 0.25}
AH = {"jawOpen": 0.36, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15}
OO = {"jawOpen": 0.1, "mouthPucker": 0.75, "mouthFunnel": 0.45}
EE = {"jawOpen": 0.1, "mouthSmile": 0.45, "mouthStretch": 0.45, "mouthLowerDown": 0.45, "mouthUpperUp": 0.25}
SS = {"jawOpen": 0.04, "mouthLowerDown": 0.45, "mouthUpperUp": 0.3, "mouthStretch": 0.2}
FF = {"jawOpen": 0.06, "mouthRollLower": 0.55, "mouthUpperUp": 0.25, "mouthLowerDown": 0.05}
POSES: Final = (
    Pose("rest", {}, amount=0.0),
    Pose("m", PRESSED, closure=1.0),
    Pose("silence", {}, closure=1.0),
    Pose("aa", AA),
    Pose("oo", OO),
    Pose("ee", EE),
    Pose("s", SS),
    Pose("f", FF),
    Pose("blink", {}, closure=1.0, blink=1.0),
    Pose("half blink", {}, closure=1.0, blink=0.5),
    Pose("yaw +8 ah", AH, head=(8, 0, 0, 0, 0)),
    Pose("yaw -8 ah", AH, head=(-8, 0, 0, 0, 0)),
    Pose("pitch +6 s", SS, head=(0, 6, 0, 0, 0)),
    Pose("pitch -6 m", PRESSED, closure=1.0, head=(0, -6, 0, 0, 0)),
    Pose("roll +5, dx, aa", AA, head=(0, 0, 5, 0.04, 0.02)),
    Pose("aa x1.3", {name: value * 1.3 for name, value in AA.items()}),
)


def picture(photo: Image, frame: MeshFrame, show_lids: bool = False) -> Image:
    """The photo (H, W, 3) moved as the frame says, the mouth's interior flat and dark."""
    x0, y0, x1, y1 = frame.region
    result = photo.copy()
    warped = cv2.remap(photo, frame.map_x, frame.map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    layers = [(frame.interior, DARK)]
    if show_lids:
        layers += [(frame.lid[0], LID), (frame.lid[1], LID)]
    blended = warped.astype(np.float32)
    for mask, colour in layers:
        blended += (colour - blended) * (mask.astype(np.float32) / 255)[..., None]
    result[y0:y1, x0:x1] = blended.round()
    return result


def _window(photo: Image, middle: NDArray[np.floating], half: float, size: int) -> Image:
    scale = size / (2 * half)
    matrix = np.array([[scale, 0, size / 2 - middle[0] * scale], [0, scale, size / 2 - middle[1] * scale]])
    return np.asarray(cv2.warpAffine(photo, matrix, (size, size), flags=cv2.INTER_CUBIC), np.uint8)


def sheet(photo: Image, landmarks: NDArray[np.float32], motion: FaceMotion, size: int = 320) -> Image:
    """Rows of whole picture, mouth and eyes for each pose."""
    columns = []
    ipd = motion.ipd
    mouth = landmarks[GROUPS["lip_outer"]].mean(axis=0) + np.array([0, 0.1 * ipd])
    eyes = landmarks[GROUPS["iris"]].mean(axis=0)
    face = landmarks[GROUPS["nose"]].mean(axis=0)
    for pose in POSES:
        shown = picture(photo, motion.frame(**pose.arguments()))
        parts = [
            _window(shown, face, 2.2 * ipd, size),
            _window(shown, mouth, 0.75 * ipd, size),
            _window(shown, eyes, 1.0 * ipd, size)[size // 4 : -size // 4],
        ]
        column = np.ascontiguousarray(np.vstack(parts))
        cv2.putText(column, pose.name, (6, 18), 0, 0.55, (0, 0, 0), 3)
        cv2.putText(column, pose.name, (6, 18), 0, 0.55, (255, 255, 255), 1)
        columns.append(column)
    half = (len(columns) + 1) // 2
    return np.vstack([np.hstack(columns[:half]), np.hstack(columns[half:])])


def milliseconds(motion: FaceMotion, batch: int = 8, rounds: int = 12) -> float:
    """Time of one frame in batches, network included."""
    poses = [POSES[number % len(POSES)].arguments() for number in range(1, batch + 1)]
    tracks = [np.stack([np.asarray(pose[key], np.float32) for pose in poses]) for key in poses[0]]
    motion.frames(*tracks)
    began = time.thread_time()
    for _ in range(rounds):
        motion.frames(*tracks)
    return (time.thread_time() - began) * 1000 / (batch * rounds)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--landmarks", type=Path, required=True)
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    pack = ModelPack.load(arguments.pack)
    with np.load(arguments.landmarks) as archive:
        landmarks = archive["landmarks"].astype(np.float32)
    photo = np.asarray(cv2.imread(str(arguments.image)), np.uint8)[..., ::-1]
    motion = MotionField(Sessions(pack, provider="cpu", threads=1), pack).bind(
        SimpleNamespace(image=photo, landmarks=landmarks)
    )
    own = {
        name: round(float(value), 2)
        for name, value in zip([*EXPRESSIONS, "closure"], motion.own_expression, strict=True)
        if value > 0.1
    }
    log.info("%s: ipd %.1f, wears %s", arguments.image.stem, motion.ipd, own)
    cv2.imwrite(str(arguments.out), sheet(photo, landmarks, motion)[..., ::-1])
    log.info("%.2f ms a frame", milliseconds(motion))


if __name__ == "__main__":
    main()
