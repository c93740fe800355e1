"""Subtitles in the picture, and the fonts for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.contract import RuntimeProblem
from runtime.subtitles import Cue
from runtime.subtitles.drawing import BandDrawer, SubtitleDrawer
from runtime.subtitles.fonts import SHARED, VARIABLE, FontShelf
from tests.subtitles.helper import shelf_or_skip

TEXTS = {
    "en": ("When the sun warms the ocean,", "water rises into the air as vapour"),
    "zh": ("我们使用 PyTorch 在2026年5月", "进行了“模拟”，误差3.5%。"),
    "ja": ("「蒸発」と呼びます。",),
    "ar": ("مرحبا بكم في PyTorch درس اليوم",),
}


def drawn(lines: tuple[str, ...], size: tuple[int, int] = (512, 512), grey: int = 200) -> np.ndarray:
    drawer = SubtitleDrawer([Cue(1.0, 2.0, lines)], size, 25, shelf_or_skip("".join(lines)))
    frame = np.full((size[1], size[0], 3), grey, np.uint8)
    drawer(frame, 25)
    return frame


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("size", [(512, 512), (456, 256), (288, 512)])
def test_letters_stand_in_the_lower_middle(language: str, size: tuple[int, int]) -> None:
    frame = drawn(TEXTS[language], size)
    rows, columns = np.nonzero((frame != 200).any(axis=2))
    assert rows.min() > size[1] / 2
    assert rows.max() <= size[1] - 0.05 * min(size)
    assert abs((columns.min() + columns.max() + 1) / 2 - size[0] / 2) <= 1
    assert columns.min() >= 0.03 * size[0]
    white, black = (frame > 235).all(axis=2).sum(), (frame < 40).all(axis=2).sum()
    assert white > 50
    assert black > 50


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_letters_are_legible_on_any_ground(grey: int) -> None:
    frame = drawn(TEXTS["en"], grey=grey).astype(int)
    letters = (frame > 235).all(axis=2) & (frame.max(axis=2) != grey)
    assert letters.sum() > 100 or grey == 255
    assert frame.min() < 30


def test_different_words_look_different() -> None:
    one, other = drawn(("sun and ocean",)), drawn(("ocean and sun",))
    assert (one != other).any()
    assert (drawn(("أهلا",)) != drawn(("الها",))).any()


@pytest.mark.parametrize("grey", [16, 128, 250])
def test_in_a_place_of_their_own_letters_stand_on_a_dark_plate(grey: int) -> None:
    x0, y0, x1, y1 = band = (64, 580, 1216, 704)
    frame = np.full((720, 1280, 3), grey, np.uint8)
    lines = TEXTS["en"]
    BandDrawer([Cue(1.0, 2.0, lines)], band, 25, shelf_or_skip("".join(lines)))(frame, 25)
    rows, columns = np.nonzero((frame != grey).any(axis=2))
    assert y0 <= rows.min() and rows.max() == y1 - 1
    assert x0 < columns.min() and columns.max() < x1
    plate = frame[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert (plate > 235).all(axis=2).mean() > 0.03
    assert np.median(plate) < 60
    assert tuple(plate[0, 0]) == (grey,) * 3 or grey == 16  # a round corner


def test_nothing_is_drawn_before_and_after() -> None:
    drawer = SubtitleDrawer([Cue(1.0, 2.0, ("Hello",))], (256, 256), 25, shelf_or_skip("Hello"))
    for index, shown in ((0, False), (24, False), (25, True), (49, True), (50, False)):
        frame = np.full((256, 256, 3), 90, np.uint8)
        drawer(frame, index)
        assert (frame != 90).any() == shown, index


def test_one_size_for_the_whole_film() -> None:
    lines = ("A", "A line of forty-two characters, more or less")
    shelf = shelf_or_skip("".join(lines))
    alone = SubtitleDrawer([Cue(0, 1, lines[:1])], (256, 256), 25, shelf)
    beside = SubtitleDrawer([Cue(0, 1, lines[:1]), Cue(1, 2, lines[1:])], (256, 256), 25, shelf)
    frames = np.zeros((2, 256, 256, 3), np.uint8)
    alone(frames[0], 0)
    beside(frames[1], 0)
    heights = [np.ptp(np.nonzero((frame > 200).all(axis=2))[0]) for frame in frames]
    assert heights[1] < heights[0]


def test_signs_without_a_font_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    unwritten = "\U00013000"  # an Egyptian hieroglyph
    with pytest.raises(RuntimeProblem) as caught:
        FontShelf("Hello " + unwritten)
    assert caught.value.code == "subtitle_font_missing"
    assert unwritten in caught.value.sentence
    assert "fonts-noto" in str(caught.value.hint)


def test_symbols_without_a_font_are_left_out() -> None:
    shelf = shelf_or_skip("Hi")
    assert "".join(run.text for run in FontShelf("Hi \U0001faa9!").runs("Hi \U0001faa9!")).startswith("Hi")
    assert [run.text for run in shelf.runs("Hi")] == ["Hi"]


def test_the_operators_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font = shelf_or_skip("Hi").runs("Hi")[0].font
    own = tmp_path / f"own{font.suffix}"
    own.write_bytes(font.read_bytes())
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert FontShelf("Hi").runs("Hi")[0].font == own


def test_fonts_of_slides_serve_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font = shelf_or_skip("Hi").runs("Hi")[0].font
    for name in ("notosans-bold", "notosans-regular"):
        (tmp_path / f"{name}{font.suffix}").write_bytes(font.read_bytes())
    monkeypatch.setenv(SHARED, str(tmp_path))
    assert FontShelf("Hi").runs("Hi")[0].font == tmp_path / f"notosans-regular{font.suffix}"


def test_a_folder_without_fonts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(RuntimeProblem, match="where there is no font"):
        FontShelf("Hi")


def test_a_damaged_font_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf_or_skip("Hi")
    (tmp_path / "broken.ttf").write_bytes(b"\x00\x01\x00\x00 not a font")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert FontShelf("Hi").runs("Hi")[0].font.name != "broken.ttf"
