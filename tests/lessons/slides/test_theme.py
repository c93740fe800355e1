from __future__ import annotations

import plistlib

import pytest

from runtime.contract import RuntimeProblem
from runtime.lessons.slides.theme import CODE_COLOURS, COLOURS, LEAST_CONTRAST, Theme, contrast


@pytest.mark.parametrize("name", list(COLOURS))
def test_all_that_is_read_stands_out(name: str) -> None:
    theme = Theme.checked({"theme": name})
    assert contrast(theme.background, theme.text) > 12
    assert contrast(theme.background, theme.accent) >= LEAST_CONTRAST
    assert contrast(theme.background, theme.shade(0.65)) >= LEAST_CONTRAST  # the number of the slide
    for pair in CODE_COLOURS.values():
        red, green, blue = bytes.fromhex(pair[theme.dark][1:])
        assert contrast(theme.shade(0.05), (red, green, blue)) >= LEAST_CONTRAST


def test_colours_can_be_overridden() -> None:
    theme = Theme.checked({"theme": "Dark", "accent": "#0a0", "logo": "mark.png", "background": None})
    assert theme.accent == (0, 170, 0) and theme.dark and theme.logo == "mark.png"
    assert Theme.checked({"background": "102030"}).dark
    assert not Theme.checked({"background": "#ffeecc"}).dark


def test_contrast_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def test_the_code_theme_is_a_property_list() -> None:
    told = plistlib.loads(Theme.checked({}).code_theme.encode())
    assert len(told["settings"]) == len(CODE_COLOURS) + 1


@pytest.mark.parametrize(
    ("look", "said"),
    [
        ({"theme": "sepia"}, "Option theme is sepia, but must be light or dark."),
        ({"accent": "blue"}, "Option accent is blue, but must be a colour such as #2f5fd7."),
        ({"colour": "#fff"}, "Slides have no option colour"),
        ({"background": "#888888", "text": "#777777"}, "Text in #777777 can hardly be read on #888888"),
    ],
)
def test_what_is_refused(look: dict[str, str], said: str) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        Theme.checked(look)
    assert caught.value.sentence.startswith(said)
