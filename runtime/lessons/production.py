"""From a script, a voice and a portrait to a finished lesson."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from pathlib import Path

from runtime.contract import (
    LessonChapter,
    LessonResult,
    LessonScene,
    Notice,
    RenderOptions,
    RuntimeProblem,
    Subtitles,
    VideoResult,
)
from runtime.jobs.identity import pack_identity
from runtime.lessons.captions import scene_cues, shifted
from runtime.lessons.layout import Stage, presenter_mask
from runtime.lessons.options import LessonOptions
from runtime.lessons.rendering import render_scenes
from runtime.lessons.scenes import Digest, SceneFolder, SceneTask, scene_key
from runtime.lessons.script import Lesson
from runtime.lessons.soundtrack import SceneSound, Take, record
from runtime.media.labels import Provenance
from runtime.media.splicing import Chapter, Piece, splice
from runtime.media.video import check_target
from runtime.memory import give_back_memory, peak_memory_mb
from runtime.subtitles.film import write_beside

log = logging.getLogger(__name__)

PREPARED, RENDERED = 0.08, 0.97  # how much of the work is done when all is ready to be rendered, and rendered
SEEDS = 2**31
# Notices that are told of their scene, some in other words.
OF_ONE_SCENE = {
    "audio_silent": "no speech was found in its recording; the presenter idles.",
    "script_mismatch": "",
    "script_differs": "",
}


@dataclass
class LessonWork:
    """What a lesson is made of.

    `takes` are the recordings of each scene (see narration.py), `slides` their pictures, all of `stage`'s size,
    `folder` keeps what may serve again, `workers` scenes are rendered side by side.
    """

    lesson: Lesson
    takes: Sequence[Sequence[Take]]
    portrait: Path
    stage: Stage
    slides: Sequence[Path]
    options: LessonOptions
    render: RenderOptions
    folder: SceneFolder
    workers: int = 1
    notices: Sequence[Notice] = ()
    provenance: Provenance = field(default_factory=Provenance)
    progress: Callable[[float, str], None] = lambda fraction, stage: None
    cancelled: Callable[[], bool] = lambda: False

    @property
    def language(self) -> str | None:
        """The language that is spoken, if anybody has said it."""
        return self.options.language or self.lesson.language

    def tell(self, fraction: float, stage: str) -> None:
        """Pass progress on, and stop where the lesson is no longer wanted."""
        if self.cancelled():
            raise RuntimeProblem("cancelled", "The lesson was cancelled.")
        self.progress(fraction, stage)


@dataclass(frozen=True)
class _Scene:
    """A scene on its way: its sound, what its film is made from, and the film's key."""

    sound: SceneSound
    task: SceneTask
    key: str
    reused: bool


@dataclass(frozen=True)
class _Placed:
    """A rendered scene in the lesson: frames before it, and what was said of it."""

    scene: _Scene
    result: VideoResult
    start: float
    end: float


def make_lesson(work: LessonWork, out: Path) -> LessonResult:
    """Write the film to `out` and its subtitles beside it. Raises `RuntimeProblem`; nothing half-made is left there.

    Scenes that were rendered before, for this lesson or another, are taken as they are.
    """
    check_target(out)
    began = time.perf_counter()
    pack = pack_identity()
    scenes = [_prepared(work, number, pack) for number in range(len(work.lesson.scenes))]
    try:
        placed = _joined(work, scenes, out)
    except RuntimeProblem as fault:
        if fault.code != "films_differ":
            raise
        log.warning(
            "%s All scenes are rendered again.", fault
        )  # the kept ones came from a GPU's encoder, say
        scenes = [replace(scene, reused=False) for scene in scenes]
        placed = _joined(work, scenes, out)
    chapters = _chapters(work.lesson, placed)
    subtitles = _subtitles(work, out, placed)
    work.tell(1.0, "joining")
    seconds = placed[-1].end
    took = time.perf_counter() - began
    log.info("%.1f s of lesson in %.1f s", seconds, took)
    first = placed[0].result
    return LessonResult(
        path=str(out),
        duration=seconds,
        frames=sum(one.result.frames for one in placed),
        fps=work.render.fps,
        width=first.width,
        height=first.height,
        warnings=_notices(work, placed),
        timings=_timings(placed),
        real_time_factor=took / seconds,
        peak_memory_mb=max(peak_memory_mb(), *(one.result.peak_memory_mb for one in placed)),
        provider=first.provider,
        model_pack=first.model_pack,
        title=work.lesson.title,
        chapters=chapters,
        scenes=[_told(work.lesson, number, one) for number, one in enumerate(placed)],
        subtitles=subtitles,
    )


def _prepared(work: LessonWork, number: int, pack: str) -> _Scene:
    """Record a scene's sound and time its words."""
    count = len(work.lesson.scenes)
    work.tell(PREPARED * number / count, f"scene {number + 1} of {count}: sound")
    sound, name = _recorded(work, number)
    stage = work.stage
    burned = "burned" if work.render.subtitles in ("burned", "both") and sound.spoken else "off"
    # The seed comes from what is said: scenes differ, and moving one leaves it as it is.
    seed = (work.render.seed + int(name[:8], 16)) % SEEDS
    task = SceneTask(
        portrait=work.portrait,
        sound=sound,
        slide=work.slides[number],
        window=stage.presenter,
        mask=work.folder.keep_picture(presenter_mask(stage)),
        options=work.render.model_copy(update={"seed": seed, "subtitles": burned}),
        language=work.language,
        band=stage.subtitles,
    )
    key = scene_key(task, pack)
    return _Scene(sound, task, key, work.folder.held(key, ".mp4", ".json"))


def _recorded(work: LessonWork, number: int) -> tuple[SceneSound, str]:
    """The sound of a scene, and the name under which it is kept."""
    takes = work.takes[number]
    digest = Digest("sound").add(work.render.fps)
    for take in takes:
        digest.add(take.text, take.path, take.pause_after)
    sound, told = (work.folder.path(digest.name, suffix) for suffix in (".wav", ".sound.json"))
    if work.folder.held(digest.name, ".wav", ".sound.json"):
        return SceneSound.load(sound, told), digest.name
    recorded = record(takes, sound, work.render.fps, work.render.max_audio_minutes)
    recorded.save(told)
    give_back_memory()
    return recorded, digest.name


def _render(work: LessonWork, scenes: Sequence[_Scene]) -> None:
    """Render the scenes that are not there yet; two that are the same are one."""
    missing = {scene.key: scene for scene in scenes if not scene.reused}
    numbers = {scene.key: number + 1 for number, scene in reversed(list(enumerate(scenes)))}
    keys = list(missing)
    whole = sum(scene.sound.seconds for scene in missing.values()) or 1.0
    done = dict.fromkeys(keys, 0.0)

    def tell(number: int, fraction: float) -> None:
        key = keys[number]
        done[key] = fraction
        share = sum(done[key] * missing[key].sound.seconds for key in keys) / whole
        stage = f"scene {numbers[key]} of {len(scenes)}"
        work.tell(PREPARED + (RENDERED - PREPARED) * share, stage)

    log.info("%d of %d scenes are to be rendered", len(missing), len(scenes))
    tasks = [(missing[key].task, work.folder.path(key, ".mp4")) for key in keys]
    render_scenes(tasks, work.workers, tell)


def _joined(work: LessonWork, scenes: Sequence[_Scene], out: Path) -> list[_Placed]:
    """Render what is missing and join all into the film at `out`."""
    _render(work, scenes)
    placed = _placed(work, scenes)
    work.tell(RENDERED, "joining")
    splice(
        [
            Piece(work.folder.path(one.scene.key, ".mp4"), one.result.frames, one.scene.sound.path)
            for one in placed
        ],
        out,
        work.render.fps,
        [Chapter(one.title, one.start, one.end) for one in _chapters(work.lesson, placed)],
        work.lesson.title,
        work.provenance,
    )
    return placed


def _placed(work: LessonWork, scenes: Sequence[_Scene]) -> list[_Placed]:
    results = [
        VideoResult.model_validate_json(work.folder.path(scene.key, ".json").read_text()) for scene in scenes
    ]
    edges = [frames / work.render.fps for frames in accumulate((one.frames for one in results), initial=0)]
    return [
        _Placed(scene, result, start, end)
        for scene, result, (start, end) in zip(scenes, results, pairwise(edges), strict=True)
    ]


def _chapters(lesson: Lesson, placed: Sequence[_Placed]) -> list[LessonChapter]:
    """One a scene; scenes in a row that share a title, or have none, belong together."""
    chapters: list[LessonChapter] = []
    for scene, one in zip(lesson.scenes, placed, strict=True):
        if chapters and scene.title in ("", chapters[-1].title):
            chapters[-1] = chapters[-1].model_copy(update={"end": one.end})
        else:
            title = scene.title or lesson.title or "1"
            chapters.append(LessonChapter(title=title, start=one.start, end=one.end))
    return chapters


def _subtitles(work: LessonWork, out: Path, placed: Sequence[_Placed]) -> Subtitles | None:
    if work.render.subtitles not in ("sidecar", "both"):
        return None
    shown = [
        cue
        for one in placed
        for cue in shifted(scene_cues(one.scene.sound, one.result.words, work.language), one.start)
    ]
    return write_beside(out, shown) if shown else None


def _told(lesson: Lesson, number: int, one: _Placed) -> LessonScene:
    said = one.scene.sound.spoken
    return LessonScene(
        title=lesson.scenes[number].title,
        line=lesson.scenes[number].line,
        start=one.start,
        end=one.end,
        speech_start=round(one.start + said[0].start, 3) if said else None,
        speech_end=round(one.start + said[-1].end, 3) if said else None,
        reused=one.scene.reused,
    )


def _notices(work: LessonWork, placed: Sequence[_Placed]) -> list[Notice]:
    """What is to be known, each thing once."""
    found = [*work.lesson.notices, *work.notices]
    for number, one in enumerate(placed, 1):
        for notice in one.result.warnings:
            if notice.code == "audio_silent" and not one.scene.sound.spoken:
                continue
            if notice.code in OF_ONE_SCENE:
                sentence = OF_ONE_SCENE[notice.code] or notice.sentence
                notice = notice.model_copy(update={"sentence": f"Scene {number}: {sentence}"})
            found.append(notice)
    return list(dict.fromkeys(found))


def _timings(placed: Sequence[_Placed]) -> dict[str, float]:
    """Seconds by stage, of the scenes that were rendered just now."""
    sums: dict[str, float] = {}
    for one in placed:
        if not one.scene.reused:
            for stage, seconds in one.result.timings.items():
                sums[stage] = sums.get(stage, 0.0) + seconds
    return sums
