"""The slides of a lesson, drawn from its script or taken from files."""

from __future__ import annotations

from runtime.lessons.slides.drawing import draw_slide
from runtime.lessons.slides.fonts import FontBook, open_fonts
from runtime.lessons.slides.texts import check_fonts
from runtime.lessons.slides.theme import Theme

__all__ = ["FontBook", "Theme", "check_fonts", "draw_slide", "open_fonts"]
