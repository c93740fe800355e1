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

from runtime.stages.landmarks import CROP_SIZE, mouth_matrix
from training.heads import augment
from training.heads.collection import generate, in_groups
from training.heads.scene import HeadRenderer, Pose, Scene

SIDE = 160
SUPERSAMPLE = 1.25
_PARTED = (
    0.2  # share of mouths just open, over teeth or darkness: the whole-face network reads them as closed
)
_BARE_LIPS = 0.25  # share of people whose lips have little colour of their own, as in old paintings
_WHITE_TEETH = 0.35  # share of people whose teeth shine


def render_mouth(
    renderer: HeadRenderer, person: tuple[NDArray[np.float32], NDArray[np.float32]], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A picture (160, 160, 3) with the landmarks of its face (116, 2) in pixels."""
    scene = _with_mouth_of_its_own(renderer.sample_scene(rng, person=person), rng)
    pose = renderer.sample_pose(rng)
    if rng.random() < _PARTED:
        pose = _parted(renderer, pose, rng)
    scene = renderer.framed(
        scene, pose, zoom=CROP_SIZE / SIDE, squeeze=float(np.exp(rng.normal(0, 0.05))), align=mouth_matrix
    )
    picture = renderer.render(scene, pose, SIDE, SUPERSAMPLE)
    if rng.random() < 0.05:
        augment.occlude(picture.image, picture.landmarks, scene.material.skin, rng)
    return augment.developed(picture.image, rng, paintings=0.15), picture.landmarks


render_group = in_groups(render_mouth)


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


if __name__ == "__main__":
    generate(__doc__, render_group, (SIDE, SIDE, 3), count=20000, seed=3)
