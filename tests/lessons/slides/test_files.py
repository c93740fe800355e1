from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime.contract import RuntimeProblem
from runtime.lessons.layout import plan, presenter_mask
from runtime.lessons.slides import Theme, open_deck
from runtime.lessons.slides.files import page_box

LIGHT = Theme.checked({})
COLOURS = ((200, 20, 20), (20, 160, 20))


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "one.png", tmp_path / "two.png"]
    for path, colour in zip(paths, COLOURS, strict=True):
        Image.new("RGB", (320, 180), colour).save(path)
    return paths


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "slides.pdf"
    first, second = (Image.new("RGB", (320, 180), colour) for colour in COLOURS)
    first.save(path, "PDF", save_all=True, append_images=[second])
    return path


@pytest.mark.parametrize("layout", ["corner", "side", "full"])
@pytest.mark.parametrize("kind", ["pictures", "pdf"])
def test_page_and_scene_belong_together(kind: str, layout: str, pictures: list[Path], pdf: Path) -> None:
    deck = open_deck(pictures if kind == "pictures" else [pdf], 2)
    stage = plan("16:9", 720, layout)
    for number, colour in enumerate(COLOURS):
        drawn = deck.draw(number, stage, LIGHT)
        assert drawn.shape == (720, 1280, 3)
        shown = (np.abs(drawn.astype(int) - colour) < 12).all(axis=-1)
        rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
        room = page_box(stage)
        assert np.ptp(columns) / np.ptp(rows) == pytest.approx(16 / 9, abs=0.03)
        assert room.x <= columns.min() and columns.max() < room.right
        assert np.ptp(columns) > room.width - 6 or np.ptp(rows) > room.height - 6
        place = stage.presenter
        window = drawn[place.y : place.bottom, place.x : place.right][presenter_mask(stage) > 0]
        assert (window == LIGHT.background).all()


def test_the_count_must_be_right(pictures: list[Path], pdf: Path) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        open_deck([pdf], 3)
    assert caught.value.sentence == "The PDF has 2 pages for 3 scenes in the script."
    with pytest.raises(RuntimeProblem) as caught:
        open_deck(pictures, 1)
    assert caught.value.sentence == "There are 2 pictures for 1 scene in the script."


def test_what_cannot_be_read_is_refused(pictures: list[Path], pdf: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        open_deck([pdf, *pictures], 3)
    assert caught.value.code == "slides_mixed"
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(pdf.read_bytes()[:60])
    with pytest.raises(RuntimeProblem, match=r"The PDF broken.pdf cannot be read: it is damaged"):
        open_deck([broken], 1)
    text = tmp_path / "notes.txt"
    text.write_text("no slide")
    with pytest.raises(RuntimeProblem, match=r"notes.txt is not a picture"):
        open_deck([text], 1)
