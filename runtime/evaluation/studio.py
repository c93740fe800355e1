"""The engine as the evaluation uses it: stages called one by one, frames taken before they are encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.contract import RenderOptions, RuntimeProblem
from runtime.evaluation.instruments import FaceTrack
from runtime.evaluation.poses import Pose
from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.media.audio import AudioFile
from runtime.media.image import load_image
from runtime.pipeline import Stopwatch, draw_regions, frame_portrait, listen
from runtime.stages.image_encoding import ImageEncoder, Portrait
from runtime.stages.landmarks import COUNT, Points
from runtime.stages.motion_field import FaceMotion, MotionField
from runtime.stages.performance import MotionTrack, perform
from runtime.stages.post_processing import Compositor
from runtime.stages.texture_rendering import TextureRenderer

Image = NDArray[np.uint8]


class Studio:
    """Stages on one model pack, and the portraits that were asked for last."""

    def __init__(self, options: RenderOptions | None = None, pack: Path | None = None) -> None:
        """`pack` is a model pack's folder; the bundled one when not given."""
        self.pack = ModelPack.load(pack)
        self.options = options or RenderOptions()
        self.sessions = Sessions(self.pack, self.options.provider, self.options.threads, self.options.int8)
        self.portrait = lru_cache(maxsize=2)(self._portrait)

    @cached_property
    def encoder(self) -> ImageEncoder:
        """Stage 2."""
        return ImageEncoder(self.sessions)

    @cached_property
    def field(self) -> MotionField:
        """Stage 3."""
        return MotionField(self.sessions, self.pack)

    def landmarks(self, image: Image) -> Points:
        """Our landmarks (116, 2) of a picture, in its pixels."""
        return self.encoder.encode(image).landmarks

    def _portrait(self, path: Path) -> Portrait:
        portrait, _ = frame_portrait(self.encoder.encode(load_image(path)), self.options)
        return portrait

    def photo(self, path: Path) -> Image:
        """The photo on the film's canvas (H, W, 3)."""
        return self.portrait(path).image

    def points(self, path: Path) -> Points:
        """Our landmarks (116, 2) of the photo, in pixels of the film's canvas."""
        return self.portrait(path).landmarks

    def poses(self, path: Path, poses: Sequence[Pose]) -> list[tuple[Pose, Image]]:
        """Each pose with its frame (H, W, 3)."""
        drive = MotionTrack(
            fps=self.options.fps,
            expression=np.stack([pose.expression for pose in poses]),
            closure=np.array([pose.closure for pose in poses], np.float32),
            head=np.stack([pose.head for pose in poses]),
            amount=np.array([pose.amount for pose in poses], np.float32),
        )
        return list(zip(poses, self.frames(self.portrait(path), drive), strict=True))

    def talk(self, path: Path, audio: Path, seconds: float) -> Iterator[Image]:
        """Frames of a film's first seconds."""
        heard = listen(AudioFile.open(audio), self.sessions)
        return self.frames(
            self.portrait(path), perform(heard.track, min(seconds, heard.seconds), self.options)
        )

    def frames(self, portrait: Portrait, motion: MotionTrack) -> Iterator[Image]:
        """The frames of a drive, before they are encoded."""
        face: FaceMotion = self.field.bind(portrait)
        texture = TextureRenderer(self.sessions).bind(portrait, face)
        compositor = Compositor(portrait.image, face.region)
        for batch in draw_regions(motion, face, texture, Stopwatch()):
            for region in batch:
                yield compositor.compose(region)


class OwnLandmarks:
    """Our landmark network as an instrument: at hand everywhere, but no stranger to the networks it judges."""

    name = "our landmarks"

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def film(self, frames: Iterable[Image], first: Image) -> FaceTrack:
        """The face is found in the first frame and followed from there; all is NaN when it is not found."""
        near = self._points(first)
        rows = []
        for frame in frames:
            if not np.isnan(near[0, 0]):
                near = self._studio.encoder.follow(frame, near)
            rows.append(near)
        return FaceTrack(np.array(rows, np.float32).reshape(-1, COUNT, 2))

    def stills(self, images: Sequence[Image]) -> FaceTrack:
        return FaceTrack(np.stack([self._points(image) for image in images]))

    def _points(self, frame: Image) -> Points:
        try:
            return self._studio.landmarks(frame)
        except RuntimeProblem:
            return np.full((COUNT, 2), np.nan, np.float32)
