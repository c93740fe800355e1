"""A preview: the same few seconds rendered with several strengths of mouth and head, side by side in one film."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.contract import Notice, RenderOptions, RuntimeProblem, VideoResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runtime.media.labels import Provenance

    Image = NDArray[np.uint8]

log = logging.getLogger(__name__)

DYNAMIC_SCALES = (0.8, 1.0, 1.3)
MOTION_SCALES = (0.5, 1.0)
SECONDS = 3.0
MOST_VARIANTS = 12
CLIP_QUALITY = 10  # the clips are encoded a second time, so the first shall leave no mark
CLIPS_SHARE = 0.95  # of the work; the rest is putting them together
Variant = dict[str, float]


def variants_of(values: Mapping[str, Any]) -> list[Variant]:
    """Return every pair of the scales asked for, row by row: one row for each dynamic_scale.

    `values` may hold `dynamic_scales` and `motion_scales`, each a sequence of numbers or text like "0.8, 1". Raises
    `RuntimeProblem` for a value out of range and for more than 12 pairs.
    """
    rows = _numbers("dynamic_scales", values.get("dynamic_scales"), DYNAMIC_SCALES)
    columns = _numbers("motion_scales", values.get("motion_scales"), MOTION_SCALES)
    variants = [{"dynamic_scale": mouth, "motion_scale": head} for mouth, head in product(rows, columns)]
    for variant in variants:
        RenderOptions.checked(variant)
    if len(variants) > MOST_VARIANTS:
        raise RuntimeProblem(
            "option_out_of_range",
            f"Options dynamic_scales and motion_scales make {len(variants)} pairs, but a preview shows at most "
            f"{MOST_VARIANTS}.",
        )
    return variants


def render_preview(
    portrait: Path,
    audio: Path,
    out: Path,
    options: RenderOptions,
    variants: Sequence[Variant],
    progress: Callable[[float, str], None] | None = None,
    provenance: Provenance | None = None,
    script: str | None = None,
    language: str | None = None,
) -> VideoResult:
    """Render each variant as a short clip and lay them out in a grid, each with its figures written on it.

    `script` is what is said, in `language`; a preview has no subtitles all the same.
    """
    # Not before a preview is asked for: the server checks variants without loading the engine.
    from runtime.pipeline import render

    if options.preview_seconds is None:
        options = options.model_copy(update={"preview_seconds": SECONDS})
    with ExitStack() as leftovers:
        results: list[VideoResult] = []
        for index, variant in enumerate(variants):
            clip = out.with_name(f"{out.stem}-{index}.mp4")
            leftovers.callback(clip.unlink, missing_ok=True)
            shown = options.model_copy(update={**variant, "quality": CLIP_QUALITY, "subtitles": "off"})
            tell = _share(progress, index, len(variants))
            overlays = [Caption(variant)]
            results.append(
                render(
                    portrait, audio, clip, shown, tell, overlays=overlays, script=script, language=language
                )
            )
        columns = len({variant["motion_scale"] for variant in variants})
        width, height, frames = tile(
            [Path(result.path) for result in results], out, columns, options, provenance
        )
    if progress is not None:
        progress(1.0, "rendering")
    return summary(results, out, width, height, frames)


def tile(
    clips: Sequence[Path],
    out: Path,
    columns: int,
    options: RenderOptions,
    provenance: Provenance | None = None,
) -> tuple[int, int, int]:
    """Play clips of one size side by side, with the first one's sound; return width, height (pixels) and frames."""
    import numpy as np

    from runtime.media.audio import AudioFile
    from runtime.media.video import VideoWriter

    with ExitStack() as opened:
        films = [_frames(clip, opened) for clip in clips]
        writer: VideoWriter | None = None
        for pictures in zip(*films, strict=False):
            rows = [
                np.hstack(pictures[start : start + columns]) for start in range(0, len(pictures), columns)
            ]
            sheet = np.vstack(rows)
            if writer is None:
                height, width = sheet.shape[:2]
                sound = AudioFile.open(clips[0])
                writer = opened.enter_context(
                    VideoWriter(
                        out,
                        width,
                        height,
                        options.fps,
                        sound,
                        options.quality,
                        options.preset,
                        provenance=provenance,
                    )
                )
            writer.write(sheet)
        assert writer is not None
        return writer.width, writer.height, writer.frames


def summary(results: Sequence[VideoResult], out: Path, width: int, height: int, frames: int) -> VideoResult:
    """The result of the whole preview: what its clips say, once each, and their times together."""
    first = results[0]
    notices: dict[str, Notice] = {notice.code: notice for result in results for notice in result.warnings}
    timings: dict[str, float] = {}
    for result in results:
        for stage, seconds in result.timings.items():
            timings[stage] = timings.get(stage, 0.0) + seconds
    return first.model_copy(
        update={
            "path": str(out),
            "width": width,
            "height": height,
            "frames": frames,
            "duration": frames / first.fps,
            "warnings": list(notices.values()),
            "timings": timings,
            "real_time_factor": sum(result.real_time_factor for result in results),
            "peak_memory_mb": max(result.peak_memory_mb for result in results),
        }
    )


class Caption:
    """Writes a variant's figures into a frame's lower left corner; an `Overlay` of the compositor."""

    def __init__(self, variant: Mapping[str, float]) -> None:
        self.words = f"mouth {variant['dynamic_scale']:g}  head {variant['motion_scale']:g}"

    def __call__(self, frame: Image, index: int) -> None:
        import cv2

        height, width = frame.shape[:2]
        size = min(width, height) / 560
        place = (round(14 * size), height - round(16 * size))
        for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
            strokes = max(1, round(thickness * size * 2))
            cv2.putText(
                frame, self.words, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, strokes, cv2.LINE_AA
            )


def _frames(clip: Path, opened: ExitStack) -> Iterator[Image]:
    import av
    import numpy as np

    container = opened.enter_context(av.open(str(clip)))
    return (np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0))


def _share(
    progress: Callable[[float, str], None] | None, index: int, count: int
) -> Callable[[float, str], None] | None:
    if progress is None:
        return None
    return lambda fraction, stage: progress(CLIPS_SHARE * (index + fraction) / count, stage)


def _numbers(name: str, given: Any, usual: Sequence[float]) -> list[float]:
    if given in (None, "", []):
        return list(usual)
    items = given.replace(";", ",").split(",") if isinstance(given, str) else given
    try:
        numbers = [float(item) for item in items if item != ""]
    except (TypeError, ValueError):
        numbers = []
    if not numbers:
        raise RuntimeProblem(
            "option_out_of_range", f"Option {name} is {given}, but must be numbers like 0.8, 1, 1.3."
        )
    return list(dict.fromkeys(numbers))
