"""The slides of one lesson: drawn from its script, or given as pictures or a PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.contract import Notice
from runtime.lessons.layout import Stage
from runtime.lessons.script import Lesson
from runtime.lessons.slides import Deck, Theme, check_fonts, draw_slide, open_deck, open_fonts
from runtime.lessons.slides.fonts import language_of, right_to_left
from runtime.lessons.slides.texts import shown_text


@dataclass(frozen=True)
class SlideShow:
    """What the slides of a lesson are made from, and where they stand. Fonts and files are opened when needed."""

    lesson: Lesson
    stage: Stage
    theme: Theme
    pictures: Mapping[str, Path]
    files: Sequence[Path]
    language: str

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
        is mirrored."""
        text = "".join(map(shown_text, lesson.scenes))
        if right_to_left(text):
            stage = stage.mirrored()
        language = language_of(text, language or lesson.language)
        return cls(lesson, stage, theme, pictures, files, language)

    @cached_property
    def deck(self) -> Deck | None:
        """The slides that were given, opened; None where they are drawn."""
        return open_deck(self.files, len(self.lesson.scenes)) if self.files else None

    @cached_property
    def notices(self) -> list[Notice]:
        """What no font here has and is left off the slides. Raises `RuntimeProblem` for letters."""
        return [] if self.deck else check_fonts(self.lesson, open_fonts())

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
            language=self.language,
        )
