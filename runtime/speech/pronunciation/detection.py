"""Which language a text is written in, by its letters and its most frequent words."""

from __future__ import annotations

import re
from collections import Counter

from runtime.speech.pronunciation.tokens import HAN, HANGUL, KANA

_SCRIPTS = {
    "kana": re.compile(f"[{KANA}]"),
    "hangul": re.compile(f"[{HANGUL}]"),
    "han": re.compile(f"[{HAN}]"),
    "cyrillic": re.compile("[\u0400-\u052f]"),
    "latin": re.compile("[A-Za-z\u00c0-\u024f]"),
}
_ELSEWHERE = {
    "ar": re.compile("[\u0600-\u06ff]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "hi": re.compile("[\u0900-\u097f]"),
    "ka": re.compile("[\u10a0-\u10ff]"),
    "hy": re.compile("[\u0530-\u058f]"),
}
_HOME = {"kana": "ja", "hangul": "ko", "han": "zh", "cyrillic": "ru", "latin": "en"}
_SCRIPTS_OF = {"zh": {"han"}, "yue": {"han"}, "ja": {"han", "kana"}, "ko": {"hangul"}, "ru": {"cyrillic"}}

# Characters of written Cantonese that standard Chinese does not use.
_CANTONESE = re.compile("[嘅咗唔喺佢哋嚟嘢啲冇咁嗰噉瞓攞搵哂諗嗌畀俾睇乜啱]")

# The most frequent words that tell these languages from each other.
_FREQUENT = {
    "en": "the and of to is in that it you was for with are this have not but they be from at we our on an i",
    "de": "der die das und ist nicht ich sie mit den von zu ein eine auf für im dem es wir auch sich ihr über",
    "fr": "le la les et des est une dans pour que qui pas sur avec nous vous il elle ce au du en ne je plus à",
    "es": "el la los las y de que en es un una por con para no se lo su al del más como pero este está muy",
    "it": "il lo la gli le e di che è un una per con non si del della nel sono come più anche questo ma alla",
    "pt": "o a os as e de que é um uma por com para não se do da no na em mais como mas este está você são",
    "nl": "de het een en van is niet ik je dat in op te zijn met voor maar ook aan er wij dit als naar",
}
_TELLING = {
    "de": "äöüß", "fr": "àâçèêëîïôœùû", "es": "ñ¿¡áéíóú", "pt": "ãõâêçáéíóú", "it": "àèìòù", "nl": "ëï",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_LOOKED_AT = 20_000  # characters


def detect(script: str) -> str:
    """The language code of a text; "en" for Latin letters without evidence, and for none at all."""
    text = script[:_LOOKED_AT]
    counts = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()}
    for code, pattern in _ELSEWHERE.items():
        if len(pattern.findall(text)) > sum(counts.values()):
            return code
    han = counts["han"] + counts["kana"]
    if counts["hangul"] * 3 > sum(counts.values()):
        return "ko"
    if han * 5 >= counts["latin"] and han:
        if counts["kana"] * 10 >= han:
            return "ja"
        return "yue" if len(_CANTONESE.findall(text)) * 50 >= han else "zh"
    if counts["cyrillic"] > counts["latin"]:
        return "ru"
    return _by_frequent_words(text)


def language_of(run: str, main: str) -> str:
    """Which language's rules read a run of letters in a text of the language `main`."""
    script = next((name for name, pattern in _SCRIPTS.items() if pattern.search(run)), "")
    if not script:
        return ""
    if script in _SCRIPTS_OF.get(main, {"latin"}):
        return main
    return _HOME[script]


def _by_frequent_words(text: str) -> str:
    words = Counter(word.lower() for word in _WORD.findall(text))
    letters = Counter(text.lower())
    score = {
        code: 2.0 * sum(words[word] for word in frequent.split())
        + sum(letters[letter] for letter in _TELLING.get(code, "")) * (2.0 if code in {"de", "es"} else 1.0)
        for code, frequent in _FREQUENT.items()
    }
    best = max(score, key=lambda code: score[code])
    return best if score[best] > score["en"] and score[best] >= 2 else "en"
