from __future__ import annotations

import pytest

from runtime.contract import RuntimeProblem
from runtime.lessons.script import (
    Bullets,
    Code,
    Formula,
    Lesson,
    Line,
    Picture,
    Span,
    Table,
    Text,
    parse_lesson,
)

LESSON = """\
---
title: "Leaves: a lesson"
language: en
theme: dark
accent: #2b7a3f
---
# Leaves

Narration: Welcome to *leaves*.
They are [green](https://example.org), mostly.

## What a **leaf** needs
- light, `RuBisCO` and $E$
- water
  1. from roots
  2. from rain
Narration:

A leaf needs light. [pause 1.5s] And water!

Nothing more.
---
## Code
```python
print("hi")  # a comment
```
**Narration:** This prints.

## Numbers

Visible text.

| a | b |
|:--|--:|
| 1 | **2** |

$$
\\frac{a}{b}
$$

![A leaf](leaf.png)

### Narration

Look at the table.
"""


def words(line: Line) -> str:
    return "".join(span.text for span in line)


def spoken(lesson: Lesson) -> list[tuple[str, int, float]]:
    return [(said.text, said.line, said.pause_after) for scene in lesson.scenes for said in scene.narration]


def test_a_whole_script() -> None:
    lesson = parse_lesson(LESSON)
    assert (lesson.title, lesson.language) == ("Leaves: a lesson", "en")
    assert lesson.look == {"theme": "dark", "accent": "#2b7a3f"}
    assert [(scene.title, scene.line) for scene in lesson.scenes] == [
        ("Leaves", 7),
        ("What a leaf needs", 12),
        ("Code", 23),
        ("Numbers", 29),
    ]
    assert spoken(lesson) == [
        ("Welcome to leaves. They are green, mostly.", 9, 0),
        ("A leaf needs light.", 19, 1.5),
        ("And water!", 19, 0),
        ("Nothing more.", 21, 0),
        ("This prints.", 27, 0),
        ("Look at the table.", 45, 0),
    ]
    assert lesson.notices == ()


def test_what_a_slide_shows() -> None:
    _, needs, code, numbers = parse_lesson(LESSON).scenes
    assert needs.heading == (Span("What a "), Span("leaf", bold=True), Span(" needs"))
    (bullets,) = needs.body
    assert isinstance(bullets, Bullets)
    assert bullets.items[0].text == (
        Span("light, "),
        Span("RuBisCO", code=True),
        Span(" and "),
        Span("E", math=True),
    )
    under = bullets.items[1].children
    assert under is not None and under.ordered
    assert [words(item.text) for item in under.items] == ["from roots", "from rain"]
    assert code.body == (Code('print("hi")  # a comment', "python", 24),)
    text, table, formula, picture = numbers.body
    assert isinstance(text, Text) and words(text.text) == "Visible text."
    assert isinstance(table, Table) and table.alignment == ("left", "right")
    assert table.header == ((Span("a"),), (Span("b"),))
    assert table.rows == (((Span("1"),), (Span("2", bold=True),)),)
    assert formula == Formula("\\frac{a}{b}", 37)
    assert picture == Picture("leaf.png", "A leaf", 41)


@pytest.mark.parametrize(
    "label",
    [
        "Narration:",
        "narration :",
        "**Narration:**",
        "**Narration**:",
        "*Narration:*",
        "__Narrator__:",
        "Voice-over:",
        "旁白：",
        "**讲解**：",
        "ナレーション：",
        "Диктор:",
        "### Narration\n\n",
        "### 旁白：\n\n",
        "**Narration**\n\n",
    ],
)
def test_labels_of_speech(label: str) -> None:
    # A label right below a list would be the end of its last point in plain Markdown.
    (scene,) = parse_lesson(f"# A\n- one\n- two\n{label} Say this.\n").scenes
    assert [said.text for said in scene.narration] == ["Say this."]
    (bullets,) = scene.body
    assert isinstance(bullets, Bullets) and [words(item.text) for item in bullets.items] == ["one", "two"]


def test_a_title_that_begins_like_a_label_is_a_title() -> None:
    lesson = parse_lesson("# Narration in novels\n\nHello.\n\n## Slides of rock\n\nBye.\n")
    assert [scene.title for scene in lesson.scenes] == ["Narration in novels", "Slides of rock"]


def test_paragraphs_are_spoken_where_no_label_is() -> None:
    (scene,) = parse_lesson("# A\n\nFirst.\n\nSecond.\n").scenes
    assert [said.text for said in scene.narration] == ["First.", "Second."]
    assert scene.body == ()
    lesson = parse_lesson("# A\n- point\n\nA paragraph.\n")
    assert spoken(lesson) == [("A paragraph.", 4, 0)]
    assert "Line 4" in lesson.notices[0].sentence


def test_rules_and_headings_part_scenes() -> None:
    lesson = parse_lesson("---\n\nOne.\n---\n\n---\n# Two\nTwo.\n***\nThree.\n")
    assert [(scene.title, scene.line) for scene in lesson.scenes] == [("", 1), ("Two", 7), ("", 9)]
    assert [text for text, _, _ in spoken(lesson)] == ["One.", "Two.", "Three."]


def test_a_first_heading_alone_is_the_lessons_title() -> None:
    lesson = parse_lesson("# All about it\n\n## One\nHello.\n\n## Two\nBye.\n")
    assert lesson.title == "All about it"
    assert [scene.title for scene in lesson.scenes] == ["One", "Two"]


def test_chinese_lines_are_joined_without_spaces() -> None:
    lesson = parse_lesson("# 叶\n\n旁白：叶子需要阳光，\n也需要水。[停顿2秒]还有 CO2\n和空气。\n")
    assert spoken(lesson) == [("叶子需要阳光，也需要水。", 3, 2), ("还有 CO2 和空气。", 4, 0)]


@pytest.mark.parametrize(
    ("mark", "seconds"),
    [
        ("[pause 1s]", 1),
        ("[Pause: 0.5 sec]", 0.5),
        ("[pause 250ms]", 0.25),
        ("[pause]", 1),
        ("[停顿 3 秒]", 3),
    ],
)
def test_pauses(mark: str, seconds: float) -> None:
    assert spoken(parse_lesson(f"# A\n\nOne {mark} two.\n")) == [("One", 3, seconds), ("two.", 3, 0)]
    assert spoken(parse_lesson(f"# A\n\nOne.\n\n{mark}\n\n{mark} Two.\n")) == [
        ("One.", 3, 2 * seconds),
        ("Two.", 7, 0),
    ]
    assert spoken(parse_lesson(f"# A\n\n{mark} One.\n")) == [("", 3, seconds), ("One.", 3, 0)]


def test_formulas_in_brackets() -> None:
    (scene,) = parse_lesson(
        "# A\n\n\\[ x = 2 \\]\n\n\\[\ny = 3\n\\]\n\n- where \\(x\\) is\n\nNarration: a\n"
    ).scenes
    assert scene.body[:2] == (Formula("x = 2", 3), Formula("y = 3", 5))
    (bullets,) = scene.body[2:]
    assert isinstance(bullets, Bullets) and bullets.items[0].text[1] == Span("x", math=True)


def test_money_is_no_formula() -> None:
    assert spoken(parse_lesson("# A\n\nIt costs $5 or $10.\n")) == [("It costs $5 or $10.", 3, 0)]


@pytest.mark.parametrize("fence", ["```markdown", "```"])
def test_a_script_in_a_fence_keeps_its_lines(fence: str) -> None:
    lesson = parse_lesson(f"{fence}\n# A\n\nHello.\n```\n")
    assert spoken(lesson) == [("Hello.", 4, 0)]


def test_code_alone_stays_code() -> None:
    (scene,) = parse_lesson("```\nx = 1\n```\n").scenes
    assert isinstance(scene.body[0], Code)


def test_a_model_s_reasoning_is_left_out_and_named() -> None:
    lesson = parse_lesson("<think>\nShort, then.\n</think>\n\n# A\n\nHello.\n")
    assert spoken(lesson) == [("Hello.", 7, 0)]
    assert [notice.sentence[:34] for notice in lesson.notices] == ["Line 1 of the script: the model's "]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("# A\nNarration:\n\n- one\n- two\n", "Line 4 of the script: this list"),
        ("# A\nNarration: a\n\n```\ncode\n```\n", "Line 4 of the script: this code"),
        ("# A\nNarration: a\n\nSlide:\n\n```c {.wide}\nx\n```\n", "Line 6 of the script: {.wide}"),
        ('# A\n![a](b "c")\n', "Line 2 of the script: the picture's title"),
        ("# A\n\nHello <!-- aside --> you.\n", "Line 3 of the script: a comment"),
        ("# A\n\nH<sub>2</sub>O.\n", "Line 3 of the script: the tag <sub>"),
        ("# A\nNarration (calm): Hello.\n", "Line 2 of the script: (calm)"),
        ("# A\n\nHello.\n\nSo [smiles] there.\n", "Line 5 of the script: [smiles]"),
        ("# A\n\nSo $x^2$ it is.\n", "Line 3 of the script: a formula"),
        ("---\ntitle: T\nauthor: me\n---\n# A\nHello.\n", "Line 3 of the script: author"),
    ],
)
def test_nothing_is_changed_in_silence(script: str, said: str) -> None:
    (notice,) = parse_lesson(script).notices
    assert notice.sentence.startswith(said)


@pytest.mark.parametrize(
    ("written", "title", "language", "look"),
    [
        ("Title: My lesson\nLANGUAGE: en\nAccent: #2B7A3F", "My lesson", "en", {"accent": "#2B7A3F"}),
        ("title: On\nlanguage: no", "On", "no", {}),
        ("title: 1.10\naccent: 001122", "1.10", None, {"accent": "001122"}),
        ("title:\nlanguage: en", "A", "en", {}),
    ],
)
def test_values_of_front_matter_are_texts(
    written: str, title: str, language: str | None, look: dict[str, str]
) -> None:
    lesson = parse_lesson(f"---\n{written}\n---\n# A\nHello.\n")
    assert (lesson.title, lesson.language, lesson.look) == (title, language, look)
    assert len(lesson.scenes) == 1 and not lesson.notices


def test_front_matter_of_unknown_keys_is_named_and_not_spoken() -> None:
    lesson = parse_lesson("---\nsub-title: x\nDate: 0000-00-00\ntags: [a, b]\n---\n# A\nHello.\n")
    assert [scene.title for scene in lesson.scenes] == ["A"]
    known = "is not used; known are title, language, theme, accent, background, text, logo, font."
    assert [notice.sentence for notice in lesson.notices] == [
        f"Line {line} of the script: {key} {known}"
        for line, key in enumerate(("sub-title", "Date", "tags"), 2)
    ]


@pytest.mark.parametrize(
    "first",
    [
        "Narration: Hello.",
        "Hello there.",
        "# Title\nWater: it is wet.",
        "So: this is: it.",
        "A word on this: yes.",
    ],
)
def test_a_scene_between_two_rules_is_no_front_matter(first: str) -> None:
    assert len(parse_lesson(f"---\n{first}\n---\n# A\nHello.\n").scenes) == 2


def test_what_looks_like_a_reference_is_said() -> None:
    (scene,) = parse_lesson("# A\n\n[Host]: Welcome!\n\nHello.\n").scenes
    assert [paragraph.text for paragraph in scene.narration] == ["[Host]: Welcome!", "Hello."]


def test_a_quotation_is_for_the_slide() -> None:
    (scene,) = parse_lesson("# A\n\n> To be or not to be.\n\nHamlet asks.\n").scenes
    assert scene.body == (Text((Span("To be or not to be."),), quote=True),)
    assert [paragraph.text for paragraph in scene.narration] == ["Hamlet asks."]
    (spoken,) = parse_lesson("# A\nNarration:\n\n> To be or not to be.\n").scenes
    assert not spoken.body and spoken.narration[0].text == "To be or not to be."


def test_a_script_may_begin_with_a_pause() -> None:
    first, second = parse_lesson("[pause 1s]\n\nHello.\n\n# A\nHi.\n").scenes
    assert [(said.text, said.pause_after) for said in first.narration] == [("", 1.0), ("Hello.", 0.0)]
    assert second.title == "A"


def test_half_a_character_is_refused() -> None:
    with pytest.raises(RuntimeProblem, match="Line 2 of the script: half a character"):
        parse_lesson("# A\nHello \ud83d.\n")


def test_a_picture_whose_name_has_spaces_is_put_in_brackets() -> None:
    with pytest.raises(RuntimeProblem) as caught:
        parse_lesson("# A\n\nHello,\n**see** ![a *cat*](my pic.png).\n")
    assert caught.value.sentence == "Line 4 of the script: the picture my pic.png is not valid Markdown."
    assert caught.value.hint == "Put a name with spaces between < and >: ![...](<my pic.png>)"
    (scene,) = parse_lesson("# A\n\n![a](<my pic.png>)\n\nWrite `![a](my pic.png)`.\n").scenes
    assert scene.body == (Picture("my pic.png", "a", 3),) and scene.narration[0].text.endswith(
        "![a](my pic.png)."
    )


@pytest.mark.parametrize("name", ["图片.png", "ü.png", "https://example.org/%C3%BC.png"])
def test_a_picture_s_name_is_the_file_s_and_an_address_stays(name: str) -> None:
    (scene,) = parse_lesson(f"# A\n\n![a]({name})\n\nHello.\n").scenes
    assert scene.body == (Picture(name, "a", 3),)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("", "The script is empty."),
        ("\n---\n\n---\n", "The script has no scene"),
        ("# A\n\n```python\nx = 1\n\nNarration: lost\n", "Line 3 of the script: the code block"),
        ("# A\n\nSo\n$$ x = 1\n", "Line 4 of the script: $$ opens"),
        ("# A\n\n<div>x</div>\n", "Line 3 of the script: this is HTML"),
        ("# A\n\nOne.\nTwo [pause 2h].\n", "Line 4 of the script: [pause 2h]"),
        ("# A\n\nOne [pause 90s].\n", "Line 3 of the script: [pause 90s]"),
        ("---\ntitle: one: two\n---\n# A\n", "Line 2 of the script: the front matter"),
        ("---\ntitle: T\nTitle: U\n---\n# A\n", "Line 3 of the script: title is given twice"),
        ("---\ntitle: [a]\n---\n# A\n", "Line 2 of the script: title must be a text"),
        ("---\ntitle: T\nlanguage: English language\n---\n# A\n", "Line 3 of the script: language"),
        ("# A\n\n| a |\n|---|\n| ![x](y.png) |\n", "Line 5 of the script: a table's cell"),
        ("# A\n\n| a | b |\n|---|---|\n| 1 | 2 | 3 |\n", "Line 5 of the script: this row has 3 cells"),
        ("x" * 200_001, "The script has 200001 characters"),
        ("---\nHi.\n" * 201, "Line 401 of the script: this is scene 201"),
    ],
)
def test_what_is_refused(script: str, said: str) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        parse_lesson(script)
    assert caught.value.code == "script_invalid"
    assert caught.value.sentence.startswith(said)
