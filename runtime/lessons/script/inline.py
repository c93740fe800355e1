"""The inside of a line: its styles as spans, the pictures and displayed formulas that stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from markdown_it.tree import SyntaxTreeNode

from runtime.contract import Notice
from runtime.lessons.script.lesson import Formula, Line, Picture, Span
from runtime.lessons.script.problems import invalid, noticed
from runtime.lessons.script.speech import HARD_BREAK, SOFT_BREAK

LINE_BREAK = Span(HARD_BREAK)
PLAIN = Span("")
STYLES: dict[str, dict[str, Any]] = {
    "strong": {"bold": True},
    "em": {"italic": True},
    "s": {"strike": True},
    "link": {},
}
FORMULAS = ("math_inline", "math_single")
DISPLAYED = "math_inline_double"  # $$ inside a line of text
UNREAD_PICTURE = re.compile(r"!\[[^\[\]]*\]\((?P<source>[^()]+)\)")  # left as text, for its address is none


def read_inline(
    nodes: Iterable[SyntaxTreeNode], line: int, notices: list[Notice], step: int = 1
) -> tuple[Line, list[Picture | Formula]]:
    """Return the spans of a text that begins in `line`, breaks of its lines kept as newlines, and what in it
    stands on the slide by itself.

    `step` is by how much the line number grows at a break.
    """
    reader = _Inline(line, notices, step)
    reader.read(nodes, PLAIN)
    return _trimmed(reader.spans), reader.apart


class _Inline:
    def __init__(self, line: int, notices: list[Notice], step: int) -> None:
        self.line = line
        self.step = step
        self.notices = notices
        self.spans: list[Span] = []
        self.apart: list[Picture | Formula] = []
        self._written = ""  # the text of the line of the script that is being read

    def read(self, nodes: Iterable[SyntaxTreeNode], style: Span) -> None:
        for node in nodes:
            if node.type in STYLES:
                self.read(node.children, replace(style, **STYLES[node.type]))
            elif node.type == "image":
                self._picture(node)
            elif node.type == DISPLAYED:
                self.apart.append(Formula(node.content.strip(), self.line))
                self._add(replace(style, text=SOFT_BREAK))
            elif node.type == "html_inline":
                self._html(node.content, style)
            else:
                self._add(self._span(node, style))

    def _span(self, node: SyntaxTreeNode, style: Span) -> Span:
        if node.type in ("softbreak", "hardbreak"):
            self.line += self.step
            self._written = ""
            return replace(style, text=SOFT_BREAK if node.type == "softbreak" else HARD_BREAK)
        if node.type == "code_inline":
            return replace(style, text=node.content, code=True)
        if node.type in FORMULAS:
            return replace(style, text=node.content.strip(), math=True)
        if "$$" in node.content:
            raise invalid(self.line, "$$ opens a formula here that is never closed.")
        self._check_pictures(node.content)
        return replace(style, text=node.content)

    def _add(self, span: Span) -> None:
        if not span.text:
            return
        last = self.spans[-1] if self.spans else None
        if last is not None and not span.math and replace(last, text="") == replace(span, text=""):
            self.spans[-1] = replace(last, text=last.text + span.text)
        else:
            self.spans.append(span)

    def _picture(self, node: SyntaxTreeNode) -> None:
        source = str(node.attrs.get("src", ""))
        if not source.startswith(("http://", "https://")):
            source = unquote(source)  # the parser makes a part of an address of a name: my%20pic.png
        if not source:
            raise invalid(self.line, "a picture here has no address.")
        if title := node.attrs.get("title"):
            self.notices.append(noticed(self.line, f"the picture's title, {title}, is left out."))
        self.apart.append(Picture(source, node.content, self.line))

    def _check_pictures(self, text: str) -> None:
        """Refuse a picture that Markdown takes for text, as it does where there are spaces in its name."""
        self._written += text
        unread = UNREAD_PICTURE.search(self._written)
        if unread is None:
            return
        source = unread["source"].strip()
        hint = "A picture is named by a file, or by an address that begins with https://."
        if " " in source:
            hint = f"Put a name with spaces between < and >: ![...](<{source}>)"
        raise invalid(self.line, f"the picture {source[:80]} is not valid Markdown.", hint)

    def _html(self, tag: str, style: Span) -> None:
        if re.fullmatch(r"<br\s*/?>", tag, re.IGNORECASE):
            self._add(replace(style, text=HARD_BREAK))
        elif tag.startswith("<!--"):
            self.notices.append(noticed(self.line, "a comment is left out."))
        elif not tag.startswith("</"):
            self.notices.append(noticed(self.line, f"the tag {tag[:40]} is left out; its text stays."))


def _trimmed(spans: list[Span]) -> Line:
    """Return the spans without empty space at either end (there may be some where a picture stood)."""
    spans = list(spans)
    while spans and not spans[0].code and not spans[0].text.strip():
        spans.pop(0)
    while spans and not spans[-1].code and not spans[-1].text.strip():
        spans.pop()
    if spans and not spans[0].code:
        spans[0] = replace(spans[0], text=spans[0].text.lstrip())
    if spans and not spans[-1].code:
        spans[-1] = replace(spans[-1], text=spans[-1].text.rstrip())
    return tuple(spans)
