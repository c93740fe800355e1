"""Pictures and speech by which the bundled pack is quantised: rendered heads, three speech engines, and _assets.

    python -m training.calibration_set --out FOLDER --heads 24 --seed 31

None of it is training data: the seeds are others. No photograph and no recording of a person is among it, as for the
weights themselves. `python -m runtime quantize PACK --calibration FOLDER` then films the heads speaking.
"""

from __future__ import annotations

import argparse
import logging
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.evaluation.films import write_wav
from training.heads.augment import sample_development
from training.heads.facekit import load_facekit
from training.heads.scene import HeadRenderer, Pose
from training.texture.pairs import photo_expression
from training.voices.engines import Utterance, speak_espeak, speak_festival, speak_flite

log = logging.getLogger("training.calibration_set")

SIDE = 512
SUPERSAMPLE = 1.5
SECONDS = 19.5  # of each recording: one window of the audio encoder
ASSETS = Path(__file__).resolve().parents[1] / "_assets"
ENGINES = (("espeak", speak_espeak, 6), ("flite", speak_flite, 3), ("festival", speak_festival, 3))


def render_heads(renderer: HeadRenderer, count: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """Portraits (512, 512, 3) RGB: any kind of head, turned a little, at rest, smiling or with the mouth open."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        scene = renderer.sample_scene(rng)
        values, closure = photo_expression(rng)
        turn = np.radians([np.clip(rng.normal(0, 9), -22, 22), np.clip(rng.normal(0, 5), -12, 12)])
        pose = Pose(renderer.kit.full_weights(values), closure, float(turn[0]), float(turn[1]))
        scene = renderer.framed(scene, pose, zoom=float(rng.uniform(0.55, 0.8)), shift=(0.0, 0.04))
        linear = renderer.render(scene, pose, SIDE, SUPERSAMPLE).image
        yield np.asarray(np.rint(sample_development(rng).apply(linear) * 255), np.uint8)


def speech(utterances: Iterator[Utterance], rng: random.Random) -> NDArray[np.float32]:
    """About SECONDS of sentences at 16 kHz with pauses between them, as loud as any recording may be."""
    parts: list[NDArray[np.float32]] = []
    wanted = round(SECONDS * 16000)
    while sum(map(len, parts)) < wanted:
        parts.append(next(utterances).samples)
        parts.append(np.zeros(round(16000 * rng.uniform(0.1, 0.9)), np.float32))
    samples = np.concatenate(parts)[:wanted]
    return (samples * (rng.uniform(0.1, 0.9) / max(1e-3, float(np.abs(samples).max())))).astype(np.float32)


def main() -> None:
    """Render, speak, copy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--heads", type=int, default=24)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--facekit", type=Path, help="folder of the head model")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given.out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ASSETS / "demo_portrait.jpg", given.out / "a_demo_portrait.jpg")
    shutil.copyfile(ASSETS / "demo_speech.ogg", given.out / "a_demo_speech.ogg")
    for name, speak, count in ENGINES:
        rng = random.Random(f"{given.seed} {name}")
        utterances = speak(rng, [])
        for number in range(count):
            write_wav(given.out / f"{name}_{number}.wav", speech(utterances, rng))
    renderer = HeadRenderer(load_facekit(given.facekit))
    for number, image in enumerate(render_heads(renderer, given.heads, given.seed)):
        cv2.imwrite(str(given.out / f"head_{number:02d}.png"), image[..., ::-1])
        log.info("head %d of %d", number + 1, given.heads)


if __name__ == "__main__":
    main()
