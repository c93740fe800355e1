"""Phones with their times, read from the files that forced aligners write.

Praat TextGrid (long and short text form; Boersma & Weenink, "TextGrid file formats", Praat manual) as the
Montreal Forced Aligner writes it, and the JSON of pocketsphinx (`phone.json`). Labels may be ARPAbet, with or
without stress digits, or IPA.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.contract import RuntimeProblem
from runtime.stages.articulation import Segment

ALIGNMENT_SUFFIXES = (".TextGrid", ".phone.json")

_SILENCE = frozenset({"", "sil", "sp", "pau", "<sil>", "<s>", "</s>", "#", "_"})
# What a label sounds like, as names of runtime.stages.articulation.PHONES; two names share the interval.
_ARPABET = {
    "aa": "a", "ae": "ae", "ah": "ah", "ao": "o", "aw": "a uh", "ax": "ax", "axr": "er", "ay": "a ih",
    "b": "b", "ch": "t sh", "d": "d", "dh": "dh", "dx": "t", "eh": "eh", "er": "er", "ey": "e ih", "f": "f",
    "g": "g", "hh": "h", "ih": "ih", "ix": "ih", "iy": "i", "jh": "d zh", "k": "k", "l": "l", "m": "m",
    "n": "n", "ng": "ng", "ow": "ou uh", "oy": "o ih", "p": "p", "r": "r", "s": "s", "sh": "sh", "t": "t",
    "th": "th", "uh": "uh", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "zh",
}  # fmt: skip
_IPA = {
    "ɑ": "a", "ɒ": "a", "a": "a", "ɐ": "ah", "æ": "ae", "ʌ": "ah", "ɔ": "o", "o": "ou", "ə": "ax", "ɚ": "er",
    "ɝ": "er", "ɜ": "er", "ɛ": "eh", "e": "e", "ɪ": "ih", "i": "i", "ʉ": "u", "ʊ": "uh", "u": "u", "y": "y",
    "ø": "oe", "œ": "oe", "aj": "a ih", "aw": "a uh", "ej": "e ih", "ow": "ou uh", "ɔj": "o ih", "b": "b",
    "p": "p", "m": "m", "f": "f", "v": "v", "d": "d", "t": "t", "n": "n", "ɲ": "n", "ŋ": "ng", "ɡ": "g",
    "g": "g", "k": "k", "c": "k", "ɟ": "g", "x": "x", "ç": "sj", "h": "h", "l": "l", "ɫ": "l", "ʎ": "l",
    "ɹ": "r", "r": "rr", "ɾ": "t", "ʁ": "x", "s": "s", "z": "z", "ʃ": "sh", "ʒ": "zh", "θ": "th", "ð": "dh",
    "j": "j", "w": "w", "ʔ": "h", "tʃ": "t sh", "dʒ": "d zh", "ts": "t s",
}  # fmt: skip
_IPA_MARKS = re.compile("[ʰʲʷˠˤ̪̩̥̃̚͡ːˑˈˌ0-9]")


@dataclass(frozen=True)
class Interval:
    """One labelled stretch of a recording; seconds."""

    label: str
    start: float
    end: float

    @property
    def phones(self) -> tuple[str, ...]:
        """Names of the sounds (PHONES of the articulation module); empty where the label is unknown."""
        return sounds_of(self.label)

    @property
    def is_silence(self) -> bool:
        """Whether the aligner heard nobody."""
        return self.label.lower() in _SILENCE

    @property
    def is_bilabial(self) -> bool:
        """Whether the lips must meet: p, b, m."""
        return self.phones[:1] in (("p",), ("b",), ("m",))

    @property
    def is_labiodental(self) -> bool:
        """Whether the lower lip meets the teeth: f, v."""
        return self.phones[:1] in (("f",), ("v",))


def sounds_of(label: str) -> tuple[str, ...]:
    """The sounds that an ARPAbet or IPA label stands for; ("sil",) for silence, () when it is not known."""
    if label.lower() in _SILENCE:
        return ("sil",)
    # ARPAbet is written in capitals or carries its stress; MFA's IPA is lower case.
    if re.fullmatch("[A-Z]+[0-2]?", label):
        found = _ARPABET.get(label.rstrip("012").lower())
    else:
        plain = _IPA_MARKS.sub("", label)
        found = _IPA.get(plain) or _ARPABET.get(plain)
    return tuple(found.split()) if found else ()


def read_alignment(path: Path) -> list[Interval]:
    """Phones of an alignment file in order of time, silences included."""
    text = _read_text(path)
    try:
        intervals = _from_json(text) if path.name.endswith(".json") else _from_textgrid(text)
    except (ValueError, KeyError, IndexError, TypeError) as fault:
        raise RuntimeProblem("alignment_unreadable", f"{path} is not a phone alignment: {fault}.") from fault
    if not any(item.phones and not item.is_silence for item in intervals):
        raise RuntimeProblem("alignment_unreadable", f"No phone of {path} is known (ARPAbet or IPA).")
    return intervals


def read_words(path: Path) -> list[Interval]:
    """Words of an alignment file in order of time, as far as it has them; pauses left out."""
    text = _read_text(path)
    if path.name.endswith(".json"):
        words = _words_of_json(text)
    else:
        tiers = dict(_textgrid_tiers(_textgrid_values(text)))
        words = next((tier for name, tier in tiers.items() if "word" in name.lower()), [])
    return [word for word in words if not word.is_silence]


def segments_of(intervals: list[Interval]) -> list[Segment]:
    """Intervals as the articulation module wants them; diphthongs and affricates are split in two."""
    return [
        Segment(phone, item.start + part * step, item.start + (part + 1) * step)
        for item in intervals
        for step in [(item.end - item.start) / max(len(item.phones), 1)]
        for part, phone in enumerate(item.phones)
    ]


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as fault:
        raise RuntimeProblem("alignment_unreadable", f"{path} cannot be read: {fault}.") from fault
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return raw.decode(encoding, errors="replace")


def _from_json(text: str) -> list[Interval]:
    """pocketsphinx: an utterance "w" of words, each with its phones "w": b = start, d = duration, t = label."""
    document = json.loads(text)
    offset = 0.0
    return [
        Interval(phone["t"], phone["b"] + offset, phone["b"] + phone["d"] + offset)
        for word in document["w"]
        for phone in word["w"]
    ]


def _words_of_json(text: str) -> list[Interval]:
    """pocketsphinx marks the variants of a word by a number in brackets, and noises by angle brackets."""
    return [
        Interval(re.sub(r"\(\d+\)$", "", word["t"]), word["b"], word["b"] + word["d"])
        for word in json.loads(text)["w"]
    ]


def _from_textgrid(text: str) -> list[Interval]:
    """The tier called phones (any case, also "speaker - phones"); the last interval tier otherwise."""
    tiers = list(_textgrid_tiers(_textgrid_values(text)))
    if not tiers:
        raise ValueError("it has no interval tier")
    named = [intervals for name, intervals in tiers if "phone" in name.lower()]
    return sorted((named or [tiers[-1][1]])[0], key=lambda item: item.start)


def _textgrid_values(text: str) -> Iterator[str | float]:
    """The bare values of either text form, in order; the long form's words and [indices] are decoration."""
    if "ooTextFile" not in text[:200]:
        raise ValueError("the Praat header is missing")
    body = text.split("\n", 2)[2]
    for match in re.finditer(
        r'"((?:[^"]|"")*)"|\[\d*\]:?|(?<![\w"])(-?\d+(?:\.\d+)?(?:[eE]-?\d+)?)(?![\w"])', body
    ):
        if match.group(1) is not None:
            yield match.group(1).replace('""', '"').strip()
        elif match.group(2) is not None:
            yield float(match.group(2))


def _textgrid_tiers(values: Iterator[str | float]) -> Iterator[tuple[str, list[Interval]]]:
    """Name and intervals of each interval tier; point tiers are stepped over."""
    next(values), next(values)  # start and end of the whole
    for _ in range(_count(values)):
        kind, name = next(values), str(next(values))
        next(values), next(values)  # start and end of the tier
        rows = range(_count(values))
        if kind == "IntervalTier":
            yield name, [_interval(values) for _ in rows]
        else:
            for _ in rows:
                next(values), next(values)


def _count(values: Iterator[str | float]) -> int:
    return int(_number(next(values)))


def _interval(values: Iterator[str | float]) -> Interval:
    start, end, label = _number(next(values)), _number(next(values)), next(values)
    return Interval(str(label), start, end)


def _number(value: str | float) -> float:
    if isinstance(value, str):
        raise ValueError(f"a number was expected where {value!r} stands")
    return value
