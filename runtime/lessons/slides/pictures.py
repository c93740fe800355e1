"""The pictures a script names: fetched from the web, or found beside the script."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from runtime.contract import RuntimeProblem
from runtime.lessons.script import Lesson, Picture
from runtime.lessons.script.problems import invalid
from runtime.lessons.slides.theme import Theme
from runtime.media.fetching import Fetcher
from runtime.media.image import load_image

LARGEST = 1920  # pixels, the longer side of what is kept: no slide is larger


def gather_pictures(
    lesson: Lesson, theme: Theme, folder: Path, beside: Path | None = None, fetcher: Fetcher | None = None
) -> dict[str, Path]:
    """Put every picture of a lesson and the theme's logo into `folder`, as PNG: source -> file.

    Addresses are fetched by `fetcher`, other names looked for in `beside`, the script's own folder, and nowhere else.
    Raises `RuntimeProblem` naming the line of a picture that is not to be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Path] = {}
    for picture in _named(lesson, theme):
        if picture.source not in found:
            target = folder / f"{hashlib.sha256(picture.source.encode()).hexdigest()[:24]}.png"
            if not target.exists():
                _keep(picture, target, beside, fetcher)
            found[picture.source] = target
    return found


def _named(lesson: Lesson, theme: Theme) -> Iterator[Picture]:
    if theme.logo:
        yield Picture(theme.logo, line=0)
    for scene in lesson.scenes:
        yield from (block for block in scene.body if isinstance(block, Picture))


def _keep(picture: Picture, target: Path, beside: Path | None, fetcher: Fetcher | None) -> None:
    """Write a picture as PNG; whole or not at all."""
    try:
        if picture.source.startswith(("http://", "https://")):
            if fetcher is None:
                raise RuntimeProblem("fetch_refused", "Pictures are not fetched from the web here.")
            path = fetcher.fetch(picture.source, "image", target.parent).path
        else:
            path = _beside(picture.source, beside)
        image = Image.fromarray(load_image(path))
    except RuntimeProblem as fault:
        raise _at(picture, fault) from None
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    aside = target.with_suffix(".part")
    image.save(aside, "PNG", compress_level=1)
    aside.replace(target)
    if path.parent == target.parent:
        path.unlink()


def _beside(source: str, folder: Path | None) -> Path:
    if folder is None:
        raise RuntimeProblem(
            "image_missing",
            f"The picture {source[:80]} is no address.",
            "Name pictures by addresses that begin with https://.",
        )
    try:
        path = (folder / source).resolve()
    except ValueError:  # for a NUL
        raise RuntimeProblem("image_missing", "A picture here has a name that no file can have.") from None
    if not path.is_relative_to(folder.resolve()):
        raise RuntimeProblem("image_missing", f"The picture {source[:80]} is outside the script's folder.")
    return path


def _at(picture: Picture, fault: RuntimeProblem) -> RuntimeProblem:
    """The same problem with the line of the script it is in."""
    if not picture.line:
        return RuntimeProblem(fault.code, f"The logo of the slides: {fault.sentence}", fault.hint)
    told = invalid(picture.line, fault.sentence, fault.hint)
    return RuntimeProblem(fault.code, told.sentence, fault.hint)
