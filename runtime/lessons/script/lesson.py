"""What a script says: scenes, each with what its slide shows and what its presenter speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from runtime.contract import Notice

Alignment = Literal["left", "center", "right", "auto"]


@dataclass(frozen=True)
class Span:
    """A run of text on a slide in one style. `math` marks a formula inside a line: `text` is then LaTeX."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    strike: bool = False
    math: bool = False


Line = tuple[Span, ...]


@dataclass(frozen=True)
class Bullet:
    """One point of a list, with the points under it."""

    text: Line
    children: Bullets | None = None


@dataclass(frozen=True)
class Bullets:
    """A list; `start` is the first number of a numbered one."""

    items: tuple[Bullet, ...]
    ordered: bool = False
    start: int = 1


@dataclass(frozen=True)
class Text:
    """A paragraph that is shown, not spoken."""

    text: Line
    quote: bool = False


@dataclass(frozen=True)
class Picture:
    """An image: `source` is an http(s) address or the name of a file beside the script."""

    source: str
    alt: str = ""
    line: int = 0


@dataclass(frozen=True)
class Code:
    """A listing; `language` is the name behind the fence, empty when there is none."""

    text: str
    language: str = ""
    line: int = 0


@dataclass(frozen=True)
class Table:
    """Rows of cells below an optional header (empty when there is none); `alignment` has one entry a column."""

    rows: tuple[tuple[Line, ...], ...]
    header: tuple[Line, ...]
    alignment: tuple[Alignment, ...]


@dataclass(frozen=True)
class Formula:
    """A formula on a line of its own, as LaTeX without its delimiters."""

    latex: str
    line: int = 0


Block = Bullets | Text | Picture | Code | Table | Formula


@dataclass(frozen=True)
class Paragraph:
    """What is said in one breath: plain text for a voice, from line `line` (1 = first) of the script.

    `pause_after`, in seconds, is what the script asks for with `[pause 1s]`, on top of the natural gap; 0 where it
    asks for nothing. Text is empty only where a scene begins with a pause: then nothing is said for so long.
    """

    text: str
    line: int
    pause_after: float = 0.0


@dataclass(frozen=True)
class Scene:
    """One slide and what is said to it. `heading` is the title with its styles; `title` the same as plain text.

    A scene without narration is silent; `line` is where it begins in the script (1 = first).
    """

    title: str
    body: tuple[Block, ...]
    narration: tuple[Paragraph, ...]
    line: int
    heading: Line = ()


@dataclass(frozen=True)
class Lesson:
    """A whole script. `look` holds what it says of its slides: theme, accent, background,
    text, logo and font.

    `notices` name, with their lines, the things that were understood otherwise than written.
    """

    title: str
    scenes: tuple[Scene, ...]
    language: str | None = None
    look: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
