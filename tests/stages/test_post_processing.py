import numpy as np
import pytest

from runtime.stages.post_processing import FEATHER, Backdrop, Compositor

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


def test_a_backdrop_shows_the_presenter_in_its_window_only() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[5:35, 5:55], mask[5:35, 4] = 255, 128
    slide = np.full((120, 160, 3), 40, np.uint8)
    backdrop = Backdrop(slide, (90, 70, 150, 110), mask)
    frame = backdrop.show(np.full((40, 60, 3), 240, np.uint8))
    window = frame[70:110, 90:150]
    assert (window[mask == 255] == 240).all() and (window[mask == 0] == 40).all()
    assert (np.abs(window[mask == 128].astype(int) - 140) <= 1).all()
    window[...] = 40
    assert (frame == 40).all()
    assert (slide == 40).all()


def test_overlays_draw_on_the_whole_frame_of_a_backdrop() -> None:
    def draw(frame: np.ndarray, index: int) -> None:
        frame[0, 0] = index

    backdrop = Backdrop(
        np.zeros((200, 300, 3), np.uint8), (0, 0, 160, 120), np.full((120, 160), 255, np.uint8)
    )
    frame = Compositor(CANVAS, (30, 20, 110, 100), [draw], backdrop).compose(CANVAS[20:100, 30:110], 7)
    assert frame.shape == (200, 300, 3) and frame[0, 0, 0] == 7
    assert np.array_equal(frame[1:120, 1:160], CANVAS[1:, 1:])
