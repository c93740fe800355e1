"""Trainings that stop and go on: their checkpoints, and the folders of rendered heads they learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="training needs requirements-train.txt")

from training.heads.collection import GROUP, HeadCollection  # noqa: E402
from training.runs import AveragedRun  # noqa: E402


def _run(work: Path) -> AveragedRun[Any]:
    torch.manual_seed(0)
    return AveragedRun(torch.nn.Conv2d(3, 2, 1), work, peak_rate=0.1, warm_up=1, memory=0.9)


def _descend(run: AveragedRun[Any], steps: int) -> list[float]:
    images = torch.ones(1, 3, 4, 4)
    return [run.advance((run.network(images) - 1).abs().mean(), 40) for _ in range(steps)]


def test_a_run_descends_and_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    through = _run(tmp_path / "through")
    _descend(through, 30)
    first = _run(tmp_path / "stopped")
    losses = _descend(first, 20)
    first.save()
    second = _run(tmp_path / "stopped")
    assert second.step == 20
    losses += _descend(second, 10)
    assert losses[-1] < 0.2 * losses[0]
    assert torch.allclose(second.network.weight, through.network.weight)
    assert torch.allclose(second.average.weight, through.average.weight)
    assert not torch.allclose(second.average.weight, second.network.weight)


def test_learning_measures_now_and_then_and_ends_with_a_checkpoint(tmp_path: Path) -> None:
    images = torch.ones(1, 3, 4, 4)
    measured: list[int] = []

    def learn(run: AveragedRun[Any], minutes: float) -> None:
        def loss() -> Any:
            return (run.network(images) - 1).abs().mean()

        run.learn(loss, 25, minutes, batch=1, every=10, measure=lambda: measured.append(run.step))

    learn(_run(tmp_path), minutes=0.0)
    assert _run(tmp_path).step == 0, "no time, no step"
    learn(_run(tmp_path), minutes=1.0)
    assert measured == [10, 20]
    assert _run(tmp_path).step == 25


def test_a_collection_is_filled_from_where_it_stopped(tmp_path: Path) -> None:
    asked: list[int] = []

    def render(_: object, seed: int, group: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        asked.append(group)
        if group == 17 and len(asked) < 20:
            raise KeyboardInterrupt
        return np.full((GROUP, 2, 2, 3), group, np.uint8), np.full((GROUP, 116, 2), seed, np.float32)

    collection = HeadCollection.open(tmp_path, (20 * GROUP, 2, 2, 3))
    with pytest.raises(KeyboardInterrupt):
        collection.fill(None, render, 5)  # type: ignore[arg-type]
    assert collection.done == 16 * GROUP
    asked.extend([0, 0])
    HeadCollection.open(tmp_path, (20 * GROUP, 2, 2, 3)).fill(None, render, 5)  # type: ignore[arg-type]
    assert asked[20:] == [16, 17, 18, 19]
    loaded = HeadCollection.load(tmp_path)
    assert (loaded.images[:, 0, 0, 0] == np.repeat(np.arange(20), GROUP)).all()
    assert (loaded.landmarks == 5).all()
