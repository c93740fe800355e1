"""A script to words with pronunciations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runtime.speech.pronunciation.detection import detect, language_of
from runtime.speech.pronunciation.language import (
    Language,
    MissingPackageError,
    Phones,
    Spoken,
    distinct,
    phrase,
)
from runtime.speech.pronunciation.registry import canonical, rules
from runtime.speech.pronunciation.tokens import Token, tokenize
from runtime.speech.script import ScriptWord

_LETTERS = {"word", "ideographs", "hangul"}
_HESITATIONS = {"um", "uh", "uhm", "erm", "hmm", "äh", "ähm", "euh", "ehm"}  # nobody hurries on after these


@dataclass(frozen=True)
class Pronounced:
    """The words of a script in the order they are said.

    `language` is the code whose rules were used. Where there are none, `unsupported` is True, `words` is empty and
    `reason` one sentence to show. `skipped` are spans (start, end) of letters or digits that nobody could read.
    """

    words: tuple[ScriptWord, ...]
    language: str
    unsupported: bool = False
    reason: str = ""
    skipped: tuple[tuple[int, int], ...] = ()


def pronounce(script: str, language: str | None = None) -> Pronounced:
    """The words of a script with their pronunciations, by the rules of `language` (found out when not given).

    `language` is a code such as "en", "zh", "yue" or "pt-BR". Words in other letters, such as English in a Chinese
    text, are read by the rules of the language those letters suggest.
    """
    tokens = tokenize(script)
    code = canonical(language) if language else detect(script)
    try:
        main = rules(code)
    except MissingPackageError as missing:
        return Pronounced((), code, True, str(missing))
    if main is None:
        return Pronounced((), code, True, f"There are no pronunciation rules for the language {code!r}.")
    words: list[ScriptWord] = []
    skipped: list[tuple[int, int]] = []
    for token, following in zip(tokens, [*tokens[1:], None], strict=False):
        found = list(_words(token, following, main, script))
        words += found
        if not found and any(letter.isalnum() for letter in token.text):
            skipped.append(token.span())
    if skipped and not words:
        return Pronounced((), code, True, "Nothing in the script is written in letters that have rules.")
    return Pronounced(tuple(words), code, skipped=tuple(skipped))


def _words(token: Token, following: Token | None, main: Language, script: str) -> Iterator[ScriptWord]:
    """The words of one token; the last one carries its pause."""
    if token.kind in _LETTERS:
        onward = following.text if following and following.kind in _LETTERS and not token.pause else ""
        language, pieces = _speak(token.text, main, token.stop, onward)
    else:
        language, pieces = main, _read(token, main)
    said = token.text.lower()
    rest = (token.pause and not (token.stop and said in language.abbreviations)) or said in _HESITATIONS
    for number, piece in enumerate(pieces, start=1):
        start, end = token.span(piece.start, piece.end)
        shared = number > 1 and piece[:2] == pieces[number - 2][:2]
        text = "" if shared else script[start:end]
        last = number == len(pieces)
        yield ScriptWord(text, start, end, piece.pronunciations, language.code, rest and last)


def _speak(
    run: str, main: Language, stop: bool = False, following: str = ""
) -> tuple[Language, list[Spoken]]:
    """The words in a run of letters, in the language that these letters belong to; none without rules for it."""
    code = language_of(run, main.code)
    try:
        language = main if code == main.code else rules(code)
    except MissingPackageError:
        language = None
    if language is None:
        return main, []
    return language, [piece for piece in language.speak(run, stop, following) if piece.pronunciations]


def _read(token: Token, main: Language) -> list[Spoken]:
    """A token as its reading's words, or as a single word where several readings are likely."""
    readings = main.read(token)
    spoken = [[sound for word in reading if (sound := _sound(word, main))] for reading in readings]
    spoken = [words for words in spoken if words]
    if len(spoken) == 1:
        return [Spoken(0, len(token.text), word) for word in spoken[0]]
    share = max(1, 12 // max(1, len(spoken)))
    variants = distinct(phones for words in spoken for phones in phrase(words, share))
    return [Spoken(0, len(token.text), variants)] if variants else []


def _sound(word: str, main: Language) -> tuple[Phones, ...]:
    """The pronunciations of one word of a reading."""
    return phrase([piece.pronunciations for run in word.split() for piece in _speak(run, main)[1]])
