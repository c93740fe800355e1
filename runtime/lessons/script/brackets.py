r"""Formulas between \[ and \], which many language models write in place of $$, as a block rule for markdown-it."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock


def bracket_plugin(markdown: MarkdownIt) -> None:
    r"""Make `markdown` emit a `math_block` token for \[ at the beginning of a line up to \] at the end of one."""
    # Before the rule of texmath, which forgets its lines.
    interrupted = ["paragraph", "blockquote", "list"]
    markdown.block.ruler.before("table", "math_brackets", _brackets, {"alt": interrupted})


def _brackets(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    begin = state.bMarks[start_line] + state.tShift[start_line]
    if not state.src.startswith("\\[", begin):
        return False
    for line in range(start_line, end_line):
        if state.src[state.bMarks[line] : state.eMarks[line]].rstrip().endswith("\\]"):
            break
    else:
        return False
    if silent:
        return True
    token = state.push("math_block", "math", 0)
    token.content = state.src[begin + 2 : state.eMarks[line]].rstrip().removesuffix("\\]")
    token.map = [start_line, line + 1]
    state.line = line + 1
    return True
