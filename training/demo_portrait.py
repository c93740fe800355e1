"""Render the portrait of the demo: a head of our own in studio light.

python -m training.demo_portrait --facekit FOLDER --out _assets/demo_portrait.jpg
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.heads.facekit import load_facekit
from training.heads.scene import Camera, HeadRenderer, Light, Pose

log = logging.getLogger(__name__)

SEED = 11  # a person whom the eye takes to
SIDE = 768
DISTANCE = 110.0  # cm, a portrait lens
GAMMA = 1 / 1.6  # under the standard 2.2: studio contrast


def studio_light() -> Light:
    """A soft key light from the left, a fill from the right, a little from below."""

    def towards(across: float, up: float) -> list[float]:
        a, u = np.radians(across), np.radians(up)
        return [np.sin(a) * np.cos(u), np.sin(u), np.cos(a) * np.cos(u)]

    directions = np.array([[0, 0, 0], towards(-35, 35), towards(55, 10), towards(10, -30)], np.float32)
    colours = np.array(
        [[0.42, 0.42, 0.45], [0.62, 0.58, 0.53], [0.22, 0.24, 0.28], [0.06, 0.06, 0.06]], np.float32
    )
    return Light(directions, colours, shadow=0.35)


def studio_backdrop(side: int) -> NDArray[np.float32]:
    """A grey-blue wall, (side, side, 3) linear light, brightest behind the head."""
    y, x = np.mgrid[0:side, 0:side] / side
    glow = 1 - 0.55 * np.hypot(x - 0.42, y - 0.38)
    return (glow[..., None] * np.array([0.20, 0.27, 0.33])).astype(np.float32)


def render_portrait(facekit: Path | None, side: int = SIDE) -> NDArray[np.uint8]:
    """The portrait (side, side, 3) uint8 RGB."""
    kit = load_facekit(facekit)
    renderer = HeadRenderer(kit)
    scene = renderer.sample_scene(np.random.default_rng(SEED), "person")
    looks = scene.material._replace(
        cloth=(0.12, 0.17, 0.26),
        hair=(0.10, 0.065, 0.045),
        brow=(0.10, 0.07, 0.05),
        brow_strength=0.75,
        lip=(0.62, 0.30, 0.28),
        lip_gloss=0.12,
        mottle=0.03,
        freckles=0.0,
        shine=0.1,
        eye_shadow=0.1,
        liner=0.35,
        sclera=(0.82, 0.79, 0.77),
        iris=(0.24, 0.14, 0.08),
    )
    scene = replace(
        scene,
        material=looks,
        light=studio_light(),
        glasses=None,
        lashes=0.6,
        camera=Camera(DISTANCE, np.eye(2, 3)),
    )
    weights = np.zeros(len(kit.expression_names), np.float32)
    for name in ("mouthSmile_L", "mouthSmile_R"):
        weights[kit.expression_index(name)] = 0.28
    pose = Pose(weights, closure=1.0, yaw=0.06, pitch=0.01, roll=-0.01)
    scene = renderer.framed(scene, pose, zoom=0.7, shift=(0.0, 0.045))
    linear = renderer.render(scene, pose, side, 4.0, backdrop=studio_backdrop(side)).image
    return np.rint(np.clip(linear, 0, 1) ** GAMMA * 255).astype(np.uint8)


def main() -> None:
    """Render and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facekit", type=Path, help="folder of the ICT-FaceKit archive")
    parser.add_argument("--out", type=Path, default=Path("_assets/demo_portrait.jpg"))
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    quality = [
        cv2.IMWRITE_JPEG_QUALITY,
        93,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    cv2.imwrite(str(given.out), render_portrait(given.facekit)[..., ::-1], quality)
    log.info("wrote %s", given.out)


if __name__ == "__main__":
    main()
