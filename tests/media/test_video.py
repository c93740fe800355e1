import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import get_args

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from runtime.contract import Preset, RuntimeProblem
from runtime.media.audio import AudioFile
from runtime.media.video import VideoWriter, encoder_options, nvenc_starts

from .bt709 import COLOURS
from .sounds import tone, write_sound


def _frame(colour: tuple[int, int, int], side: int = 64) -> np.ndarray:
    return np.full((side, side, 3), colour, np.uint8)


def _write(path: Path, frames: int, fps: float = 25, audio: AudioFile | None = None) -> Path:
    with VideoWriter(path, 64, 64, fps, audio) as writer:
        for index in range(frames):
            writer.write(_frame((index % 256, 100, 50)))
    return path


@pytest.mark.parametrize(("rgb", "ycbcr"), COLOURS)
def test_colours_are_converted_and_tagged_as_bt709(
    tmp_path: Path, rgb: tuple[int, int, int], ycbcr: tuple[int, int, int]
) -> None:
    path = tmp_path / "colour.mp4"
    with VideoWriter(path, 64, 64, 25, quality=1) as writer:
        for _ in range(3):
            writer.write(_frame(rgb))
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert context.pix_fmt == "yuv420p"
        assert context.color_range == ColorRange.MPEG
        assert context.colorspace == Colorspace.ITU709
        assert context.color_primaries == ColorPrimaries.BT709
        assert context.color_trc == ColorTrc.BT709
        picture = next(container.decode(video=0)).to_ndarray()
    found = picture[20, 20], picture[64 + 8, 8], picture[64 + 24, 8]
    assert np.abs(np.array(found, int) - ycbcr).max() <= 1


@pytest.mark.parametrize("fps", [12, 23.976, 25, 29.97, 60])
@pytest.mark.parametrize("sound_seconds", [0.5, 3.0])
def test_sound_and_picture_are_equally_long(tmp_path: Path, fps: float, sound_seconds: float) -> None:
    audio = AudioFile.open(write_sound(tmp_path / "tone.wav", tone(sound_seconds, 22_050), 22_050))
    frames = round(2 * fps)
    path = _write(tmp_path / "film.mp4", frames, fps, audio)
    with av.open(str(path)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert video.duration and sound.duration and video.time_base and sound.time_base
        length = float(video.duration * video.time_base)
        assert length == pytest.approx(frames / fps, abs=0.002)
        assert float(sound.duration * sound.time_base) == pytest.approx(length, abs=1 / fps)
        assert video.average_rate is not None and float(video.average_rate) == pytest.approx(fps, abs=0.01)
        times = [frame.time for frame in container.decode(video=0)]
    assert len(times) == frames
    assert np.allclose(np.diff(times), 1 / fps, atol=1e-3)


def test_sound_stays_in_step_with_the_picture(tmp_path: Path) -> None:
    silence = np.zeros(48_000, np.float32)
    samples = np.concatenate([silence, tone(0.2, 48_000), silence])
    audio = AudioFile.open(write_sound(tmp_path / "beep.wav", samples, 48_000))
    path = tmp_path / "film.mp4"
    with VideoWriter(path, 64, 64, 25, audio) as writer:
        for index in range(50):
            writer.write(_frame((255, 255, 255) if index >= 25 else (0, 0, 0)))
    with av.open(str(path)) as container:
        flash = next(frame.time for frame in container.decode(video=0) if frame.to_ndarray()[5, 5] > 100)
    heard = np.concatenate(list(AudioFile.open(path).mono(48_000)))
    beep = np.flatnonzero(np.abs(heard) > 0.1)[0] / 48_000
    assert flash == pytest.approx(1.0)
    assert beep == pytest.approx(1.0, abs=0.01)


def test_index_lies_in_front(tmp_path: Path) -> None:
    data = _write(tmp_path / "film.mp4", 30).read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    target.write_bytes(b"an older film")
    with pytest.raises(KeyboardInterrupt), VideoWriter(target, 64, 64, 25) as writer:
        writer.write(_frame((1, 2, 3)))
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert target.read_bytes() == b"an older film"


def test_missing_folder_and_folder_as_target_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem, match="does not exist") as caught:
        VideoWriter(tmp_path / "absent" / "film.mp4", 64, 64, 25)
    assert caught.value.code == "folder_missing"
    with pytest.raises(RuntimeProblem, match="that is a folder"):
        VideoWriter(tmp_path, 64, 64, 25)


def test_full_disk_gets_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    # A limit on the size of files makes the system refuse the write just as a full disk does.
    program = textwrap.dedent(
        """
        import resource, sys
        import numpy as np
        from runtime.contract import Preset, RuntimeProblem
        from runtime.media.video import VideoWriter, encoder_options, nvenc_starts
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        noise = np.random.default_rng(0)
        try:
            with VideoWriter(sys.argv[1], 256, 256, 25, quality=5) as writer:
                for _ in range(100):
                    writer.write(noise.integers(0, 255, (256, 256, 3), np.uint8))
        except RuntimeProblem as problem:
            print(problem.code)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "film.mp4")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "disk_full"
    assert list(tmp_path.iterdir()) == []


def test_interrupted_process_leaves_nothing(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        import numpy as np
        from runtime.media.video import VideoWriter, encoder_options, nvenc_starts
        with VideoWriter(sys.argv[1], 64, 64, 25) as writer:
            while True:
                writer.write(np.zeros((64, 64, 3), np.uint8))
                print("frame", flush=True)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "film.mp4")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        for _ in range(200):  # the encoder looks ahead before it writes anything
            process.stdout.readline()
            if list(tmp_path.iterdir()):
                break
        assert [path.suffix for path in tmp_path.iterdir()] == [".mp4"]
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert process.returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_a_lid_over_a_dark_iris_takes_its_own_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grain = np.random.default_rng(0).normal(0, 14, (128, 160)).astype(np.float32)
    skin = cv2.GaussianBlur(grain, (0, 0), 1.2)[..., None] + np.array([188, 140, 104], np.float32)
    frames = []
    for colour in ((60, 52, 92), (150, 112, 84)):  # the iris, the lid
        frame = skin.copy()
        cv2.ellipse(frame, (60, 64), (11, 6), 0, 0, 360, colour, -1, cv2.LINE_AA)
        frames += [frame.clip(0, 255).astype(np.uint8)] * 12

    def lid(frame: np.ndarray) -> np.ndarray:
        return cv2.cvtColor(frame[58:70, 50:70], cv2.COLOR_RGB2YCrCb)[..., 1:].mean(axis=(0, 1))

    def error() -> float:
        path = tmp_path / "blink.mp4"
        with VideoWriter(path, 160, 128, 25) as writer:
            for frame in frames:
                writer.write(frame)
        with av.open(str(path)) as container:
            seen = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        return float(np.mean([np.abs(lid(seen[n]) - lid(frames[n])).max() for n in range(13, 20)]))

    ours = error()
    monkeypatch.setattr("runtime.media.video.CHROMA_OFFSET", 0)
    assert ours < 0.85 * error()


def test_what_moves_gets_its_share_of_the_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    still = cv2.GaussianBlur(rng.uniform(60, 200, (160, 160, 3)).astype(np.float32), (0, 0), 1.5)
    mouths = [cv2.GaussianBlur(rng.uniform(0, 255, (40, 56, 3)), (0, 0), 2.0) for _ in range(10)]
    frames = []
    for number in range(50):
        frame = still.copy()
        frame[100:140, 52:108] = mouths[number // 5]
        frames.append(frame.clip(0, 255).astype(np.uint8))

    def error() -> float:
        path = tmp_path / "talk.mp4"
        with VideoWriter(path, 160, 160, 25) as writer:
            for frame in frames:
                writer.write(frame)
        with av.open(str(path)) as container:
            seen = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        mouth = np.s_[100:140, 52:108]
        return float(
            np.mean([(a[mouth].astype(float) - b[mouth]) ** 2 for a, b in zip(seen, frames, strict=True)])
        )

    ours = error()
    monkeypatch.setattr("runtime.media.video.MACROBLOCK_TREE", 1)
    assert ours < 0.85 * error()


def test_both_encoders_take_the_same_quality_and_preset() -> None:
    x264 = encoder_options("libx264", 20, "slow")
    assert (x264["crf"], x264["preset"]) == ("20", "slow")
    nvenc = encoder_options("h264_nvenc", 20, "slow")
    assert (nvenc["rc"], nvenc["cq"], nvenc["preset"]) == ("vbr", "20", "p6")
    for preset in get_args(Preset):
        assert encoder_options("h264_nvenc", 20, preset)["preset"] in {f"p{n}" for n in range(1, 8)}


def test_without_an_encoder_on_the_gpu_the_processor_encodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise av.error.ExternalError(-1, "Cannot load libcuda.so.1")

    nvenc_starts.cache_clear()
    monkeypatch.setattr(av.CodecContext, "create", refuse)
    with VideoWriter(tmp_path / "film.mp4", 64, 64, 25, hardware=True) as writer:
        writer.write(_frame((10, 100, 50)))
    nvenc_starts.cache_clear()
    with av.open(str(tmp_path / "film.mp4")) as film:
        assert film.streams.video[0].frames == 1
