"""Slides that come as files: pictures, or the pages of one PDF, one for each scene."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from runtime.contract import RuntimeProblem
from runtime.lessons.layout import Box, Stage
from runtime.lessons.slides.theme import Theme
from runtime.media.image import load_image

PDF_MARK = b"%PDF-"
MARK_WITHIN = 1024  # bytes from the beginning, where readers look for the mark
LARGEST_PAGE = 4096  # pixels
EDGE = 0.15  # of the text's colour in the line round a page
# PDFium must not be entered twice at a time.
_pdfium = threading.Lock()


@dataclass(frozen=True)
class Deck:
    """Slides in files. Make one with `open_deck`."""

    pages: tuple[Path, ...]  # a picture each, or the one PDF as often as it has pages
    pdf: bool

    def draw(self, number: int, stage: Stage, theme: Theme) -> NDArray[np.uint8]:
        """Draw slide `number` (0 = first) where the stage has room: RGB uint8 (H, W, 3), as `draw_slide` does."""
        room = page_box(stage)
        page = self._page(number, room)
        canvas = Image.new("RGB", stage.size, theme.background)
        page.thumbnail((room.width, room.height), Image.Resampling.LANCZOS)
        if page.width < room.width and page.height < room.height:
            scale = min(room.width / page.width, room.height / page.height)
            size = (round(page.width * scale), round(page.height * scale))
            page = page.resize(size, Image.Resampling.LANCZOS)
        x = room.x + (room.width - page.width) // 2
        y = room.y + (room.height - page.height) // 2
        ImageDraw.Draw(canvas).rectangle(
            (x - 1, y - 1, x + page.width, y + page.height), outline=theme.shade(EDGE)
        )
        canvas.paste(page, (x, y))
        return np.array(canvas)

    def _page(self, number: int, room: Box) -> Image.Image:
        if not self.pdf:
            return Image.fromarray(load_image(self.pages[number]))
        import pypdfium2

        with _pdfium, pypdfium2.PdfDocument(self.pages[number]) as document:
            page = document[number]
            width, height = page.get_size()
            scale = min(room.width / width, room.height / height, LARGEST_PAGE / max(width, height))
            return page.render(scale=scale).to_pil().convert("RGB")


def page_box(stage: Stage) -> Box:
    """Return the largest place beside the presenter for a page that is drawn already."""
    return Box(stage.body.x, stage.title.y, stage.body.width, stage.body.bottom - stage.title.y)


def open_deck(files: Sequence[Path], scenes: int) -> Deck:
    """Take one PDF with a page for each scene, or a picture for each, in order. Raises `RuntimeProblem`."""
    pdfs = [path for path in files if _is_pdf(path)]
    if pdfs and len(files) > 1:
        raise RuntimeProblem(
            "slides_mixed",
            f"Slides are one PDF or pictures, but there are {len(files)} files with a PDF among them.",
        )
    count = _count_pages(files[0]) if pdfs else len(files)
    if count != scenes:
        what = f"The PDF has {_counted(count, 'page')}" if pdfs else f"There are {_counted(count, 'picture')}"
        raise RuntimeProblem(
            "slides_miscounted",
            f"{what} for {_counted(scenes, 'scene')} in the script.",
            "Give one for each scene, in order.",
        )
    for path in files if not pdfs else ():
        load_image(path)  # what cannot be read is told before anything is rendered
    return Deck(tuple(files) if not pdfs else tuple(files) * count, bool(pdfs))


def _is_pdf(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return PDF_MARK in stream.read(MARK_WITHIN)
    except OSError as fault:
        raise RuntimeProblem("slides_unreadable", f"{path.name} cannot be read: {fault.strerror}.") from None


def _count_pages(path: Path) -> int:
    import pypdfium2

    try:
        with _pdfium, pypdfium2.PdfDocument(path) as document:
            return len(document)
    except pypdfium2.PdfiumError as fault:
        reason = "it is locked with a password" if "password" in str(fault).lower() else "it is damaged"
        raise RuntimeProblem("slides_unreadable", f"The PDF {path.name} cannot be read: {reason}.") from None


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
