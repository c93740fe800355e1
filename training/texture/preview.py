"""Contact sheets of stages 3 and 4: photos in a dozen poses, mouth and eyes enlarged, and the time of a frame.

    python -m training.texture.preview --faces DIR --pack PACK --textures PACK --out DIR

For every ``NAME.npz`` with ``landmarks`` (116, 2) in DIR there is a ``NAME.png`` or ``NAME.jpg``.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.stages.landmarks import GROUPS
from runtime.stages.motion_field import FaceMotion, MotionField
from runtime.stages.texture_rendering import FaceTexture, TextureRenderer
from training.motion.preview import AA, AH, EE, OO, PRESSED, SS, Pose, _window

log = logging.getLogger("training.texture.preview")

Image = NDArray[np.uint8]
POSES: Final = (
    Pose("photo", {}, amount=0.0),
    Pose("m", PRESSED, closure=1.0),
    Pose("closing .3", PRESSED, closure=1.0, amount=0.3),
    Pose("closing .6", PRESSED, closure=1.0, amount=0.6),
    Pose("aa", AA),
    Pose("oo", OO),
    Pose("ee", EE),
    Pose("s", SS),
    Pose("blink", {}, closure=1.0, blink=1.0),
    Pose("blink .7", {}, closure=1.0, blink=0.7),
    Pose("blink .4", {}, closure=1.0, blink=0.4),
    Pose("aa x.4", {name: value * 0.4 for name, value in AA.items()}),
    Pose("yaw +8 ah", AH, head=(8, 0, 0, 0, 0)),
    Pose("yaw -8 ah blink", AH, head=(-8, 0, 0, 0, 0), blink=1.0),
    Pose("pitch +6 s", SS, head=(0, 6, 0, 0, 0)),
    Pose("roll +5 aa", AA, head=(0, 0, 5, 0.04, 0.02)),
)


def sheet(
    photo: Image, landmarks: NDArray[np.float32], motion: FaceMotion, texture: FaceTexture, size: int
) -> Image:
    """Rows of whole picture, mouth and eyes for each pose."""
    middles = (
        landmarks[GROUPS["nose"]].mean(axis=0),
        landmarks[GROUPS["lip_outer"]].mean(axis=0) + np.array([0, 0.1 * motion.ipd]),
        landmarks[GROUPS["iris"]].mean(axis=0),
    )
    x0, y0, x1, y1 = motion.region
    columns = []
    for pose in POSES:
        frame = motion.frame(**pose.arguments())
        shown = photo.copy()
        shown[y0:y1, x0:x1] = texture.render([frame])[0]
        parts = [
            _window(shown, middle, half * motion.ipd, size)
            for middle, half in zip(middles, (2.2, 0.65, 0.9), strict=True)
        ]
        parts[2] = parts[2][size // 4 : -size // 4]
        column = np.ascontiguousarray(np.vstack(parts))
        cv2.putText(column, pose.name, (6, 18), 0, 0.55, (0, 0, 0), 3)
        cv2.putText(column, pose.name, (6, 18), 0, 0.55, (255, 255, 255), 1)
        columns.append(column)
    half = (len(columns) + 1) // 2
    return np.vstack([np.hstack(columns[:half]), np.hstack(columns[half:])])


def milliseconds(motion: FaceMotion, texture: FaceTexture, rounds: int = 20) -> dict[str, float]:
    """Time of a frame: with an open mouth and a blink, with the networks' share taken out, and of the warp alone."""
    talking = motion.frame(**Pose("", AA, blink=1.0).arguments())
    painters = (texture._paint_mouth, texture._eyelid_session.run)
    spent = 0.0

    def timed(run):  # type: ignore[no-untyped-def]
        def wrapper(inputs):  # type: ignore[no-untyped-def]
            nonlocal spent
            began = time.perf_counter()
            result = run(inputs)
            spent += time.perf_counter() - began
            return result

        return wrapper

    texture._paint_mouth, texture._eyelid_session.run = (timed(run) for run in painters)  # type: ignore
    texture.render([talking] * 4)
    spent, began = 0.0, time.perf_counter()
    for _ in range(rounds // 4):
        texture.render([talking] * 4)
    total = time.perf_counter() - began
    texture._paint_mouth, texture._eyelid_session.run = painters  # type: ignore[method-assign]
    return {
        "frame": round(1000 * total / rounds, 2),
        "networks": round(1000 * spent / rounds, 2),
        "rest": round(1000 * (total - spent) / rounds, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="names of the photos to show")
    parser.add_argument("--pack", type=Path, help="pack with the motion field; the bundled one by default")
    parser.add_argument("--textures", type=Path, help="pack with mouth and eyelid, when it is another")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options.out.mkdir(parents=True, exist_ok=True)
    pack = ModelPack.load(options.pack)
    sessions = Sessions(pack, provider="cpu", threads=1)
    textures = (
        Sessions(ModelPack.load(options.textures), provider="cpu", threads=1)
        if options.textures
        else sessions
    )
    field, renderer = MotionField(sessions, pack), TextureRenderer(textures)
    for path in sorted(options.faces.glob("*.npz")):
        if options.only and path.stem not in options.only:
            continue
        with np.load(path) as archive:
            landmarks = archive["landmarks"].astype(np.float32)
        picture = next(p for p in (path.with_suffix(".png"), path.with_suffix(".jpg")) if p.exists())
        photo = np.ascontiguousarray(np.asarray(cv2.imread(str(picture)), np.uint8)[..., ::-1])
        portrait = SimpleNamespace(image=photo, landmarks=landmarks, yaw=0.0, pitch=0.0)
        motion = field.bind(portrait)
        texture = renderer.bind(portrait, motion)
        made = sheet(photo, landmarks, motion, texture, options.size)
        cv2.imwrite(str(options.out / f"texture_{path.stem}.png"), made[..., ::-1])
        log.info(
            "%s: ipd %.0f, region %s, %s ms",
            path.stem,
            motion.ipd,
            motion.region,
            milliseconds(motion, texture),
        )


if __name__ == "__main__":
    main()
