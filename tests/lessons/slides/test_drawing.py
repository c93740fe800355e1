from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from runtime.contract import RuntimeProblem
from runtime.lessons.layout import Box, Stage, plan, presenter_mask
from runtime.lessons.script import Scene, parse_lesson
from runtime.lessons.slides import Theme, draw_slide
from runtime.lessons.slides.drawing import FRAME, MARK
from runtime.lessons.slides.theme import CODE_COLOURS, Colour

LIGHT, DARK = Theme.checked({}), Theme.checked({"theme": "dark"})
WIDE = plan("16:9", 720, "corner")
FULL_SLIDE = """\
# A title that is long enough for two lines of type in every shape there is
- **Light** from the sun, mostly red and blue, with `code` and $x^2$
- Water, drawn up from the roots
  - by its own surface tension

| Step | Share |
|---|---:|
| Absorbed | 45 % |
"""


def scene(text: str) -> Scene:
    return parse_lesson(text).scenes[0]


def near(picture: NDArray[np.uint8], colour: Colour, off: int = 3) -> NDArray[np.bool_]:
    return (np.abs(picture.astype(int) - colour) <= off).all(axis=-1)


def ink(picture: NDArray[np.uint8], theme: Theme = LIGHT) -> NDArray[np.bool_]:
    return ~near(picture, theme.background)


def cut(picture: NDArray, box: Box) -> NDArray:
    return picture[box.y : box.bottom, box.x : box.right]


def blank(picture: NDArray, box: Box, by: float = 0) -> None:
    out = round(by)
    picture[max(0, box.y - out) : box.bottom + out, max(0, box.x - out) : box.right + out] = False


def stray(picture: NDArray[np.uint8], stage: Stage, theme: Theme) -> int:
    """Pixels drawn where nothing may be: outside title, body, number, frame and the bar of progress."""
    drawn, unit = ink(picture, theme), stage.unit
    drawn[-round(6 * unit) :] = False
    title = stage.title
    blank(drawn, Box(title.x, title.y, title.width, title.height + round(0.2 * stage.body.height)))
    blank(drawn, stage.body, 2)  # a table's rules stand out by half their thickness
    blank(drawn, stage.presenter, (FRAME + 3) * unit)
    blank(drawn, Box(title.x, title.y, title.width, 1), MARK[1] / 2 * unit)
    # Below a title of one line the body begins higher.
    blank(drawn, Box(stage.body.x, stage.title.y, stage.body.width, stage.body.bottom - stage.title.y))
    return int(drawn.sum())


@pytest.mark.parametrize(
    ("aspect", "layout", "theme"),
    [
        (aspect, layout, (LIGHT, DARK)[number % 2])
        for number, (aspect, layout) in enumerate(
            itertools.product(("16:9", "9:16", "1:1"), ("corner", "side", "full"))
        )
    ],
)
def test_a_slide_stays_in_its_place(aspect: str, layout: str, theme: Theme) -> None:
    stage = plan(aspect, 720, layout)
    picture = draw_slide(scene(FULL_SLIDE), stage, theme, 2, 3)
    assert picture.shape == (stage.size[1], stage.size[0], 3) and picture.dtype == np.uint8
    assert ink(cut(picture, stage.title), theme).mean() > 0.03
    assert ink(cut(picture, stage.body), theme).mean() > 0.03
    assert stray(picture, stage, theme) == 0
    # The presenter's place holds one colour: nothing is written there.
    inside = cut(picture, stage.presenter)[presenter_mask(stage) == 255]
    assert np.ptp(inside, axis=0).max() == 0


def test_a_larger_picture_is_the_same_slide() -> None:
    small = draw_slide(scene(FULL_SLIDE), WIDE, LIGHT)
    large = draw_slide(scene(FULL_SLIDE), plan("16:9", 1080, "corner"), LIGHT)
    assert large.shape == (1080, 1920, 3)
    shrunk = np.asarray(Image.fromarray(large).resize((1280, 720), Image.Resampling.BOX), float)
    assert np.abs(shrunk - small).mean() < 2


def test_a_title_alone_stands_large_in_the_middle() -> None:
    alone = ink(draw_slide(scene("# Leaves\n"), WIDE, LIGHT))
    above = ink(draw_slide(scene("# Leaves\n- x\n"), WIDE, LIGHT))
    blank(alone, WIDE.presenter, 10)
    rows = np.flatnonzero(alone.any(axis=1))
    assert 200 < rows.mean() < 400
    assert cut(alone, Box(0, 0, 960, 560)).sum() > 1.5 * cut(above, WIDE.title).sum()


def test_writing_from_right_to_left_begins_at_the_right() -> None:
    stage = WIDE.mirrored()
    written = ink(draw_slide(scene("# מה צריך עלה\n- אור מהשמש\n- מים\n"), stage, LIGHT))
    for place in (stage.title, stage.body):
        columns = np.flatnonzero(cut(written, place).any(axis=0))
        assert columns.max() > place.width - 8 and columns.min() > place.width / 3
    assert stage.presenter.right < stage.body.x


def test_code_has_its_colours() -> None:
    text = "# A\n```python\ndef f():\n    # why\n    return 'x'\n```\n"
    for theme in (LIGHT, DARK):
        body = cut(draw_slide(scene(text), WIDE, theme), WIDE.body)
        for scope in ("keyword, storage", "string, punctuation.definition.string"):
            colour = bytes.fromhex(CODE_COLOURS[scope][theme.dark][1:])
            assert near(body, tuple(colour), 12).sum() > 20, scope  # type: ignore[arg-type]
    plain = cut(draw_slide(scene(text.replace("python", "")), WIDE, LIGHT), WIDE.body)
    keyword = bytes.fromhex(CODE_COLOURS["keyword, storage"][0][1:])
    assert not near(plain, tuple(keyword), 12).any()  # type: ignore[arg-type]


def test_formulas_are_set_in_the_colour_of_the_text() -> None:
    for theme in (LIGHT, DARK):
        body = cut(draw_slide(scene("# A\n$$\\frac{a}{b} = \\sqrt{2}$$\n"), WIDE, theme), WIDE.body)
        assert near(body, theme.text, 10).sum() > 400


def long_formula(terms: int) -> str:
    return " + ".join(f"x_{{{number}}}" for number in range(terms))


@pytest.mark.parametrize(("aspect", "layout"), [("16:9", "corner"), ("9:16", "corner"), ("1:1", "side")])
@pytest.mark.parametrize(
    "text",
    [
        "# A\n- Here is a formula, ${}$, in a line\n- short\n  - and below it ${}$\n",
        "# A\nNarration: a\n\nSlide:\n\nA sum, ${}$, or so\n",
        "# Sums ${}$\n- a\n",
        "# A\n| name | sum |\n|---|---|\n| a name that goes on and on, for a line or two | ${}$ |\n",
    ],
)
def test_a_formula_in_a_line_stays_in_its_place(text: str, aspect: str, layout: str) -> None:
    stage = plan(aspect, 720, layout)
    room = {"16:9": 12, "9:16": 8, "1:1": 4}[aspect]
    for terms in (room // 2, room):
        picture = draw_slide(scene(text.replace("{}", long_formula(terms))), stage, LIGHT)
        assert stray(picture, stage, LIGHT) == 0
        inside = cut(picture, stage.presenter)[presenter_mask(stage) == 255]
        assert np.ptp(inside, axis=0).max() == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# A\n- ${}$\n", "a formula of this scene is too wide"),
        ("# A\n$${}$$\n", "a formula of this scene is too wide"),
        ("# A\n| a | b |\n|---|---|\n| ${}$ | 1 |\n", "the slide of this scene holds more"),
        ("# ${}$\n- a\n", "the title"),
    ],
)
def test_a_formula_that_would_be_too_small_is_refused(text: str, said: str) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        draw_slide(scene(text.replace("{}", long_formula(90))), WIDE, LIGHT)
    assert caught.value.sentence.startswith(f"Line 1 of the script: {said}")


def test_markup_of_the_typesetter_is_text() -> None:
    # Signs that mean something to Typst, in every kind of text.
    sly = '#panic(1) *a_ $x$ @b <c> [d] \\\\ `e` // f = 1 "g"'
    rows = f"| {sly} |\n|---|\n| {sly} |"
    picture = draw_slide(scene(f"# {sly}\n- {sly}\n\n{rows}\n\n```typ\n{sly}\n```\n"), WIDE, LIGHT)
    assert ink(cut(picture, WIDE.body)).mean() > 0.02


def test_what_is_too_much_is_refused_by_its_line() -> None:
    many = "\n".join(f"- point number {number} of far too many" for number in range(40))
    with pytest.raises(RuntimeProblem) as caught:
        draw_slide(scene(f"\n\n# A\n{many}\n"), WIDE, LIGHT)
    assert caught.value.sentence.startswith("Line 3 of the script: the slide of this scene holds more")
    with pytest.raises(RuntimeProblem) as caught:
        draw_slide(scene(f"# {'long ' * 300}\n- a\n"), WIDE, LIGHT)
    assert caught.value.sentence.startswith("Line 1 of the script: the title")


def test_more_text_means_smaller_type_and_all_of_it_shown() -> None:
    heights = []
    for count in (3, 14):
        points = "\n".join(f"- point {number}" for number in range(count))
        drawn = cut(ink(draw_slide(scene(f"# A\n{points}\n"), WIDE, LIGHT)), Box(64, 110, 5, 460))
        rows = drawn.any(axis=1).astype(int)
        edges = np.flatnonzero(np.diff(rows, prepend=0, append=0)).reshape(
            -1, 2
        )  # of the dots before the points
        assert len(edges) == count
        heights.append(np.median(edges[:, 1] - edges[:, 0]))
    assert heights[1] < heights[0]


@pytest.fixture
def red(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    Image.new("RGB", (300, 200), (200, 20, 20)).save(path)
    return path


def test_pictures_keep_their_shape(red: Path) -> None:
    for text, least in (
        ("# A\n![r](r)\n\nNarration: a\n", 0.5),
        ("# A\n- word\n\n![r](r)\n\nNarration: a\n", 0.2),
    ):
        shown = near(draw_slide(scene(text), WIDE, LIGHT, pictures={"r": red}), (200, 20, 20))
        rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
        assert np.ptp(columns) / np.ptp(rows) == pytest.approx(1.5, abs=0.02)
        assert cut(shown, WIDE.body).mean() > least
    with pytest.raises(RuntimeProblem, match="was not fetched"):
        draw_slide(scene("# A\n![r](r)\n"), WIDE, LIGHT)


def test_a_logo_stands_in_the_upper_corner(red: Path) -> None:
    theme = Theme.checked({"logo": "mark"})
    shown = near(draw_slide(scene("# A\n- a\n"), WIDE, theme, pictures={"mark": red}), (200, 20, 20))
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    assert rows.max() < 100 and columns.max() in (WIDE.title.right - 1, WIDE.title.right - 2)
