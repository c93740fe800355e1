"""Scripts as JSON: the same fields as in Markdown, whose texts may hold Markdown themselves.

    {"title": ..., "language": ..., "scenes": [{"title": ..., "bullets": [...], "narration": "..."}, ...]}

A scene takes `title`, `narration` (a text or a list of them) and what its slide shows: `bullets`, `text`, `image`,
`code`, `table`, `formula`, or `body` (Markdown, or a list of these).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args

import yaml
from markdown_it.tree import SyntaxTreeNode

from runtime.contract import Notice
from runtime.lessons.script.front_matter import KNOWN, read_about
from runtime.lessons.script.lesson import (
    Alignment,
    Block,
    Bullet,
    Bullets,
    Code,
    Formula,
    Lesson,
    Line,
    Picture,
    Scene,
    Table,
    Text,
)
from runtime.lessons.script.markdown import Draft, SceneReader, grammar, scene_of
from runtime.lessons.script.problems import invalid

JSON_BEGINS = re.compile(r"\s*(\{|\[\s*(\{|\]\s*$))")
# Of characters that take two escapes, one alone: text that nothing can write.
HALF_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
COLON_BELOW = re.compile(r'"(\s*\n\s*):')


@dataclass(frozen=True)
class Pairs:
    """A JSON object, a key that is given twice kept twice."""

    pairs: list[tuple[str, Any]]


KINDS: dict[type, str] = {
    Pairs: "an object",
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
}


def looks_like_json(text: str) -> bool:
    """Tell the JSON form by its beginning; Markdown may begin with `[pause 1s]`."""
    return JSON_BEGINS.match(text) is not None


def read_json(text: str) -> Lesson:
    """Read a JSON script. Raises `RuntimeProblem` naming the line."""
    root = _located(text)
    notices: list[Notice] = []
    fields = (
        {"scenes": root} if isinstance(root.value, list) else root.fields((*KNOWN, "scenes"), "the lesson")
    )
    scenes = fields.pop("scenes", None)
    if scenes is None:
        raise invalid(root.line, "the lesson has no scenes.")
    values = {name: place.value for name, place in fields.items()}
    about = read_about(values, {name: place.line for name, place in fields.items()}, notices)
    read = tuple(_Scene(notices).read(place) for place in scenes.items("scenes"))
    title = about.title or next((scene.title for scene in read if scene.title), "")
    return Lesson(title, read, about.language, about.look, tuple(notices))


@dataclass(frozen=True)
class Place:
    """A JSON value and the line (1 = first) it stands in."""

    value: Any
    line: int
    node: yaml.Node

    def fields(self, known: tuple[str, ...], name: str) -> dict[str, Place]:
        """Return an object's fields, none of them unknown or given twice; those that are null are left out."""
        self._must_be(Pairs, name)
        found: dict[str, Place] = {}
        for (key, value), (key_node, node) in zip(self.value.pairs, self.node.value, strict=True):
            line = key_node.start_mark.line + 1
            if key not in known:
                raise invalid(line, f"{name} has no field {key}; its fields are {', '.join(known)}.")
            if key in found:
                raise invalid(line, f"{name} has the field {key} twice.")
            found[key] = Place(value, node.start_mark.line + 1, node)
        return {key: place for key, place in found.items() if place.value is not None}

    def items(self, name: str) -> Iterator[Place]:
        """Return a list's items."""
        self._must_be(list, name)
        for value, node in zip(self.value, self.node.value, strict=True):
            yield Place(value, node.start_mark.line + 1, node)

    def text(self, name: str) -> str:
        """Return a text; a number counts as one."""
        if isinstance(self.value, (int, float)) and not isinstance(self.value, bool):
            return str(self.value)
        self._must_be(str, name)
        return self.value

    def _must_be(self, kind: type, name: str) -> None:
        if not isinstance(self.value, kind):
            got = KINDS.get(type(self.value), "null")
            raise invalid(self.line, f"{name} is {got}, but must be {KINDS[kind]}.")


def _located(text: str) -> Place:
    try:
        value = json.loads(text, object_pairs_hook=Pairs)
    except json.JSONDecodeError as fault:
        reason = fault.msg[:1].lower() + fault.msg[1:]
        raise invalid(fault.lineno, f"this is not valid JSON, {reason} (column {fault.colno}).") from None
    except RecursionError:
        raise invalid(1, "the JSON is nested too deep.") from None
    for escape in HALF_CHARACTER.finditer(text):
        if half := escape["half"]:
            line = text.count("\n", 0, escape.start()) + 1
            raise invalid(line, f"{half} is half a character, which begins or ends with another escape.")
    return Place(value, *_positions(text))


def _positions(text: str) -> tuple[int, yaml.Node]:
    """The line that valid JSON begins in, and nodes that know the lines of all that is in it."""
    # JSON is YAML, whose parser remembers lines. It is given the structure only: some characters and escapes that
    # JSON knows are none of its own, and a colon must stand in the line of its key.
    structure = re.sub(r"\\.|\t|[^\x20-\x7e\n]", lambda found: " " if found[0] == "\t" else "_", text)
    structure = COLON_BELOW.sub(r'":\1', structure)
    try:
        node = yaml.compose(structure, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as fault:  # for a key of more than 1024 characters
        line = fault.problem_mark.line + 1 if fault.problem_mark else None
        raise invalid(line, "this JSON is not understood here; are its keys too long?") from None
    except RecursionError:
        raise invalid(1, "the JSON is nested too deep.") from None
    assert node is not None
    return node.start_mark.line + 1, node


class _Scene:
    """Reads one scene's object."""

    def __init__(self, notices: list[Notice]) -> None:
        self.notices = notices
        self.shown: dict[str, Callable[[Place], Block]] = {
            "bullets": self._bullets,
            "text": lambda place: Text(self._line(place, "text")),
            "image": self._picture,
            "picture": self._picture,
            "code": self._code,
            "table": self._table,
            "formula": lambda place: Formula(place.text("formula").strip().strip("$").strip(), place.line),
        }

    def read(self, place: Place) -> Scene:
        """Return the scene, or raise `RuntimeProblem` for a field that is not understood."""
        fields = place.fields(("title", "narration", "body", *self.shown), "a scene")
        draft = Draft(place.line, labelled=True)
        for name, field in fields.items():
            if name == "title":
                draft.heading = self._line(field, "title")
            elif name == "narration":
                texts = field.items("narration") if isinstance(field.value, list) else [field]
                for text in texts:
                    self._markdown(draft, text.text("narration"), text.line, spoken=True)
            elif name == "body":
                self._body(draft, field)
            else:
                draft.body.append(self.shown[name](field))
        return scene_of(draft, self.notices)

    def _body(self, draft: Draft, place: Place) -> None:
        if isinstance(place.value, str):
            self._markdown(draft, place.value, place.line, spoken=False)
            return
        for item in place.items("body"):
            if isinstance(item.value, str):
                self._markdown(draft, item.value, item.line, spoken=False)
            else:
                fields = item.fields(tuple(self.shown), "an item of body")
                draft.body.extend(self.shown[name](field) for name, field in fields.items())

    def _markdown(self, draft: Draft, text: str, line: int, spoken: bool) -> None:
        if spoken:
            text = re.sub(r"[ \t]*\n[ \t]*(?![ \t\n])", "\n", text)
        reader = SceneReader(text, self.notices, line, one_line=True)
        reader.drafts.append(draft)
        draft.voice = "spoken" if spoken else "shown"
        for node in SyntaxTreeNode(grammar().parse(text)).children:
            if node.type in ("heading", "hr"):
                raise invalid(
                    line, "a heading or a rule begins no scene inside a JSON text; add one to scenes."
                )
            reader.read(node)

    def _line(self, place: Place, name: str) -> Line:
        text = place.text(name).strip()
        reader = SceneReader("", self.notices, place.line, one_line=True)
        line, apart = reader.inline(SyntaxTreeNode(grammar().parseInline(text)), place.line)
        if apart:
            raise invalid(
                place.line, f"{name} is one line of text; a picture is given as image, a formula as formula."
            )
        return line

    def _bullets(self, place: Place) -> Bullets:
        items: list[Bullet] = []
        for item in place.items("bullets"):
            if isinstance(item.value, list):
                under = self._bullets(item)
                last = items.pop() if items else Bullet(())
                items.append(replace(last, children=under))
            elif isinstance(item.value, Pairs):
                fields = item.fields(("text", "bullets"), "a bullet")
                text = self._line(fields["text"], "text") if "text" in fields else ()
                items.append(Bullet(text, self._bullets(fields["bullets"]) if "bullets" in fields else None))
            else:
                items.append(Bullet(self._line(item, "a bullet")))
        return Bullets(tuple(items))

    def _picture(self, place: Place) -> Picture:
        if isinstance(place.value, str):
            return Picture(place.value.strip(), "", place.line)
        fields = place.fields(("url", "alt"), "an image")
        if "url" not in fields:
            raise invalid(place.line, "an image has no url.")
        alt = fields["alt"].text("alt") if "alt" in fields else ""
        return Picture(fields["url"].text("url").strip(), alt, place.line)

    def _code(self, place: Place) -> Code:
        if isinstance(place.value, str):
            return Code(place.value.strip("\n"), "", place.line)
        fields = place.fields(("text", "language"), "code")
        if "text" not in fields:
            raise invalid(place.line, "code has no text.")
        language = fields["language"].text("language") if "language" in fields else ""
        return Code(fields["text"].text("text").strip("\n"), language.strip().lower(), place.line)

    def _table(self, place: Place) -> Table:
        if isinstance(place.value, list):
            rows = [self._row(row) for row in place.items("table")]
            header, rows = (rows[0], rows[1:]) if rows else ((), [])
            return _table(header, rows, [], place.line)
        fields = place.fields(("header", "rows", "alignment"), "a table")
        header = self._row(fields["header"]) if "header" in fields else ()
        rows = [self._row(row) for row in fields["rows"].items("rows")] if "rows" in fields else []
        alignment: list[Alignment] = []
        for side in fields["alignment"].items("alignment") if "alignment" in fields else ():
            if side.value not in get_args(Alignment):
                raise invalid(side.line, f"alignment is one of {', '.join(get_args(Alignment))}.")
            alignment.append(side.value)
        return _table(header, rows, alignment, place.line)

    def _row(self, place: Place) -> tuple[Line, ...]:
        return tuple(self._line(cell, "a cell") for cell in place.items("a row"))


def _table(
    header: tuple[Line, ...], rows: list[tuple[Line, ...]], alignment: list[Alignment], line: int
) -> Table:
    columns = len(header) or max(map(len, rows), default=0)
    if not columns:
        raise invalid(line, "the table is empty.")
    if any(len(row) != columns for row in rows):
        raise invalid(line, f"every row of the table must have {columns} cells.")
    if alignment and len(alignment) != columns:
        raise invalid(line, f"alignment must have {columns} entries, one a column.")
    return Table(tuple(rows), header, tuple(alignment or ["auto"] * columns))
