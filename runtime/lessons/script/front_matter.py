"""What a script says of itself before its first scene: title, language and the look of its slides, as YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import yaml

from runtime.contract import Notice
from runtime.lessons.script.problems import invalid, noticed

LOOKS = ("theme", "accent", "background", "text", "logo", "font")
KNOWN = ("title", "language", *LOOKS)
BARE_COLOUR = re.compile(r"^([a-z]+:[ \t]*)(#[0-9a-fA-F]{3,8})[ \t]*$", re.MULTILINE)  # a comment to YAML
LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


@dataclass
class About:
    """The fields that concern a whole lesson."""

    title: str = ""
    language: str | None = None
    look: dict[str, str] = field(default_factory=dict)


def read_front_matter(content: str, line: int, notices: list[Notice]) -> About | None:
    """Read YAML that begins in `line`; None where it is no front matter, only a scene between two rules."""
    if not re.match(rf"\s*(?:#.*\n\s*)*({'|'.join(KNOWN)}|[a-z_]+)[ \t]*:([ \t]|$)", content):
        return None
    try:
        values = yaml.safe_load(BARE_COLOUR.sub(r"\1'\2'", content))
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        at = line + mark.line if mark is not None else line
        raise invalid(at, "the front matter is not valid YAML; put values with a colon in quotes.") from None
    if not isinstance(values, dict) or not any(key in values for key in KNOWN):
        return None
    lines = {
        str(key): line
        + next((n for n, text in enumerate(content.split("\n")) if text.startswith(str(key))), 0)
        for key in values
    }
    return read_about(values, lines, notices)


def read_about(values: dict[str, Any], lines: dict[str, int], notices: list[Notice]) -> About:
    """Check the fields that concern a whole lesson; `lines` says where each stands."""
    about = About()
    for key, value in values.items():
        if key not in KNOWN:
            notices.append(noticed(lines[str(key)], f"{key} is not used; known are {', '.join(KNOWN)}."))
            continue
        if value is None:
            continue
        if not isinstance(value, (str, int, float, date)):
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
