import numpy as np
import pytest

from runtime.stages.post_processing import FEATHER, Compositor

CANVAS = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)


def test_everything_outside_the_region_is_the_photo() -> None:
    compositor = Compositor(CANVAS, (30, 20, 110, 100))
    frame = compositor.compose(np.zeros((80, 80, 3), np.uint8))
    outside = np.ones((120, 160), bool)
    outside[20:100, 30:110] = False
    assert np.array_equal(frame[outside], CANVAS[outside])
    inner = slice(20 + FEATHER, 100 - FEATHER), slice(30 + FEATHER, 110 - FEATHER)
    assert frame[inner].max() == 0


def test_an_unmoved_region_gives_the_photo_exactly() -> None:
    frame = Compositor(CANVAS, (30, 20, 110, 100)).compose(CANVAS[20:100, 30:110])
    assert np.array_equal(frame, CANVAS)


def test_edges_fade_without_a_step() -> None:
    grey = np.full((120, 160, 3), 100, np.uint8)
    frame = Compositor(grey, (30, 20, 110, 100)).compose(np.full((80, 80, 3), 200, np.uint8))
    for profile in (frame[60, 25:60, 0], frame[60, 80:115, 0], frame[15:50, 70, 0], frame[75:105, 70, 0]):
        steps = np.abs(np.diff(profile.astype(int)))
        assert 0 < steps.max() <= 100 / FEATHER + 1


def test_picture_edges_are_not_faded() -> None:
    frame = Compositor(CANVAS, (0, 0, 160, 60)).compose(np.zeros((60, 160, 3), np.uint8))
    assert frame[: 60 - FEATHER].max() == 0
    assert np.array_equal(frame[60:], CANVAS[60:])


def test_overlays_draw_on_the_frame_and_not_on_the_photo() -> None:
    def mark(frame: np.ndarray, index: int) -> None:
        frame[0, index] = (255, 0, 255)

    compositor = Compositor(CANVAS, (30, 20, 110, 100), [mark])
    region = CANVAS[20:100, 30:110]
    assert tuple(compositor.compose(region, 3)[0, 3]) == (255, 0, 255)
    assert np.array_equal(compositor.compose(region, 4)[0, 3], CANVAS[0, 3])


def test_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        Compositor(CANVAS, (30, 20, 110, 100)).compose(np.zeros((80, 81, 3), np.uint8))
