"""Cut-out heads from which the face detector's training pictures are put together.

    python -m training.detector.generate --out data/detector --count 6000 --seed 2

Writes ``heads.npy`` (count, 160, 160, 4) uint8 RGBA (display values, straight alpha), ``landmarks.npy`` (count, 116, 2)
float32 pixels and ``done.txt``. Resumable like ``training.landmarks.generate``.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import COUNT
from training.heads.augment import sample_development
from training.heads.facekit import load_facekit
from training.heads.scene import HeadRenderer

log = logging.getLogger(__name__)

SIDE = 160
GROUP = 16


def render_group(
    renderer: HeadRenderer, seed: int, group: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """16 cut-outs (16, 160, 160, 4) with landmarks (16, 116, 2); head, hair and shoulders fill the square."""
    rng = np.random.default_rng((seed, group))
    heads = np.empty((GROUP, SIDE, SIDE, 4), np.uint8)
    landmarks = np.empty((GROUP, COUNT, 2), np.float32)
    nothing = np.zeros((2, 2, 3), np.float32)
    for i, person in enumerate(renderer.sample_people(rng, GROUP)):
        scene = renderer.sample_scene(rng, person=person)
        pose = renderer.sample_pose(rng)
        zoom = float(rng.uniform(0.46, 0.6))
        scene = renderer.framed(scene, pose, zoom=zoom, shift=(0.0, float(rng.uniform(-0.1, 0.02))))
        picture = renderer.render(scene, pose, SIDE, 1.25, backdrop=nothing)
        cover = picture.coverage[..., None]
        colour = sample_development(rng).apply(picture.image / np.maximum(cover, 0.05))
        heads[i] = np.round(np.concatenate([colour, cover], axis=-1) * 255)
        landmarks[i] = picture.landmarks
    return heads, landmarks


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--facekit", type=Path, default=None, help="folder of ict_facekit.npz")
    parser.add_argument("--count", type=int, default=6000, help="a multiple of 16")
    parser.add_argument("--seed", type=int, default=2)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    paths = options.out / "heads.npy", options.out / "landmarks.npy"
    if not paths[0].exists():
        np.lib.format.open_memmap(paths[0], "w+", np.uint8, (options.count, SIDE, SIDE, 4))
        np.lib.format.open_memmap(paths[1], "w+", np.float32, (options.count, COUNT, 2))
    heads, landmarks = (np.load(path, mmap_mode="r+") for path in paths)
    done = options.out / "done.txt"
    first = int(done.read_text()) // GROUP if done.exists() else 0
    renderer = HeadRenderer(load_facekit(options.facekit))
    began = time.time()
    for group in range(first, options.count // GROUP):
        rows = slice(group * GROUP, (group + 1) * GROUP)
        heads[rows], landmarks[rows] = render_group(renderer, options.seed, group)
        done.write_text(str(rows.stop))
        if group % 64 == 63:
            log.info("%d, %.1f a second", rows.stop, (rows.stop - first * GROUP) / (time.time() - began))


if __name__ == "__main__":
    main()
