"""Quality: INT8 against full precision, by rendered heads whose driven frames are known, and by the lips of a film.

    python -m training.driven_heads --out FOLDER
    python -m benchmarks.quality [--heads FOLDER] [--pack PACK] [--quick]

The heads are drawn from seeds that no training and no calibration has seen. Without them the first table is left out.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.bench.tables import Table
from runtime.bench.workload import Material
from runtime.contract import RenderOptions, RuntimeProblem
from runtime.evaluation.studio import OwnLandmarks, Studio
from runtime.stages.landmarks import GROUPS, Points, ipd
from runtime.stages.performance import MotionTrack

log = logging.getLogger("benchmarks.quality")

Image = NDArray[np.uint8]
SIDE = 384  # pixels of the films
ROOM = 0.35  # ipd round the true lips that count as the mouth
LIPS = [*range(*GROUPS["lip_outer"].indices(116)), *range(*GROUPS["lip_inner"].indices(116))]


@dataclass(frozen=True)
class DrivenHead:
    """A rendered head, as `training.driven_heads` writes it.

    photo (S, S, 3); what was asked of it: expression (T, 25), closure (T,), head (T, 5); the true frames
    (T, S, S, 3) and where the landmarks (T, 116, 2) truly are in them.
    """

    photo: Image
    expression: NDArray[np.float32]
    closure: NDArray[np.float32]
    head: NDArray[np.float32]
    frames: NDArray[np.uint8]
    landmarks: Points


def read_heads(folder: Path, most: int) -> Iterator[DrivenHead]:
    """The heads of a folder, by name."""
    paths = sorted(folder.glob("*.npz"))[:most]
    if not paths:
        raise RuntimeProblem("folder_empty", f"The folder {folder} holds no driven heads.")
    for path in paths:
        with np.load(path) as stored:
            yield DrivenHead(**{name: stored[name] for name in DrivenHead.__dataclass_fields__})


def tables(
    material: Material, quick: bool, folder: Path, heads: Path | None = None, pack: Path | None = None
) -> list[Table]:
    """PSNR against the truth where there are `heads`, and the difference between lip tracks, in both precisions."""
    studios = {
        kind: Studio(RenderOptions(min_resolution=SIDE, int8=kind == "INT8"), pack)
        for kind in ("INT8", "full")
    }
    truth = [_truth(studios, read_heads(heads, 4 if quick else 100))] if heads else []
    return [*truth, _lips(material, studios, 2.0 if quick else 8.0)]


def _truth(studios: dict[str, Studio], heads: Iterator[DrivenHead]) -> Table:
    """Stages 2 to 4 from a rendered photo, against the same head rendered as driven."""
    errors: dict[str, list[float]] = {
        name: [0.0, 0.0] for name in ("INT8 film", "full film", "INT8 mouth", "full mouth", "both")
    }
    filmed = frames = 0
    for head in heads:
        try:
            shown = {kind: _driven(studio, head) for kind, studio in studios.items()}
        except RuntimeProblem as problem:  # a face may be hidden by hair
            log.info("left out: %s", problem.sentence)
            continue
        filmed, frames = filmed + 1, frames + len(head.frames)
        for truth, points, small, full in zip(
            head.frames, head.landmarks, shown["INT8"], shown["full"], strict=True
        ):
            mouth = _mouth_box(points)
            for name, one, other in (
                ("INT8 film", small, truth),
                ("full film", full, truth),
                ("INT8 mouth", small[mouth], truth[mouth]),
                ("full mouth", full[mouth], truth[mouth]),
                ("both", small, full),
            ):
                errors[name][0] += float(((one.astype(np.float32) - other) ** 2).sum())
                errors[name][1] += one.size
    psnr = {name: _psnr(*sums) for name, sums in errors.items()}
    table = Table(
        "quality_truth",
        "PSNR against the true driven frame, dB",
        ["part", "full precision", "INT8", "drop", "INT8 against full"],
        note=f"{frames} frames of {filmed} rendered heads that are in no training: photo to frame by stages 2 to 4, "
        "against the head rendered as driven. Errors of all pixels together.",
    )
    for part, same in (("film", psnr["both"]), ("mouth", None)):
        full_, small_ = psnr[f"full {part}"], psnr[f"INT8 {part}"]
        table.add("whole frame" if part == "film" else part, full_, small_, full_ - small_, same)
    return table


def _driven(studio: Studio, head: DrivenHead) -> list[Image]:
    """The photo driven as the truth is, through all that a film goes through before encoding."""
    portrait = studio.encoder.encode(head.photo)
    amount = np.ones(len(head.closure), np.float32)
    drive = MotionTrack(25.0, head.expression, head.closure, head.head, amount)
    return [frame.copy() for frame in studio.frames(portrait, drive)]


def _lips(material: Material, studios: dict[str, Studio], seconds: float) -> Table:
    """One film in both precisions, its lips followed by the landmark network in full precision."""
    ruler = OwnLandmarks(studios["full"])
    first = studios["full"].photo(material.portrait)
    tracks = {
        kind: ruler.film(studio.talk(material.portrait, material.speech, seconds), first).points
        for kind, studio in studios.items()
    }
    unit = ipd(studios["full"].points(material.portrait))
    apart = np.linalg.norm(tracks["INT8"] - tracks["full"], axis=2)[:, LIPS] / unit * 100
    jitter = {kind: _jitter(track[:, LIPS]) / unit * 100 for kind, track in tracks.items()}
    table = Table(
        "quality_lips",
        "Lips of one film, INT8 against full precision, % of the eye distance",
        ["film", "mean difference", "95 of 100 frames below", "jitter full", "jitter INT8"],
        note="40 lip points found in every frame before encoding by the landmark network in full precision. Jitter: "
        "mean second difference from frame to frame, the speech's own movement included.",
    )
    table.add(
        f"{material.portrait.stem}, {len(apart) / 25:g} s",
        float(apart.mean()),
        float(np.percentile(apart.mean(axis=1), 95)),
        jitter["full"],
        jitter["INT8"],
    )
    return table


def _jitter(track: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(np.diff(track, n=2, axis=0), axis=2).mean())


def _mouth_box(landmarks: Points) -> tuple[slice, slice]:
    room = ROOM * ipd(landmarks)
    low = np.maximum(landmarks[LIPS].min(axis=0) - room, 0).astype(int)
    high = np.ceil(landmarks[LIPS].max(axis=0) + room).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _psnr(total: float, count: float) -> float:
    return float(10 * np.log10(255**2 / max(total / max(count, 1), 1e-9)))


def main() -> int:
    """Print the tables, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--pack", type=Path, help="another pack than the bundled one")
    parser.add_argument("--heads", type=Path, metavar="FOLDER", help="written by training.driven_heads")
    parser.add_argument("--quick", action="store_true", help="fewer heads, a shorter film")
    parser.add_argument("--portrait", type=Path, default=Material.portrait, metavar="PICTURE")
    parser.add_argument("--audio", type=Path, default=Material.speech, metavar="SOUND")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    found = tables(Material(given.portrait, given.audio), given.quick, Path(), given.heads, given.pack)
    if given.json:
        sys.stdout.write(json.dumps([table.as_json() for table in found]) + "\n")
    else:
        sys.stdout.write("\n\n".join(table.text() for table in found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
