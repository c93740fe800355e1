"""The slides of one lesson: drawn from its script, or given as pictures or a PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.contract import Notice
from runtime.lessons.layout import Stage
from runtime.lessons.script import Lesson
from runtime.lessons.slides import Deck, FontBook, Theme, check_fonts, draw_slide, open_deck, open_fonts
from runtime.lessons.slides.fonts import language_of, right_to_left
from runtime.lessons.slides.texts import shown_text


@dataclass(frozen=True)
class SlideShow:
    """Draws the slide of each scene, by its number, on `stage`; `notices` name what is left off them."""

    lesson: Lesson
    stage: Stage
    theme: Theme
    fonts: FontBook
    pictures: Mapping[str, Path]
    deck: Deck | None
    language: str | None
    notices: Sequence[Notice]

    @classmethod
    def of(
        cls,
        lesson: Lesson,
        stage: Stage,
        theme: Theme,
        pictures: Mapping[str, Path],
        files: Sequence[Path] = (),
        language: str | None = None,
    ) -> SlideShow:
        """Prepare a lesson's slides. `pictures` tells where the picture of each source lies, `files` are pictures or
        one PDF to be shown instead of what the script says. Where the slides are written from right to left the stage
        is mirrored. Raises `RuntimeProblem`."""
        fonts = open_fonts()
        deck = open_deck(files, len(lesson.scenes)) if files else None
        notices = [] if deck else check_fonts(lesson, fonts)
        text = "".join(map(shown_text, lesson.scenes))
        if right_to_left(text):
            stage = stage.mirrored()
        language = language_of(text, language or lesson.language)
        return cls(lesson, stage, theme, fonts, pictures, deck, language, notices)

    def draw(self, number: int) -> NDArray[np.uint8]:
        """Return the picture (H, W, 3) of scene `number`, which counts from 0. Raises `RuntimeProblem`."""
        if self.deck is not None:
            return self.deck.draw(number, self.stage, self.theme)
        return draw_slide(
            self.lesson.scenes[number],
            self.stage,
            self.theme,
            number + 1,
            len(self.lesson.scenes),
            pictures=self.pictures,
            fonts=self.fonts,
            language=self.language,
        )
