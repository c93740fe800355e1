"""Rendered heads for measuring films: a photo, and what it truly looks like when it is driven.

    python -m training.driven_heads --out FOLDER --heads 16

Writes one .npz a head, which `python -m benchmarks.quality --heads FOLDER` reads. The seeds are those of no training.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.heads.augment import sample_development
from training.heads.facekit import load_facekit
from training.heads.scene import HeadRenderer, Pose
from training.texture.pairs import Look, Studio, driven_state, photo_expression, reached, shaded_mouth

log = logging.getLogger("training.driven_heads")

SEED = 77
SIDE = 384
SUPERSAMPLE = 1.5
FRAMES = 4


def render_head(renderer: HeadRenderer, number: int) -> dict[str, np.ndarray]:
    """Arrays as `benchmarks.quality.DrivenHead` has them."""
    kit = renderer.kit
    rng = np.random.default_rng([SEED, number])
    scene = renderer.sample_scene(rng, "person", busy=0.3)
    first, closure = photo_expression(rng)
    turn = np.radians([np.clip(rng.normal(0, 7), -20, 20), np.clip(rng.normal(0, 4), -10, 10)])
    pose = Pose(kit.full_weights(first), closure, float(turn[0]), float(turn[1]))
    scene = renderer.framed(replace(scene, glasses=None), pose, zoom=0.72, shift=(0.0, 0.03))
    look = Look(sample_development(rng), None)
    found: dict[str, list[np.ndarray]] = {
        name: [] for name in ("expression", "closure", "head", "frames", "landmarks")
    }
    photo = look(shaded_mouth(renderer.render(scene, pose, SIDE, SUPERSAMPLE)))
    for _ in range(FRAMES):
        wanted, shut, head = driven_state(rng)
        after = Pose(kit.full_weights(reached(first, wanted)), shut, *Studio._turned(pose, head))
        picture = renderer.render(scene, after, SIDE, SUPERSAMPLE)
        truth = look(shaded_mouth(picture))
        for name, value in zip(found, (wanted, shut, head, truth, picture.landmarks), strict=True):
            found[name].append(np.asarray(value, np.uint8 if name == "frames" else np.float32))
    return {"photo": photo} | {name: np.stack(values) for name, values in found.items()}


def main() -> None:
    """Render and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--heads", type=int, default=16)
    parser.add_argument("--facekit", type=Path, help="folder of the head model")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given.out.mkdir(parents=True, exist_ok=True)
    renderer = HeadRenderer(load_facekit(given.facekit))
    for number in range(given.heads):
        path = given.out / f"head_{number:03d}.npz"
        if not path.exists():
            np.savez_compressed(path, allow_pickle=False, **render_head(renderer, number))
            log.info("head %d of %d", number + 1, given.heads)


if __name__ == "__main__":
    main()
