import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from runtime.contract import RenderOptions, RuntimeProblem, VideoResult
from runtime.inference.packs import ModelPack
from runtime.media.image import load_image
from runtime.pipeline import (
    LARGEST_BATCH,
    Stopwatch,
    ahead,
    batch_size,
    engine_for,
    presenter_box,
    render,
)

from .media.sounds import tone, write_sound
from .subtitles.helper import shelf_or_skip

ASSETS = Path(__file__).parents[1] / "_assets"
PORTRAIT, SPEECH = ASSETS / "demo_portrait.jpg", ASSETS / "demo_speech.ogg"
QUICK = {"min_resolution": 256, "fps": 12, "threads": 2}


def test_presenter_box_is_square_inside_the_photo_and_grows_with_expand_ratio() -> None:
    face = (400.0, 300.0, 600.0, 540.0)
    narrow, wide = (presenter_box(face, (1000, 1500), ratio) for ratio in (0.0, 0.4))
    for x0, y0, x1, y1 in (narrow, wide):
        assert x1 - x0 == y1 - y0
        assert 0 <= x0 < face[0] and face[2] < x1 <= 1000
        assert 0 <= y0 < face[1] and face[3] < y1 <= 1500
    assert wide[2] - wide[0] - (narrow[2] - narrow[0]) == pytest.approx(2 * 0.4 * 240, abs=2)
    x0, y0, x1, y1 = presenter_box(
        (0.0, 0.0, 300.0, 300.0), (320, 400), 0.5
    )  # fills the photo: all of its width
    assert (x0, x1) == (0, 320) and y1 - y0 == 320 and 0 <= y0 <= 80


def test_presenter_box_takes_the_shape_of_a_window() -> None:
    face = (400.0, 500.0, 600.0, 740.0)
    for aspect in (0.5, 0.8, 1.6):
        x0, y0, x1, y1 = presenter_box(face, (1000, 1500), 0.1, aspect)
        assert (x1 - x0) / (y1 - y0) == pytest.approx(aspect, rel=0.01)
        assert 0 <= x0 < face[0] and face[2] < x1 <= 1000 and 0 <= y0 < face[1] and face[3] < y1 <= 1500
    x0, y0, x1, y1 = presenter_box(face, (1000, 1500), 0.1, 3.0)  # as wide as the photo is
    assert (x0, x1) == (0, 1000) and y1 - y0 == 333


def test_batches_shrink_with_the_region() -> None:
    for provider, largest in LARGEST_BATCH.items():
        assert batch_size((0, 0, 64, 64), provider) == largest
        assert batch_size((0, 0, 4096, 4096), provider) == 1
    assert 1 < batch_size((0, 0, 1000, 1000), "cpu") < LARGEST_BATCH["cpu"]


def test_films_of_one_process_share_their_engine_as_long_as_they_ask_for_the_same() -> None:
    plain = RenderOptions(**QUICK)
    engine = engine_for(ModelPack.load(), plain)
    assert engine_for(ModelPack.load(), plain.model_copy(update={"seed": 5})) is engine
    photo = load_image(PORTRAIT)
    assert engine.image_encoder.encode(photo) is engine.image_encoder.encode(photo.copy())
    assert engine_for(ModelPack.load(), plain.model_copy(update={"threads": 1})) is not engine


def test_ahead_keeps_the_order_and_works_in_another_thread() -> None:
    names = set()

    def items() -> Iterator[int]:
        for item in range(20):
            names.add(threading.current_thread().name)
            yield item

    assert list(ahead(items())) == list(range(20))
    assert threading.current_thread().name not in names


def test_ahead_hands_faults_on_and_ends_its_thread_when_nobody_takes() -> None:
    made = []

    def items() -> Iterator[int]:
        for item in range(1000):
            made.append(item)
            yield item
            if item == 5:
                raise RuntimeProblem("broken", "It broke.")

    with pytest.raises(RuntimeProblem, match="It broke"):
        list(ahead(items()))
    before = threading.active_count()
    made.clear()
    taker = ahead(iter(range(10**9)), depth=2)
    assert next(taker) == 0
    taker.close()
    assert threading.active_count() == before


def test_stopwatch_adds_up() -> None:
    watch = Stopwatch()
    for _ in range(3):
        with watch("waiting"):
            time.sleep(0.01)
    assert 0.03 <= watch.seconds["waiting"] < 0.5


@pytest.fixture(scope="module")
def film(
    bundled_pack: ModelPack,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[VideoResult, list[np.ndarray], list[tuple[float, str]]]:
    """The demo, small: its result, its frames (RGB) and what was said of its progress."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    told: list[tuple[float, str]] = []
    options = RenderOptions.checked({**QUICK, "duration": 4, "quality": 8})
    result = render(
        PORTRAIT, SPEECH, path, options, progress=lambda fraction, stage: told.append((fraction, stage))
    )
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return result, frames, told


def test_result_tells_what_was_made(
    film: tuple[VideoResult, list[np.ndarray], list[tuple[float, str]]],
) -> None:
    result, frames, told = film
    assert (result.width, result.height, result.fps) == (256, 256, 12)
    assert result.frames == len(frames) and result.duration == pytest.approx(len(frames) / 12)
    assert 2.5 <= result.duration <= 5.5
    assert result.real_time_factor > 0 and result.peak_memory_mb > 50
    assert set(result.provider.split("+")) <= {"openvino", "cpu"} and result.model_pack
    assert {"audio_encoding", "image_encoding", "motion_field", "texture_rendering", "encoding"} <= set(
        result.timings
    )
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1.0)


def test_sound_is_as_long_as_the_picture(
    film: tuple[VideoResult, list[np.ndarray], list[tuple[float, str]]],
) -> None:
    with av.open(film[0].path) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert video.duration and sound.duration and video.time_base and sound.time_base
        assert float(sound.duration * sound.time_base) == pytest.approx(film[0].duration, abs=1 / 12)
        assert video.codec_context.name == "h264" and sound.codec_context.name == "aac"


def test_mouth_moves_and_the_corner_of_the_picture_does_not(
    film: tuple[VideoResult, list[np.ndarray], list[tuple[float, str]]],
) -> None:
    frames = np.stack(film[1]).astype(np.float32)
    moving = np.abs(frames - frames[0]).mean(axis=(0, 3))
    mouth, corner = moving[150:180, 100:156], moving[:30, :30]
    assert mouth.mean() > 4
    assert corner.max() < 3  # what the video encoder adds


def test_first_frame_is_the_photo(
    film: tuple[VideoResult, list[np.ndarray], list[tuple[float, str]]],
) -> None:
    from PIL import Image

    photo = np.asarray(
        Image.fromarray(load_image(PORTRAIT)).resize((256, 256), Image.Resampling.BOX), np.float64
    )
    error = np.mean((film[1][0].astype(np.float64) - photo) ** 2)
    assert 10 * np.log10(255**2 / error) > 36  # after H.264 and 4:2:0


@pytest.mark.usefixtures("bundled_pack")
def test_silence_idles_with_a_warning_and_preview_is_small(tmp_path: Path) -> None:
    silence = write_sound(tmp_path / "silence.wav", tone(5.0, 16_000) * 1e-4, 16_000)
    options = RenderOptions.checked({**QUICK, "min_resolution": 512, "preview_seconds": 2})
    result = render(PORTRAIT, silence, tmp_path / "film.mp4", options)
    assert [notice.code for notice in result.warnings] == ["audio_silent"]
    assert (result.width, result.duration) == (256, 2.0)


@pytest.mark.usefixtures("bundled_pack")
def test_subtitles_beside_the_film_and_in_its_picture(tmp_path: Path) -> None:
    """The script is not what the speech says; it is shown all the same, at times that are a guess."""
    script = "Hello to all who watch."
    shelf_or_skip(script)
    pictures = {}
    for choice in ("both", "off"):
        options = RenderOptions.checked({**QUICK, "duration": 2, "subtitles": choice})
        path = tmp_path / choice / "film.mp4"
        path.parent.mkdir()
        result = render(PORTRAIT, SPEECH, path, options, script=script)
        with av.open(str(path)) as container:
            pictures[choice] = np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])
        names = sorted(file.name for file in path.parent.iterdir())
        assert names == ["film.mp4", *(["film.srt", "film.vtt"] if choice == "both" else [])]
        assert "script_mismatch" in [notice.code for notice in result.warnings]
    shown = (tmp_path / "both/film.srt").read_text().splitlines()[2]
    assert shown.startswith("Hello") and script.startswith(
        shown
    )  # what comes after the film's end is left out
    changed = np.abs(pictures["both"].astype(int) - pictures["off"]).max(axis=(0, 3)) > 60
    rows, columns = np.nonzero(changed)
    assert rows.min() > 190 and rows.max() < 250
    assert abs(columns.min() + columns.max() - 255) < 4


def test_subtitles_without_a_script_are_refused_before_anything_is_done(tmp_path: Path) -> None:
    options = RenderOptions.checked({"subtitles": "burned"})
    with pytest.raises(RuntimeProblem, match="without a script") as caught:
        render(tmp_path / "no portrait", tmp_path / "no sound", tmp_path / "film.mp4", options)
    assert caught.value.code == "script_missing"


@pytest.mark.usefixtures("bundled_pack")
def test_presenter_framing_warns_of_much_room(tmp_path: Path) -> None:
    speech = write_sound(tmp_path / "tone.wav", tone(1.0, 16_000), 16_000)
    options = RenderOptions.checked({**QUICK, "framing": "presenter", "expand_ratio": 0.3})
    result = render(PORTRAIT, speech, tmp_path / "film.mp4", options)
    assert "expand_ratio_high" in [notice.code for notice in result.warnings]


@pytest.mark.usefixtures("bundled_pack")
def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    asked = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 8

    with pytest.raises(RuntimeProblem) as caught:
        render(PORTRAIT, SPEECH, tmp_path / "film.mp4", RenderOptions.checked(QUICK), cancelled=cancelled)
    assert caught.value.code == "cancelled"
    assert list(tmp_path.iterdir()) == []
