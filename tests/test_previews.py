"""Previews: the pairs of scales, and clips laid out side by side."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from runtime.contract import RenderOptions, RuntimeProblem
from runtime.media.audio import AudioFile
from runtime.media.video import VideoWriter
from runtime.previews import Caption, tile, variants_of


def test_variants_pair_every_mouth_with_every_head() -> None:
    assert variants_of({"dynamic_scales": "0.8; 1.2", "motion_scales": [0, 1]}) == [
        {"dynamic_scale": 0.8, "motion_scale": 0.0},
        {"dynamic_scale": 0.8, "motion_scale": 1.0},
        {"dynamic_scale": 1.2, "motion_scale": 0.0},
        {"dynamic_scale": 1.2, "motion_scale": 1.0},
    ]
    assert len(variants_of({})) == 6


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"dynamic_scales": "3"}, "dynamic_scale is 3.0, but must be a number from 0.5 to 2"),
        ({"motion_scales": "much"}, "motion_scales is much, but must be numbers"),
        ({"dynamic_scales": [0.5, 0.7, 0.9, 1.1, 1.3], "motion_scales": [0, 1, 2]}, "15 pairs"),
    ],
)
def test_wrong_scales_get_a_sentence(values: dict[str, object], words: str) -> None:
    with pytest.raises(RuntimeProblem, match=words):
        variants_of(values)


def test_clips_stand_side_by_side_with_sound(tmp_path: Path) -> None:
    sound = tmp_path / "tone.wav"
    soundfile.write(sound, 0.3 * np.sin(np.arange(16000) * 0.2).astype(np.float32), 16000)
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30)]
    clips = []
    for number, colour in enumerate(colours):
        clip = tmp_path / f"clip-{number}.mp4"
        with VideoWriter(clip, 64, 96, 25, AudioFile.open(sound)) as film:
            for _ in range(10):
                film.write(np.full((96, 64, 3), colour, np.uint8))
        clips.append(clip)

    assert tile(clips, tmp_path / "sheet.mp4", 2, RenderOptions()) == (128, 192, 10)
    with av.open(str(tmp_path / "sheet.mp4")) as container:
        assert container.streams.audio
        sheet = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    for (row, column), colour in zip([(0, 0), (0, 1), (1, 0), (1, 1)], colours, strict=True):
        found = sheet[row * 96 + 20 : row * 96 + 70, column * 64 + 20 : column * 64 + 50].mean((0, 1))
        assert np.abs(found - colour).max() < 12


def test_caption_writes_into_the_lower_left_corner_only() -> None:
    frame = np.full((256, 256, 3), 128, np.uint8)
    caption = Caption({"dynamic_scale": 0.8, "motion_scale": 1.0})
    caption(frame, 0)
    assert caption.words == "mouth 0.8  head 1"
    assert frame[220:].min() == 0
    assert (frame[:220] == 128).all()
