"""All that a slide's letters are, and whether there are fonts for them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runtime.contract import Notice
from runtime.lessons.script import Block, Bullets, Code, Lesson, Line, Scene, Table, Text
from runtime.lessons.script.problems import noticed
from runtime.lessons.script.speech import UNSPACED
from runtime.lessons.slides.fonts import FontBook, fonts_missing, is_letter

WORD = re.compile(rf"[^\s\u200b{UNSPACED}]+|[{UNSPACED}]")
PHRASE = re.compile(r"[^\s，、：；。！？—…]+[，、：；。！？—…]*|[，、：；。！？—…]+")
LONG_WORD = re.compile(r"[!-~]{24,}")  # as addresses are
LONGEST = 3  # words by characters, among which the widest is


def longest_words(text: str) -> list[str]:
    """Return the longest parts of a text that no line break may part."""
    return sorted(set(WORD.findall(parted(text))), key=len)[-LONGEST:]


def parted(text: str) -> str:
    """Let very long words part behind their punctuation, with spaces of no width."""
    return LONG_WORD.sub(lambda word: re.sub(r"(?<=[/._?&=-])(?=\w)", "\u200b", word[0]), text)


def phrases(text: str) -> list[str]:
    """Return what stands between spaces and the punctuation of writing without spaces."""
    return PHRASE.findall(text)


def shown_text(scene: Scene) -> str:
    """Return the words on a scene's slide, formulas apart: they have a font of their own."""
    return "\n".join(
        [plain_text(scene.heading), *(text for block in scene.body for text in block_texts(block))]
    )


def check_fonts(lesson: Lesson, fonts: FontBook) -> list[Notice]:
    """Return which emoji and signs no font here has; raises `RuntimeProblem` for letters that none has."""
    notices = []
    for scene in lesson.scenes:
        lacking = fonts.lacking(shown_text(scene))
        letters = [sign for sign in lacking if is_letter(sign)]
        if letters:
            raise fonts_missing(letters, scene.line)
        if lacking:
            signs = " ".join(lacking)
            notices.append(noticed(scene.line, f"{signs} is left off the slide, as no font here has it."))
    return notices


def plain_text(line: Line) -> str:
    """Return a line without its formulas."""
    return "".join(span.text for span in line if not span.math)


def block_texts(block: Block) -> Iterator[str]:
    """Go through the texts of a block."""
    if isinstance(block, Text):
        yield plain_text(block.text)
    elif isinstance(block, Code):
        yield block.text
    elif isinstance(block, Table):
        for row in (block.header, *block.rows):
            yield from map(plain_text, row)
    elif isinstance(block, Bullets):
        for item in block.items:
            yield plain_text(item.text)
            if item.children:
                yield from block_texts(item.children)
