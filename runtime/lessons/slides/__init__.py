"""The slides of a lesson, drawn from its script or taken from files."""

from __future__ import annotations

from runtime.lessons.slides.drawing import draw_slide
from runtime.lessons.slides.files import Deck, open_deck
from runtime.lessons.slides.fonts import FontBook, open_fonts
from runtime.lessons.slides.pictures import gather_pictures
from runtime.lessons.slides.texts import check_fonts
from runtime.lessons.slides.theme import Theme

__all__ = [
    "Deck",
    "FontBook",
    "Theme",
    "check_fonts",
    "draw_slide",
    "gather_pictures",
    "open_deck",
    "open_fonts",
]
