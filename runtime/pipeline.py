"""From a portrait and a recording to a film: the five stages in order."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.contract import Notice, RenderOptions, RuntimeProblem, SpokenWord, VideoResult
from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.media.audio import ANALYSIS_RATE, AudioFile
from runtime.media.image import load_image
from runtime.media.labels import Provenance, label_font, visible_label
from runtime.media.video import VideoWriter, check_target
from runtime.memory import peak_memory_mb
from runtime.speech.script import TimedWord
from runtime.stages.articulation import ArticulationTrack
from runtime.stages.audio_encoding import AudioEncoder
from runtime.stages.image_encoding import ImageEncoder, Portrait
from runtime.stages.motion_field import FaceMotion, MotionField
from runtime.stages.performance import MotionTrack, check_length, film_seconds, perform
from runtime.stages.post_processing import Backdrop, Box, Compositor, Overlay
from runtime.stages.texture_rendering import FaceTexture, TextureRenderer
from runtime.subtitles.film import FilmSubtitles
from runtime.subtitles.guessing import spread_words

log = logging.getLogger(__name__)

Image = NDArray[np.uint8]
Progress = Callable[[float, str], None]  # how much is done (0..1), and the name of the stage

PREVIEW_SIDE = 256
LONGEST_SIDE = 4096  # what H.264 decoders in browsers and phones take
NOISY_EXPANSION = 0.2  # more room than this brings the background into the crop
ABOVE_HEAD = 0.3  # share of a tall box's extra height that lies above the head
SILENCE = -55.0  # dBFS; a recording without one louder moment holds no speech
BATCH_PIXELS = 2_500_000  # of regions in work at a time: the memory of a batch does not depend on their size
# Frames that go through the networks together. Processors gain nothing from more than a few, which only cost memory.
LARGEST_BATCH = {"tensorrt": 16, "cuda": 16, "openvino": 4, "cpu": 4}


def render(
    portrait_path: str | Path,
    audio_path: str | Path,
    out_path: str | Path,
    options: RenderOptions | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    overlays: Iterable[Overlay] = (),
    pack: ModelPack | None = None,
    provenance: Provenance | None = None,
    backdrop: Backdrop | None = None,
    with_sound: bool = True,
    script: str | None = None,
    language: str | None = None,
    guessed: Sequence[TimedWord] = (),
) -> VideoResult:
    """Render a talking portrait to an MP4 file, marked as generated (`provenance`: by whom, under which number).

    The lips follow `script`, the words that are spoken, wherever the sound bears them out; its `language` is found
    out when not given. Subtitles are made of it, as the option says; where no word is found in the sound, the times
    are those `guessed`, or guessed here.
    With a `backdrop` the film shows that, the presenter (framed, whatever `framing` says) in its window. Without
    sound (`with_sound`) the film is a part of a longer one, whose sound is laid under it as a whole.
    `progress` is told how far the work is; `cancelled` is asked now and then and ends it with a `RuntimeProblem`
    of code "cancelled". Whatever goes wrong, no partial film is left at `out_path`.
    """
    options = options or RenderOptions()
    out_path = Path(out_path)
    check_target(out_path, (Path(portrait_path), Path(audio_path)))
    started = time.perf_counter()
    watch = Stopwatch()
    tell = _Teller(progress, cancelled)
    label = visible_label(options.label, label_font())
    subtitles = FilmSubtitles(options.subtitles, script, language)
    pack = pack or ModelPack.load()
    engine = engine_for(pack, options)
    sessions = engine.sessions

    # The portrait first: what is wrong with it is found in a second, before a long recording is listened to.
    audio = AudioFile.open(audio_path, options.max_audio_minutes)
    check_length(options)
    with watch("image_encoding"):
        tell(0.0, "image encoding")
        photo = engine.image_encoder.encode(load_image(portrait_path))
        if backdrop is None:
            portrait, notices = frame_portrait(photo, options)
        else:
            portrait, notices = fit_portrait(photo, backdrop.size, options.expand_ratio), []
    with watch("audio_encoding"):
        heard = listen(audio, sessions, tell, script, language)
    notices = [*_findings(photo), *notices, *heard.notices]
    with watch("performance"):
        seconds, more = film_seconds(heard.track, heard.seconds, options)
        notices += more
        # Lips that follow a script are in time by construction; an estimate could only harm.
        in_time = {"lip_alignment": False} if any(word.trusted for word in heard.words) else {}
        motion = perform(heard.track, seconds, options.model_copy(update=in_time))
    words = heard.words
    if not any(word.trusted for word in words):
        words = tuple(guessed) or words or guess_words(script or "", heard.track)
    notices += subtitles.time(words, seconds)

    with watch("binding"):
        face = MotionField(sessions, pack).bind(portrait)
        texture = TextureRenderer(sessions).bind(portrait, face)
        width, height = backdrop.frame_size if backdrop is not None else portrait.image.shape[1::-1]
        band = backdrop.subtitles if backdrop is not None else None
        letters = subtitles.drawer((width, height), options.fps, label is not None, band)
        drawn: list[Overlay] = [*overlays, *(overlay for overlay in (letters, label) if overlay)]
        compositor = Compositor(portrait.image, face.region, drawn, backdrop)
    batch = batch_size(face.region, sessions.providers[0])
    sound_end = seconds if seconds < heard.seconds else None
    with (
        VideoWriter(
            out_path,
            width,
            height,
            options.fps,
            audio if with_sound else None,
            options.quality,
            options.preset,
            hardware=sessions.providers[0] in ("tensorrt", "cuda"),
            sound_end=sound_end,
            provenance=provenance,
        ) as film,
        closing(ahead(draw_regions(motion, face, texture, watch, batch))) as batches,
    ):
        for index, region in enumerate(region for batch in batches for region in batch):
            with watch("compositing"):
                frame = compositor.compose(region, index)
            with watch("encoding"):
                film.write(frame)
            tell(0.05 + 0.95 * (index + 1) / len(motion), "rendering")
    took = time.perf_counter() - started
    film_length = len(motion) / options.fps
    log.info("%.1f s of film in %.1f s", film_length, took)
    return VideoResult(
        path=str(out_path),
        duration=film_length,
        frames=len(motion),
        fps=options.fps,
        width=width,
        height=height,
        warnings=notices,
        timings=watch.seconds,
        real_time_factor=took / film_length,
        peak_memory_mb=peak_memory_mb(),
        provider="+".join(sessions.providers),
        model_pack=pack.label,
        words=spoken_words(words, seconds),
        subtitles=subtitles.write(out_path),
    )


@dataclass(frozen=True)
class Engine:
    """A pack's networks, opened, and the portraits they have looked at; the films of one process share them."""

    sessions: Sessions
    image_encoder: ImageEncoder


def engine_for(pack: ModelPack, options: RenderOptions) -> Engine:
    """The engine for a pack and what the options say of its networks; the one used last is kept."""
    key = (pack.folder, repr(pack.graphs), options.provider, options.threads, options.int8)
    with _engine_lock:
        if key not in _engines:
            _engines.clear()
            sessions = Sessions(pack, options.provider, options.threads, options.int8)
            _engines[key] = Engine(sessions, ImageEncoder(sessions))
        return _engines[key]


_engines: dict[tuple[Any, ...], Engine] = {}
_engine_lock = threading.Lock()


@dataclass(frozen=True)
class Heard:
    """What stage 1 makes of a recording; `seconds` is its length as decoded, `words` are its script's."""

    track: ArticulationTrack
    seconds: float
    notices: list[Notice]
    words: tuple[TimedWord, ...] = ()


def listen(
    audio: AudioFile,
    sessions: Sessions,
    tell: _Teller | None = None,
    script: str | None = None,
    language: str | None = None,
) -> Heard:
    """Stage 1: decode and encode a recording block by block, and find its script in it."""
    meter = _LevelMeter()
    length = audio.stated_duration or audio.max_seconds

    def blocks() -> Iterator[NDArray[np.float32]]:
        for block in audio.mono():
            if tell:
                tell(0.01 + 0.03 * min(1.0, meter.samples / ANALYSIS_RATE / length), "audio encoding")
            meter.hear(block)
            yield block

    script = script if script and script.strip() else None
    hearing = AudioEncoder(sessions).hear(blocks(), keep_logits=script is not None)
    track = hearing.track()
    seconds = meter.samples / ANALYSIS_RATE
    if meter.loudest < SILENCE or track.voice.max(initial=0.0) < 0.5:
        track = _mute(track)
        sentence = f"No speech was found in {audio.path.name}; the presenter idles."
        return Heard(track, seconds, [Notice(code="audio_silent", sentence=sentence)])
    if script is None:
        return Heard(track, seconds, [])
    from runtime.stages.script_following import follow_script  # many languages' rules, which few films need

    followed = follow_script(hearing, script, language)
    return Heard(followed.track, seconds, followed.notices, followed.words)


def spoken_words(words: Sequence[TimedWord], until: float) -> list[SpokenWord]:
    """The words that begin in a film of `until` seconds, for its result."""
    return [
        SpokenWord(
            text=word.text,
            start=round(word.start, 3),
            end=round(min(word.end, until), 3),
            trusted=word.trusted,
            start_char=word.start_char,
            end_char=word.end_char,
        )
        for word in words
        if word.start < until
    ]


def guess_words(script: str, track: ArticulationTrack) -> tuple[TimedWord, ...]:
    """The words of a script that nothing is known about, spread over the time in which there is a voice."""
    voiced = np.flatnonzero(track.voice > 0.5) / track.fps
    return tuple(spread_words(script, float(voiced[0]), float(voiced[-1]))) if len(voiced) else ()


def frame_portrait(photo: Portrait, options: RenderOptions) -> tuple[Portrait, list[Notice]]:
    """Lay the photo onto the film's canvas, once: everything after happens at the film's own resolution."""
    height, width = photo.image.shape[:2]
    notices = []
    x0, y0, x1, y1 = 0, 0, width, height
    if options.framing == "presenter":
        x0, y0, x1, y1 = presenter_box(photo.box, (width, height), options.expand_ratio)
        if options.expand_ratio > NOISY_EXPANSION:
            room = f"expand_ratio is {options.expand_ratio:g}"
            sentence = f"{room}; above {NOISY_EXPANSION} the background comes into the crop."
            notices.append(Notice(code="expand_ratio_high", sentence=sentence))
    short = options.min_resolution
    if options.preview_seconds is not None:
        short = min(short, PREVIEW_SIDE)
    wide, high = x1 - x0, y1 - y0
    scale = short / min(wide, high)
    if scale * max(wide, high) > LONGEST_SIDE:
        scale = LONGEST_SIDE / max(wide, high)
        sentence = f"The picture is so long that its long side was limited to {LONGEST_SIDE} pixels."
        notices.append(Notice(code="resolution_limited", sentence=sentence))
    return _resized(photo, (x0, y0, x1, y1), (_even(wide * scale), _even(high * scale))), notices


def fit_portrait(photo: Portrait, size: tuple[int, int], expand_ratio: float) -> Portrait:
    """The presenter cut out of the photo for a window of `size` (width, height) pixels."""
    height, width = photo.image.shape[:2]
    return _resized(photo, presenter_box(photo.box, (width, height), expand_ratio, size[0] / size[1]), size)


def _resized(photo: Portrait, cut: Box, size: tuple[int, int]) -> Portrait:
    x0, y0, x1, y1 = cut
    sx, sy = size[0] / (x1 - x0), size[1] / (y1 - y0)
    way = cv2.INTER_AREA if min(sx, sy) < 1 else cv2.INTER_CUBIC
    canvas = cv2.resize(photo.image[y0:y1, x0:x1], size, interpolation=way)
    # Pixel centres are whole numbers: (x + 0.5) * s - 0.5 keeps the picture's edges on its edges.
    matrix = np.array([[sx, 0, (0.5 - x0) * sx - 0.5], [0, sy, (0.5 - y0) * sy - 0.5]])
    return photo.moved(matrix, np.asarray(canvas, np.uint8))


def presenter_box(
    face: tuple[float, float, float, float], size: tuple[int, int], expand_ratio: float, aspect: float = 1.0
) -> Box:
    """The part of the photo (x0, y0, x1, y1) that shows the presenter: head and collar, with room to turn.

    `face` is the face box, `size` (width, height) of the photo. The box is first grown to the whole head (hair,
    ears, neck), then by `expand_ratio` of the face's longer side all round, to `aspect` (width over height; what a
    tall one gains goes mostly below the head), and moved into the photo.
    """
    x0, y0, x1, y1 = face
    side = max(x1 - x0, y1 - y0)
    head = (x0 - 0.25 * side, y0 - 0.35 * side, x1 + 0.25 * side, y1 + 0.45 * side)
    room = expand_ratio * side
    centre_x, centre_y = (head[0] + head[2]) / 2, (head[1] + head[3]) / 2
    edge = max(head[2] - head[0], head[3] - head[1]) + 2 * room
    # The largest part of the photo that has this shape may be smaller.
    width = min(edge * max(1.0, aspect), size[0], size[1] * aspect)
    height = width / aspect
    left = min(max(centre_x - width / 2, 0), size[0] - width)
    low = ABOVE_HEAD * max(0.0, height - edge)
    top = min(max(centre_y - min(edge, height) / 2 - low, 0), size[1] - height)
    return int(left), int(top), int(left) + int(width), int(top) + int(height)


def draw_regions(
    motion: MotionTrack, face: FaceMotion, texture: FaceTexture, watch: Stopwatch, batch: int | None = None
) -> Iterator[list[Image]]:
    """Stages 3 and 4: the moving region of every frame, in batches (see `batch_size`)."""
    batch = batch or batch_size(face.region)
    for start in range(0, len(motion), batch):
        rows = motion.rows(start, start + batch)
        with watch("motion_field"):
            meshes = face.frames(rows.expression, rows.closure, rows.head, rows.amount, rows.brows)
        with watch("texture_rendering"):
            pictures = texture.render(meshes)
        yield pictures


def batch_size(region: Box, provider: str = "cpu") -> int:
    """How many frames go through the networks together: as many as help and as memory allows."""
    x0, y0, x1, y1 = region
    return int(np.clip(BATCH_PIXELS // max(1, (x1 - x0) * (y1 - y0)), 1, LARGEST_BATCH[provider]))


def ahead[T](items: Iterable[T], depth: int = 1) -> Generator[T]:
    """Run an iterator in a thread of its own, up to `depth` items ahead of who takes them.

    What it raises is raised here; when the taker stops, the thread ends with the item it is at.
    """
    ready: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(entry: tuple[bool, T | BaseException | None]) -> bool:
        while not stop.is_set():
            try:
                ready.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((True, item)):
                    return
            put((False, None))
        except BaseException as fault:  # handed to the taker, whatever it is
            put((False, fault))

    worker = threading.Thread(target=work, name="stages-3-and-4", daemon=True)
    worker.start()
    try:
        while True:
            more, item = ready.get()
            if more:
                yield item  # type: ignore[misc]
            elif isinstance(item, BaseException):
                raise item
            else:
                return
    finally:
        stop.set()
        worker.join()


class Stopwatch:
    """Sums the seconds spent in named stretches of work, from any thread."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - started
            with self._lock:
                self.seconds[name] = self.seconds.get(name, 0.0) + took


class _Teller:
    """Passes progress on, and stops the work when it is no longer wanted."""

    def __init__(self, progress: Progress | None, cancelled: Callable[[], bool] | None) -> None:
        self._progress = progress
        self._cancelled = cancelled

    def __call__(self, fraction: float, stage: str) -> None:
        if self._cancelled is not None and self._cancelled():
            raise RuntimeProblem("cancelled", "The rendering was cancelled.")
        if self._progress is not None:
            self._progress(fraction, stage)


class _LevelMeter:
    """Counts samples and keeps the loudest twentieth of a second, in dBFS."""

    WINDOW = ANALYSIS_RATE // 20

    def __init__(self) -> None:
        self.samples = 0
        self.loudest = -120.0

    def hear(self, block: NDArray[np.float32]) -> None:
        self.samples += len(block)
        whole = len(block) // self.WINDOW * self.WINDOW
        windows = block[:whole].reshape(-1, self.WINDOW) if whole else block[None]
        power = float(np.mean(windows.astype(np.float64) ** 2, axis=1).max(initial=0.0))
        self.loudest = max(self.loudest, 10 * np.log10(power + 1e-12))


def _mute(track: ArticulationTrack) -> ArticulationTrack:
    quiet = np.zeros(len(track), np.float32)
    return ArticulationTrack(track.fps, np.zeros_like(track.expression), quiet + 1, quiet, quiet - 80)


def _findings(photo: Portrait) -> list[Notice]:
    return [
        Notice(code=finding.code, sentence=finding.sentence)
        for finding in photo.findings
        if finding.severity == "warning"
    ]


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))
