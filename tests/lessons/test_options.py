import pytest

from runtime.contract import RuntimeProblem
from runtime.lessons.options import LessonOptions, split_options


def test_one_set_of_values_holds_both_kinds_of_options() -> None:
    lesson, render = split_options({"layout": "side", "resolution": "1080", "fps": "30", "accent": None})
    assert (lesson.layout, lesson.resolution, lesson.aspect, render.fps) == ("side", 1080, "16:9", 30)
    assert render.subtitles == "sidecar"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"layout": "middle"}, "Option layout is middle, but must be one of corner, side, full"),
        ({"resolution": "480"}, "Option resolution is 480, but must be one of 720, 1080"),
        ({"duration": 3}, "A lesson has no option duration"),
        ({"speed": 3}, "There is no option speed"),
        ({"fps": 300}, "Option fps is 300, but must be a number from 12 to 60"),
    ],
)
def test_wrong_values_get_one_sentence(values: dict[str, object], words: str) -> None:
    with pytest.raises(RuntimeProblem, match=words):
        split_options(values)


def test_what_is_chosen_goes_before_what_the_script_says() -> None:
    options = LessonOptions.checked({"theme": "dark"})
    assert options.look({"theme": "light", "logo": "a.png"}) == {"theme": "dark", "logo": "a.png"}
