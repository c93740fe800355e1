"""The languages that have rules, each loaded when it is first spoken."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from runtime.speech.pronunciation.language import Language

_MODULES = {
    "en": "english",
    "zh": "mandarin",
    "yue": "cantonese",
    "de": "german",
    "es": "spanish",
    "fr": "french",
    "it": "italian",
    "pt": "portuguese",
    "nl": "dutch",
    "ru": "russian",
    "ko": "korean",
    "ja": "japanese",
}
_ALIASES = {"cmn": "zh", "zh-yue": "yue", "zh-hk": "yue", "zh-hant-hk": "yue", "jp": "ja", "iw": "he"}


def canonical(language: str) -> str:
    """The code we use for "en-US", "zh_CN", "cmn"."""
    code = language.strip().lower().replace("_", "-")
    return _ALIASES.get(code) or _ALIASES.get(code.split("-")[0]) or code.split("-")[0]


@cache
def rules(code: str) -> Language | None:
    """The rules of a language; None when there are none, MissingPackageError when its dictionary is missing."""
    if code not in _MODULES:
        return None
    module = import_module(f"runtime.speech.pronunciation.{_MODULES[code]}")
    return module.language()
