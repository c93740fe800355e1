"""Korean: syllables taken apart, with the sound changes between them."""

from __future__ import annotations

from functools import lru_cache

from runtime.speech.pronunciation.language import Phones, Reading, Spoken, phrase
from runtime.speech.pronunciation.numbers import NumberReader, NumberWords
from runtime.speech.pronunciation.spelling import table
from runtime.speech.pronunciation.tokens import Token

_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_DOUBLE = {
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
    "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip
_ONSET = table(
    "ㄱ: g|k; ㄲ: k; ㄴ: n; ㄷ: d|t; ㄸ: t; ㄹ: rr|l; ㅁ: m; ㅂ: b|p; ㅃ: p; ㅅ: s; ㅆ: s; ㅇ: -;"
    "ㅈ: d zh|t sj|d sj|t sh; ㅉ: t sj|t sh; ㅊ: t sj|t sh; ㅋ: k; ㅌ: t; ㅍ: p; ㅎ: h|-"
)
_VOWEL = table(
    "ㅏ: a|ah; ㅐ: eh|e; ㅑ: j a|j ah; ㅒ: j eh; ㅓ: ah|o; ㅔ: e|eh; ㅕ: j ah|j o; ㅖ: j e|e; ㅗ: ou|o;"
    "ㅘ: w a|w ah; ㅙ: w eh|w e; ㅚ: w e|w eh; ㅛ: j ou|j o; ㅜ: u|uh; ㅝ: w ah|w o; ㅞ: w e|w eh;"
    "ㅟ: w i|y; ㅠ: j u; ㅡ: ih|ax; ㅢ: ih i|i|e; ㅣ: i"
)
_CODA = table(
    "ㄱ: k; ㄲ: k; ㅋ: k; ㄴ: n; ㄷ: t; ㅌ: t; ㅅ: t; ㅆ: t; ㅈ: t; ㅊ: t; ㅎ: -; ㄹ: l; ㅁ: m; ㅂ: p;"
    "ㅍ: p; ㅇ: ng"
)
# Which of n and l begins a syllable behind another's closing sound.
_LIQUID = {("ㄹ", "ㄴ"): "ㄹ", **{(final, "ㄹ"): "ㄴ" for final in "ㄱㅂㅁㅇ"}}
_NASAL = {"k": "ng", "t": "n", "p": "m"}
_NUMBERS = NumberWords(
    numerals="ko",
    decimal=".",
    point="점",
    times=("{h}시 {m}분",),
    full_hours=("{h}시",),
    dates=("{y}년 {month} {d}일",),
    months=(
        "일월",
        "이월",
        "삼월",
        "사월",
        "오월",
        "유월",
        "칠월",
        "팔월",
        "구월",
        "시월",
        "십일월",
        "십이월",
    ),
    range="에서",
    dot="점",
    slash="슬래시",
    at="골뱅이",
    signs=table("-: 마이너스; &: 앤드; +: 더하기; =: 는; %: 퍼센트; °: 도"),
    units=table(
        "%: 퍼센트; km: 킬로미터; m: 미터; cm: 센티미터; mm: 밀리미터; kg: 킬로그램; g: 그램; h: 시간;"
        "min: 분; s: 초; l: 리터; °C: 도|섭씨; °: 도; GB: 기가바이트; MB: 메가바이트; km/h: 킬로미터"
    ),
    money={
        "$": ("달러", "센트"),
        "€": ("유로", "센트"),
        "¥": ("엔", "센"),
        "₩": ("원", "전"),
        "£": ("파운드", "펜스"),
    },
)


class Korean:
    """The rules of Korean."""

    code = "ko"
    abbreviations = frozenset[str]()

    def __init__(self) -> None:
        self._reader = NumberReader(_NUMBERS)
        self._known = lru_cache(maxsize=50_000)(_pronounce)

    def read(self, token: Token) -> list[Reading]:
        """See `Language.read`."""
        return self._reader.read(token)

    def speak(self, run: str, stop: bool = False, following: str = "") -> list[Spoken]:
        """See `Language.speak`."""
        return [Spoken(0, len(run), self._known(run))]


def _pronounce(run: str) -> tuple[Phones, ...]:
    parts = [_jamo(syllable) for syllable in run]
    pieces: list[tuple[Phones, ...]] = []
    coda = ""
    for place, (initial, vowel, final) in enumerate(parts):
        onward = parts[place + 1][0] if place + 1 < len(parts) else ""
        if initial == "ㅇ" and coda:
            initial = {"ㄷ": "ㅈ", "ㅌ": "ㅊ"}.get(coda, coda) if vowel == "ㅣ" else coda
        heads = _ONSET[initial].split("|")
        if initial in {"ㅅ", "ㅆ"} and vowel in "ㅣㅑㅕㅛㅠㅟ":
            heads = ["sh", "sj", "s"]
        pieces += [_sounds(heads), _sounds(_VOWEL[vowel].split("|"))]
        final = _DOUBLE.get(final, final)
        coda = ""
        if onward == "ㅇ" and final and final[-1] != "ㅇ":
            coda = final[-1] if final[-1] != "ㅎ" else ""
            final = final[:-1]
        if final:
            pieces.append(_coda(final, onward))
            if onward in {"ㄴ", "ㄹ"}:
                parts[place + 1] = (_LIQUID.get((final, onward), onward), *parts[place + 1][1:])
    return phrase(pieces, 8)


def _coda(final: str, onward: str) -> tuple[Phones, ...]:
    """The closing sound of a syllable before the next initial."""
    sound = _CODA[final[-1] if final in {"ㄹㅁ", "ㄹㄱ", "ㄹㅍ"} else final[0]]
    if onward in {"ㄴ", "ㅁ"} or (onward == "ㄹ" and sound in {"k", "p"}):
        sound = _NASAL.get(sound, sound)
    if onward == "ㄹ" and sound == "n":
        sound = "l"
    return _sounds([sound])


def _sounds(variants: list[str]) -> tuple[Phones, ...]:
    return tuple(tuple(variant.replace("-", "").split()) for variant in variants)


def _jamo(syllable: str) -> tuple[str, str, str]:
    """Initial, vowel and final of a precomposed syllable."""
    number = ord(syllable) - 0xAC00
    return _INITIALS[number // 588], _VOWELS[number % 588 // 28], _FINALS[number % 28]


def language() -> Korean:
    """The rules of Korean."""
    return Korean()
