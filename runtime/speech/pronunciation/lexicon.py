"""Pronouncing dictionaries of gruut's language packages, and their guesses for words they do not hold."""

from __future__ import annotations

import base64
import importlib.util
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any

Ipa = tuple[str, ...]


class Lexicon:
    """A language's words in the International Phonetic Alphabet."""

    def __init__(self, folder: Path) -> None:
        place = f"file:{(folder / 'lexicon.db').as_posix()}?mode=ro&immutable=1"
        self._words = sqlite3.connect(place, uri=True, check_same_thread=False)
        self._model = folder / "g2p" / "model.crf"
        self._tagger: Any = None

    def find(self, word: str) -> list[Ipa]:
        """The dictionary's pronunciations of a lower-case word, the usual one first; empty when it has none."""
        rows = self._words.execute(
            "SELECT phonemes FROM word_phonemes WHERE word = ? ORDER BY pron_order", (word,)
        )
        return list(dict.fromkeys(tuple(row[0].split()) for row in rows))

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
