"""The film of one scene: the presenter in front of the slide, kept under a name made from all that decides it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from runtime import __version__
from runtime.contract import RenderOptions, VideoResult
from runtime.lessons.captions import guessed_words, script_of
from runtime.lessons.layout import Box
from runtime.lessons.soundtrack import SceneSound
from runtime.memory import give_back_memory

log = logging.getLogger(__name__)

IMMATERIAL = {"threads", "max_audio_minutes"}  # options that do not change the film


@dataclass(frozen=True)
class SceneTask:
    """What one scene's film is made of; small enough to be handed to another process.

    `slide` is the drawn slide as PNG, `window` the place in which the presenter is seen, `mask` its shape as PNG,
    `band` the place of subtitles. `language` is that of what is said.
    """

    portrait: Path
    sound: SceneSound
    slide: Path
    window: Box
    mask: Path
    options: RenderOptions
    band: Box
    language: str | None = None


class SceneFolder:
    """Keeps the films of scenes, and what they were made from, by content. Several processes may share it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, key: str, suffix: str) -> Path:
        """Where something of this key lies."""
        return self.root / f"{key}{suffix}"

    def held(self, key: str, *suffixes: str) -> bool:
        """Say whether all these files are there, and note that they are needed."""
        paths = [self.path(key, suffix) for suffix in suffixes]
        if not all(path.exists() for path in paths):
            return False
        for path in paths:
            os.utime(path)
        return True

    def keep_picture(self, picture: NDArray[np.uint8]) -> Path:
        """Write a picture under a name made from its pixels."""
        key = hashlib.sha256(repr(picture.shape).encode() + np.ascontiguousarray(picture).data).hexdigest()[
            :32
        ]
        if not self.held(key, ".png"):
            aside = self.root / f"{key}.{os.getpid()}.part"
            Image.fromarray(picture).save(aside, "PNG", compress_level=1)
            aside.replace(self.path(key, ".png"))
        return self.path(key, ".png")


class Digest:
    """A name for content: 32 hexadecimal digits of a SHA-256."""

    def __init__(self, kind: str) -> None:
        self._hash = hashlib.sha256()
        self.add(kind, __version__, av.library_versions["libavcodec"])

    def add(self, *values: object) -> Digest:
        """Add plain values and files; a file counts by its bytes, not its name."""
        for value in values:
            if isinstance(value, Path):
                with value.open("rb") as source:
                    self._hash.update(hashlib.file_digest(source, "sha256").digest())
            else:
                self._hash.update(json.dumps(value, sort_keys=True, default=str).encode() + b"\0")
        return self

    @property
    def name(self) -> str:
        return self._hash.hexdigest()[:32]


def scene_key(task: SceneTask, pack: str) -> str:
    """Return the name of a scene's film; `pack` stands for the networks."""
    digest = Digest("scene").add(task.portrait, task.sound.path, task.slide, task.mask, pack)
    digest.add(asdict(task.window), asdict(task.band), [asdict(one) for one in task.sound.spoken])
    return digest.add(task.options.model_dump(exclude=IMMATERIAL), task.language).name


def render_scene(
    task: SceneTask,
    target: Path,
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> VideoResult:
    """Render a scene without its sound to `target`, and what is to be said of it to a JSON file beside it."""
    from runtime.pipeline import render
    from runtime.stages.post_processing import Backdrop

    slide = np.asarray(Image.open(task.slide).convert("RGB"))
    mask = np.asarray(Image.open(task.mask).convert("L"))
    result = render(
        task.portrait,
        task.sound.path,
        target,
        task.options,
        progress,
        cancelled,
        backdrop=Backdrop(slide, task.window.edges, mask, task.band.edges),
        with_sound=False,
        script=script_of(task.sound),
        language=task.language,
        guessed=guessed_words(task.sound),
    )
    give_back_memory()
    aside = target.with_suffix(f".{os.getpid()}.part")
    aside.write_text(result.model_dump_json())
    aside.replace(target.with_suffix(".json"))
    return result
