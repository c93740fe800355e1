import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from runtime.contract import RuntimeProblem
from runtime.media.labels import Provenance
from runtime.media.splicing import Chapter, Piece, splice
from runtime.media.video import VideoWriter

from .sounds import tone, write_sound
from .xmp import read_xmp

RATE = 48_000


def piece(folder: Path, number: int, frames: int, fps: float = 25.0, size: int = 64, click: int = 0) -> Piece:
    """A film whose grey tells its number and whose white frame `click` sounds like one."""
    film = folder / f"{number}.mp4"
    with VideoWriter(film, size, size, fps, quality=12, threads=1) as writer:
        for index in range(frames):
            shade = 250 if index == click else 30 + 8 * number
            writer.write(np.full((size, size, 3), shade, np.uint8))
    sound = 0.02 * tone(frames / fps, RATE)
    start = round(click / fps * RATE)
    sound[start : start + RATE // 100] = 0.8
    return Piece(film, frames, write_sound(folder / f"{number}.wav", sound, RATE))


def shown(path: Path) -> list[tuple[float, float]]:
    """Time (s) and mean grey of each frame."""
    with av.open(str(path)) as container:
        return [
            (float(frame.pts * frame.time_base), float(frame.to_ndarray(format="gray").mean()))
            for frame in container.decode(video=0)
            if frame.pts is not None and frame.time_base is not None
        ]


def heard(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        first, parts = None, []
        for frame in container.decode(audio=0):
            assert frame.pts is not None and frame.time_base is not None
            first = first if first is not None else float(frame.pts * frame.time_base)
            parts.append(frame.to_ndarray()[0])
    samples = np.concatenate(parts)
    return samples[round(-min(first or 0.0, 0.0) * RATE) :]


@pytest.mark.parametrize("fps", [25.0, 29.97, 12.5])
def test_picture_and_sound_stay_together_over_twenty_pieces(tmp_path: Path, fps: float) -> None:
    pieces = [piece(tmp_path, n, 9 + n % 4, fps, click=3 + n % 5) for n in range(20)]
    splice(pieces, tmp_path / "film.mp4", fps)
    frames = shown(tmp_path / "film.mp4")
    assert len(frames) == sum(one.frames for one in pieces)
    times = np.array([time for time, _ in frames])
    assert np.allclose(np.diff(times), 1 / float(Fraction(fps).limit_denominator(1001)), atol=1e-4)
    flashes = times[[grey > 200 for _, grey in frames]]
    loud = np.flatnonzero(np.abs(heard(tmp_path / "film.mp4")) > 0.4) / RATE
    clicks = loud[np.concatenate([[True], np.diff(loud) > 0.1])]
    assert len(flashes) == len(clicks) == 20
    assert np.abs(flashes - clicks).max() < 0.5 / fps


def test_nothing_clicks_where_two_pieces_meet(tmp_path: Path) -> None:
    """One tone cut in two sounds as if it had never been cut."""
    whole = 0.5 * tone(2.0, RATE)
    pieces = []
    for number, part in enumerate(np.split(whole, 2)):
        made = piece(tmp_path, number, 25)
        pieces.append(Piece(made.film, 25, write_sound(made.sound, part, RATE)))
    splice(pieces, tmp_path / "film.mp4", 25.0)
    sound = heard(tmp_path / "film.mp4")
    joint, elsewhere = sound[RATE - 500 : RATE + 500], sound[RATE // 2 : RATE // 2 + 20_000]
    assert np.abs(np.diff(joint, 2)).max() < 1.5 * np.abs(np.diff(elsewhere, 2)).max()


def test_chapters_title_and_marks(tmp_path: Path) -> None:
    chapters = [Chapter("Start", 0.0, 0.4), Chapter("第二章", 0.4, 0.8)]
    origin = Provenance("Somebody", "number-7")
    splice([piece(tmp_path, n, 10) for n in range(2)], tmp_path / "film.mp4", 25.0, chapters, "Light", origin)
    with av.open(str(tmp_path / "film.mp4")) as container:
        found = [(one["metadata"]["title"], one["start"] * one["time_base"]) for one in container.chapters()]
        assert [(title, float(start)) for title, start in found] == [("Start", 0.0), ("第二章", 0.4)]
        assert container.metadata["title"] == "Light"
        assert json.loads(container.metadata["AIGC"])["ProduceID"] == "number-7"
    assert "number-7" in read_xmp(tmp_path / "film.mp4")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".mp4", ".mp4", ".mp4", ".wav", ".wav"]


def test_films_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem, match="encoded differently"):
        splice([piece(tmp_path, 0, 5), piece(tmp_path, 1, 5, size=96)], tmp_path / "film.mp4", 25.0)
    assert not (tmp_path / "film.mp4").exists() and not list(tmp_path.glob(".*"))
