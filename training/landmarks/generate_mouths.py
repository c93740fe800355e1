"""Render mouths from near by, on which the second landmark network is trained.

    python -m training.landmarks.generate_mouths --out data/mouths --count 20000 --seed 3

Writes ``images.npy`` (count, 160, 160, 3) uint8 RGB, a quarter wider than the network's crop so that training can
shift it, ``landmarks.npy`` (count, 116, 2) float32 pixels (eyes and jaw lie outside the picture) and ``done.txt``. An
interrupted run goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import COUNT, CROP_SIZE, mouth_matrix
from training.heads import augment
from training.heads.collection import GROUP, generate
from training.heads.scene import HeadRenderer, Picture, Pose, Scene

SIDE = 160
SUPERSAMPLE = 1.25
_PARTED = (
    0.2  # share of mouths just open, over teeth or darkness: what the whole-face network reads as closed
)
_BARE_LIPS = 0.25  # share of people whose lips have little colour of their own, as in old paintings
_WHITE_TEETH = 0.35  # share of people whose teeth shine


def render_group(
    renderer: HeadRenderer, seed: int, group: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """16 pictures (16, 160, 160, 3) with the landmarks of their faces (16, 116, 2) in pixels."""
    rng = np.random.default_rng((seed, group))
    images = np.empty((GROUP, SIDE, SIDE, 3), np.uint8)
    landmarks = np.empty((GROUP, COUNT, 2), np.float32)
    for i, person in enumerate(renderer.sample_people(rng, GROUP)):
        scene = renderer.sample_scene(rng, person=person)
        scene = _with_mouth_of_its_own(scene, rng)
        pose = renderer.sample_pose(rng)
        if rng.random() < _PARTED:
            pose = _parted(renderer, pose, rng)
        scene = renderer.framed(
            scene, pose, zoom=CROP_SIZE / SIDE, squeeze=float(np.exp(rng.normal(0, 0.05))), align=mouth_matrix
        )
        images[i], landmarks[i] = _finish(renderer.render(scene, pose, SIDE, SUPERSAMPLE), scene, rng)
    return images, landmarks


def _parted(renderer: HeadRenderer, pose: Pose, rng: np.random.Generator) -> Pose:
    """Lips a little apart, with or without a smile; eyes and head as they were."""
    names = renderer.kit.expression_names
    weights = pose.weights.copy()
    weights[[name.startswith(("mouth", "jaw")) for name in names]] = 0
    for name, most in (("mouthUpperUp", 0.45), ("mouthLowerDown", 0.35), ("mouthSmile", 0.7)):
        value = rng.uniform(0, most)
        for side in "LR":
            weights[names.index(f"{name}_{side}")] = max(0.0, value * (1 + rng.normal(0, 0.1)))
    weights[names.index("jawOpen")] = rng.uniform(0, 0.14)
    weights[names.index("mouthFunnel")] = rng.uniform(0, 0.3) if rng.random() < 0.3 else 0.0
    return Pose(weights, rng.uniform(0, 0.5) if rng.random() < 0.4 else 0.0, pose.yaw, pose.pitch, pose.roll)


def _with_mouth_of_its_own(scene: Scene, rng: np.random.Generator) -> Scene:
    """Some lips told from the skin by their shape and a breath of colour alone, some teeth whiter than the skin."""
    looks = scene.material
    if rng.random() < _BARE_LIPS:
        looks = looks._replace(lip_strength=float(rng.uniform(0.02, 0.3)))
    if rng.random() < _WHITE_TEETH:
        red, green, blue = (float(c) for c in np.array(looks.teeth) * rng.uniform(1.1, 1.6))
        looks = looks._replace(teeth=(red, green, blue), teeth_occlusion=float(rng.uniform(0.02, 0.2)))
    return replace(scene, material=looks)


def _finish(
    picture: Picture, scene: Scene, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Occlusion, tone, style and loss of quality."""
    linear, points = picture.image, picture.landmarks
    if rng.random() < 0.05:
        augment.occlude(linear, points, scene.material.skin, rng)
    image = augment.sample_development(rng).apply(linear)
    style = rng.random()
    if style < 0.15:
        image = augment.paint(image, rng)
    elif style < 0.175:
        image = augment.sketch(image, rng)
    return augment.degrade(image, rng), points


if __name__ == "__main__":
    generate(__doc__, render_group, (SIDE, SIDE, 3), count=20000, seed=3)
