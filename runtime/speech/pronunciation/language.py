"""What a language has to tell about itself to be read aloud."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from runtime.speech.pronunciation.tokens import Token

Phones = tuple[str, ...]
Reading = tuple[str, ...]
"""Plain words to be spoken, one after another."""

MOST_VARIANTS = 12


class Spoken(NamedTuple):
    """A word inside a run of letters, `run[start:end]`, with the ways it may be pronounced."""

    start: int
    end: int
    pronunciations: tuple[Phones, ...]


class MissingPackageError(Exception):
    """A language has rules, but the package with its dictionary is not installed."""


class Language(Protocol):
    """The rules of one language; `abbreviations` are written with a full stop that ends no sentence."""

    code: str
    abbreviations: frozenset[str]

    def speak(self, run: str, stop: bool = False, following: str = "") -> list[Spoken]:
        """The words in a run of letters of this language.

        `stop` tells that a full stop is behind it, `following` are the letters said next without a pause.
        """

    def read(self, token: Token) -> list[Reading]:
        """The likely readings of a token that is not letters only; empty for one that is not spoken."""


def distinct(pronunciations: Iterable[Sequence[str]], most: int = MOST_VARIANTS) -> tuple[Phones, ...]:
    """Each pronunciation once and none empty, the first ones when there are too many."""
    kept = dict.fromkeys(tuple(phones) for phones in pronunciations)
    return tuple(phones for phones in kept if phones)[:most]


def phrase(words: Sequence[Sequence[Phones]], most: int = MOST_VARIANTS) -> tuple[Phones, ...]:
    """The pronunciations of words said as one: all usual ones, all last ones (another accent), then mixtures."""
    words = [word for word in words if word]
    usual = [word[0] for word in words]
    choices = [usual, [word[-1] for word in words]]
    if math.prod(len(word) for word in words) <= most:
        choices += [list(choice) for choice in itertools.product(*words)]
    else:
        choices += [
            [*usual[:place], other, *usual[place + 1 :]]
            for place, word in enumerate(words)
            for other in word[1:]
        ]
    return distinct((sum(choice, ()) for choice in choices), most)
