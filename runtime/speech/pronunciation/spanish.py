"""Spanish: spelling rules, European and American variants."""

from __future__ import annotations

from runtime.speech.pronunciation.numbers import NumberWords
from runtime.speech.pronunciation.spelling import SpelledLanguage, Spelling, table

_SPELLING = Spelling(
    r"""
    ch -> t sh
    ll -> j|l
    rr -> rr
    qu(?={front}) -> k
    gu(?={front}) -> g
    gü -> g w
    c(?={front}) -> th|s
    z -> th|s
    cc(?={front}) -> k th|k s
    c -> k
    g(?={front}) -> x|h
    j -> x|h
    x -> k s|s
    ñ -> n|n j
    h -> -
    (?<=[mn])[bvw] -> b
    (?<!.)[bv] -> b|bh
    [bv] -> bh|b
    w -> w|g w
    (?<={vowel})d$ -> dh|-
    (?<![nl])(?<=.)d -> dh|d
    d -> d
    y(?={vowel}) -> j
    y$ -> ih|i
    y -> i
    n(?=[bvpmf]) -> n|m
    n(?=[gkjq]|c[^eiíé]) -> ng|n
    i(?={strong}) -> j
    u(?={strong}) -> w
    (?<={strong})i -> ih|i
    (?<={strong})u -> uh|u
    ui -> w i
    iu -> j u
    [aá] -> a
    [eé] -> e|eh
    [ií] -> i
    [oó] -> ou|o
    [uúü] -> u
    ph -> f
    [f] -> f
    g -> g
    k -> k
    l -> l
    m -> m
    n -> n
    p -> p
    r -> rr
    s -> s
    t -> t
    """,
    {"front": "eéií", "vowel": "aeiouáéíóúü", "strong": "aeoáéó"},
)
_LETTERS = table(
    "a: a; b: b e; c: th e|s e; d: d e; e: e; f: e f e; g: x e; h: a t sh e; i: i; j: x ou t a; k: k a;"
    "l: e l e; m: e m e; n: e n e; ñ: e n e; o: ou; p: p e; q: k u; r: e rr e; s: e s e; t: t e; u: u;"
    "v: u bh e|bh e; w: u bh e d ou bh l e|d ou bh l e bh e; x: e k i s; y: i g rr j e g a|j e;"
    "z: th e t a|s e t a"
)
_EXCEPTIONS = table(
    "y: i; a: a; e: e; o: ou; u: u; muy: m w ih|m u i; web: w e b; internet: i n t e rr n e t"
)
_ABBREVIATIONS = table(
    "sr: señor; sra: señora; srta: señorita; dr: doctor; dra: doctora; ud: usted; uds: ustedes;"
    "etc: etcétera; prof: profesor; av: avenida; núm: número; pág: página; ej: ejemplo; tel: teléfono"
)
_NUMBERS = NumberWords(
    numerals="es",
    decimal=",",
    point="coma",
    times=("{h} y {m}", "{h} {m}", "{h} horas {m}"),
    full_hours=("{h}", "{h} en punto", "{h} horas"),
    dates=("{d} de {month} de {y}", "{D} de {month} de {y}"),
    months=(
        *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
        *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
    ),
    range="a",
    dot="punto",
    slash="barra",
    at="arroba",
    signs=table("-: menos; &: y; +: más; =: igual a; #: número; %: por ciento; <: menor que; >: mayor que; °: grados"),
    units=table(
        "%: por ciento; ‰: por mil; km: kilómetros; m: metros; cm: centímetros; mm: milímetros;"
        "kg: kilos|kilogramos; g: gramos; mg: miligramos; t: toneladas; l: litros; ml: mililitros;"
        "h: horas; min: minutos; s: segundos; km/h: kilómetros por hora; m/s: metros por segundo;"
        "°C: grados Celsius|grados centígrados; °: grados; °F: grados Fahrenheit; GB: gigabytes|gigas;"
        "MB: megabytes|megas; kW: kilovatios; W: vatios; V: voltios; kWh: kilovatios hora; Hz: hercios;"
        "MHz: megahercios; GHz: gigahercios; m²: metros cuadrados; m2: metros cuadrados;"
        "km²: kilómetros cuadrados; km2: kilómetros cuadrados; ms: milisegundos; px: píxeles"
    ),
    fractions=table("1/2: un medio|medio|media; 1/4: un cuarto; 3/4: tres cuartos; 1/3: un tercio; 2/3: dos tercios"),
    initials=table("eeuu: Estados Unidos; pej: por ejemplo"),
    money={
        "$": ("dólares", "centavos"), "€": ("euros", "céntimos"), "£": ("libras", "peniques"), "¥": ("yenes", "sen"),
    },
)  # fmt: skip


def language() -> SpelledLanguage:
    """The rules of Spanish."""
    return SpelledLanguage("es", _SPELLING, _NUMBERS, _LETTERS, _EXCEPTIONS, _ABBREVIATIONS)
