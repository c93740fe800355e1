"""Formulas: LaTeX set as a drawing that stands in a line of text like a word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from runtime.lessons.script.problems import invalid
from runtime.lessons.slides.fonts import signs_of

SIZE = 100.0  # size of type that formulas are set in; the drawing scales
UNKNOWN = re.compile(r"\\[A-Za-z]+")
# What `align` and its kin number or name is not shown on a slide.
UNSHOWN = re.compile(r"\\(?:nonumber|notag|label\{[^}]*\})")


@dataclass(frozen=True)
class SetFormula:
    """A formula as SVG; `width`, `height` and `depth` (below the base line) are in units of the type's size."""

    svg: str
    width: float
    height: float
    depth: float


@lru_cache(maxsize=512)
def set_formula(latex: str, colour: str, inline: bool, line: int | None = None) -> SetFormula:
    """Set LaTeX in a colour (#rrggbb). Raises `RuntimeProblem` naming `line` for what is not understood."""
    import ziamath

    latex = UNSHOWN.sub("", latex).strip()
    where = f"the formula {latex[:60]}"
    if foreign := sorted(_foreign(latex)):
        raise invalid(
            line, f"{where} holds {foreign[0]}, which the font of formulas has not; write words outside."
        )
    try:
        drawn = ziamath.Latex(latex, size=SIZE, color=colour, inline=inline, margin=0)
        mathml = drawn.mathmlstr()
        width, height = drawn.getsize()
        svg = drawn.svg()
    except Exception as fault:  # the parser tells of bad LaTeX by whatever it stumbles over
        reason = f" ({str(fault)[:80]})" if str(fault) else ""
        raise invalid(line, f"{where} is not valid LaTeX{reason}.") from None
    if unknown := UNKNOWN.search(mathml):
        raise invalid(line, f"{where} holds {unknown[0]}, which is not known here.")
    return SetFormula(svg, width / SIZE, height / SIZE, -drawn.getyofst() / SIZE)


def _foreign(latex: str) -> set[str]:
    """The signs of a formula that its font has not."""
    signs = {sign for sign in latex if not (sign.isascii() or sign.isspace())}
    return signs - signs_of(_font(), 0, signs) if signs else signs


@lru_cache(maxsize=1)
def _font() -> str:
    import ziamath

    return str(next((Path(ziamath.__file__).parent / "fonts").glob("*.ttf")))
