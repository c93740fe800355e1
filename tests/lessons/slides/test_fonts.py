from __future__ import annotations

from pathlib import Path

import pytest
import typst
import ziamath

from runtime.contract import RuntimeProblem
from runtime.lessons.layout import plan
from runtime.lessons.script import parse_lesson
from runtime.lessons.slides import FontBook, Theme, check_fonts, draw_slide, open_fonts
from runtime.lessons.slides.fonts import language_of, right_to_left


@pytest.fixture(scope="module")
def bare() -> FontBook:
    """Only what the typesetter brings along, as on a machine without fonts."""
    return FontBook(typst.Fonts(include_system_fonts=False))


@pytest.mark.parametrize(
    ("text", "name", "package"),
    [
        ("पत्ती", "Devanagari", "fonts-noto-core"),
        ("光", "Chinese characters", "fonts-noto-cjk"),
        ("ひかり", "Japanese", "fonts-noto-cjk"),
        ("ضوء", "Arabic", "fonts-noto-core"),
    ],
)
def test_a_missing_font_is_named_before_anything_is_drawn(
    bare: FontBook, text: str, name: str, package: str
) -> None:
    lesson = parse_lesson(f"# A\nHello.\n\n# B\n- {text}\n\nNarration: x\n")
    with pytest.raises(RuntimeProblem) as caught:
        check_fonts(lesson, bare)
    assert caught.value.code == "font_missing"
    assert caught.value.sentence.startswith(f"There is no font here with {name} ({text[0]} ")
    assert "line 4" in caught.value.sentence
    assert (
        caught.value.hint is not None and package in caught.value.hint and "SONIC_FONTS" in caught.value.hint
    )


def test_what_is_only_spoken_needs_no_font(bare: FontBook) -> None:
    assert check_fonts(parse_lesson("# Leaves\n\n光。\n"), bare) == []


def test_slides_are_drawn_without_any_font_of_the_system(bare: FontBook) -> None:
    lesson = parse_lesson("# Листья, φύλλα, leaves\n- a “word” – and `code`\n")
    assert check_fonts(lesson, bare) == []
    with_fonts = draw_slide(lesson.scenes[0], plan("1:1", 720, "side"), Theme.checked({}), fonts=bare)
    assert (with_fonts < 100).all(axis=-1).mean() > 0.005


def test_emoji_without_a_font_are_left_off_and_named(bare: FontBook) -> None:
    lesson = parse_lesson("# Leaves 🌱\nHello.\n")
    (notice,) = check_fonts(lesson, bare)
    assert notice.sentence == "Line 1 of the script: 🌱 is left off the slide, as no font here has it."
    stage, theme = plan("1:1", 720, "side"), Theme.checked({})
    drawn = draw_slide(lesson.scenes[0], stage, theme, fonts=bare)
    plain = draw_slide(parse_lesson("# Leaves\n").scenes[0], stage, theme, fonts=bare)
    assert (drawn == plain).all()


def test_a_keycap_is_an_emoji(bare: FontBook) -> None:
    lesson = parse_lesson("# Steps\n- 1\ufe0f\u20e3 First\n")
    (notice,) = check_fonts(lesson, bare)
    assert notice.sentence.endswith("\u20e3 is left off the slide, as no font here has it.")


def test_emoji_in_code_are_left_off_too(bare: FontBook) -> None:
    stage, theme = plan("1:1", 720, "side"), Theme.checked({})
    text = "# A\n```\nprint('{}') # so\n```\n"
    drawn, plain = (
        draw_slide(parse_lesson(text.format(sign)).scenes[0], stage, theme, fonts=bare) for sign in ("🌱", "")
    )
    assert (drawn == plain).all()


def test_fonts_are_found_in_the_operators_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    font = next((Path(str(ziamath.__file__)).parent / "fonts").glob("*.ttf"))
    (tmp_path / font.name).symlink_to(font)
    monkeypatch.setenv("SONIC_FONTS", str(tmp_path))
    assert "STIX Two Math" in open_fonts().families
    assert "STIX Two Math" in open_fonts().text_families("en", "STIX Two Math")
    monkeypatch.setenv("SONIC_FONTS", str(tmp_path / "none"))
    with pytest.raises(RuntimeProblem, match="is not there"):
        open_fonts()


def test_a_family_that_is_not_there_is_refused(bare: FontBook) -> None:
    with pytest.raises(RuntimeProblem, match="no font family Comic Neue"):
        bare.text_families("en", "Comic Neue")


@pytest.mark.parametrize(
    ("text", "language", "leftwards"),
    [
        ("Leaves", "en", False),
        ("光合作用 CO2", "zh", False),
        ("光子 = 4800\nprint(光子, end='')", "zh", False),
        ("光のはなし", "ja", False),
        ("Что нужно листу", "ru", False),
        ("ضوء CO2 من الشمس", "ar", True),
        ("אור", "he", True),
        ("1 + 2", "en", False),
    ],
)
def test_scripts_tell_the_language(text: str, language: str, leftwards: bool) -> None:
    assert language_of(text) == language
    assert language_of(text, "fr") == "fr"
    assert right_to_left(text) == leftwards
