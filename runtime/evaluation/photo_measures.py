"""What can be measured on one portrait without a finished film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runtime.evaluation.fidelity import background, psnr
from runtime.evaluation.films import Speech
from runtime.evaluation.instruments import MediaPipe, landmark_error
from runtime.evaluation.poses import sheet_poses
from runtime.evaluation.studio import Studio
from runtime.media.image import load_image
from runtime.stages.landmarks import GROUPS, Points, ipd, mirrored

BACKGROUND_SECONDS = 4.0


def landmark_agreement(path: Path, studio: Studio, outside: MediaPipe) -> dict[str, dict[str, float]] | None:
    """Our landmarks' distance from MediaPipe's, and MediaPipe's own from its reading of the mirror image.

    MediaPipe's detector is made for faces that fill much of the picture, so it gets the surroundings of our face box
    where the face is small. None where it sees no face.
    """
    image = load_image(path)
    ours = studio.landmarks(image)
    x0, y0, x1, y1 = surroundings(ours, image.shape, room=2.5)
    part = np.ascontiguousarray(image[y0:y1, x0:x1])
    theirs = outside.stills([part, np.ascontiguousarray(part[:, ::-1])])
    if not theirs.seen.all():
        return None
    truth, of_mirror = theirs.points
    return {
        "error": landmark_error(ours - np.array([x0, y0], np.float32), truth),
        "noise": landmark_error(mirrored(of_mirror, part.shape[1]), truth),
    }


def measure_fidelity(path: Path, speech: Sequence[Speech], studio: Studio) -> dict[str, float]:
    """PSNR against the photo on the film's canvas, before encoding.

    still: the untouched photo through stages 3 to 5; idle: driven by silence with the head at rest (an open mouth
    closes, so a smiling photo cannot be equal); background: what is neither head nor shoulders, while talking.
    """
    portrait = studio.portrait(path)
    photo = portrait.image
    mask = background(portrait.landmarks, portrait.yaw, *photo.shape[:2])
    still, idle = (frame for _, frame in studio.poses(path, sheet_poses()[:2]))
    talking = [psnr(frame, photo, mask) for frame in studio.talk(path, speech[0].audio, BACKGROUND_SECONDS)]
    return {
        "still_psnr": psnr(still, photo),
        "idle_psnr": psnr(idle, photo),
        "background_psnr_worst": float(np.min(talking)),
        "background_psnr_median": float(np.median(talking)),
        "background_share": float(mask.mean()),
    }


def surroundings(points: Points, shape: tuple[int, ...], room: float) -> tuple[int, int, int, int]:
    """Box (x0, y0, x1, y1) of even size about the face, `room` ipd to each side of its middle, within the picture."""
    centre = points[GROUPS["nose"]].mean(axis=0)
    reach = room * ipd(points)
    x0, y0 = (max(0, int(value - reach)) for value in centre)
    x1, y1 = (min(size, int(value + reach)) for value, size in zip(centre, (shape[1], shape[0]), strict=True))
    return x0, y0, x1 - (x1 - x0) % 2, y1 - (y1 - y0) % 2
