"""Where a lesson's voice comes from: a program that speaks text, or recordings."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runtime.contract import RuntimeProblem
from runtime.lessons.script import Lesson, Scene
from runtime.lessons.soundtrack import Take
from runtime.lessons.utterances import check_recordings, said, utterances
from runtime.media.audio import AudioFile

log = logging.getLogger(__name__)

PLACE = "{out}"  # in a command: the WAV file to write
SPEAKING_SECONDS = 300.0  # that a program may take for one paragraph
AT_ONCE = 2
QUOTED = 40  # letters of a paragraph that a fault names
SOUNDS = {".wav", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".webm", ".mp4", ".aiff", ".aif"}


class SpeakingCommand:
    """A program that reads text from standard input and writes a sound file; what it has said is kept in a folder.

    The same words are never spoken twice, so a changed sentence costs only itself.
    """

    def __init__(self, command: str, folder: Path) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as fault:
            raise RuntimeProblem("tts_command_wrong", f"--tts-command cannot be read: {fault}.") from None
        if not any(PLACE in word for word in self._words):
            raise RuntimeProblem(
                "tts_command_wrong",
                f"--tts-command is {command!r}, but must name the file to write as {PLACE}.",
                "For instance: espeak-ng --stdin -w {out}",
            )
        self._command = command
        self._folder = folder

    def speak(self, text: str) -> Path:
        """Return a sound file with these words. Raises `RuntimeProblem` with the program's own last words."""
        key = hashlib.sha256(f"{self._command}\0{text}".encode()).hexdigest()[:32]
        target = self._folder / f"{key}.wav"
        if target.exists():
            os.utime(target)
            return target
        self._folder.mkdir(parents=True, exist_ok=True)
        aside = self._folder / f"{key}.{os.getpid()}.part.wav"
        try:
            self._run(text, aside)
            _listen(text, aside)
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
        return target

    def _run(self, text: str, target: Path) -> None:
        words = [word.replace(PLACE, str(target)) for word in self._words]
        said = f"{words[0]} could not speak {_quoted(text)}"
        try:
            done = subprocess.run(
                words, input=text.encode(), capture_output=True, timeout=SPEAKING_SECONDS, check=False
            )
        except FileNotFoundError:
            raise RuntimeProblem(
                "tts_command_wrong", f"There is no program {words[0]}, which --tts-command names."
            ) from None
        except OSError as fault:
            raise RuntimeProblem("tts_failed", f"{said}: {fault.strerror}.") from fault
        except subprocess.TimeoutExpired:
            raise RuntimeProblem("tts_failed", f"{said}: it took more than {SPEAKING_SECONDS:g} s.") from None
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise RuntimeProblem("tts_failed", f"{said} (status {done.returncode}): {last[0][:300]}")
        if not target.exists() or not target.stat().st_size:
            raise RuntimeProblem("tts_failed", f"{said}: it wrote no file.")


def _listen(text: str, take: Path) -> None:
    """Raise `RuntimeProblem` for a take without sound: kept, it would fail every lesson with these words."""
    try:
        for _ in AudioFile.open(take).mono():
            pass
    except RuntimeProblem as fault:
        reason = {"audio_empty": "holds no sound", "audio_unreadable": "is no sound file"}.get(fault.code)
        reason = reason or fault.sentence.replace(f"The audio file {take.name} ", "").rstrip(".")
        raise RuntimeProblem(
            "tts_failed",
            f"What the voice wrote for {_quoted(text)} {reason}.",
            "Try the command with this text by itself.",
        ) from fault


def _quoted(text: str) -> str:
    return repr(text if len(text) <= QUOTED else text[: QUOTED - 1].rstrip() + "…")


def spoken_takes(
    lesson: Lesson, speak: Callable[[str], Path], heard: Callable[[int, int], None] = lambda done, total: None
) -> list[list[Take]]:
    """Have every paragraph spoken, two at a time, and return the takes of each scene. `heard` counts them."""
    texts = list(dict.fromkeys(utterances(lesson)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(speak, text) for text in texts]
        try:
            files = {}
            for text, one in zip(texts, waiting, strict=True):
                files[text] = one.result()
                heard(len(files), len(texts))
        finally:
            pool.shutdown(cancel_futures=True)
    return takes_by_paragraph(lesson, [files[text] for text in utterances(lesson)])


def takes_by_paragraph(lesson: Lesson, files: Sequence[Path]) -> list[list[Take]]:
    """Return the takes of each scene, given a recording of each paragraph."""
    left = iter(files)
    return [
        [
            Take(paragraph.text, next(left) if paragraph.text else None, paragraph.pause_after)
            for paragraph in scene.narration
        ]
        for scene in lesson.scenes
    ]


def recorded_takes(lesson: Lesson, files: Sequence[Path]) -> list[list[Take]]:
    """Return the takes of each scene, given recordings: one a scene that speaks, or one a paragraph.

    A recording of a whole scene has its pauses in it already. Raises `RuntimeProblem` for another number of files.
    """
    if not check_recordings(lesson, len(files)):
        return takes_by_paragraph(lesson, files)
    left = iter(files)
    return [[Take(said(scene), next(left))] if said(scene) else waits(scene) for scene in lesson.scenes]


def waits(scene: Scene) -> list[Take]:
    """The takes of a scene without words."""
    return [Take("", None, paragraph.pause_after) for paragraph in scene.narration]


def sound_files(folder: Path) -> list[Path]:
    """Return the recordings in a folder, sorted as people number them (2 before 10). Raises `RuntimeProblem`."""
    if not folder.is_dir():
        raise RuntimeProblem("audio_missing", f"There is no folder {folder} with recordings.")
    found = [path for path in folder.iterdir() if path.suffix.lower() in SOUNDS and path.is_file()]
    if not found:
        raise RuntimeProblem("audio_missing", f"The folder {folder} holds no recordings.")
    return sorted(found, key=natural)


def natural(path: Path) -> list[tuple[str, int]]:
    """A key that sorts numbers in names by their value, and before letters."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [("", int(part)) if part.isdigit() else (part, 0) for part in parts if part]
