"""Write the mean landmarks of the face kit and how they vary into the pack, for the estimate of head pose.

python -m training.heads.face_shape --pack runtime/models/sonic-int8
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path

import numpy as np

from training.heads.contact import Contact
from training.heads.expressions import ExpressionSampler
from training.heads.facekit import FaceKit, Floats, load_facekit
from training.packing import add_asset

SAMPLES = 4000
MODES = 24
SEED = 3


def landmark_shapes(kit: FaceKit, count: int, seed: int) -> Floats:
    """(count, 116, 3) landmarks of random people with random expressions, unposed, centimetres."""
    rng = np.random.default_rng(seed)
    sampler, rows = ExpressionSampler(kit), kit.landmarks
    mean, identity, expressions = kit.vertices[rows], kit.identity[:, rows], kit.expressions[:, rows]
    contact = Contact(kit)
    place = {int(vertex): i for i, vertex in enumerate(rows)}
    upper = np.array([place[int(v)] for v in contact.lip_upper])
    lower = np.array([place[int(v)] for v in contact.lip_lower])
    shapes = np.empty((count, len(rows), 3), np.float32)
    for i in range(count):
        weights, closure = sampler.sample(rng)
        person = np.tensordot(rng.standard_normal(len(identity)).astype(np.float32), identity, 1)
        shape = mean + person + np.tensordot(weights, expressions, 1)
        gap = shape[upper, 1] - shape[lower, 1]
        shape[:, 1] -= contact.lip_weights[rows] @ contact.lip_pull(gap, closure)
        shapes[i] = shape
    return shapes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--facekit", type=Path, default=None, help="folder of ict_facekit.npz")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    shapes = landmark_shapes(load_facekit(options.facekit), SAMPLES, SEED)
    mean = shapes.mean(axis=0)
    _, spread, axes = np.linalg.svd((shapes - mean).reshape(len(shapes), -1), full_matrices=False)
    modes = axes[:MODES] * (spread[:MODES, None] / np.sqrt(len(shapes)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "face_shape.npz"
        np.savez(path, mean=mean.astype(np.float32), modes=modes.reshape(-1, *mean.shape).astype(np.float32))
        record = {
            "command": "python -m training.heads.face_shape --pack PACK",
            "seed": SEED,
            "data": f"{SAMPLES} random heads of ICT-FaceKit (MIT)",
            "licence": "Apache-2.0",
        }
        add_asset(options.pack, "face_shape", path, record)


if __name__ == "__main__":
    main()
