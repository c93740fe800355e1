"""A lesson's script: Markdown, or JSON with the same fields, to scenes.

Nothing of a script is dropped in silence: it is on the slide, it is spoken, it is named in `Lesson.notices`, or it
is refused with its line.
"""

from __future__ import annotations

import re
from dataclasses import replace

from runtime.lessons.script.json_form import looks_like_json, read_json
from runtime.lessons.script.lesson import (
    Alignment,
    Block,
    Bullet,
    Bullets,
    Code,
    Formula,
    Lesson,
    Line,
    Paragraph,
    Picture,
    Scene,
    Span,
    Table,
    Text,
)
from runtime.lessons.script.markdown import read_markdown
from runtime.lessons.script.problems import MAX_CHARACTERS, MAX_SCENES, invalid, noticed
from runtime.lessons.script.wrapping import unwrap

HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # which JSON may escape, but nothing can write

__all__ = [
    "Alignment",
    "Block",
    "Bullet",
    "Bullets",
    "Code",
    "Formula",
    "Lesson",
    "Line",
    "Paragraph",
    "Picture",
    "Scene",
    "Span",
    "Table",
    "Text",
    "parse_lesson",
]


def parse_lesson(text: str) -> Lesson:
    """Read a script in either form. Raises `RuntimeProblem` (script_invalid) naming the line that is at fault."""
    if len(text) > MAX_CHARACTERS:
        raise invalid(
            None, f"The script has {len(text)} characters, more than the {MAX_CHARACTERS} accepted."
        )
    if half := HALF_CHARACTER.search(text):
        raise invalid(
            text.count("\n", 0, half.start()) + 1, "half a character stands here, which is no text."
        )
    text, reasoning = unwrap(text)
    if not text.strip():
        raise invalid(None, "The script is empty.")
    lesson = read_json(text) if looks_like_json(text) else read_markdown(text)
    if not lesson.scenes:
        raise invalid(None, "The script has no scene: write a heading and what is spoken under it.")
    if len(lesson.scenes) > MAX_SCENES:
        line = lesson.scenes[MAX_SCENES].line
        raise invalid(line, f"this is scene {MAX_SCENES + 1}, and a lesson has {MAX_SCENES} at most.")
    if reasoning is None:
        return lesson
    left_out = noticed(reasoning, "the model's reasoning is neither spoken nor shown.")
    return replace(lesson, notices=(left_out, *lesson.notices))
