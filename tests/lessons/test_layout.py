from __future__ import annotations

import itertools

import numpy as np
import pytest

from runtime.contract import RuntimeProblem
from runtime.lessons.layout import Box, Stage, plan, presenter_mask

ASPECTS, LAYOUTS = ("16:9", "9:16", "1:1"), ("corner", "side", "full")
ALL = list(itertools.product(ASPECTS, (720, 1080), LAYOUTS, (True, False)))


def overlap(one: Box, other: Box) -> bool:
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("aspect", "resolution", "layout", "subtitles"), ALL)
def test_nothing_is_covered(
    aspect: str, resolution: int, layout: str, subtitles: bool, mirrored: bool
) -> None:
    stage = plan(aspect, resolution, layout, subtitles)
    if mirrored:
        stage = stage.mirrored()
        assert stage.mirrored() == plan(aspect, resolution, layout, subtitles)
    width, height = stage.size
    assert min(width, height) == resolution
    for box in (stage.title, stage.body, stage.presenter, stage.subtitles):
        assert 0 <= box.x < box.right <= width and 0 <= box.y < box.bottom <= height
        assert box.width % 2 == box.height % 2 == box.x % 2 == box.y % 2 == 0
    assert not overlap(stage.title, stage.body)
    assert not overlap(stage.presenter, stage.title) and not overlap(stage.presenter, stage.body)
    if subtitles:
        assert not overlap(stage.subtitles, stage.title) and not overlap(stage.subtitles, stage.body)
        assert layout == "full" or not overlap(stage.subtitles, stage.presenter)


def test_a_slide_grows_where_no_subtitles_are() -> None:
    for aspect, layout in itertools.product(ASPECTS, LAYOUTS):
        low, high = plan(aspect, 720, layout, subtitles=False), plan(aspect, 720, layout)
        assert low.body.height > high.body.height


def _share(stage: Stage) -> float:
    return float(presenter_mask(stage).mean()) / 255


def test_masks_have_the_shape_of_the_presenter() -> None:
    circle, rounded, bleed = (plan("16:9", 720, layout) for layout in LAYOUTS)
    assert _share(circle) == pytest.approx(np.pi / 4, abs=0.005)
    assert 0.99 < _share(rounded) < 1
    assert _share(bleed) == 1
    assert presenter_mask(rounded).shape == (rounded.presenter.height, rounded.presenter.width)


@pytest.mark.parametrize(
    ("aspect", "resolution", "layout", "said"),
    [
        ("4:3", 720, "corner", "Option aspect is 4:3, but must be one of 16:9, 9:16, 1:1."),
        ("1:1", 480, "corner", "Option resolution is 480, but must be one of 720, 1080."),
        ("1:1", 720, "left", "Option layout is left, but must be one of corner, side, full."),
    ],
)
def test_unknown_plans_are_refused(aspect: str, resolution: int, layout: str, said: str) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        plan(aspect, resolution, layout)
    assert str(caught.value) == said
