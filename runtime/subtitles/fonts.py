"""Which fonts of this machine have the signs that a subtitle needs.

Fonts are looked for in the operator's folder (SONIC_SUBTITLE_FONTS, a folder or one font file), then in those of the
system and those that slides are set in too (SONIC_FONTS, folders joined as in PATH). A font's own table of signs
decides, not its name; names only say where to look first.
"""

from __future__ import annotations

import logging
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

from PIL import ImageFont, features

from runtime.contract import RuntimeProblem

log = logging.getLogger(__name__)

VARIABLE, SHARED = "SONIC_SUBTITLE_FONTS", "SONIC_FONTS"
SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
# Upright sans-serif families made for screens, widely installed; the first that has everything is taken.
_FAMILIES = """
notosans-regular notosans[ notosanscjk notosans sourcehansans dejavusans. liberationsans-regular arial. segoeui.
sfns helvetica pingfang hiragino msyh. msjh. meiryo. yugoth malgun. applesdgothic droidsansfallback wqy ipag takao
vlgothic nanumgothic. tahoma. leelawad nirmala mangal
"""
_KNOWN = tuple(_FAMILIES.split())
_UNFIT = (
    "italic",
    "oblique",
    "mono",
    "condensed",
    "symbol",
    "emoji",
    "thin",
    "light",
    "black",
    "serif",
    "math",
)
_PACKAGES = {
    "CJK": ("Chinese characters", "fonts-noto-cjk"),
    "HIRAGANA": ("Japanese", "fonts-noto-cjk"),
    "KATAKANA": ("Japanese", "fonts-noto-cjk"),
    "HANGUL": ("Korean", "fonts-noto-cjk"),
}
_SHAPED = ("R", "AL")  # bidirectional classes of Hebrew, Arabic and their like


@dataclass(frozen=True)
class Run:
    """A stretch of a line that one font can write."""

    text: str
    font: Path


class FontShelf:
    """The fonts that together can write a text; finds them when it is made.

    Raises `RuntimeProblem` ("subtitle_font_missing") naming signs that no font has. Emoji and other symbols without
    a font are left out of the picture.
    """

    def __init__(self, text: str, place: Path | None = None) -> None:
        """`text` is all that will be written, `place` a font file or a folder to look in before the system's."""
        needed = {sign for sign in text if _is_drawn(sign)}
        self._fonts = _choose(needed, place or _operators_place())
        lacking = {sign for sign in needed if not any(sign in _signs(font) for font in self._fonts)}
        categories = {sign: unicodedata.category(sign) for sign in lacking}
        # Marks that enclose a sign make emoji of it: keys, circles.
        letters = sorted(sign for sign, kind in categories.items() if kind[0] not in "SC" and kind != "Me")
        if letters:
            raise _font_missing(letters, place or _operators_place())
        if lacking:
            log.info("left out of burned subtitles, because no font has them: %s", " ".join(sorted(lacking)))
        self._lacking = lacking
        if not features.check("raqm"):
            _refuse_unshaped(needed)

    def runs(self, line: str) -> list[Run]:
        """Split a line into stretches of one font each, in the order they are read. What no font has is left out."""
        signs = [sign for sign in line if sign not in self._lacking and (_is_drawn(sign) or sign.isspace())]
        fonts: list[Path | None] = [self._font_of(sign) for sign in signs]
        # Spaces and marks stay with what is before them, so that words are shaped whole.
        for index in range(1, len(fonts)):
            fonts[index] = fonts[index] or fonts[index - 1]
        known = next((font for font in fonts if font), None)
        pairs = zip(signs, [font or known for font in fonts], strict=True)
        return [
            Run("".join(sign for sign, _ in group), font)
            for font, group in groupby(pairs, key=lambda pair: pair[1])
            if font is not None
        ]

    def _font_of(self, sign: str) -> Path | None:
        if sign.isspace() or unicodedata.category(sign)[0] == "M" or not _is_drawn(sign):
            return None
        return next((font for font in self._fonts if sign in _signs(font)), None)


def font_folders() -> list[Path]:
    """Where the operator and this system keep fonts."""
    return [*map(Path, filter(None, os.environ.get(SHARED, "").split(os.pathsep))), *_system_folders()]


def _system_folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    if sys.platform == "win32":
        return [Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts"]
    data = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    return [
        home / ".local/share/fonts",
        home / ".fonts",
        *(Path(part) / "fonts" for part in data.split(":")),
    ]


@cache
def load_font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """Return a font at a size in pixels. Raises OSError."""
    return ImageFont.truetype(str(path), size)


def _operators_place() -> Path | None:
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else None


def _choose(needed: set[str], place: Path | None) -> list[Path]:
    """The first font that has every sign; else the first few that have them together."""
    tried: list[Path] = []
    for tier in _candidates(place):
        for font in tier:
            if needed <= _signs(font):
                return [font]
            tried.append(font)
        # A few fonts that complete each other are better than one from a lower tier.
        together, rest = [], set(needed)
        for font in tried:
            if rest & _signs(font):
                together.append(font)
                rest -= _signs(font)
        if not any(unicodedata.category(sign)[0] not in "SC" for sign in rest):
            return together
    return together


def _candidates(place: Path | None) -> Iterator[Sequence[Path]]:
    """Font files in tiers: the operator's for subtitles, then known families, then others, then the unfit."""
    if place is not None:
        own = [place] if place.is_file() else _files([place])
        if not own:
            raise RuntimeProblem(
                "subtitle_font_missing",
                f"{VARIABLE} is {place}, where there is no font (.ttf, .otf, .ttc, .otc).",
            )
        yield own
    found = sorted(_files(font_folders()), key=_is_bold)
    known = [font for font in found if _rank(font) < len(_KNOWN)]
    yield sorted(known, key=_rank)
    yield [font for font in found if _rank(font) == len(_KNOWN)]
    yield [font for font in found if _rank(font) > len(_KNOWN)]


def _is_bold(font: Path) -> bool:
    return "bold" in font.name.lower()


def _rank(font: Path) -> int:
    name = font.name.lower().replace("_", "").replace(" ", "")
    if any(word in name for word in _UNFIT):
        return len(_KNOWN) + 1
    return next((rank for rank, start in enumerate(_KNOWN) if name.startswith(start)), len(_KNOWN))


def _files(folders: Iterable[Path]) -> list[Path]:
    found = {
        path.resolve(): path
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
    }
    return list(found.values())


@cache
def _signs(font: Path) -> frozenset[str]:
    """Every sign that a font can write; none if it cannot be read."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(font, fontNumber=0, lazy=True) as opened:
            return frozenset(map(chr, opened.getBestCmap() or ()))
    except (TTLibError, OSError, KeyError, AssertionError, ValueError) as fault:
        log.debug("%s cannot be read: %s", font, fault)
        return frozenset()


def _is_drawn(sign: str) -> bool:
    # Joiners and direction marks shape what is round them and have no picture.
    return not sign.isspace() and unicodedata.category(sign)[0] != "C" and sign not in "\ufe0e\ufe0f"


def _font_missing(letters: Sequence[str], place: Path | None) -> RuntimeProblem:
    writing = unicodedata.name(letters[0], "UNKNOWN").split()[0].split("-")[0]
    name, package = _PACKAGES.get(writing, (writing.capitalize(), "fonts-noto-core"))
    return RuntimeProblem(
        "subtitle_font_missing",
        f"Subtitles cannot be burned in: no font here has {' '.join(letters[:5])} ({name}).",
        f"Install one (Debian and Ubuntu: {package}), or put one into the folder {place or VARIABLE + ' names'}; "
        "subtitles beside the film (sidecar) need none.",
    )


def _refuse_unshaped(needed: set[str]) -> None:
    shaped = sorted(sign for sign in needed if unicodedata.bidirectional(sign) in _SHAPED)
    if shaped:
        raise RuntimeProblem(
            "subtitle_shaping_missing",
            f"Subtitles with {shaped[0]} are written from right to left, which needs the library FriBidi, and it is "
            "not installed.",
            "Install it (Debian and Ubuntu: libfribidi0), or use subtitles beside the film (sidecar).",
        )
