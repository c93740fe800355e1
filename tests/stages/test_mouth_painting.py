"""What the mouth's painter is shown of a frame, with doubles in the graphs' places."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.stages.motion_field import MOUTH_SPAN
from runtime.stages.mouth_painting import GRID, LIPS, LOWER_GRID, MASK, PHOTO, ROWS, MouthGraphs, coordinates

SIZE = 32
JAW = np.array([0.0, 0.15], np.float32)
Arrays = dict[str, NDArray[np.float32]]


class Double:
    """Answers by a function, and keeps what it was given."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.seen = answer, []  # type: ignore[var-annotated]

    def run(self, inputs: Arrays) -> Arrays:
        self.seen.append({name: value.copy() for name, value in inputs.items()})
        return dict(self.answer(inputs))


@pytest.fixture
def graphs() -> MouthGraphs:
    """Colours are doubled on the way in and tripled on the way out; the lower row of teeth lies two pixels lower."""
    still = np.eye(2, 3, dtype=np.float32)
    lower = still.copy()
    lower[1, 2] = -2
    atlases = np.zeros((2, SIZE, SIZE, 4), np.float32)
    atlases[:, 10] = [1, 2, 3, 4]
    return MouthGraphs(
        Double(
            lambda given: {
                "photo": given["source"] / 2,
                "code": np.ones((1, 51), np.float32),
                "gain_in": np.full((1, 3), 2, np.float32),
                "gain_out": np.full((1, 3), 3, np.float32),
            }
        ),
        Double(
            lambda given: {
                "rows": np.repeat(np.stack([still, lower])[None], len(given["drive"]), axis=0),
                "told_fine": np.zeros((len(given["drive"]), 48), np.float32),
                "told_coarse": np.zeros((len(given["drive"]), 96), np.float32),
            }
        ),
        Double(lambda given: {"painted": np.full((len(given["near"]), 5, SIZE, SIZE), 0.2, np.float32)}),
        atlases,
    )


def frame(level: float) -> SimpleNamespace:
    """A crop of one brightness with an open mouth in its middle rows, the jaw down."""
    crop = np.full((4, SIZE, SIZE), level, np.float32)
    crop[3] = 0
    crop[3, 12:20] = 1
    return SimpleNamespace(frame=crop, drive=np.concatenate([np.zeros(28, np.float32), JAW]))


def test_painter_sees_lips_photo_places_and_teeth(graphs: MouthGraphs) -> None:
    source = np.random.default_rng(0).uniform(0, 1, (4, SIZE, SIZE)).astype(np.float32)
    painted = graphs.bind(source)([frame(0.3), frame(0.4)])
    near = graphs.paint.seen[0]["near"]  # type: ignore[attr-defined]
    assert near.shape == (2, 20, SIZE, SIZE)
    assert np.allclose(near[0, LIPS, :12], 0.6) and np.allclose(near[1, LIPS, 20:], 0.8)
    assert near[:, LIPS, 12:20].max() == 0 and near[:, MASK, 12:20].min() == 1
    assert np.allclose(near[1, PHOTO], source / 2)
    assert np.allclose(near[0, GRID], coordinates(SIZE))
    assert np.allclose(near[0, GRID] - near[0, LOWER_GRID], JAW[:, None, None] * 2 / MOUTH_SPAN, atol=1e-6)
    for row, at in zip(ROWS, (10, 12), strict=True):
        assert np.allclose(near[0, row, at, 4], [1, 2, 3, 4]) and near[0, row, [5, 20]].max() == 0
    assert np.allclose(painted[:, :3], 0.6) and np.allclose(painted[:, 3:], 0.2)


def test_photo_is_looked_at_once_and_nothing_is_left_over(graphs: MouthGraphs) -> None:
    painter = graphs.bind(np.zeros((4, SIZE, SIZE), np.float32))
    painter([frame(0.3), frame(0.4)])
    painter([frame(0.5)])
    assert len(graphs.source.seen) == 1  # type: ignore[attr-defined]
    last = graphs.paint.seen[-1]["near"]  # type: ignore[attr-defined]
    assert last.shape[0] == 1 and np.allclose(last[0, LIPS, 0], 1.0)
