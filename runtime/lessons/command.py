"""`python -m runtime lesson SCRIPT.md --portrait P --tts-command CMD --out FILM.mp4`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.cli import DONE, ProgressBar, add_options
from runtime.contract import LessonResult, RenderOptions, RuntimeProblem
from runtime.inference.processor import usable_cores
from runtime.inference.providers import user_cache_dir
from runtime.jobs.folders import drop_unused
from runtime.lessons.options import DECIDED, LessonOptions, split_options

if TYPE_CHECKING:
    from runtime.media.fetching import FetchPolicy

KEPT_DAYS = 7.0  # that speech and scenes nobody has needed are kept
SPEAKING = 0.1  # share of the work that a voice takes


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "lesson",
        help="turn a script into a narrated film with slides",
        description="Turn a script in Markdown into a film: a presenter who speaks, slides that follow, subtitles. "
        "Made again after a change, only what has changed is spoken and rendered.",
    )
    parser.add_argument("script", type=Path, metavar="SCRIPT", help="Markdown, or JSON with the same fields")
    parser.add_argument(
        "--portrait", required=True, type=Path, metavar="PICTURE", help="a picture with a face"
    )
    voice = parser.add_mutually_exclusive_group(required=True)
    voice.add_argument(
        "--tts-command",
        metavar="CMD",
        help="a program that reads text from standard input and writes the WAV file {out}, as in "
        "'espeak-ng --stdin -w {out}'",
    )
    voice.add_argument(
        "--audio",
        type=Path,
        metavar="FOLDER",
        help="recordings, one for each scene that speaks (or one for each paragraph), in the order of their names",
    )
    parser.add_argument(
        "--slides",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="pictures, or one PDF, to be shown instead of drawn slides: one for each scene",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILM", help="the MP4 file to write")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="where speech and scenes are kept for the next time; the user's folder for caches when not given",
    )
    parser.add_argument(
        "--workers", type=int, default=1, metavar="NUMBER", help="scenes rendered side by side, default 1"
    )
    add_options(parser, LessonOptions)
    add_options(parser, RenderOptions, without=DECIDED)
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    names = [*LessonOptions.model_fields, *RenderOptions.model_fields]
    options, render = split_options({name: getattr(given, name, None) for name in names})
    if not 1 <= given.workers <= 64:
        raise RuntimeProblem(
            "option_out_of_range",
            f"Option workers is {given.workers}, but must be a whole number from 1 to 64.",
        )
    bar = ProgressBar()
    with tempfile.TemporaryDirectory(prefix="lesson-") as leftovers:
        try:
            result = _make(given, options, render, bar, Path(leftovers))
        finally:
            bar.end()
    _tell(result, given.json)
    return DONE


def _make(
    given: argparse.Namespace,
    options: LessonOptions,
    render: RenderOptions,
    bar: ProgressBar,
    leftovers: Path,
) -> LessonResult:
    # Not before the command line is understood: these load the engine.
    from runtime.lessons.checking import check_lesson
    from runtime.lessons.narration import SpeakingCommand, recorded_takes, sound_files, spoken_takes
    from runtime.lessons.production import LessonWork, make_lesson
    from runtime.lessons.scenes import SceneFolder
    from runtime.lessons.script import parse_lesson
    from runtime.lessons.slides import Theme, gather_pictures
    from runtime.lessons.slideshow import SlideShow
    from runtime.media.fetching import Fetcher
    from runtime.media.image import load_image
    from runtime.media.video import check_target

    check_target(given.out, (given.portrait, given.script))
    load_image(given.portrait)
    if given.workers > 1 and not render.threads:
        render = render.model_copy(update={"threads": max(1, usable_cores() // given.workers)})
    script = read_script(given.script)
    lesson = parse_lesson(script)
    keep = given.keep or user_cache_dir() / "lessons"
    folder = SceneFolder(keep / "scenes")
    theme = Theme.checked(options.look(lesson.look))
    pictures = gather_pictures(lesson, theme, leftovers, given.script.parent, Fetcher(fetch_policy()))
    stage = options.stage(render.subtitles)
    show = SlideShow.of(lesson, stage, theme, pictures, given.slides, options.language)
    task = {
        "script": script,
        # Looked at, and the provider tried, before a voice is paid for.
        "portrait": None if given.audio else str(given.portrait),
        "options": render.model_dump(mode="json"),
        "lesson": {
            "options": options.model_dump(mode="json"),
            "slides": [str(slide) for slide in given.slides],
            "pictures": {source: str(path) for source, path in pictures.items()},
        },
    }
    takes, share = None, 0.0
    if given.audio is not None:
        takes = recorded_takes(lesson, sound_files(given.audio))
    bar.show(0.0, "slides")
    checked = check_lesson(task, len(lesson.scenes), folder.root)
    if takes is None:
        share = SPEAKING
        speaker = SpeakingCommand(given.tts_command, keep / "speech")
        takes = spoken_takes(
            lesson, speaker.speak, lambda done, all: bar.show(share * done / all, "speaking")
        )
    work = LessonWork(
        lesson,
        takes,
        given.portrait,
        show.stage,
        checked.slides,
        options,
        render,
        folder,
        given.workers,
        checked.notices,
        progress=lambda done, stage: bar.show(share + (1 - share) * done, stage),
    )
    result = make_lesson(work, given.out)
    for name in ("scenes", "speech"):
        drop_unused(keep / name, 86400 * KEPT_DAYS)
    return result


def fetch_policy() -> FetchPolicy:
    """What a script's pictures may be fetched from: the open internet, and what SONIC_FETCH_ALLOW names."""
    from runtime.media.fetching import FetchPolicy

    allowed = os.environ.get("SONIC_FETCH_ALLOW", "").split(",")
    return FetchPolicy(allowed=frozenset(name.strip() for name in allowed if name.strip()))


def read_script(path: Path) -> str:
    """Return a script's text. Raises `RuntimeProblem`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RuntimeProblem("script_missing", f"There is no script at {path}.") from None
    except UnicodeDecodeError as fault:
        raise RuntimeProblem(
            "script_invalid", f"The script {path.name} is no text in UTF-8 (byte {fault.start})."
        ) from None
    except OSError as fault:
        raise RuntimeProblem(
            "script_missing", f"The script {path} cannot be read: {fault.strerror}."
        ) from fault


def _tell(result: LessonResult, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(result.model_dump_json() + "\n")
        return
    for notice in result.warnings:
        sys.stderr.write(f"Note: {notice.sentence}\n")
    new = sum(not scene.reused for scene in result.scenes)
    sys.stdout.write(
        f"{result.path}: {result.duration:.1f} s, {result.width}x{result.height}, {len(result.scenes)} scenes, "
        f"{new} of them rendered now on {result.provider}\n"
    )
