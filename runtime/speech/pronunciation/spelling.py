"""Languages whose spelling tells the sound: rewrite rules from letters to phones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from runtime.speech.pronunciation.language import Phones, Reading, Spoken, distinct, phrase
from runtime.speech.pronunciation.numbers import NumberReader, NumberWords
from runtime.speech.pronunciation.tokens import Token

_VARIANTS = 8


class Spelling:
    """Rules "pattern -> phones | phones", one a line, "-" for none; the first that fits at a letter is taken.

    Patterns are regular expressions in which {name} stands for a class of letters. A letter without a rule is
    silent.
    """

    def __init__(self, rules: str, classes: Mapping[str, str]) -> None:
        patterns: list[str] = []
        self._sounds: list[tuple[Phones, ...]] = []
        for line in filter(None, map(str.strip, rules.splitlines())):
            pattern, _, sounds = line.partition(" -> ")
            for name, letters in classes.items():
                pattern = pattern.replace(f"{{{name}}}", f"[{letters}]")
            patterns.append(f"({pattern.strip()})")
            self._sounds.append(tuple(_phones(sound) for sound in sounds.split("|")))
        self._pattern = re.compile("|".join(patterns))

    def pieces(self, word: str) -> list[tuple[Phones, ...]]:
        """The sounds of a word's letters in order, each with its variants."""
        return [
            self._sounds[found.lastindex - 1] for found in self._pattern.finditer(word) if found.lastindex
        ]


def _phones(text: str) -> Phones:
    return tuple(text.replace("-", " ").split())


class SpelledLanguage:
    """A language read by spelling rules, with its exceptions, letters, abbreviations and numbers.

    `prepare` gives the forms of a lower-case word that the rules see, e.g. with its stress marked. `link` may add
    sounds that a following word brings out.
    """

    def __init__(
        self,
        code: str,
        spelling: Spelling,
        numbers: NumberWords,
        letters: Mapping[str, str],
        exceptions: Mapping[str, str],
        abbreviations: Mapping[str, str],
        prepare: Callable[[str], tuple[str, ...]] = lambda word: (word,),
        link: Callable[[str, str], str] | None = None,
    ) -> None:
        self.code = code
        self.abbreviations = frozenset(abbreviations)
        self._spelling = spelling
        self._reader = NumberReader(numbers)
        self._letters = letters
        self._exceptions = exceptions
        self._meanings = abbreviations
        self._prepare = prepare
        self._link = link
        self._known = lru_cache(maxsize=50_000)(self._pronounce)

    def read(self, token: Token) -> list[Reading]:
        """See `Language.read`."""
        return self._reader.read(token)

    def speak(self, run: str, stop: bool = False, following: str = "") -> list[Spoken]:
        """See `Language.speak`."""
        variants = self._known(run, stop)
        linked = self._link(run.lower(), following.lower()) if self._link and following else ""
        if linked:
            variants = distinct([phones + ending for phones in variants[:4] for ending in ((), (linked,))])
        return [Spoken(0, len(run), variants)]

    def _pronounce(self, run: str, stop: bool) -> tuple[Phones, ...]:
        word = run.lower()
        if stop and word in self._meanings:
            return phrase([self._word(part) for part in self._meanings[word].lower().split()])
        if len(run) > 1 and run.isupper():
            spelled = phrase([self._letter(letter) for letter in word], 4)
            return distinct([*spelled, *self._word(word)])
        if len(run) == 1 and not self._spelled_as_word(word):
            return self._letter(word)
        return self._word(word)

    def _spelled_as_word(self, letter: str) -> bool:
        return letter in self._exceptions

    def _letter(self, letter: str) -> tuple[Phones, ...]:
        name = self._letters.get(letter, "")
        return tuple(_phones(variant) for variant in name.split("|")) if name else self._word(letter)

    def _word(self, word: str) -> tuple[Phones, ...]:
        if word in self._exceptions:
            return distinct(_phones(variant) for variant in self._exceptions[word].split("|"))
        forms = self._prepare(word)
        share = max(2, _VARIANTS // len(forms))
        return distinct(phones for form in forms for phones in phrase(self._spelling.pieces(form), share))


def table(text: str) -> dict[str, str]:
    """A dictionary from lines of "key: value" separated by semicolons."""
    pairs = (item.partition(":") for item in re.split(r"[;\n]", text) if item.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}
