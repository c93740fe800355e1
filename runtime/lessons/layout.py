"""Where title, body, presenter and subtitles stand in a lesson's picture.

Slide and presenter never overlap, nor slide and subtitles; subtitles cross the presenter only where the layout is
full, low on the chest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from runtime.contract import RuntimeProblem
from runtime.lessons.options import Aspect, Layout

Shape = Literal["circle", "rounded", "bleed"]
RESOLUTIONS = (720, 1080)  # pixels of the short side
UNITS = 720  # the short side in the units of the plans below
SIZES: dict[Aspect, tuple[int, int]] = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (720, 720)}
ROUNDING = 28  # units, radius of a rounded frame's corners
MASK_DETAIL = 4  # samples a pixel and axis, for a smooth edge


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; (x, y) is its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column to the right of it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row below it."""
        return self.y + self.height

    @property
    def edges(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom; right and bottom lie outside."""
        return self.x, self.y, self.right, self.bottom


@dataclass(frozen=True)
class Stage:
    """The places in a picture of `size` (width, height).

    `title` and `body` are the slide's; the presenter's film is cut to fill `presenter` and masked to its `shape`: a
    circle, a rounded rectangle, or one that reaches the picture's edges. Burned subtitles stay in `subtitles`, centred
    in the picture. `unit` is a 720th of the short side, in pixels: the measure for type and gaps.
    """

    size: tuple[int, int]
    title: Box
    body: Box
    presenter: Box
    shape: Shape
    subtitles: Box
    unit: float
    leftwards: bool = False

    def mirrored(self) -> Stage:
        """Return the stage for writing from right to left: text begins at the right, the presenter is at the left."""
        width = self.size[0]
        boxes = {name: getattr(self, name) for name in ("title", "body", "presenter", "subtitles")}
        turned = {name: replace(box, x=width - box.right) for name, box in boxes.items()}
        return replace(self, **turned, leftwards=not self.leftwards)

    @property
    def rounding(self) -> float:
        """Radius of the presenter's corners in pixels."""
        return {"circle": self.presenter.width / 2, "rounded": ROUNDING * self.unit, "bleed": 0.0}[self.shape]


@dataclass(frozen=True)
class _Plan:
    """A stage in units: left, top, right and bottom of each place, with burned subtitles and without them."""

    shape: Shape
    title: tuple[int, int, int, int]
    body: tuple[int, int, int, int]
    presenter: tuple[int, int, int, int]
    subtitles: tuple[int, int, int, int]
    body_alone: tuple[int, int, int, int]
    presenter_alone: tuple[int, int, int, int]


def _plan(
    shape: Shape,
    title: tuple[int, int, int, int],
    body: tuple[int, int, int, int],
    presenter: tuple[int, int, int, int],
    band: tuple[int, int, int, int],
    floor: int,
) -> _Plan:
    """Lengthen the body to `floor` where there are no subtitles; a presenter at its foot moves down too, or grows."""
    left, top, right, bottom = presenter
    grown = (left, top + (floor - bottom) * (shape == "circle"), right, floor)
    stays = bottom < body[3] - 24 or shape == "bleed"
    body_floor = grown[1] - 24 if body[2] > left and not stays else floor
    alone = (*body[:3], body_floor)
    return _Plan(shape, title, body, presenter, band, alone, presenter if stays else grown)


# Bands of subtitles: two lines of them and what is left below.
WIDE, TALL, SQUARE = (64, 580, 1216, 704), (36, 1100, 684, 1224), (36, 582, 684, 706)
PLANS: dict[tuple[Aspect, Layout], _Plan] = {
    ("16:9", "corner"): _plan(
        "circle", (64, 44, 1216, 152), (64, 172, 952, 568), (988, 320, 1232, 564), WIDE, 676
    ),
    ("16:9", "side"): _plan(
        "rounded", (64, 44, 780, 172), (64, 192, 780, 568), (836, 44, 1236, 564), WIDE, 676
    ),
    ("16:9", "full"): _plan("bleed", (56, 44, 664, 184), (56, 204, 664, 568), (712, 0, 1280, 720), WIDE, 672),
    ("9:16", "corner"): _plan(
        "circle", (48, 72, 672, 232), (48, 256, 672, 804), (424, 828, 684, 1088), TALL, 1216
    ),
    ("9:16", "side"): _plan(
        "rounded", (48, 556, 672, 684), (48, 704, 672, 1088), (108, 36, 612, 524), TALL, 1216
    ),
    ("9:16", "full"): _plan("bleed", (48, 636, 672, 748), (48, 768, 672, 1088), (0, 0, 720, 600), TALL, 1216),
    ("1:1", "corner"): _plan(
        "circle", (44, 36, 676, 132), (44, 148, 476, 572), (500, 384, 688, 572), SQUARE, 680
    ),
    ("1:1", "side"): _plan(
        "rounded", (40, 36, 680, 132), (40, 148, 404, 572), (432, 160, 680, 496), SQUARE, 684
    ),
    ("1:1", "full"): _plan("bleed", (36, 36, 396, 152), (36, 168, 396, 572), (424, 0, 720, 720), SQUARE, 676),
}


def plan(aspect: str, resolution: int, layout: str, subtitles: bool = True) -> Stage:
    """Return the stage for a film's shape, its short side in pixels and the presenter's part in it.

    Without burned subtitles the slide may use what would be their place. Raises `RuntimeProblem`.
    """
    _check("aspect", aspect, get_args(Aspect))
    _check("resolution", resolution, RESOLUTIONS)
    _check("layout", layout, get_args(Layout))
    found = PLANS[(aspect, layout)]  # type: ignore[index]
    unit = resolution / UNITS
    width, height = SIZES[aspect]  # type: ignore[index]
    return Stage(
        size=(round(width * unit), round(height * unit)),
        title=_box(found.title, unit),
        body=_box(found.body if subtitles else found.body_alone, unit),
        presenter=_box(found.presenter if subtitles else found.presenter_alone, unit),
        shape=found.shape,
        subtitles=_box(found.subtitles, unit),
        unit=unit,
    )


def presenter_mask(stage: Stage) -> NDArray[np.uint8]:
    """Return how much of each pixel of `stage.presenter` the presenter covers: (height, width), 0..255."""
    width, height = stage.presenter.width * MASK_DETAIL, stage.presenter.height * MASK_DETAIL
    large = Image.new("L", (width, height), 0)
    corners = (0, 0, width - 1, height - 1)
    ImageDraw.Draw(large).rounded_rectangle(corners, stage.rounding * MASK_DETAIL, fill=255)
    return np.asarray(large.resize((stage.presenter.width, stage.presenter.height), Image.Resampling.BOX))


def _box(edges: tuple[int, int, int, int], unit: float) -> Box:
    # Even edges: a film's colours are stored for every second pixel.
    left, top, right, bottom = (2 * round(edge * unit / 2) for edge in edges)
    return Box(left, top, right - left, bottom - top)


def _check(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        choices = ", ".join(map(str, allowed))
        raise RuntimeProblem(
            "option_out_of_range", f"Option {name} is {value}, but must be one of {choices}."
        )
