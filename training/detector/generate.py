"""Cut-out heads from which the face detector's training pictures are put together.

    python -m training.detector.generate --out data/detector --count 6000 --seed 2

Writes ``images.npy`` (count, 160, 160, 4) uint8 RGBA (display values, straight alpha), ``landmarks.npy``
(count, 116, 2) float32 pixels and ``done.txt``. Resumable like ``training.landmarks.generate``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.heads.augment import sample_development
from training.heads.collection import generate, in_groups
from training.heads.scene import HeadRenderer

SIDE = 160


NOTHING = np.zeros((2, 2, 3), np.float32)


def render_cut_out(
    renderer: HeadRenderer, person: tuple[NDArray[np.float32], NDArray[np.float32]], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A cut-out (160, 160, 4) with landmarks (116, 2); head, hair and shoulders fill the square."""
    scene = renderer.sample_scene(rng, person=person)
    pose = renderer.sample_pose(rng)
    zoom = float(rng.uniform(0.46, 0.6))
    scene = renderer.framed(scene, pose, zoom=zoom, shift=(0.0, float(rng.uniform(-0.1, 0.02))))
    picture = renderer.render(scene, pose, SIDE, 1.25, backdrop=NOTHING)
    cover = picture.coverage[..., None]
    colour = sample_development(rng).apply(picture.image / np.maximum(cover, 0.05))
    cut_out = np.round(np.concatenate([colour, cover], axis=-1) * 255).astype(np.uint8)
    return cut_out, picture.landmarks


render_group = in_groups(render_cut_out)


if __name__ == "__main__":
    generate(__doc__, render_group, (SIDE, SIDE, 4), count=6000, seed=2)
