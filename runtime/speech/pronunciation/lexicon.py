"""Pronouncing dictionaries of gruut's language packages, and their guesses for words they do not hold."""

from __future__ import annotations

import base64
import importlib.util
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

Ipa = tuple[str, ...]


class Lexicon:
    """A language's words in the International Phonetic Alphabet."""

    def __init__(self, folder: Path) -> None:
        self._words: dict[str, list[str]] = {}
        place = f"file:{(folder / 'lexicon.db').as_posix()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(place, uri=True)) as database:  # it has no index to look up single words
            for word, phonemes in database.execute("SELECT word, phonemes FROM word_phonemes ORDER BY id"):
                self._words.setdefault(word, []).append(phonemes)
        self._model = folder / "g2p" / "model.crf"
        self._tagger: Any = None

    def find(self, word: str) -> list[Ipa]:
        """The dictionary's pronunciations of a lower-case word, the usual one first; empty when it has none."""
        return [tuple(phonemes.split()) for phonemes in dict.fromkeys(self._words.get(word, ()))]

    def guess(self, word: str) -> Ipa:
        """How a lower-case word is spoken by the spelling rules that the dictionary taught."""
        if self._tagger is None:
            import pycrfsuite

            self._tagger = pycrfsuite.Tagger()
            self._tagger.open(str(self._model))
        labels = [_decoded(label) for label in self._tagger.tag(_features(word))]
        return tuple(symbol for label in labels for symbol in label.split("|") if symbol != "_")


def _features(word: str) -> list[dict[str, Any]]:
    """What the model looks at for each letter: the letter, three on either side, the word's ends."""
    seen: list[dict[str, Any]] = []
    for place, letter in enumerate(word):
        row: dict[str, Any] = {"bias": 1.0, "grapheme": _encoded(letter)}
        for distance in (1, 2, 3):
            if place >= distance:
                row[f"grapheme-{distance}"] = _encoded(word[place - distance])
            if place + distance < len(word):
                row[f"grapheme+{distance}"] = _encoded(word[place + distance])
        if place == 0:
            row["begin"] = True
        if place == len(word) - 1:
            row["end"] = True
        seen.append(row)
    return seen


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


@cache
def lexicon(language: str) -> Lexicon | None:
    """The dictionary of a two-letter language code, None when its package is not installed."""
    package = importlib.util.find_spec(f"gruut_lang_{language}")
    if package is None or package.origin is None:
        return None
    return Lexicon(Path(package.origin).parent)
