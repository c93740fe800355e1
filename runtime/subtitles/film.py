"""What the option `subtitles` asks of one film."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.contract import Notice, RuntimeProblem, SubtitleChoice, Subtitles
from runtime.speech.script import TimedWord
from runtime.subtitles.cues import Cue, cues
from runtime.subtitles.files import to_srt, to_vtt

if TYPE_CHECKING:
    from runtime.subtitles.drawing import BandDrawer, SubtitleDrawer


class FilmSubtitles:
    """The subtitles of one film, from its script; knows before rendering whether they can be made."""

    def __init__(
        self, choice: SubtitleChoice | None, script: str | None, language: str | None = None
    ) -> None:
        """`choice` is the option's value, None where it was not given: then a script makes files, without one nothing.

        Raises `RuntimeProblem` for a choice that needs a script where there is none, and for letters without a font.
        """
        script = script if script and script.strip() else ""
        if not script and choice not in (None, "off"):
            raise RuntimeProblem(
                "script_missing",
                f"Option subtitles is {choice}, but without a script there is no text to show.",
                "Give the spoken text as script, or set subtitles to off.",
            )
        choice = choice or ("sidecar" if script else "off")
        self._script = script
        self._language = language
        self._shown: list[Cue] = []
        self._beside = choice in ("sidecar", "both")
        self._shelf = None
        if choice in ("burned", "both"):
            from runtime.subtitles.fonts import FontShelf  # the server does without Pillow until it is needed

            self._shelf = FontShelf(self._script)

    def time(self, words: Sequence[TimedWord], until: float) -> list[Notice]:
        """Say when the words are spoken; the film ends after `until` seconds. Returns what the user should know."""
        if not (self._beside or self._shelf):
            return []
        self._shown = cues(words, self._script, self._language, until)
        if self._shown:
            return []
        sentence = "There are no subtitles, because no word of the script was found in the film's speech."
        return [Notice(code="subtitles_empty", sentence=sentence)]

    def drawer(
        self,
        size: tuple[int, int],
        fps: float,
        raised: bool = False,
        band: tuple[int, int, int, int] | None = None,
    ) -> SubtitleDrawer | BandDrawer | None:
        """Return what draws them into frames of `size` (width, height), or None if they are not to be burned in.

        They are `raised` where the corner below them holds a label; a `band` (x0, y0, x1, y1) is a place of their own.
        """
        if self._shelf is None or not self._shown:
            return None
        from runtime.subtitles.drawing import ABOVE_LABEL, BOTTOM, BandDrawer, SubtitleDrawer

        if band is not None:
            return BandDrawer(self._shown, band, fps, self._shelf, self._language)
        bottom = ABOVE_LABEL if raised else BOTTOM
        return SubtitleDrawer(self._shown, size, fps, self._shelf, self._language, bottom)

    def write(self, film: Path) -> Subtitles | None:
        """Write FILM.srt and FILM.vtt beside the film, each whole or not at all; None if there are none to write."""
        if not self._beside or not self._shown:
            return None
        return write_beside(film, self._shown)


def write_beside(film: Path, shown: Sequence[Cue]) -> Subtitles:
    """Write subtitles as FILM.srt and FILM.vtt, each whole or not at all."""
    srt, vtt = film.with_suffix(".srt"), film.with_suffix(".vtt")
    _write_whole(srt, to_srt(shown))
    _write_whole(vtt, to_vtt(shown))
    return Subtitles(srt=str(srt), vtt=str(vtt))


def _write_whole(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        aside.write_text(text, encoding="utf-8", newline="\n")
        aside.replace(path)
    except OSError as fault:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise RuntimeProblem(
            "subtitles_unwritable", f"{path} cannot be written: {fault.strerror}."
        ) from fault
