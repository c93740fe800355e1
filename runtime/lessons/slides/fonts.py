"""Which fonts slides are set in: the system's, those in the operator's folder, and the few the typesetter brings.

`SONIC_FONTS` names a folder (or several, joined as in PATH) that is searched beside the system's own.
"""

from __future__ import annotations

import logging
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.contract import RuntimeProblem

if TYPE_CHECKING:
    import typst

log = logging.getLogger(__name__)

VARIABLES = ("SONIC_FONTS", "SONIC_SUBTITLE_FONTS")
# Sans-serif families made for screens, the better ones first; the last is the typesetter's own and always there.
SANS = (
    *("Inter", "Source Sans 3", "Source Sans Pro", "Noto Sans", "Open Sans", "Roboto", "Segoe UI"),
    *("Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans", "Libertinus Serif"),
)
MONO = (
    *("JetBrains Mono", "Source Code Pro", "Fira Code", "Noto Sans Mono", "Roboto Mono"),
    *("SF Mono", "Menlo", "Consolas", "Liberation Mono", "DejaVu Sans Mono"),
)
# Families that write one script better than whatever else has its letters, by language.
NATIVE = {
    "zh": "Noto Sans CJK SC|Noto Sans SC|Source Han Sans SC|PingFang SC|Microsoft YaHei|WenQuanYi Zen Hei",
    "zh-Hant": "Noto Sans CJK TC|Noto Sans TC|Source Han Sans TC|PingFang TC|Microsoft JhengHei",
    "ja": "Noto Sans CJK JP|Noto Sans JP|Source Han Sans|Hiragino Sans|Yu Gothic|Meiryo|IPAexGothic",
    "ko": "Noto Sans CJK KR|Noto Sans KR|Source Han Sans K|Apple SD Gothic Neo|Malgun Gothic|NanumGothic",
    "ar": "Noto Sans Arabic|Noto Kufi Arabic|Segoe UI|Geeza Pro|Noto Naskh Arabic",
    "fa": "Vazirmatn|Noto Sans Arabic|Noto Naskh Arabic",
    "ur": "Noto Nastaliq Urdu|Noto Sans Arabic|Noto Naskh Arabic",
    "he": "Noto Sans Hebrew|Arial Hebrew",
    "th": "Noto Sans Thai|Leelawadee UI|Thonburi",
    "hi": "Noto Sans Devanagari|Nirmala UI|Kohinoor Devanagari",
}
TRADITIONAL = ("zh-hant", "zh-tw", "zh-hk", "zh-mo", "yue")
CODE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
# What Libertinus Serif, which comes inside the typesetter, has: Latin, Greek, Cyrillic, Hebrew, common signs.
INSIDE = ((0x20, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x5D0, 0x5EA), (0x1E00, 0x1EFF), (0x2010, 0x2044))
# Scripts of East Asia as people call them; all are in one package, fonts-noto-cjk.
EASTERN = {"CJK": "Chinese characters", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean"}
# The language that a script is set as where nobody says which it is.
GUESSES = {
    "LATIN": "en",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "ARABIC": "ar",
    "HEBREW": "he",
    "THAI": "th",
    "DEVANAGARI": "hi",
}
HAN_WEIGHT = 4  # a Chinese character says as much as so many letters
EXAMPLES = 3  # letters that are named in a message


@dataclass(frozen=True)
class FontBook:
    """All fonts at hand. Make one with `open_fonts`: looking through folders takes a moment."""

    found: typst.Fonts

    @cached_property
    def families(self) -> frozenset[str]:
        """Names of all families."""
        return frozenset(self.found.families())

    def text_families(self, language: str, preferred: str | None = None) -> list[str]:
        """Return the families to set text of a language in, first choice first. Raises `RuntimeProblem`."""
        if preferred is not None and preferred not in self.families:
            raise RuntimeProblem(
                "font_missing",
                f"There is no font family {preferred} here.",
                f"Install it, or put it into a folder that {VARIABLES[0]} names.",
            )
        latin = next(family for family in SANS if family in self.families)
        native = [family for family in _native(language) if family in self.families][:1]
        return list(dict.fromkeys([*([preferred] if preferred else []), latin, *native]))

    def code_families(self) -> list[str]:
        """Return the families to set code in."""
        return [next(family for family in MONO if family in self.families)]

    def lacking(self, text: str) -> list[str]:
        """Return the signs of a text that no font has, in the order they come."""
        needed = dict.fromkeys(sign for sign in text if _is_drawn(sign))
        missing = [sign for sign in needed if not any(low <= ord(sign) <= high for low, high in INSIDE)]
        for path, index in self._files():
            if not missing:
                break
            had = signs_of(path, index, missing)
            missing = [sign for sign in missing if sign not in had]
        return missing

    def _files(self) -> Iterator[tuple[str, int]]:
        """Return the font files, regular ones first: the others of a family have the same signs."""
        files = {
            (font.path, font.index): font.style + str(font.weight) for font in self.found.fonts() if font.path
        }
        yield from sorted(files, key=lambda file: (files[file].lower() != "normal400", file))


@lru_cache(maxsize=1)
def _open(folders: tuple[str, ...]) -> FontBook:
    import typst

    book = FontBook(typst.Fonts(font_paths=list(folders)))
    log.info("%d font families for slides", len(book.families))
    return book


def open_fonts(folders: Sequence[str] | None = None) -> FontBook:
    """Return the fonts of the system and of `folders`, which `SONIC_FONTS` names when not given.

    Raises `RuntimeProblem` for a folder that is not there.
    """
    if folders is None:
        named = [os.environ.get(name, "") for name in VARIABLES]
        folders = [folder for name in named for folder in name.split(os.pathsep) if folder]
    places = [Path(folder) for folder in folders]
    for place in places:
        if not place.exists():
            raise RuntimeProblem("font_missing", f"The folder of fonts {place} is not there.")
    return _open(tuple(str(place if place.is_dir() else place.parent) for place in places))


def language_of(text: str, given: str | None = None) -> str:
    """Return the language to set a text in: the code given, else a guess from its script (en where there is none)."""
    if given and CODE.fullmatch(given):
        return given
    counts = Counter(script for script in map(_script, text) if script in GUESSES)
    # Kana are Japanese, however many Chinese characters stand beside them.
    if counts["HIRAGANA"] or counts["KATAKANA"]:
        return "ja"
    counts["CJK"] *= HAN_WEIGHT
    return GUESSES[counts.most_common(1)[0][0]] if counts.total() else "en"


def right_to_left(text: str) -> bool:
    """Say whether most letters of a text run from right to left."""
    kinds = [unicodedata.bidirectional(sign) for sign in text]
    return sum(kind in ("R", "AL") for kind in kinds) > kinds.count("L")


def fonts_missing(letters: Sequence[str], line: int) -> RuntimeProblem:
    """Return the problem of letters that no font has, first met in the scene at `line`."""
    script = _script(letters[0])
    name = EASTERN.get(script, script.capitalize())
    package = "fonts-noto-cjk" if script in EASTERN else "fonts-noto-core"
    signs = " ".join(letters[:EXAMPLES])
    return RuntimeProblem(
        "font_missing",
        f"There is no font here with {name} ({signs} in the scene at line {line} of the script).",
        f"Install one (Debian and Ubuntu: {package}), or put one into a folder that {VARIABLES[0]} names.",
    )


def is_letter(sign: str) -> bool:
    """Tell what a text cannot be read without from emoji and other signs."""
    category = unicodedata.category(sign)
    return (
        category[0] in "LNMP" and category != "Me"
    )  # these make emoji of what they stand round: keys, circles


def _native(language: str) -> Iterable[str]:
    code = language.lower()
    key = "zh-Hant" if code.startswith(TRADITIONAL) else re.sub("^cmn$", "zh", code.split("-")[0])
    return NATIVE.get(key, "").split("|")


def _script(sign: str) -> str:
    return unicodedata.name(sign, "UNKNOWN").split()[0].split("-")[0]


def _is_drawn(sign: str) -> bool:
    # Joiners, direction marks and variation selectors shape what is round them and have no picture.
    return not sign.isspace() and unicodedata.category(sign)[0] != "C" and not "\ufe00" <= sign <= "\ufe0f"


def signs_of(path: str, index: int, wanted: Iterable[str]) -> set[str]:
    """Return those of the wanted signs that a font file has; none if it cannot be read."""
    import freetype

    try:
        face = freetype.Face(path, index)
        return {sign for sign in wanted if face.get_char_index(sign)}
    except freetype.FT_Exception as fault:
        log.debug("%s cannot be read: %s", path, fault)
        return set()
