"""Italian: spelling rules; open and closed e and o are variants."""

from __future__ import annotations

from runtime.speech.pronunciation.numbers import NumberWords
from runtime.speech.pronunciation.spelling import SpelledLanguage, Spelling, table

_SPELLING = Spelling(
    r"""
    gli(?={vowel}) -> l|l j
    ^gli$ -> l i
    gli(?!c) -> l i
    gn -> n|n j
    sci(?=[aoue]) -> sh|sh j
    sc(?=[eièéì]) -> sh
    cci(?=[aoue]) -> t sh|t sh j
    cc(?=[eièéì]) -> t sh
    ci(?=[aoue]) -> t sh|t sh j
    ch -> k
    c(?=[eièéì]) -> t sh
    cc|cq -> k
    c -> k
    ggi(?=[aoue]) -> d zh|d zh j
    gg(?=[eièéì]) -> d zh
    gi(?=[aoue]) -> d zh|d zh j
    ggh|gh -> g
    g(?=[eièéì]) -> d zh
    gg|g -> g
    qu -> k w
    q -> k
    zz -> t s|d z
    z -> t s|d z
    ss -> s
    (?<={vowel})s(?={vowel}) -> z|s
    s(?=[bdglmnrv]) -> z
    s -> s
    rr|r -> rr
    bb|b -> b
    dd|d -> d
    ff|f -> f
    ll|l -> l
    mm|m -> m
    n(?=[cgkq](?![eiè])) -> ng|n
    nn|n -> n
    pp|p -> p
    tt|t -> t
    vv|v -> v
    k -> k
    w -> w|v
    x -> k s
    y -> j|i
    j -> j|d zh
    h -> -
    i(?={vowel}) -> j|i
    u(?={vowel}) -> w|u
    (?<=[aeo])i -> ih|i
    (?<=[ae])u -> uh|u
    [aà] -> a
    é -> e
    è -> eh|e
    e -> e|eh
    [iìí] -> i
    [oòó] -> ou|o
    [uùú] -> u
    """,
    {"vowel": "aeiouàèéìòù"},
)
_LETTERS = table(
    "a: a; b: b i; c: t sh i; d: d i; e: e; f: eh f e; g: d zh i; h: a k a; i: i; j: i l u ng g a;"
    "k: k a p a; l: eh l e; m: eh m e; n: eh n e; o: o; p: p i; q: k u; r: eh rr e; s: eh s e; t: t i;"
    "u: u; v: v u; w: d ou p j a v u; x: i k s; y: i p s i l ou n; z: d z eh t a"
)
_EXCEPTIONS = table(
    "e: e|eh; è: eh; ed: e d; ho: o; ha: a; hanno: a n ou; hai: a i; web: w eh b; a: a; o: o; i: i"
)
_ABBREVIATIONS = table(
    "sig: signor; sigra: signora; dott: dottor; prof: professore; ecc: eccetera; ing: ingegner;"
    "pag: pagina; art: articolo; num: numero; tel: telefono; es: esempio"
)
_NUMBERS = NumberWords(
    numerals="it",
    decimal=",",
    point="virgola",
    times=("{h} e {m}", "{h} {m}"),
    full_hours=("{h}", "{h} in punto"),
    dates=("{d} {month} {y}", "{D} {month} {y}"),
    months=(
        *("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno"),
        *("luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"),
    ),
    range="a",
    dot="punto",
    slash="barra",
    at="chiocciola",
    signs=table(
        "-: meno; &: e; +: più; =: uguale; #: numero; %: per cento; <: minore di; >: maggiore di; °: gradi"
    ),
    units=table(
        "%: per cento; km: chilometri; m: metri; cm: centimetri; mm: millimetri; kg: chili|chilogrammi;"
        "g: grammi; mg: milligrammi; t: tonnellate; l: litri; ml: millilitri; h: ore; min: minuti;"
        "s: secondi; ms: millisecondi; km/h: chilometri orari|chilometri all'ora; °C: gradi Celsius|gradi;"
        "°: gradi; GB: gigabyte; MB: megabyte; kW: chilowatt; W: watt; V: volt; Hz: hertz;"
        "m²: metri quadrati; m2: metri quadrati; km²: chilometri quadrati"
    ),
    money={
        "$": ("dollari", "centesimi"),
        "€": ("euro", "centesimi"),
        "£": ("sterline", "pence"),
        "¥": ("yen", "sen"),
    },
)


def language() -> SpelledLanguage:
    """The rules of Italian."""
    return SpelledLanguage("it", _SPELLING, _NUMBERS, _LETTERS, _EXCEPTIONS, _ABBREVIATIONS)
