"""Scripts in Markdown: a heading or a rule begins a scene, labels part what is spoken from what is shown."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.texmath import texmath_plugin

from runtime.contract import Notice
from runtime.lessons.script.brackets import bracket_plugin
from runtime.lessons.script.front_matter import About, read_front_matter
from runtime.lessons.script.inline import LINE_BREAK, read_inline
from runtime.lessons.script.labels import label_plugin
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
    Table,
    Text,
)
from runtime.lessons.script.problems import invalid, noticed
from runtime.lessons.script.speech import add_pause, plain, utterances

Voice = Literal["spoken", "shown", "open"]  # open: it depends on whether the scene has a label
FORMULAS = ("math_block", "math_block_label", "math_block_eqno", "amsmath")
MATH_FENCES = ("math", "katex")


@dataclass
class Draft:
    """A scene while it is being read. `open` holds the places in `body` of texts that no label has claimed yet."""

    line: int
    heading: Line = ()
    level: int = 0
    body: list[Block] = field(default_factory=list)
    said: list[Paragraph] = field(default_factory=list)
    open: list[tuple[Text, int]] = field(default_factory=list)
    voice: Voice = "open"
    labelled: bool = False

    @property
    def empty(self) -> bool:
        """Nothing stands under the heading yet."""
        return not (self.body or self.said)


def read_markdown(text: str) -> Lesson:
    """Read a Markdown script whose line breaks are single newlines. Raises `RuntimeProblem` naming the line."""
    notices: list[Notice] = []
    about, tokens = _front_matter(text, notices)
    reader = SceneReader(text, notices)
    for node in SyntaxTreeNode(tokens).children:
        reader.read(node)
    drafts = reader.finish()
    title = about.title
    if len(drafts) > 1 and _is_cover(drafts) and (not title or plain(drafts[0].heading) == title):
        title = plain(drafts.pop(0).heading)
    scenes = tuple(scene_of(draft, notices) for draft in drafts)
    title = title or next((scene.title for scene in scenes if scene.title), "")
    return Lesson(title, scenes, about.language, about.look, tuple(notices))


def _is_cover(drafts: Sequence[Draft]) -> bool:
    """Say whether the first heading is the lesson's: the only one of level 1, with nothing under it."""
    first, rest = drafts[0], drafts[1:]
    return first.level == 1 and first.empty and all(draft.level != 1 for draft in rest)


@functools.cache
def grammar(front_matter: bool = False) -> MarkdownIt:
    """Return the Markdown that scripts are written in: CommonMark, tables, formulas and labels.

    Three traps of CommonMark are shut: `---` below a paragraph would make it a heading, lines set in by four spaces
    would be code, and `[Host]: Welcome!` would be the address of links and vanish.
    """
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    markdown.disable(["lheading", "code", "reference"])
    markdown.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    markdown.use(texmath_plugin, delimiters="brackets").use(amsmath_plugin)
    markdown.use(bracket_plugin).use(label_plugin)
    return markdown.use(front_matter_plugin) if front_matter else markdown


def _front_matter(text: str, notices: list[Notice]) -> tuple[About, list[Token]]:
    tokens = grammar(front_matter=True).parse(text)
    if tokens and tokens[0].type == "front_matter":
        about = read_front_matter(tokens[0].content, 2, notices)
        if about is not None:
            return about, tokens[1:]
    return About(), grammar().parse(text)


def scene_of(draft: Draft, notices: list[Notice]) -> Scene:
    """Decide what is spoken where no label says so: with a label elsewhere in the scene nothing, else all."""
    body, said = draft.body, draft.said
    if not draft.labelled:
        unclaimed = [text for text, _ in draft.open]
        body = [block for block in body if not any(block is text for text in unclaimed)]
        if unclaimed and any(isinstance(block, Bullets) for block in body):
            line = draft.open[0][1]
            notices.append(noticed(line, "this paragraph is spoken, as no Narration: stands in its scene."))
        for text, line in draft.open:
            _say(said, text.text, line, notices)
    return Scene(plain(draft.heading), tuple(body), tuple(said), draft.line, draft.heading)


def _say(said: list[Paragraph], line: Line, number: int, notices: list[Notice]) -> None:
    """Add a paragraph; a pause that begins it lengthens the one before."""
    for part in utterances(line, number, notices):
        if not part.text and said:
            add_pause(said, part.pause_after, part.line)
        else:
            said.append(part)


class SceneReader:
    """Sorts the blocks of a script into scenes.

    `first_line` is the line (1 = first) that the text begins in; `one_line` tells that all of it stands there, its
    breaks written as \\n.
    """

    def __init__(self, text: str, notices: list[Notice], first_line: int = 1, one_line: bool = False) -> None:
        self.notices = notices
        self.drafts: list[Draft] = []
        self._lines = text.split("\n")
        self._first_line = first_line
        self._step = 0 if one_line else 1
        self._quoted = False

    @property
    def draft(self) -> Draft:
        """The scene that is being read."""
        if not self.drafts:
            self.drafts.append(Draft(self._first_line))
        return self.drafts[-1]

    def finish(self) -> list[Draft]:
        """Return the scenes; rules with nothing between them make none."""
        return [draft for draft in self.drafts if draft.heading or not draft.empty]

    def read(self, node: SyntaxTreeNode) -> None:
        """Take in one block."""
        line = self._line(node)
        if node.type == "hr":
            self.drafts.append(Draft(line))
        elif node.type == "heading":
            self._begin(node, line)
        elif node.type == "label":
            self._label(node, line)
        elif node.type == "paragraph":
            self._paragraph(node, line)
        elif node.type in ("bullet_list", "ordered_list"):
            self._list(node, line)
        elif node.type == "blockquote":
            self._quote(node)
        elif node.type == "html_block":
            self._html(node, line)
        else:
            self._show(self._shown_only(node, line), line)

    def _line(self, node: SyntaxTreeNode) -> int:
        return self._first_line + self._step * (node.map[0] if node.map else 0)

    def _begin(self, node: SyntaxTreeNode, line: int) -> None:
        if self.drafts and self.draft.empty and not self.draft.heading:
            self.drafts.pop()
        heading, apart = self.inline(node, line)
        draft = Draft(line, heading, int(node.tag[1:]))
        self.drafts.append(draft)
        draft.body.extend(apart)

    def _label(self, node: SyntaxTreeNode, line: int) -> None:
        self.draft.voice = "spoken" if node.info == "spoken" else "shown"
        self.draft.labelled |= node.info == "spoken"
        if aside := node.meta.get("aside"):
            self.notices.append(noticed(line, f"{aside} behind the label is neither spoken nor shown."))

    def _paragraph(self, node: SyntaxTreeNode, line: int) -> None:
        text, apart = self.inline(node, line)
        for block in apart:
            self._show(block, line)
        if not text:
            return
        if len(text) == 1 and text[0].math and self.draft.voice != "spoken":
            self.draft.body.append(Formula(text[0].text, line))
        elif self.draft.voice == "spoken":
            _say(self.draft.said, text, line, self.notices)
        else:
            shown = Text(text, self._quoted)
            self.draft.body.append(shown)
            # A quotation is for the slide where no label says otherwise.
            if self.draft.voice == "open" and not self._quoted:
                self.draft.open.append((shown, line))

    def _list(self, node: SyntaxTreeNode, line: int) -> None:
        if self.draft.voice == "spoken":
            self.notices.append(noticed(line, "this list stands under Narration: and is spoken, not shown."))
            for item in node.children:
                self._read_all(item.children)
            return
        place = len(self.draft.body)
        bullets = self._bullets(node)
        if bullets.items:
            self.draft.body.insert(place, bullets)

    def _bullets(self, node: SyntaxTreeNode) -> Bullets:
        items = [item for child in node.children for item in self._item(child)]
        return Bullets(tuple(items), node.type == "ordered_list", int(node.attrs.get("start", 1)))

    def _item(self, node: SyntaxTreeNode) -> Iterable[Bullet]:
        """Read one point: its first paragraph, the lists under it; a label turns what follows it into speech."""
        before = self.draft.voice
        text: Line = ()
        children: list[Bullet] = []
        nested: Bullets | None = None
        for child in node.children:
            if self.draft.voice == "spoken" or child.type not in ("paragraph", "bullet_list", "ordered_list"):
                self.read(child)
            elif child.type == "paragraph":
                more, apart = self.inline(child, self._line(child))
                self.draft.body.extend(apart)
                text = (*text, LINE_BREAK, *more) if text else more
            else:
                nested = self._bullets(child)
                children.extend(nested.items)
        self.draft.voice = before
        under = Bullets(tuple(children), nested.ordered, nested.start) if nested and children else None
        return [Bullet(text, under)] if text or under else []

    def _quote(self, node: SyntaxTreeNode) -> None:
        self._quoted = True
        self._read_all(node.children)
        self._quoted = False

    def _read_all(self, nodes: Iterable[SyntaxTreeNode]) -> None:
        for node in nodes:
            self.read(node)

    def _html(self, node: SyntaxTreeNode, line: int) -> None:
        if re.sub(r"<!--.*?-->", "", node.content, flags=re.DOTALL).strip():
            raise invalid(line, "this is HTML; scripts are written in Markdown.")
        self.notices.append(noticed(line, "a comment is left out."))

    def _show(self, block: Block, line: int) -> None:
        if self.draft.voice == "spoken":
            name = type(block).__name__.lower()
            self.notices.append(noticed(line, f"this {name} cannot be spoken and is shown on the slide."))
        self.draft.body.append(block)

    def _shown_only(self, node: SyntaxTreeNode, line: int) -> Block:
        if node.type == "fence":
            return self._fence(node, line)
        if node.type == "table":
            return self._table(node)
        if node.type in FORMULAS:
            return Formula(node.content.strip(), line)
        raise invalid(line, f"{node.type.replace('_', ' ')} is not understood in a script.")

    def _fence(self, node: SyntaxTreeNode, line: int) -> Block:
        assert node.map is not None
        last = self._lines[node.map[1] - 1].strip().lstrip("> ")
        if node.map[1] - node.map[0] < 2 or not last.startswith(node.markup) or last.strip(node.markup[0]):
            raise invalid(line, f"the code block that begins here is never closed with {node.markup}.")
        language, _, rest = node.info.strip().partition(" ")
        language = language.strip("{}.").lower()
        if rest.strip():
            self.notices.append(noticed(line, f"{rest.strip()} behind the language of the code is left out."))
        if language in MATH_FENCES:
            return Formula(node.content.strip(), line)
        if not node.content.strip():
            raise invalid(line, "the code block that begins here is empty.")
        return Code(node.content.rstrip("\n"), language, line)

    def _table(self, node: SyntaxTreeNode) -> Table:
        rows = [row for part in node.children for row in part.children]
        for row in rows[1:]:
            self._check_width(row, len(rows[0].children))
        cells = [tuple(self._cell(cell, self._line(row)) for cell in row.children) for row in rows]
        alignment = tuple(_alignment(cell) for cell in rows[0].children)
        header = cells[0] if any(cells[0]) else ()
        return Table(tuple(cells[1:]), header, alignment)

    def _check_width(self, row: SyntaxTreeNode, columns: int) -> None:
        """Refuse a row with more cells than the header: Markdown drops what is too much."""
        assert row.map is not None
        cells = escapedSplit(self._lines[row.map[0]].strip("> \t").removeprefix("|").removesuffix("|"))
        if len(cells) > columns:
            raise invalid(
                self._line(row), f"this row has {len(cells)} cells, but the table {columns} columns."
            )

    def _cell(self, node: SyntaxTreeNode, line: int) -> Line:
        text, apart = self.inline(node, line)
        if apart:
            raise invalid(line, "a table's cell holds text only, no picture and no $$.")
        return text

    def inline(self, node: SyntaxTreeNode, line: int) -> tuple[Line, list[Picture | Formula]]:
        """Read the styles and the pictures of the one inline child of `node`, a text that begins in `line`."""
        inside = node.children[0].children if node.children else ()
        return read_inline(inside, line, self.notices, self._step)


def _alignment(cell: SyntaxTreeNode) -> Alignment:
    style = str(cell.attrs.get("style", ""))
    sides: tuple[Alignment, ...] = ("left", "center", "right")
    return next((side for side in sides if style == f"text-align:{side}"), "auto")
