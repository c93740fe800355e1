"""Labels in a script: `Narration:` and its kin say whether what follows is spoken or shown.

A block rule for markdown-it: a label may be bold or a heading, stands at the beginning of a line, and ends whatever
paragraph or list it follows, although Markdown would let that run on.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, paragraph

SPOKEN = (
    "narration|narrator|narrative|voice[ -]?over|spoken(?: text)?|speaker notes?|presenter notes?|"
    "旁白|讲解|講解|解说|解說|讲述|配音|口播|讲稿|解説|ナレーション|語り|내레이션|나레이션|해설|"
    "narración|narrador|narração|narrador\\(a\\)|narrazione|narratore|narrateur|erzähler|sprecher|sprechertext|"
    "диктор|текст диктора|закадровый текст|рассказ|التعليق الصوتي|الراوي|السرد|קריינות|קריין"
)
SHOWN = (
    "slides?|slide text|slide content|on[ -]?screen(?: text)?|visuals?|bullet points?|bullets|"
    "幻灯片|投影片|画面|屏幕|板书|スライド|画面表示|슬라이드|화면|diapositiva|diapositive|folie|слайд|на экране|"
    "الشريحة|שקופית"
)
LABEL = re.compile(
    rf"(?P<hashes>\#{{1,6}}[ \t]+)?(?P<opened>[*_]{{0,3}})"
    rf"(?:(?P<spoken>{SPOKEN})|(?P<shown>{SHOWN}))"
    r"(?P<aside>[ \t]*[(（\[][^)）\]]*[)）\]])?"
    r"(?:(?P<closed>[*_]{0,3})[ \t]*(?P<colon>[:：])(?P<closed_behind>[*_]{0,3})|[*_]{0,3}(?=[ \t#]*$))"
    r"[ \t]*",
    re.IGNORECASE,
)


def label_plugin(markdown: MarkdownIt) -> None:
    """Make `markdown` emit a `label` token with info spoken or shown, and what it sets aside in brackets as meta."""
    interrupted = ["paragraph", "reference", "blockquote", "list"]
    markdown.block.ruler.before("fence", "label", _label, {"alt": interrupted})


def _label(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    begin, end = state.bMarks[start_line] + state.tShift[start_line], state.eMarks[start_line]
    found = LABEL.match(state.src[begin:end])
    if found is None or not _stands_out(found, state.src[begin + found.end() : end]):
        return False
    if silent:
        return True
    token = state.push("label", "", 0)
    token.info = "spoken" if found["spoken"] else "shown"
    token.content = found[0].strip()
    token.meta = {"aside": (found["aside"] or "").strip()}
    token.map = [start_line, start_line + 1]
    if found["hashes"] or begin + found.end() >= end:
        state.line = start_line + 1
        return True
    # The rest of the line is a paragraph of its own, which may run on in the next lines.
    state.bMarks[start_line] = begin + found.end()
    state.tShift[start_line], state.sCount[start_line] = 0, state.blkIndent
    paragraph(state, start_line, end_line, False)
    if found["opened"] and not (found["closed"] or found["closed_behind"]):
        state.tokens[-2].content = found["opened"] + state.tokens[-2].content
    return True


def _stands_out(found: re.Match[str], rest: str) -> bool:
    """Tell a label from a sentence or a title that merely begins with the same word."""
    if found["hashes"]:
        return not rest.strip(" \t#")
    return bool(found["colon"] or found["opened"])
