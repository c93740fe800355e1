"""Portuguese: spelling rules, Brazilian first and European as variants."""

from __future__ import annotations

from runtime.speech.pronunciation.numbers import NumberWords
from runtime.speech.pronunciation.spelling import SpelledLanguage, Spelling, table

_SPELLING = Spelling(
    r"""
    ch -> sh
    lh -> l|l j
    nh -> n|n j
    qu(?=[eiéíê]) -> k
    qu -> k w
    gu(?=[eiéíê]) -> g
    g(?=[eiéíê]) -> zh
    g -> g
    sc(?=[eiéí]) -> s|sh
    xc(?=[eiéí]) -> s|sh
    c(?=[eiéíê]) -> s
    ç -> s
    c -> k
    ss -> s
    (?<={vowel})s(?={vowel}) -> z
    s(?=[bdgvmnlrz]) -> z|zh
    s$|s(?=[ptkcfq]) -> s|sh
    s -> s
    z$ -> s|sh
    z -> z
    (?<=^e)x(?={vowel}) -> z
    ^x|(?<=[aeo]i)x|(?<=^en)x -> sh
    x -> sh|k s|s|z
    j -> zh
    rr -> h|x|rr
    ^r|(?<=[nls])r -> h|x|rr
    r$ -> rr|h|x|-
    r(?={cons}) -> rr|h|x
    r -> rr
    l(?={cons}|$) -> uh|l
    l -> l
    h -> -
    t(?=i|es?$) -> t sh|t
    d(?=i|es?$) -> d zh|d
    ph|f -> f
    b -> b
    d -> d
    k -> k
    (?<={vowel})m$ -> -|ng
    (?<={vowel})n(?=s$) -> -|ng
    (?<={vowel})m(?=[pb]) -> -|m
    (?<={vowel})n(?={cons}) -> -|n|ng
    m -> m
    n -> n
    p -> p
    q -> k
    t -> t
    v -> v
    w -> w|v
    ão|am$ -> a uh|ah uh
    ãe|ãi -> a ih|ah ih
    õe -> ou ih
    (?:em|ém)$|en(?=s$) -> e ih|ah ih|e ih ng
    êm$ -> e ih|e ih ng
    ã -> a|ah
    õ -> ou
    ou -> ou|ou uh
    ei -> e ih|ah ih
    (?<=[aeo])i -> ih|i
    (?<=[ae])u -> uh|u
    i(?=[aeoáéóãõ]) -> j|i
    u(?=[aeoáéóãõ]) -> w|u
    a(?=s?$) -> a|ah
    e(?=s?$) -> i|ih|-|ax
    o(?=s?$) -> u|uh
    [aáàâ] -> a|ah
    [é] -> eh
    ê -> e
    e -> e|eh|ih|ax
    [ií] -> i
    ó -> o
    ô -> ou
    o -> ou|o|u
    [uúü] -> u
    y -> i|j
    """,
    {"vowel": "aeiouáéíóúâêôãõàü", "cons": "bcdfghjklmnpqrstvwxzç"},
)
_LETTERS = table(
    "a: a; b: b e; c: s e; d: d e; e: e; f: eh f i; g: zh e; h: a g a; i: i; j: zh o t a; k: k a;"
    "l: eh l i; m: e m i; n: e n i; o: o; p: p e; q: k e; r: eh h i|eh rr; s: eh s i; t: t e; u: u; v: v e;"
    "w: d a b l i u; x: sh i s; y: i p s i l o n; z: z e"
)
_EXCEPTIONS = table(
    "e: i|e; o: u; a: a|ah; os: u s|u sh; as: a s|ah sh; é: eh; à: a; um: u; uns: u s|u sh;"
    "uma: u m a|u m ah; em: e ih|ah ih; não: n a uh|n ah uh; muito: m u ih t u|m u ih n t u;"
    "de: d zh i|d ih|d ax; que: k i|k ax|k e; se: s i|s ax; me: m i|m ax; te: t sh i|t ax;"
    "por: p ou rr|p u rr; com: k ou|k o; sem: s e ih; bem: b e ih; quem: k e ih"
)
_ABBREVIATIONS = table(
    "sr: senhor; sra: senhora; dr: doutor; dra: doutora; prof: professor; etc: etcétera; av: avenida;"
    "pág: página; núm: número; tel: telefone; ex: exemplo"
)
_NUMBERS = NumberWords(
    numerals="pt",
    decimal=",",
    point="vírgula",
    times=("{h} e {m}", "{h} horas e {m}", "{h} {m}"),
    full_hours=("{h} horas", "{h}"),
    dates=("{d} de {month} de {y}", "{D} de {month} de {y}"),
    months=(
        *("janeiro", "fevereiro", "março", "abril", "maio", "junho"),
        *("julho", "agosto", "setembro", "outubro", "novembro", "dezembro"),
    ),
    range="a",
    dot="ponto",
    slash="barra",
    at="arroba",
    signs=table(
        "-: menos; &: e; +: mais; =: igual a; #: número; %: por cento; <: menor que; >: maior que; °: graus"
    ),
    units=table(
        "%: por cento; km: quilômetros; m: metros; cm: centímetros; mm: milímetros; kg: quilos|quilogramas;"
        "g: gramas; mg: miligramas; t: toneladas; l: litros; ml: mililitros; h: horas; min: minutos;"
        "s: segundos; ms: milissegundos; km/h: quilômetros por hora; °C: graus Celsius|graus; °: graus;"
        "GB: gigabytes; MB: megabytes; W: watts; V: volts; kW: quilowatts; Hz: hertz; m²: metros quadrados;"
        "m2: metros quadrados; km²: quilômetros quadrados"
    ),
    money={
        "$": ("dólares", "centavos"),
        "€": ("euros", "cêntimos"),
        "£": ("libras", "pence"),
        "¥": ("ienes", "sen"),
    },
)


def language() -> SpelledLanguage:
    """The rules of Portuguese."""
    return SpelledLanguage("pt", _SPELLING, _NUMBERS, _LETTERS, _EXCEPTIONS, _ABBREVIATIONS)
