"""Slides drawn by a typesetter: a scene, a stage and a theme become a picture."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from runtime.contract import RuntimeProblem
from runtime.lessons.layout import Box, Stage
from runtime.lessons.script import Block, Bullets, Code, Formula, Line, Scene, Span, Table, Text
from runtime.lessons.script.problems import invalid
from runtime.lessons.script.speech import HARD_BREAK, UNSPACED, joined
from runtime.lessons.slides.fonts import FontBook, language_of, open_fonts, right_to_left
from runtime.lessons.slides.formulas import set_formula
from runtime.lessons.slides.texts import block_texts, longest_words, parted, phrases, plain_text, shown_text
from runtime.lessons.slides.theme import Theme, hexadecimal

TEMPLATE = Path(__file__).with_name("slide.typ")
TYPE_SIZES = (40, 36, 33, 30, 28, 26, 24, 22, 20, 18)  # units; the largest that fits is taken
USUAL_SIZE = 30  # what is larger needs a slide with little on it
TABLE_SIZE = 22  # the smallest for the sake of tables without broken cells
MARK = (132, 40)  # units, the place of number or logo in the upper corner
FRAME = 5  # units that the presenter's frame stands out
UNSPACED_PAIR = re.compile(rf"(?<=[{UNSPACED}])(?<![，、：；。！？—…])(?=[{UNSPACED}])")
TOO_FULL = {
    "slide-too-full": "the slide of this scene holds more than can be read at a glance; part it into two scenes.",
    "formula-too-wide": "a formula of this scene is too wide for its slide; part it into two.",
    "title-too-long": "the title of this scene is too long for its slide.",
}


def draw_slide(
    scene: Scene,
    stage: Stage,
    theme: Theme,
    number: int = 1,
    total: int = 1,
    *,
    pictures: Mapping[str, Path] | None = None,
    fonts: FontBook | None = None,
    language: str | None = None,
) -> NDArray[np.uint8]:
    """Draw a scene's slide: RGB uint8 (H, W, 3), the whole picture with the presenter's place left free.

    `number` of `total` is shown small; `pictures` tells where the picture of each source lies (see pictures.py).
    Raises `RuntimeProblem` for what does not fit, formulas that are not understood and pictures that are not there.
    """
    import typst

    fonts = fonts or open_fonts()
    with tempfile.TemporaryDirectory(prefix="slide-") as folder:
        composition = _Composition(scene, stage, theme, fonts, Path(folder), pictures or {}, language)
        slide = composition.described(number, total)
        template = Path(folder) / TEMPLATE.name
        shutil.copyfile(TEMPLATE, template)
        try:
            png = typst.compile(
                str(template),
                root=folder,
                font_paths=fonts.found,
                format="png",
                ppi=72,
                sys_inputs={"slide": json.dumps(slide)},
            )
        except typst.TypstError as fault:
            raise _refused(scene, fault) from None
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB).astype(np.uint8, copy=False)  # type: ignore[union-attr]


def _refused(scene: Scene, fault: Exception) -> Exception:
    for mark, sentence in TOO_FULL.items():
        if mark in str(fault):
            return invalid(scene.line, sentence)
    return fault


class _Composition:
    """Describes one slide to the template in values of JSON."""

    def __init__(
        self,
        scene: Scene,
        stage: Stage,
        theme: Theme,
        fonts: FontBook,
        folder: Path,
        pictures: Mapping[str, Path],
        language: str | None,
    ) -> None:
        self.scene, self.stage, self.theme, self.fonts = scene, stage, theme, fonts
        self.folder, self.pictures = folder, pictures
        self.text = shown_text(scene)
        # Emoji that no font has would be drawn as empty boxes.
        self.left_off = str.maketrans(dict.fromkeys(fonts.lacking(self.text), ""))
        self.language = language_of(self.text, language)

    def described(self, number: int, total: int) -> dict[str, Any]:
        """Return all that the template asks for."""
        code, _, region = self.language.partition("-")
        title, unit = self.stage.title, self.stage.unit
        title_text = plain_text(self.scene.heading)
        rtl = self.stage.leftwards or right_to_left(self.text)
        return {
            "size": self.stage.size,
            "unit": unit,
            "language": code.lower(),
            "region": region.upper() if len(region) == 2 else None,
            "rtl": rtl,
            "fonts": self._fonts(),
            "mono": self.fonts.code_families(),
            "colours": self._colours(),
            "code_theme": self.theme.code_theme,
            "title": self._line(self.scene.heading),
            "glued_title": self._line(tuple(_glued(span) for span in self.scene.heading)),
            "title_words": longest_words(title_text),
            "title_phrases": phrases(title_text),
            "blocks": [self._block(block) for block in self.scene.body],
            "areas": {
                "title": _area(title),
                "body": _area(self.stage.body),
                "alone": _area(self._alone()),
                "mark": self._mark(rtl),
            },
            "frame": self._frame(),
            "bar": self._bar(),
            "type_sizes": [size * unit for size in TYPE_SIZES],
            "table_size": TABLE_SIZE * unit,
            "usual_size": USUAL_SIZE * unit,
            "number": number,
            "total": total,
            "logo": self._picture(self.theme.logo) if self.theme.logo else None,
        }

    def _fonts(self) -> list[Any]:
        families: list[Any] = list(self.fonts.text_families(self.language, self.theme.font))
        # Quotation marks and dashes belong to both Latin and Chinese; in Chinese text they are a square wide.
        if self.language.split("-")[0].lower() in ("zh", "ja") and len(families) > 1:
            families[0] = {"name": families[0], "covers": "latin-in-cjk"}
        return families

    def _colours(self) -> dict[str, str]:
        theme = self.theme
        shades = {"panel": 0.05, "rule": 0.15, "muted": 0.65}
        return {
            "background": hexadecimal(theme.background),
            "text": hexadecimal(theme.text),
            "accent": hexadecimal(theme.accent),
            **{name: hexadecimal(theme.shade(share)) for name, share in shades.items()},
        }

    def _frame(self) -> dict[str, float] | None:
        if self.stage.shape == "bleed":
            return None
        out, box = FRAME * self.stage.unit, self.stage.presenter
        frame = {
            "x": box.x - out,
            "y": box.y - out,
            "width": box.width + 2 * out,
            "height": box.height + 2 * out,
        }
        return {**frame, "radius": self.stage.rounding + out}

    def _bar(self) -> dict[str, int]:
        """The bar of progress, as wide as a presenter at the picture's lower edge leaves it."""
        presenter, (width, height) = self.stage.presenter, self.stage.size
        covered = presenter.width if presenter.bottom == height else 0
        return {"x": covered if presenter.x == 0 else 0, "width": width - covered}

    def _mark(self, rtl: bool) -> dict[str, float]:
        # At the height of the ornament, so that the title may be as wide as its place.
        title, unit = self.stage.title, self.stage.unit
        width, height = (side * unit for side in MARK)
        return {
            "x": title.x if rtl else title.right - width,
            "y": title.y + 3 * unit - height / 2,
            "width": width,
            "height": height,
        }

    def _alone(self) -> Box:
        """Title and body as one place below the mark, no wider than the body: the presenter may stand beside it."""
        body, top = self.stage.body, self.stage.title.y + round(MARK[1] * self.stage.unit)
        return Box(body.x, top, body.width, body.bottom - top)

    def _block(self, block: Block) -> dict[str, Any]:
        if isinstance(block, Bullets):
            longest = longest_words("\n".join(block_texts(block)))
            return {"kind": "bullets", "longest": longest, **self._bullets(block)}
        if isinstance(block, Text):
            longest = longest_words(plain_text(block.text))
            return {"kind": "text", "longest": longest, "text": self._line(block.text), "quote": block.quote}
        if isinstance(block, Code):
            text = block.text.translate(self.left_off)
            return {"kind": "code", "longest": longest_words(text), "text": text, "language": block.language}
        if isinstance(block, Table):
            return {"kind": "table", **self._table(block)}
        if isinstance(block, Formula):
            return {"kind": "formula", "drawn": self._formula(block.latex, False, block.line)}
        return {"kind": "picture", **self._picture(block.source)}

    def _table(self, table: Table) -> dict[str, Any]:
        rows = (table.header, *table.rows) if table.header else table.rows
        columns = zip(*rows, strict=True)
        words = [longest_words("\n".join(map(plain_text, column)))[-1:] for column in columns]
        return {
            "header": self._lines(table.header),
            "rows": [self._lines(row) for row in table.rows],
            "alignment": table.alignment,
            "longest": ["".join(word) for word in words],
        }

    def _bullets(self, bullets: Bullets) -> dict[str, Any]:
        items = [
            {
                "text": self._line(item.text),
                "children": self._bullets(item.children) if item.children else None,
            }
            for item in bullets.items
        ]
        return {"items": items, "ordered": bullets.ordered, "start": bullets.start}

    def _lines(self, lines: Iterable[Line]) -> list[list[dict[str, Any]]]:
        return [self._line(line) for line in lines]

    def _line(self, line: Line) -> list[dict[str, Any]]:
        return [
            {
                "text": self._text(span),
                "bold": span.bold,
                "italic": span.italic,
                "code": span.code,
                "strike": span.strike,
                "math": self._formula(span.text, True, self.scene.line) if span.math else None,
            }
            for span in line
        ]

    def _text(self, span: Span) -> str:
        text = joined(span.text).replace(HARD_BREAK, "\n").translate(self.left_off)
        return text if span.code else parted(text)

    def _formula(self, latex: str, inline: bool, line: int) -> dict[str, Any]:
        drawn = set_formula(latex, hexadecimal(self.theme.text), inline, line)
        return {"svg": drawn.svg, "width": drawn.width, "height": drawn.height, "depth": drawn.depth}

    def _picture(self, source: str) -> dict[str, Any]:
        """Copy a picture to where the typesetter may read it; no larger than the whole slide."""
        path = self.pictures.get(source)
        if path is None:
            raise RuntimeProblem("image_missing", f"The picture {source[:80]} was not fetched.")
        name = f"picture{len(list(self.folder.iterdir()))}.png"
        with Image.open(path) as picture:
            picture.thumbnail(self.stage.size, Image.Resampling.LANCZOS)
            picture.save(self.folder / name, compress_level=1)
            return {"file": name, "width": picture.width, "height": picture.height}


def _glued(span: Span) -> Span:
    """Let a text that is written without spaces part behind its punctuation only."""
    return span if span.math else replace(span, text=UNSPACED_PAIR.sub("\u2060", span.text))


def _area(box: Box) -> dict[str, int]:
    return {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
