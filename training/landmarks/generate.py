"""Render the data on which the landmark network is trained.

    python -m training.landmarks.generate --out data/landmarks --count 56000 --seed 1

Writes ``images.npy`` (count, 128, 128, 3) uint8 RGB, ``landmarks.npy`` (count, 116, 2) float32 pixels and ``done.txt``,
the number finished so far. A sample depends on the seed and its own number alone, and an interrupted run goes on where
it stopped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import CROP_SIZE
from training.heads import augment
from training.heads.collection import generate, in_groups
from training.heads.scene import HeadRenderer

SUPERSAMPLE = 1.5


def render_face(
    renderer: HeadRenderer, person: tuple[NDArray[np.float32], NDArray[np.float32]], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A crop (128, 128, 3) with its landmarks (116, 2) in pixels."""
    scene = renderer.sample_scene(rng, person=person)
    pose = renderer.sample_pose(rng)
    # What the runtime's two-pass alignment leaves uncorrected, and a little more.
    scene = renderer.framed(
        scene,
        pose,
        zoom=float(np.exp(rng.uniform(-0.15, 0.15))),
        turn=float(np.clip(rng.normal(0, np.radians(6)), -0.25, 0.25)),
        shift=(float(rng.uniform(-0.06, 0.06)), float(rng.uniform(-0.06, 0.06))),
        squeeze=float(np.exp(rng.normal(0, 0.035))),
    )
    picture = renderer.render(scene, pose, CROP_SIZE, SUPERSAMPLE)
    linear, points = picture.image, picture.landmarks
    if rng.random() < 0.1:
        augment.occlude(linear, points, scene.material.skin, rng)
    if rng.random() < (0.6 if scene.kind == "drawing" else 0.05):
        linear, points = augment.enlarge_eyes(linear, points, float(rng.uniform(0.05, 0.38)))
    return augment.developed(linear, rng, paintings=0.13), points


render_group = in_groups(render_face)


if __name__ == "__main__":
    generate(__doc__, render_group, (CROP_SIZE, CROP_SIZE, 3), count=56000, seed=1)
