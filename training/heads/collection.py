"""A folder of rendered heads with their landmarks, filled group by group: stopped at any time, it goes on later."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.landmarks import COUNT
from training.heads.facekit import load_facekit
from training.heads.scene import HeadRenderer

log = logging.getLogger(__name__)

GROUP = 16  # heads that are drawn together (identities are cheaper in batches)
_GROUPS_A_NOTE = 16  # how often progress is written down

RenderHead = Callable[
    [HeadRenderer, tuple[NDArray[np.float32], NDArray[np.float32]], np.random.Generator],
    tuple[NDArray[np.uint8], NDArray[np.float32]],
]
"""(renderer, person, random numbers) -> an image (H, W, C) and landmarks (116, 2) in pixels."""


class RenderGroup(Protocol):
    """Images (16, H, W, C) and landmarks (16, 116, 2) in pixels that the seed and the group's number alone decide."""

    def __call__(
        self, renderer: HeadRenderer, seed: int, group: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]: ...


def in_groups(render_head: RenderHead) -> RenderGroup:
    """The function that renders a whole group of what `render_head` renders one of."""

    def render_group(
        renderer: HeadRenderer, seed: int, group: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        rng = np.random.default_rng((seed, group))
        heads = [render_head(renderer, person, rng) for person in renderer.sample_people(rng, GROUP)]
        images, landmarks = zip(*heads, strict=True)
        return np.stack(images), np.stack(landmarks).astype(np.float32)

    return render_group


@dataclass(frozen=True)
class HeadCollection:
    """``images.npy`` (count, H, W, C) uint8, ``landmarks.npy`` (count, 116, 2) float32 and ``done.txt``."""

    images: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    folder: Path

    @property
    def done(self) -> int:
        """Number of finished samples."""
        path = self.folder / "done.txt"
        return int(path.read_text()) if path.exists() else 0

    @classmethod
    def open(cls, folder: Path, shape: tuple[int, ...] | None = None) -> HeadCollection:
        """Map a folder for reading, or, given the images' shape (count, H, W, C), for writing."""
        folder.mkdir(parents=True, exist_ok=True)
        images, landmarks = folder / "images.npy", folder / "landmarks.npy"
        if shape is not None and not images.exists():
            np.lib.format.open_memmap(images, "w+", np.uint8, shape)
            np.lib.format.open_memmap(landmarks, "w+", np.float32, (shape[0], COUNT, 2))
        mode: Literal["r", "r+"] = "r" if shape is None else "r+"
        return cls(np.load(images, mmap_mode=mode), np.load(landmarks, mmap_mode=mode), folder)

    @classmethod
    def load(cls, folder: Path) -> HeadCollection:
        """The samples finished so far, in memory: random reads of a mapped file can be far too slow for training."""
        mapped = cls.open(folder)
        done = mapped.done
        return cls(np.array(mapped.images[:done]), np.array(mapped.landmarks[:done]), folder)

    def fill(self, renderer: HeadRenderer, render_group: RenderGroup, seed: int) -> None:
        """Render what is still missing."""
        began, first, count = time.time(), self.done, len(self.images)
        for group in range(first // GROUP, count // GROUP):
            rows = slice(group * GROUP, (group + 1) * GROUP)
            self.images[rows], self.landmarks[rows] = render_group(renderer, seed, group)
            if (group + 1) % _GROUPS_A_NOTE == 0 or rows.stop == count:
                (self.folder / "done.txt").write_text(str(rows.stop))
                pace = (rows.stop - first) / (time.time() - began)
                log.info("%d of %d, %.1f a second", rows.stop, count, pace)


def generate(
    description: str | None, render_group: RenderGroup, shape: tuple[int, ...], count: int, seed: int
) -> None:
    """Command line of a data set of heads; `shape` is one image's, `count` and `seed` are defaults."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--facekit", type=Path, default=None, help="folder of ict_facekit.npz")
    parser.add_argument("--count", type=int, default=count, help="samples in all, a multiple of 16")
    parser.add_argument("--seed", type=int, default=seed)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cv2.setNumThreads(1)
    collection = HeadCollection.open(options.out, (options.count, *shape))
    collection.fill(HeadRenderer(load_facekit(options.facekit)), render_group, options.seed)
