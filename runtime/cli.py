"""The command line: `python -m runtime render | inspect | articulate | doctor | ...`.

Exit codes: 0 done, 2 the input is at fault (one sentence on stderr), 1 we are, 130 interrupted.
"""

from __future__ import annotations

import argparse
import errno
import json
import logging
import re
import sys
import time
from collections.abc import Container, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from runtime import __version__
from runtime.contract import Options, RenderOptions, RuntimeProblem, VideoResult, allowed_values

log = logging.getLogger(__name__)

DONE, OUR_FAULT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
# Commands with a module of their own, which has `add_parser(commands)`: it is loaded when the command is called.
MODULES = {
    "doctor": ("runtime.doctor", "say what is installed and what will run"),
    "lesson": ("runtime.lessons.command", "turn a script into a narrated film with slides"),
    "serve": ("runtime.server.command", "offer the engine over HTTP"),
    "quantize": ("runtime.quantization.command", "turn a model pack into INT8"),
    "bench": ("runtime.bench.command", "measure how fast films are made here"),
    "evaluate": ("runtime.evaluation.command", "measure films made from portraits and speech"),
}

TEXT_FILE = re.compile(r"\S+\.(txt|md|srt|vtt|text|markdown)")
"""What is meant as the name of a script's file, and not as the script."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser(words)
    given = parser.parse_args(words)
    logging.basicConfig(
        level=logging.INFO if given.verbose else logging.WARNING,
        format="%(levelname)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        return given.run(given)
    except RuntimeProblem as problem:
        print(problem, file=sys.stderr)
        # A damaged or incomplete pack is ours to mend, not a fault of the input.
        return OUR_FAULT if problem.code.startswith("pack_") else BAD_INPUT
    except KeyboardInterrupt:
        print("Interrupted; nothing was written.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return DONE
    except Exception as fault:
        if given.verbose:
            log.exception("unexpected")
        print(f"Something went wrong inside: {type(fault).__name__}: {fault}", file=sys.stderr)
        return OUR_FAULT


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m runtime",
        description="Sonic Talking Video: a portrait and speech become a talking film.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("-v", "--verbose", action="store_true", help="say more on stderr")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_render(commands)
    _add_inspect(commands)
    _add_articulate(commands)
    called = next((word for word in words if not word.startswith("-")), None)
    for name, (module, summary) in MODULES.items():
        if name == called:
            import_module(module).add_parser(commands)
        else:
            commands.add_parser(name, help=summary)
    return parser


def _add_render(commands: Any) -> None:
    parser = commands.add_parser(
        "render", help="make a film", description="Make a talking film of a portrait."
    )
    parser.add_argument(
        "--portrait", required=True, type=Path, metavar="PICTURE", help="a picture with a face"
    )
    parser.add_argument("--audio", required=True, type=Path, metavar="SOUND", help="a recording of speech")
    parser.add_argument("--out", required=True, type=Path, metavar="FILM", help="the MP4 file to write")
    _add_script(parser)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    add_options(parser)
    parser.set_defaults(run=_render)


def _add_script(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--script",
        metavar="TEXT",
        help="the words that are spoken, or a UTF-8 file of them: the lips follow them where the sound agrees",
    )
    parser.add_argument(
        "--language",
        metavar="CODE",
        help="language of the script, as in en, zh or pt-BR; found out from it when not given",
    )


def script_from(given: argparse.Namespace) -> str | None:
    """The script of a parsed command line: what a file of that name holds, or the text itself."""
    if given.script is None:
        return None
    try:
        if not Path(given.script).is_file():
            if TEXT_FILE.fullmatch(given.script):
                raise RuntimeProblem("script_missing", f"There is no script file at {given.script}.")
            return str(given.script)
        return Path(given.script).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise RuntimeProblem("script_unreadable", f"{given.script} is not a text in UTF-8.") from None
    except OSError as fault:
        if fault.errno in (errno.ENAMETOOLONG, errno.EINVAL):  # no file has such a name
            return str(given.script)
        raise RuntimeProblem(
            "script_unreadable", f"{given.script} cannot be read: {fault.strerror}."
        ) from fault


def add_options(
    parser: argparse.ArgumentParser, kind: type[Options] = RenderOptions, without: Container[str] = ()
) -> None:
    """Give a parser every option of a kind as --kebab-case; `options_from` reads render options back."""
    for name, field in kind.model_fields.items():
        if name in without:
            continue
        flag = "--" + name.replace("_", "-")
        default = "" if field.default is None else f", default {_shown(field.default)}"
        words = f"{field.description} ({allowed_values(field)}{default})"
        if field.annotation is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=words)
        else:
            metavar = "CHOICE" if get_args(field.annotation) and "one of" in words else "NUMBER"
            metavar = "TEXT" if field.annotation in (str, str | None) else metavar
            parser.add_argument(flag, metavar=metavar, help=words)


def options_from(given: argparse.Namespace) -> RenderOptions:
    """The options of a parsed command line, or a `RuntimeProblem`."""
    return RenderOptions.checked({name: getattr(given, name) for name in RenderOptions.model_fields})


def _shown(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else f"{value}"


def _render(given: argparse.Namespace) -> int:
    options, script = options_from(given), script_from(given)
    from runtime.pipeline import render

    bar = ProgressBar()
    try:
        result = render(
            given.portrait,
            given.audio,
            given.out,
            options,
            progress=bar.show,
            script=script,
            language=given.language,
        )
    finally:
        bar.end()
    if given.json:
        print(result.model_dump_json())
    else:
        _tell(result)
    return DONE


def _tell(result: VideoResult) -> None:
    for notice in result.warnings:
        print(f"Note: {notice.sentence}", file=sys.stderr)
    print(
        f"{result.path}: {result.duration:.1f} s, {result.width}x{result.height} at {result.fps:g} fps, "
        f"real-time factor {result.real_time_factor:.2f} on {result.provider}"
    )
    if result.subtitles:
        print(f"subtitles: {result.subtitles.srt}, {result.subtitles.vtt}")


def _add_inspect(commands: Any) -> None:
    parser = commands.add_parser(
        "inspect",
        help="say what is seen in a portrait",
        description="Find the face, its landmarks, pose and quality.",
    )
    parser.add_argument(
        "--portrait", required=True, type=Path, metavar="PICTURE", help="a picture with a face"
    )
    parser.add_argument(
        "--overlay", type=Path, metavar="PICTURE", help="draw the landmarks and write them here"
    )
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    _add_some_options(parser, "provider", "threads")
    parser.set_defaults(run=_inspect)


def _inspect(given: argparse.Namespace) -> int:
    from runtime.inspection import describe, draw_overlay
    from runtime.media.image import load_image
    from runtime.stages.image_encoding import ImageEncoder

    portrait = ImageEncoder(_sessions(given)).encode(load_image(given.portrait))
    if given.overlay is not None:
        draw_overlay(portrait, given.overlay)
    seen = describe(portrait)
    if given.json:
        print(json.dumps(seen))
        return DONE
    x0, y0, x1, y1 = seen["face_box"]
    pose = seen["pose_degrees"]
    print(
        f"face: {x1 - x0:.0f} x {y1 - y0:.0f} pixels at {x0:.0f}, {y0:.0f}; {seen['face_count']} in the picture"
    )
    print(f"pose: yaw {pose['yaw']:.1f}, pitch {pose['pitch']:.1f}, roll {pose['roll']:.1f} degrees")
    for finding in seen["findings"]:
        print(f"{finding['severity']}: {finding['sentence']}")
    return DONE


def _add_articulate(commands: Any) -> None:
    parser = commands.add_parser(
        "articulate",
        help="write what the mouth does as a table",
        description="Write ARKit mouth coefficients, voice activity and loudness, one row a frame, as CSV.",
    )
    parser.add_argument("--audio", required=True, type=Path, metavar="SOUND", help="a recording of speech")
    parser.add_argument("--out", required=True, type=Path, metavar="TABLE", help="the CSV file to write")
    parser.add_argument("--fps", type=float, metavar="NUMBER", help="rows a second; 50 when not given")
    _add_script(parser)
    _add_some_options(parser, "max_audio_minutes", "provider", "threads")
    parser.set_defaults(run=_articulate)


def _articulate(given: argparse.Namespace) -> int:
    if given.fps is not None and not 1 <= given.fps <= 200:
        raise RuntimeProblem(
            "option_out_of_range", f"Option fps is {given.fps:g}, but must be a number from 1 to 200."
        )
    limits = RenderOptions.checked({"max_audio_minutes": given.max_audio_minutes})
    from runtime.media.audio import AudioFile
    from runtime.pipeline import listen
    from runtime.stages.audio_encoding import write_csv

    script = script_from(given)
    audio = AudioFile.open(given.audio, limits.max_audio_minutes)
    heard = listen(audio, _sessions(given), script=script, language=given.language)
    try:
        write_csv(heard.track, given.out, given.fps)
    except OSError as fault:
        raise RuntimeProblem(
            "table_unwritable", f"{given.out} cannot be written: {fault.strerror}."
        ) from fault
    for notice in heard.notices:
        print(f"Note: {notice.sentence}", file=sys.stderr)
    print(f"{given.out}: {heard.seconds:.1f} s of speech")
    return DONE


def _add_some_options(parser: argparse.ArgumentParser, *names: str) -> None:
    add_options(parser, without=RenderOptions.model_fields.keys() - set(names))


def _sessions(given: argparse.Namespace) -> Any:
    from runtime.inference.packs import ModelPack
    from runtime.inference.sessions import Sessions

    options = RenderOptions.checked({"provider": given.provider, "threads": given.threads})
    return Sessions(ModelPack.load(), options.provider, options.threads)


class ProgressBar:
    """One line on stderr that is drawn over; where stderr is no terminal, a line every tenth."""

    WIDTH = 30

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._started = time.monotonic()
        self._drawn = -1.0
        self._tenth = 0

    def show(self, fraction: float, stage: str) -> None:
        """Show that `fraction` (0..1) is done."""
        now = time.monotonic()
        if not self._terminal:
            if int(fraction * 10) > self._tenth:
                self._tenth = int(fraction * 10)
                print(f"{stage}: {10 * self._tenth} %", file=sys.stderr, flush=True)
            return
        if now - self._drawn < 0.1 and fraction < 1:
            return
        self._drawn = now
        full = round(fraction * self.WIDTH)
        left = (now - self._started) * (1 / fraction - 1) if fraction > 0.07 else None
        remains = f"{left:4.0f} s left" if left is not None else " " * 11
        bar = "#" * full + "-" * (self.WIDTH - full)
        print(f"\r{stage:15s} [{bar}] {100 * fraction:3.0f} % {remains}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._terminal and self._drawn >= 0:
            print(file=sys.stderr)
