"""Russian: spelling rules; which vowel is stressed is not written, so every one is tried."""

from __future__ import annotations

import re

from runtime.speech.pronunciation.numbers import NumberWords
from runtime.speech.pronunciation.spelling import SpelledLanguage, Spelling, table

# A full stop in a word marks the stressed vowel behind it.
_SPELLING = Spelling(
    r"""
    т?ться?$|тся$ -> t s a
    сч|зч|щ -> sj|sh
    стн -> s n
    здн -> z n
    лнц -> n t s
    вств -> s t v
    г(?=\.?о$)(?<=[ое]г) -> v|g
    тс|тц|дс(?=к) -> t s
    бб -> b
    дд -> d
    кк -> k
    лл -> l
    мм -> m
    нн -> n
    пп -> p
    рр -> rr
    сс -> s
    тт -> t
    б(?={dull}|ь?$) -> p
    в(?={dull}|ь?$) -> f
    г(?={dull}|ь?$) -> k
    д(?={dull}|ь?$) -> t
    ж(?={dull}|ь?$) -> sh
    з(?={dull}|ь?$) -> s
    с(?=[бгджз]) -> z
    т(?=[бгджз]) -> d
    к(?=[бгджз]) -> g
    б -> b
    в -> v
    г -> g
    д -> d
    ж -> zh
    з -> z
    й -> j
    к -> k
    л -> l
    м -> m
    н -> n
    п -> p
    р -> rr
    с -> s
    т -> t
    ф -> f
    х -> x
    ц -> t s
    ч(?=то)(?<!.) -> sh
    ч -> t sj|t sh
    ш -> sh
    [ъь](?=о) -> j
    [ъь] -> -
    \.а -> a
    а -> ah|ax|a
    \.о -> o|ou
    о -> ah|ax|a
    \.у -> u
    у -> uh|u
    \.ы -> ih|y
    ы -> ih|y
    \.э -> eh|e
    э -> ih|i|eh
    (?<![{cons}])\.ё -> j o|j uh
    \.?ё -> o|uh
    (?<={cons})\.е -> e|eh
    (?<={cons})е -> ih|i
    \.е -> j e|j eh
    е -> j ih|j i|i
    (?<={cons})\.я -> a
    (?<={cons})я -> ax|ih|a
    \.я -> j a
    я -> j ax|j ih|j a
    (?<={cons})\.?ю -> u
    \.?ю -> j u
    \.?и(?<=[жшц].и)|(?<=[жшц])и -> ih|y
    \.?и -> i|ih
    """.replace("[{cons}]", "{cons}"),
    {"dull": "пткфсшщцчх", "cons": "бвгджзклмнпрстфхцчшщ"},
)
_VOWEL = re.compile("[аоуыэёеяюи]")


def _stresses(word: str) -> tuple[str, ...]:
    """The word once for each vowel that may carry its stress; ё always does."""
    places = [word.index("ё")] if "ё" in word else [found.start() for found in _VOWEL.finditer(word)]
    return tuple(f"{word[:place]}.{word[place:]}" for place in places[:8]) or (word,)


_LETTERS = table(
    "а: a; б: b e; в: v e; г: g e; д: d e; е: j e; ж: zh e; з: z e; и: i; й: i; к: k a; л: e l; м: e m;"
    "н: e n; о: o; п: p e; р: e rr; с: e s; т: t e; у: u; ф: e f; х: x a; ц: t s e; ч: t sj e; ш: sh a;"
    "щ: sj a; э: e; ю: j u; я: j a"
)
_EXCEPTIONS = table(
    "в: v|f; с: s|z; к: k|g; и: i; а: a|ah; о: ah|o; я: j a; у: u; его: j i v o|i v o;"
    "сегодня: s i v o d n a|s i v o d n ax; что: sh t o|sh t ah; чтобы: sh t o b ih;"
    "конечно: k ah n e sh n ax; здравствуйте: z d rr a s t v uh j t i; солнце: s o n t s ax;"
    "не: n i|n ih|n e; на: n ah|n a|n ax; но: n o|n ah; из: i z|i s; без: b i z|b i s|b e s"
)
_ABBREVIATIONS = table(
    "г: год; руб: рублей; тыс: тысяч; млн: миллионов; млрд: миллиардов; ул: улица; др: другие;стр: страница"
)
_NUMBERS = NumberWords(
    numerals="ru",
    decimal=",",
    point="и",
    times=("{h} {m}", "{h} часов {m} минут"),
    full_hours=("{h} часов", "{h} ноль ноль"),
    dates=("{D} {month} {y}", "{d} {month} {y}"),
    months=(
        *("января", "февраля", "марта", "апреля", "мая", "июня"),
        *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
    ),
    range="до",
    dot="точка",
    slash="слэш",
    at="собака",
    signs=table(
        "-: минус; &: и; +: плюс; =: равно; #: номер; %: процентов; <: меньше; >: больше; °: градусов"
    ),
    units=table(
        "%: процентов|процента; km: километров; m: метров; cm: сантиметров; mm: миллиметров;"
        "kg: килограммов; g: граммов; h: часов; min: минут; s: секунд; l: литров;"
        "°C: градусов Цельсия|градусов; °: градусов; GB: гигабайт; MB: мегабайт; km/h: километров в час"
    ),
    money={
        "$": ("долларов", "центов"),
        "€": ("евро", "центов"),
        "£": ("фунтов", "пенсов"),
        "₽": ("рублей", "копеек"),
    },
)


def language() -> SpelledLanguage:
    """The rules of Russian."""
    return SpelledLanguage("ru", _SPELLING, _NUMBERS, _LETTERS, _EXCEPTIONS, _ABBREVIATIONS, _stresses)
