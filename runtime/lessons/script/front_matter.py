"""What a script says of itself before its first scene: title, language and the look of its slides, as YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from runtime.contract import Notice
from runtime.lessons.script.labels import LABEL
from runtime.lessons.script.problems import invalid, noticed

LOOKS = ("theme", "accent", "background", "text", "logo", "font")
KNOWN = ("title", "language", *LOOKS)
NAMES_KNOWN = re.compile(rf"^(?:{'|'.join(KNOWN)})[ \t]*:(?:[ \t]|$)", re.IGNORECASE | re.MULTILINE)
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
# A comment to YAML.
BARE_COLOUR = re.compile(r"^([a-z]+:[ \t]*)(#[0-9a-f]{3,8})[ \t]*$", re.IGNORECASE | re.MULTILINE)
LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


@dataclass
class About:
    """The fields that concern a whole lesson."""

    title: str = ""
    language: str | None = None
    look: dict[str, str] = field(default_factory=dict)


def read_front_matter(content: str, line: int, notices: list[Notice]) -> About | None:
    """Read YAML that begins in `line`; None where it is no front matter, only a scene between two rules."""
    names_known = NAMES_KNOWN.search(content) is not None
    try:
        # As nodes, whose values stay the texts they are: no is a language, 1.10 a title.
        root = yaml.compose(BARE_COLOUR.sub(r"\1'\2'", content), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as fault:
        if not names_known:
            return None
        mark = getattr(fault, "problem_mark", None)
        at = line + mark.line if mark is not None else line
        raise invalid(at, "the front matter is not valid YAML; put values with a colon in quotes.") from None
    if not isinstance(root, yaml.MappingNode) or not (names_known or _are_keys(root, content)):
        return None
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, value in root.value:
        name, at = str(key.value), line + key.start_mark.line
        name = name.lower() if name.lower() in KNOWN else name
        if name in values:
            raise invalid(at, f"{name} is given twice.")
        values[name] = value.value if isinstance(value, yaml.ScalarNode) else value
        lines[name] = at
    return read_about(values, lines, notices)


def _are_keys(root: yaml.MappingNode, content: str) -> bool:
    """Tell keys that nobody knows here from a scene: labels make one, and a heading, which is a comment to YAML."""
    keys = [str(key.value) for key, _ in root.value]
    labels = any(LABEL.match(text) for text in content.split("\n"))
    return all(map(KEY.fullmatch, keys)) and not labels and not content.lstrip().startswith("#")


def read_about(values: dict[str, Any], lines: dict[str, int], notices: list[Notice]) -> About:
    """Check the fields that concern a whole lesson; `lines` says where each stands."""
    about = About()
    for key, value in values.items():
        if key not in KNOWN:
            notices.append(noticed(lines[key], f"{key} is not used; known are {', '.join(KNOWN)}."))
            continue
        if value in (None, ""):
            continue
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise invalid(lines[key], f"{key} must be a text.")
        about_value = str(value).strip()
        if key == "title":
            about.title = about_value
        elif key == "language":
            about.language = read_language(about_value, lines[key])
        else:
            about.look[key] = about_value
    return about


def read_language(value: str, line: int) -> str:
    """Return a language code as it is written, or raise `RuntimeProblem`."""
    if LANGUAGE.fullmatch(value) is None or len(value) > 35:
        raise invalid(line, f"language is {value[:40]}, but must be a code such as en, zh-CN or ar.")
    return value.replace("_", "-")
