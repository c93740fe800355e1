"""What is measured: a portrait, a piece of speech of any length, and the stages bound to them in one precision."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.contract import RenderOptions, RuntimeProblem
from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.media.audio import AudioFile
from runtime.media.image import load_image
from runtime.pipeline import batch_size, frame_portrait, listen
from runtime.stages.image_encoding import ImageEncoder
from runtime.stages.motion_field import FaceMotion, MeshFrame, MotionField
from runtime.stages.performance import MotionTrack, perform
from runtime.stages.texture_rendering import FaceTexture, TextureRenderer

ASSETS = Path(__file__).resolve().parents[2] / "_assets"


@dataclass(frozen=True)
class Material:
    """Portrait and speech; those of the demo when none are given."""

    portrait: Path = ASSETS / "demo_portrait.jpg"
    speech: Path = ASSETS / "demo_speech.ogg"

    def __post_init__(self) -> None:
        for path in (self.portrait, self.speech):
            if not path.is_file():
                raise RuntimeProblem("file_missing", f"There is no file {path} to measure with.")

    @cached_property
    def samples(self) -> NDArray[np.float32]:
        """The speech, mono, 16 kHz."""
        return np.concatenate(list(AudioFile.open(self.speech).mono()))

    def clip(self, seconds: float, folder: Path) -> Path:
        """A recording of a given length, the speech over and over."""
        from runtime.evaluation.films import write_wav
        from runtime.evaluation.resources import looped

        path = folder / f"speech_{seconds:g}s.wav"
        if not path.exists():
            write_wav(path, looped(self.samples, seconds))
        return path


class Stages:
    """The five stages on one canvas with the networks of one precision."""

    def __init__(self, material: Material, options: RenderOptions, pack: ModelPack) -> None:
        self.material, self.options = material, options
        self.sessions = Sessions(pack, options.provider, options.threads, options.int8)
        self.image = load_image(material.portrait)
        self.portrait, _ = frame_portrait(ImageEncoder(self.sessions).encode(self.image), options)
        self.face: FaceMotion = MotionField(self.sessions, pack).bind(self.portrait)
        self.texture: FaceTexture = TextureRenderer(self.sessions).bind(self.portrait, self.face)
        self.batch = batch_size(self.face.region, self.sessions.providers[0])

    @cached_property
    def motion(self) -> MotionTrack:
        """The drive of a film over the whole speech."""
        heard = listen(AudioFile.open(self.material.speech), self.sessions)
        return perform(heard.track, heard.seconds, self.options)

    def hear(self) -> object:
        """Stage 1 over the whole speech."""
        return listen(AudioFile.open(self.material.speech), self.sessions)

    def see(self) -> object:
        """Stage 2, the portrait as if never seen."""
        return ImageEncoder(self.sessions).encode(self.image)

    def move(self, start: int) -> list[MeshFrame]:
        """Stage 3 for a batch of frames."""
        rows = self.motion.rows(start, start + self.batch)
        return self.face.frames(rows.expression, rows.closure, rows.head, rows.amount)


def precisions(pack: ModelPack) -> dict[str, bool]:
    """What the pack can be compared in, and the option `int8` for it: {"INT8": True, "FP32": False}, or one."""
    found: dict[str, bool] = {}
    for int8 in (True, False):
        kinds = {pack.graph(name, int8).precision for name in pack.graphs}
        name = "INT8" if "int8" in kinds else "+".join(sorted(kinds)).upper()
        found.setdefault(name, int8)
    return found


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    import onnxruntime

    from runtime.bench.timing import load_average

    load = load_average()
    pack = ModelPack.load()
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "pack": pack.label,
        "precisions": list(precisions(pack)),
        "load_average_at_start": None if load is None else round(load, 2),
    }


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or "unknown"
