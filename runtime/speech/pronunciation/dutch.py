"""Dutch: spelling rules with open and closed syllables and final devoicing."""

from __future__ import annotations

import re

from runtime.speech.pronunciation.numbers import NumberWords
from runtime.speech.pronunciation.spelling import SpelledLanguage, Spelling, table

# A full stop in a word marks the stressed vowel behind it.
_SPELLING = Spelling(
    r"""
    sch(?=e$|$) -> s
    sch -> s x
    ch -> x
    sj -> sh
    tie$ -> t s i|s i
    \.?tion -> s j o n
    tj -> t j
    ng -> ng
    nk -> ng k
    qu -> k w|k v
    th -> t
    ph -> f
    bb -> b
    ck|kk -> k
    dd -> d
    ff -> f
    gg -> x
    ll -> l
    mm -> m
    nn -> n
    pp -> p
    rr -> rr
    ss -> s
    tt -> t
    dt$ -> t
    b$ -> p
    d$ -> t
    ds$ -> t s
    b -> b
    c(?=[eiy]) -> s
    c -> k
    d -> d
    f -> f
    g -> x|g
    h -> h
    j -> j
    k -> k
    l -> l
    m -> m
    n -> n
    p -> p
    r -> rr|r|x
    s -> s
    t -> t
    v -> v|f
    w -> v|w
    x -> k s
    z -> z|s
    \.?aai -> a j
    \.?ooi -> ou j
    \.?oei -> u j
    \.?eeuw|\.?ieuw -> e u|i u
    \.?aa -> a
    \.?ee -> e|e ih
    \.?oo -> ou|ou uh
    \.?uu -> y
    \.?(?:ij|ei) -> eh ih|a ih
    lijk(?=$|e) -> l ax k
    \.?ui -> oe y|a uh
    \.?(?:ou|au)w? -> a uh|ah uh
    \.?eu -> oe
    \.?oe -> u
    \.?ie -> i
    \.e(?={open}) -> e|e ih
    \.e -> eh
    en$ -> ax n|ax
    e(?=(?:[rlmnst]|nd|rs|ns|ls|st|re|nde)?$) -> ax
    e(?={open}) -> ax|e
    e -> eh|ax
    [éè] -> e
    ë -> ax|e
    \.?a -> a
    \.?i(?={open}) -> i|ih
    \.?i -> ih
    ï -> i
    \.?o(?={open}) -> ou|ou uh
    \.?o -> o
    \.?u(?={open}) -> y
    \.?u -> uh|y|oe
    \.?y -> i|ih
    """.replace("{open}", "(?:ch|[bcdfghjklmnprstvwz])?(?:[.aeiouy]|$)"),
    {"vowel": "aeiouy"},
)
_PREFIX = re.compile("(?:be|ge|ver|ont|her)(?=[bcdfghjklmnprstvwz]+[aeiouy]+.)")


def _stressed(word: str) -> tuple[str, ...]:
    prefix = _PREFIX.match(word)
    skipped = prefix.end() if prefix and len(word) > 4 else 0
    return (word[:skipped] + re.sub("[aeiouy]", lambda found: f".{found[0]}", word[skipped:], count=1),)


_LETTERS = table(
    "a: a; b: b e; c: s e; d: d e; e: e; f: eh f; g: x e; h: h a; i: i; j: j e; k: k a; l: eh l; m: eh m;"
    "n: eh n; o: ou; p: p e; q: k y; r: eh rr; s: eh s; t: t e; u: y; v: v e; w: v e; x: ih k s; y: eh ih;"
    "z: z eh t"
)
_EXCEPTIONS = table(
    "de: d ax; het: h eh t|ax t|h ax t; een: ax n|e n; je: j ax; ze: z ax; we: v ax; me: m ax; te: t ax;"
    "er: eh rr|ax rr; en: eh n; ik: ih k; mijn: m eh ih n|m ax n; zijn: z eh ih n|z ax n; hij: h eh ih;"
    "bijzonder: b i z o n d ax rr; computer: k o m p j u t ax rr; website: v eh p s a ih t; film: f ih l m;"
    "online: o n l a ih n"
)
_ABBREVIATIONS = table(
    "dhr: de heer; mevr: mevrouw; mw: mevrouw; dr: dokter; prof: professor; bijv: bijvoorbeeld;"
    "enz: enzovoort; nr: nummer; ca: circa; etc: et cetera; tel: telefoon; blz: bladzijde; mln: miljoen;"
    "mld: miljard"
)
_NUMBERS = NumberWords(
    numerals="nl",
    decimal=",",
    point="komma",
    times=("{h} uur {m}", "{h} {m}"),
    full_hours=("{h} uur", "{h}"),
    dates=("{d} {month} {y}", "{D} {month} {y}"),
    months=(
        *("januari", "februari", "maart", "april", "mei", "juni"),
        *("juli", "augustus", "september", "oktober", "november", "december"),
    ),
    range="tot",
    dot="punt",
    slash="sles",
    at="et",
    signs=table(
        "-: min; &: en; +: plus; =: is; #: nummer; %: procent; <: kleiner dan; >: groter dan; °: graden"
    ),
    units=table(
        "%: procent; km: kilometer; m: meter; cm: centimeter; mm: millimeter; kg: kilo|kilogram; g: gram;"
        "mg: milligram; t: ton; l: liter; ml: milliliter; h: uur; min: minuten; s: seconden;"
        "ms: milliseconden; km/h: kilometer per uur; °C: graden Celsius|graden; °: graden; GB: gigabyte;"
        "MB: megabyte; kW: kilowatt; W: watt; V: volt; Hz: hertz; m²: vierkante meter; m2: vierkante meter;"
        "km²: vierkante kilometer"
    ),
    money={"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pond", "pence"), "¥": ("yen", "sen")},
)


def language() -> SpelledLanguage:
    """The rules of Dutch."""
    return SpelledLanguage("nl", _SPELLING, _NUMBERS, _LETTERS, _EXCEPTIONS, _ABBREVIATIONS, _stressed)
