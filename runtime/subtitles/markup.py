"""Which characters of a script are Markdown or HTML and no part of the text that is read."""

from __future__ import annotations

import re

from runtime.speech.script import PlainText

# Each pattern's named group "text" is what a reader sees; everything else that it matches is markup.
_MARKUP = [
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^[ \t]*(?:`{3,}|~{3,})[^\n]*$",  # fences of code
        r"^[ \t]*(?:[-*_][ \t]*){3,}$",  # rules
        r"^[ \t]*(?:={2,}|\|?[ \t]*:?-{2,}[-:| \t]*)$",  # underlined headings and tables
        r"^[\x00 \t]*(?:>[ \t]?)+(?P<text>)",  # quotations
        r"^[\x00 \t]*#{1,6}[ \t]+(?P<text>[^\n]*?)(?:[ \t]+#+)?[ \t]*$",  # headings
        r"^[\x00 \t]*[-*+\u2022][ \t]+(?:\[[ xX]\][ \t]+)?(?P<text>)",  # items
        r"!?\[(?P<text>[^\]\n]*)\]\([^)\n]*\)",  # links and pictures
        r"<(?:/?[A-Za-z][^<>\n]*|!--.*?--)>",  # tags and comments
        r"(?<![*\\0-9A-Za-z_])(?P<marks>\*{1,3})(?=\S)(?P<text>[^*\n]+?)(?<=[^\s\\])(?P=marks)(?!\*)",  # emphasis
        r"(?<=\w)(?P<marks>\*{2,3})(?=\S)(?P<text>[^*\n]+?)(?<=\S)(?P=marks)(?!\*)",  # in the middle of a word
        r"(?<![\w\\])(?P<marks>_{1,3})(?=\S)(?P<text>[^\n]+?)(?<=[^\s\\])(?P=marks)(?!\w)",
        r"~~(?=\S)(?P<text>[^~\n]+?)(?<=\S)~~",
        r"(?P<ticks>`+)(?P<text>[^`\n]+?)(?P=ticks)",
        r"(?:(?<=\s)|^)\|(?=\s|$)",  # columns of a table
        r"\\(?P<text>[!-/:-@\[-`{-~])",  # signs that were protected from all this
    )
]


def readable(script: str) -> list[bool]:
    """Tell of each character of the script whether a reader sees it; spaces and line ends count as seen."""
    if isinstance(script, PlainText):
        return [True] * len(script)
    script = script.replace("\r\n", " \n")  # places stay as they are
    seen = [True] * len(script)
    for pattern in _MARKUP:
        # What was found before is hidden from the patterns that follow, but keeps its place.
        rest = "".join(sign if kept else "\x00" for sign, kept in zip(script, seen, strict=True))
        for match in pattern.finditer(rest):
            start, end = match.span("text") if "text" in pattern.groupindex else (match.end(), match.end())
            for place in (*range(match.start(), start), *range(end, match.end())):
                seen[place] = False
    return seen
