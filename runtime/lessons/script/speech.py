"""From written lines to what a voice is given: plain text, and the pauses asked for."""

from __future__ import annotations

import re

from runtime.contract import Notice
from runtime.lessons.script.lesson import Line, Paragraph, Span
from runtime.lessons.script.problems import invalid, noticed

SOFT_BREAK, HARD_BREAK = "\n", "\u2028"  # a new line in the script; one that is meant
MAX_PAUSE = 30.0  # seconds
PAUSE = re.compile(
    r"\[\s*(?:pause|停顿|停頓|暂停|暫停|ポーズ|пауза|pausa)(?![a-z])(?P<length>[^\[\]]*)\]", re.IGNORECASE
)
SECONDS = re.compile(r"(\d+(?:[.,]\d+)?)\s*(ms|毫秒|s|sec|secs|seconds?|秒钟?|с|сек)?", re.IGNORECASE)
BARE_PAUSE = 1.0  # seconds of a [pause] without a number
DIRECTION = re.compile(r"\[[^\[\]\n]{1,60}\]")
# Scripts that write no spaces between words: a line may end anywhere in them.
UNSPACED = (
    r"\u2e80-\u30ff\u3100-\u318f\u31a0-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff\u0e00-\u0eff"
)
UNSPACED_BREAK = re.compile(rf"(?<=[{UNSPACED}])[ \t]*\n[ \t]*(?=[{UNSPACED}])")


def joined(text: str) -> str:
    """Return text without the line breaks of the script: a space for each, nothing where no spaces are written."""
    return re.sub(r"[ \t]*\n[ \t]*", " ", UNSPACED_BREAK.sub("", text))


def plain(line: Line) -> str:
    """Return a line's text without its styles; formulas as the words they are made of."""
    text = "".join(formula_words(span.text) if span.math else span.text for span in line)
    return re.sub(r"[ \t]+", " ", joined(text.replace(HARD_BREAK, SOFT_BREAK))).strip()


def formula_words(latex: str) -> str:
    """Return what can be read out of a LaTeX formula without understanding it: \\alpha + x^{2} is "alpha + x^2"."""
    return " ".join(re.sub(r"[{}\\]", " ", re.sub(r"\\[,;:!]", " ", latex)).replace("^ ", "^").split())


def utterances(line: Line, number: int, notices: list[Notice]) -> list[Paragraph]:
    """Split a spoken paragraph that begins in line `number` at its pauses, each with the line it begins in."""
    if any(span.math for span in line):
        notices.append(noticed(number, "a formula is spoken letter by letter; write it in words."))
    text = "".join(formula_words(span.text) if span.math else span.text for span in line)
    text = text.replace(HARD_BREAK, SOFT_BREAK)
    found: list[Paragraph] = []
    place = 0
    for mark in PAUSE.finditer(text):
        _say(found, text, place, mark.start(), number, notices)
        at = number + text.count("\n", 0, mark.start())
        add_pause(found, _seconds(mark, at), at)
        place = mark.end()
    _say(found, text, place, len(text), number, notices)
    return found


def add_pause(said: list[Paragraph], seconds: float, number: int) -> None:
    """Lengthen the pause behind the last thing said; before anything is said, begin with a silence."""
    if not said:
        said.append(Paragraph("", number, seconds))
        return
    last = said.pop()
    said.append(Paragraph(last.text, last.line, last.pause_after + seconds))


def _say(said: list[Paragraph], text: str, begin: int, end: int, number: int, notices: list[Notice]) -> None:
    part = text[begin:end]
    words = plain((Span(part),))
    if not words:
        return
    line = number + text.count("\n", 0, begin + len(part) - len(part.lstrip()))
    notices.extend(
        noticed(line, f"{mark[0]} is spoken as it stands; the only direction is [pause 1s].")
        for mark in DIRECTION.finditer(words)
    )
    if not any(character.isalnum() for character in words):
        notices.append(noticed(line, f"{words} holds nothing to speak and is left out."))
        return
    said.append(Paragraph(words, line))


def _seconds(mark: re.Match[str], number: int) -> float:
    wanted = mark["length"].strip(" \n:：=-,，")
    if not wanted:
        return BARE_PAUSE
    found = SECONDS.fullmatch(wanted)
    if found is None:
        raise invalid(number, f"{mark[0]} is not understood; write a pause as [pause 1s] or [pause 500ms].")
    seconds = float(found[1].replace(",", ".")) * (0.001 if found[2] in ("ms", "毫秒") else 1.0)
    if not 0 < seconds <= MAX_PAUSE:
        raise invalid(number, f"{mark[0]} must be more than 0 and at most {MAX_PAUSE:g} seconds.")
    return seconds
