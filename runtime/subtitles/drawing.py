"""Subtitles in the picture: white letters on a plate, in the lower middle.

Over a film letters have a dark rim and the plate is dim, so that much of the picture is seen. In a place of their own,
as below a slide, they stand on a dark plate with round corners.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import bidirectional

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, features

from runtime.subtitles.cues import Cue
from runtime.subtitles.fonts import FontShelf, Run, load_font

LETTER = 0.055  # height of a letter's square, as a share of the short side of the frame
SMALLEST = 9  # pixels
WIDEST = 0.92  # share of the width that a line may take
BOTTOM = 0.06  # of the short side, what stays free below
ABOVE_LABEL = 0.12  # the same over the mark that says the film is generated
LEADING = 1.3  # lines are so many letters apart
BAND_LETTERS = 3.6  # a band is so many letters high: two lines, the plate around them and a little more
DETAIL = 4  # samples a pixel and axis, for smooth corners


@dataclass(frozen=True)
class Style:
    """How letters are set off: by a plate of some darkness (0..255), round corners and `padding` between the words and
    its edge, and by a rim of their own; lengths are shares of the letter."""

    plate: int
    rim: float
    padding: float
    rounding: float


OVER_FILM = Style(plate=95, rim=0.07, padding=0.35, rounding=0.0)
OWN_PLACE = Style(plate=205, rim=0.0, padding=0.5, rounding=0.3)


@dataclass(frozen=True)
class _Picture:
    """A drawn subtitle at (left, top) of the frame: colour times opacity, and what remains of the frame."""

    colour: NDArray[np.uint8]
    remains: NDArray[np.float32]
    left: int
    top: int


class SubtitleDrawer:
    """Writes each subtitle into the frames it is shown in; an `Overlay` of the compositor.

    One size serves the whole film: that in which its longest line fits. Each subtitle is drawn once and kept while
    it is shown.
    """

    def __init__(
        self,
        shown: Sequence[Cue],
        size: tuple[int, int],
        fps: float,
        shelf: FontShelf,
        language: str | None = None,
        bottom: float = BOTTOM,
        style: Style = OVER_FILM,
    ) -> None:
        """`size` is (width, height) of the frames in pixels, `bottom` what stays free below, as a share of
        the short side.

        `shelf` must know every sign of the cues, `language` chooses between shapes that languages write differently.
        """
        self._cues = shown
        self._starts = [cue.start for cue in shown]
        self._size = size
        self._fps = fps
        self._shelf = shelf
        self._language = language if features.check("raqm") else None
        self._bottom = bottom
        self._style = style
        self._letter = self._fitting_letter()
        self._drawn: tuple[int, _Picture | None] = (-1, None)

    def __call__(self, frame: NDArray[np.uint8], index: int) -> None:
        """Draw into frame (H, W, 3) number `index`, in place."""
        picture = self._picture(index)
        if picture is None:
            return
        height, width = picture.colour.shape[:2]
        place = frame[picture.top : picture.top + height, picture.left : picture.left + width]
        cv2.add(cv2.multiply(place, picture.remains, dtype=cv2.CV_8U), picture.colour, dst=place)

    def cue_at(self, index: int) -> int | None:
        """Return which cue frame `index` shows, or None."""
        seconds = index / self._fps
        place = bisect_right(self._starts, seconds) - 1
        return place if place >= 0 and seconds < self._cues[place].end else None

    def _picture(self, index: int) -> _Picture | None:
        place = self.cue_at(index)
        if place is None:
            return None
        if self._drawn[0] != place:
            self._drawn = place, self._draw(self._cues[place])
        return self._drawn[1]

    def _fitting_letter(self) -> int:
        """Return the size of letters in pixels in which the longest line fits."""
        width, height = self._size
        letter = max(SMALLEST, round(LETTER * min(width, height)))
        longest = max((self._width(line, letter) for cue in self._cues for line in cue.lines), default=0.0)
        room = WIDEST * width - 2 * self._style.padding * letter
        return letter if longest <= room else max(SMALLEST, int(letter * room / longest))

    def _width(self, line: str, letter: int) -> float:
        return sum(self._advance(run, letter) for run in self._shelf.runs(line))

    def _advance(self, run: Run, letter: int) -> float:
        return load_font(run.font, letter).getlength(run.text, language=self._language)

    def _draw(self, cue: Cue) -> _Picture | None:
        letter = self._letter
        lines = [runs for line in cue.lines if (runs := self._shelf.runs(line))]
        if not lines:
            return None
        widths = [sum(self._advance(run, letter) for run in runs) for runs in lines]
        pad, step = round(self._style.padding * letter), round(LEADING * letter)
        box = (
            min(self._size[0], round(max(widths)) + 2 * pad),
            min(self._size[1], step * len(lines) + 2 * round(pad / 2)),
        )
        words = Image.new("RGBA", box, (0, 0, 0, 0))
        pen = ImageDraw.Draw(words)
        backwards = _reads_from_right(cue.text)
        for row, (runs, width) in enumerate(zip(lines, widths, strict=True)):
            x = (box[0] - width) / 2
            baseline = round(pad / 2) + step * row + round(0.97 * letter)
            for run in reversed(runs) if backwards else runs:
                self._write(pen, run, x, baseline, backwards)
                x += self._advance(run, letter)
        drawn = np.asarray(Image.alpha_composite(self._plate(box), words), np.float32)
        opacity = drawn[..., 3:] / 255
        colour = np.rint(drawn[..., :3] * opacity).astype(np.uint8)
        left = (self._size[0] - box[0]) // 2
        top = max(0, self._size[1] - round(self._bottom * min(self._size)) - box[1])
        return _Picture(colour, np.repeat(1 - opacity, 3, axis=2), left, top)

    def _plate(self, size: tuple[int, int]) -> Image.Image:
        shape = Image.new("L", (DETAIL * size[0], DETAIL * size[1]), 0)
        edges = (0, 0, shape.width - 1, shape.height - 1)
        radius = DETAIL * self._style.rounding * self._letter
        ImageDraw.Draw(shape).rounded_rectangle(edges, radius, fill=self._style.plate)
        plate = Image.new("RGBA", size, (0, 0, 0, 0))
        plate.putalpha(shape.resize(size, Image.Resampling.BOX))
        return plate

    def _write(self, pen: ImageDraw.ImageDraw, run: Run, x: float, baseline: int, backwards: bool) -> None:
        rim = self._style.rim * self._letter
        pen.text(
            (x, baseline),
            run.text,
            font=load_font(run.font, self._letter),
            fill=(255, 255, 255, 255),
            anchor="ls",
            stroke_width=max(1, round(rim)) if rim else 0,
            stroke_fill=(0, 0, 0, 255),
            direction="rtl" if backwards and features.check("raqm") else None,
            language=self._language,
        )


class BandDrawer:
    """Writes subtitles into a band of the picture instead of over its foot; an `Overlay` of the compositor."""

    def __init__(
        self,
        shown: Sequence[Cue],
        band: tuple[int, int, int, int],
        fps: float,
        shelf: FontShelf,
        language: str | None = None,
    ) -> None:
        """`band` is (x0, y0, x1, y1) in pixels, with room for two lines. For the rest see `SubtitleDrawer`."""
        x0, y0, x1, y1 = band
        # The size of letters comes from that of the picture: a part of it is taken in which they have the right one.
        height = min(y1, round((y1 - y0) / BAND_LETTERS / LETTER))
        self._part = (slice(y1 - height, y1), slice(x0, x1))
        self._draw = SubtitleDrawer(shown, (x1 - x0, height), fps, shelf, language, 0.0, OWN_PLACE)

    def __call__(self, frame: NDArray[np.uint8], index: int) -> None:
        """Draw into frame (H, W, 3) number `index`, in place."""
        self._draw(frame[self._part], index)


def _reads_from_right(text: str) -> bool:
    """Whether the first letter that has a direction is Hebrew, Arabic or the like (UAX #9, P2 and P3)."""
    strong = next((kind for kind in map(bidirectional, text) if kind in ("L", "R", "AL")), "L")
    return strong != "L"
