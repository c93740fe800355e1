from __future__ import annotations

import json

import pytest

from runtime.contract import RuntimeProblem
from runtime.lessons.script import Bullets, Code, Formula, Picture, Span, Table, parse_lesson

SCENES = """\
{"title": "Leaves", "language": "en", "theme": "dark",
 "scenes": [
  {"title": "What a *leaf* needs \\ud83c\\udf31",
\t"bullets": ["light", ["red", "blue"], {"text": "water", "bullets": ["rain"]}],
   "narration": ["A leaf needs light. [pause 1s] And water.", "Nothing\\nmore."]},
  {"title": "More",
   "image": {"url": "https://example.org/a.png", "alt": "a leaf"},
   "code": {"text": "a\\tb\\n", "language": "Python"},
   "formula": "$$x^2$$",
   "table": [["a", "b"], [1, "**2**"]],
   "narration": "One.\\n\\nTwo."}
 ]}
"""


def test_a_whole_script() -> None:
    lesson = parse_lesson(SCENES)
    assert (lesson.title, lesson.language, lesson.look) == ("Leaves", "en", {"theme": "dark"})
    first, second = lesson.scenes
    assert (first.title, first.line, second.line) == ("What a leaf needs 🌱", 3, 6)
    (bullets,) = first.body
    assert isinstance(bullets, Bullets)
    light, water = bullets.items
    assert light.children is not None and [item.text for item in light.children.items] == [
        (Span("red"),),
        (Span("blue"),),
    ]
    assert water.children is not None and water.children.items[0].text == (Span("rain"),)
    assert [(said.text, said.line, said.pause_after) for said in first.narration] == [
        ("A leaf needs light.", 5, 1),
        ("And water.", 5, 0),
        ("Nothing more.", 5, 0),
    ]
    picture, code, formula, table = second.body
    assert picture == Picture("https://example.org/a.png", "a leaf", 7)
    assert code == Code("a\tb", "python", 8)
    assert formula == Formula("x^2", 9)
    assert isinstance(table, Table) and table.rows == (((Span("1"),), (Span("2", bold=True),)),)
    assert [said.text for said in second.narration] == ["One.", "Two."]
    assert lesson.notices == ()


def test_both_forms_say_the_same() -> None:
    written = parse_lesson("# A\n- one\n- two\n\n```c\nint x;\n```\nNarration: Hello.\n")
    body = "- one\n- two\n\n```c\nint x;\n```"
    given = parse_lesson(json.dumps({"scenes": [{"title": "A", "body": body, "narration": "Hello."}]}))
    assert written.scenes[0].body[0] == given.scenes[0].body[0]
    assert written.scenes[0].narration[0].text == given.scenes[0].narration[0].text
    assert (written.title, written.scenes[0].heading) == (given.title, given.scenes[0].heading)


def test_json_is_read_however_it_is_laid_out() -> None:
    text = '\n[ {"title"\n :\n"A", "narration"\n\n: "\\ud83d\\udc4d \\\\ud83d \\": yes"},\n{"title": "B"} ]'
    first, second = parse_lesson(text).scenes
    assert (first.title, first.line, second.line) == ("A", 2, 7)
    assert first.narration[0].text == '👍 \\ud83d ": yes'


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('{"scenes": [\n {"title": "A",}\n]}', "Line 2 of the script: this is not valid JSON"),
        (
            '{"scenes": [\n {"title": "A",\n  "subtitle": "B"}]}',
            "Line 3 of the script: a scene has no field subtitle",
        ),
        (
            '{"scenes": [\n {"title": "A",\n  "title": "B"}]}',
            "Line 3 of the script: a scene has the field title twice",
        ),
        ('{"scenes": [\n {"narration":\n  true}]}', "Line 3 of the script: narration is true or false"),
        ('{"scenes": [\n {"bullets": "a"}]}', "Line 2 of the script: bullets is a text, but must be a list"),
        ('{"scenes": [\n {"table": [["a"],\n ["b", "c"]]}]}', "Line 2 of the script: every row"),
        ('{"scenes": [\n {"narration": "[pause 99s]"}]}', "Line 2 of the script: [pause 99s]"),
        ('{"scenes": [{"body": "a\\n\\n# B"}]}', "Line 1 of the script: a heading or a rule"),
        ('{"title": {"a": 1},\n"scenes": []}', "Line 1 of the script: title must be a text"),
        ('{"title": "A"}', "Line 1 of the script: the lesson has no scenes"),
        ("[]", "The script has no scene"),
        (
            '{"title": "A",\n"scenes": [{"narration": "hi \\ud83d x"}]}',
            "Line 2 of the script: \\ud83d is half",
        ),
        ('{"scenes": [{"narration": "\\udc4d"}]}', "Line 1 of the script: \\udc4d is half"),
        ('{"scenes": [\n{"' + 2000 * "a" + '": 1}]}', "Line 2 of the script: this JSON is not understood"),
        ('{"title": true,\n"scenes": []}', "Line 1 of the script: title must be a text"),
        ('[{"scenes": ' + "[" * 100_000, "Line 1 of the script: the JSON is nested too deep"),
    ],
)
def test_what_is_refused(script: str, said: str) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        parse_lesson(script)
    assert caught.value.sentence.startswith(said)
