"""Render the data on which the landmark network is trained.

    python -m training.landmarks.generate --out data/landmarks --count 56000 --seed 1

Writes ``images.npy`` (count, 128, 128, 3) uint8 RGB, ``landmarks.npy`` (count, 116, 2) float32 pixels and ``done.txt``,
the number finished so far. A sample depends on the seed and its own number alone, and an interrupted run goes on where
it stopped.
"""

from __future__ import annotations

import argparse
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import COUNT, CROP_SIZE
from training.heads import augment
from training.heads.facekit import load_facekit
from training.heads.scene import HeadRenderer

log = logging.getLogger(__name__)

SUPERSAMPLE = 1.5
GROUP = 16  # samples that are drawn together (identities are cheaper in batches)


@dataclass(frozen=True)
class LandmarkData:
    """The arrays of a data folder, memory-mapped, and how many samples are finished."""

    images: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    folder: Path

    @property
    def done(self) -> int:
        """Number of finished samples."""
        path = self.folder / "done.txt"
        return int(path.read_text()) if path.exists() else 0

    @classmethod
    def open(cls, folder: Path, count: int | None = None) -> LandmarkData:
        """Open a folder for reading, or create it for ``count`` samples."""
        folder.mkdir(parents=True, exist_ok=True)
        images, landmarks = folder / "images.npy", folder / "landmarks.npy"
        if count is not None and not images.exists():
            shape = (count, CROP_SIZE, CROP_SIZE, 3)
            np.lib.format.open_memmap(images, "w+", np.uint8, shape)
            np.lib.format.open_memmap(landmarks, "w+", np.float32, (count, COUNT, 2))
        mode: Literal["r", "r+"] = "r" if count is None else "r+"
        return cls(np.load(images, mmap_mode=mode), np.load(landmarks, mmap_mode=mode), folder)

    @classmethod
    def load(cls, folder: Path) -> LandmarkData:
        """The samples finished so far, in memory: random reads of a mapped file can be far too slow for training."""
        mapped = cls.open(folder)
        done = mapped.done
        return cls(np.array(mapped.images[:done]), np.array(mapped.landmarks[:done]), folder)


def render_group(
    renderer: HeadRenderer, seed: int, group: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """16 crops (16, 128, 128, 3) with their landmarks (16, 116, 2) in pixels."""
    rng = np.random.default_rng((seed, group))
    images = np.empty((GROUP, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    landmarks = np.empty((GROUP, COUNT, 2), np.float32)
    for i, person in enumerate(renderer.sample_people(rng, GROUP)):
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
        images[i], landmarks[i] = _finish(
            picture.image, picture.landmarks, scene.kind, scene.material.skin, rng
        )
    return images, landmarks


def _finish(
    linear: NDArray[np.float32],
    points: NDArray[np.float32],
    kind: str,
    skin: tuple[float, float, float],
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Occlusion, caricature, tone, style and loss of quality."""
    if rng.random() < 0.1:
        augment.occlude(linear, points, skin, rng)
    if rng.random() < (0.6 if kind == "drawing" else 0.05):
        linear, points = augment.enlarge_eyes(linear, points, float(rng.uniform(0.05, 0.38)))
    image = augment.sample_development(rng).apply(linear)
    style = rng.random()
    if style < 0.13:
        image = augment.paint(image, rng)
    elif style < 0.155:
        image = augment.sketch(image, rng)
    return augment.degrade(image, rng), points


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--facekit", type=Path, default=None, help="folder of ict_facekit.npz")
    parser.add_argument("--count", type=int, default=56000, help="samples in all, a multiple of 16")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--until", type=int, default=None, help="stop after this many (go on later)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cv2.setNumThreads(1)
    renderer = HeadRenderer(load_facekit(options.facekit))
    data = LandmarkData.open(options.out, options.count)
    began, first = time.time(), data.done
    last = min(options.until or options.count, options.count)
    for group in range(first // GROUP, last // GROUP):
        rows = slice(group * GROUP, (group + 1) * GROUP)
        data.images[rows], data.landmarks[rows] = render_group(renderer, options.seed, group)
        if group % 16 == 15 or rows.stop == last:
            (options.out / "done.txt").write_text(str(rows.stop))
        if group % 128 == 127:
            log.info(
                "%d of %d, %.1f a second",
                rows.stop,
                options.count,
                (rows.stop - first) / (time.time() - began),
            )
    log.info("finished %d", data.done)


if __name__ == "__main__":
    main()
