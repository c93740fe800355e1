"""German: spelling rules with stress on the first syllable, final devoicing, spoken and careful r."""

from __future__ import annotations

import re

from runtime.speech.pronunciation.numbers import NumberWords
from runtime.speech.pronunciation.spelling import SpelledLanguage, Spelling, table

# A full stop marks the stressed vowel behind it, a plus sign the end of an unstressed prefix.
_SPELLING = Spelling(
    r"""
    \.?tion -> t s j ou n
    tsch -> t sh
    sch -> sh
    chs(?!t) -> k s
    (?<=[aou])ch|(?<=au)ch -> x
    ^ch(?=[aolr]) -> k
    ch -> h|x
    ck -> k
    ph -> f
    pf -> p f
    (?<![^+])sp|(?<=[^aeiouäöü.sr])sp(?={vowel}) -> sh p
    (?<![^+])st|(?<=[kmfgl])st(?=[aeiouäöür.]) -> sh t
    ng(?![aouäöü.]) -> ng|ng g
    nk -> ng k
    qu -> k v
    tz -> t s
    zz -> t s
    z -> t s
    dt$ -> t
    th -> t
    ig$ -> ih h|ih k
    ig(?=[st]) -> ih h|ih k
    bb -> b
    dd -> d
    ff -> f
    gg -> g
    ll -> l
    mm -> m
    nn -> n
    pp -> p
    rr -> x|rr
    ss|ß -> s
    tt -> t
    b(?={dull}|$|lich|los|heit|bar|sam|chen|lein|nis) -> p
    d(?={dull}|$|lich|los|heit|bar|sam|chen|lein|nis) -> t
    g(?={dull}|$|lich|los|heit|bar|sam|chen|lein|nis) -> k
    b -> b
    d -> d
    g -> g
    s(?=\.?{vowel})(?<![ptkfx]s) -> z
    s -> s
    v -> f|v
    w -> v
    j -> j
    x -> k s
    (?<={vowel})h(?!\.?{vowel}) -> -
    (?<=[aeiouäöü])h(?=[eu](?:n|r|s|st|t|ng|m|nd)?$) -> -|h
    h -> h
    k -> k
    f -> f
    l -> l
    m -> m
    n -> n
    p -> p
    t -> t
    c(?=[eiäy]) -> t s
    ç -> s
    c -> k
    er(?=$|\+|[snmt]$|st$|ns$|n?{cons}) -> ah|eh rr|ax rr
    (?<={vowel})r(?={cons}|$|\+) -> ah|rr|-
    r -> x|rr
    \.?[iy]e(?!r$)|\.?ieh? -> i
    \.?(?:ei|ai|ey|ay) -> a ih
    \.?(?:eu|äu) -> o oe|o ih|o y
    \.?au -> a uh
    \.?(?:aa|ah) -> a
    \.?(?:ee|eh) -> e
    \.?(?:oo|oh) -> ou
    \.?uh -> u
    \.?ih -> i
    \.?äh -> eh|e
    \.?a -> a
    \.?äu -> o oe
    \.?ä -> eh|e
    \.?ö -> oe
    \.?[üy] -> y
    \.e(?={open}) -> e
    \.e -> eh
    e(?=(?:[nlms]|nd|ns|ln|st|t|ts|lt|lst|m|nt|nen|ne|te|ten|tet|re|ren)?$) -> ax|eh
    e(?={open}) -> ax|e
    e -> ax|eh
    é -> e
    [à] -> a
    \.?i(?=[oaeu]) -> j|i
    \.?i(?={open}) -> i|ih
    \.?i -> ih
    \.?o(?={open}) -> ou|o
    \.?o -> o
    \.?u(?={open}) -> u|uh
    \.?u -> uh
    """.replace("{open}", r"(?:ch|sch|[bdfgklmnprstvwzßh])?(?:[.aeiouäöüy]|$)"),
    {"vowel": "aeiouäöüy", "cons": "bcdfgklmnpqstvwxzß", "dull": "ptkfsßxc"},
)
_PREFIX = re.compile(
    r"(?:(?:be|ge|er|ver|zer|ent|emp)(?=(?:[bcdfghjklmnpqrstvwxzß]+)[aeiouäöüy]+.)|(?:ge|be)(?=[aou]))"
)
_FIRST = re.compile("[aeiouäöüy]")


def _stressed(word: str) -> tuple[str, ...]:
    """The word with its prefix and its stressed vowel marked: the first one behind an unstressed prefix."""
    prefix = _PREFIX.match(word)
    skipped = prefix.end() if prefix and len(word) > 4 else 0
    stem = _FIRST.sub(lambda found: f".{found[0]}", word[skipped:], count=1)
    return (f"{word[:skipped]}+{stem}" if skipped else stem,)


_LETTERS = table(
    "a: a; b: b e; c: t s e; d: d e; e: e; f: eh f; g: g e; h: h a; i: i; j: j o t; k: k a; l: eh l;"
    "m: eh m; n: eh n; o: ou; p: p e; q: k u; r: eh ah|eh rr; s: eh s; t: t e; u: u; v: f a uh; w: v e;"
    "x: ih k s; y: y p s ih l o n; z: t s eh t; ä: eh; ö: oe; ü: y; ß: eh s t s eh t"
)
_EXCEPTIONS = table(
    "der: d e ah|d eh rr|d ah; die: d i; das: d a s; den: d e n|d ax n; dem: d e m|d ax m; des: d eh s;"
    "er: e ah|eh rr; wer: v e ah|v eh rr; es: eh s|s; und: uh n t|uh n; wir: v i ah|v i rr|v ah;"
    "mir: m i ah|m i rr; dir: d i ah|d i rr; ihr: i ah|i rr; ihre: i x ax|i rr ax;"
    "ihren: i x ax n|i rr ax n; vor: f ou ah|f ou rr; für: f y ah|f y rr; nur: n u ah|n u rr; von: f o n;"
    "vom: f o m; hat: h a t; ist: ih s t|ih s; nicht: n ih h t|n ih h; sind: z ih n t; man: m a n;"
    "mit: m ih t; an: a n; ab: a p; ob: o p; in: ih n; im: ih m; um: uh m; zum: t s uh m;"
    "zur: t s u ah|t s uh rr; am: a m; bis: b ih s; was: v a s; weg: v eh k|v e k; hin: h ih n;"
    "bin: b ih n; aber: a b ah|a b ax rr; oder: ou d ah|ou d ax rr; ein: a ih n; eine: a ih n ax;"
    "einen: a ih n ax n|a ih n; über: y b ah|y b ax rr; sehr: z e ah|z eh rr; mehr: m e ah|m eh rr;"
    "hier: h i ah|h i rr; vier: f i ah|f i rr; jahr: j a|j a ah|j a rr; uhr: u ah|u rr; sechs: z eh k s;"
    "sieben: z i b ax n|z i b m; haben: h a b ax n|h a b m; vielleicht: f i l a ih h t;"
    "heraus: h eh x a uh s|h eh rr a uh s; computer: k o m p j u t ah; video: v i d e ou; film: f ih l m;"
    "online: o n l a ih n; team: t i m; software: s o f t v eh ah; internet: ih n t ah n eh t;"
    "chef: sh eh f; museum: m u z e uh m; familie: f a m i l j ax; ideen: i d e ax n;"
    "restaurant: x eh s t o x a ng|rr eh s t ou rr a n"
)
_ABBREVIATIONS = table(
    "dr: Doktor; prof: Professor; hr: Herr; fr: Frau; nr: Nummer; str: Straße; usw: und so weiter;"
    "bzw: beziehungsweise; ca: zirka; etc: et cetera; vgl: vergleiche; inkl: inklusive; mio: Millionen;"
    "mrd: Milliarden; tel: Telefon; st: Sankt; jh: Jahrhundert; max: maximal; min: mindestens;"
    "evtl: eventuell; ggf: gegebenenfalls"
)
_NUMBERS = NumberWords(
    numerals="de",
    decimal=",",
    point="Komma",
    times=("{h} Uhr {m}", "{h} {m}"),
    full_hours=("{h} Uhr", "{h}"),
    dates=("{D} {month} {y}", "{D}r {month} {y}", "{D}n {month} {y}"),
    months=(
        *("Januar", "Februar", "März", "April", "Mai", "Juni"),
        *("Juli", "August", "September", "Oktober", "November", "Dezember"),
    ),
    range="bis",
    dot="Punkt",
    slash="Schrägstrich",
    at="ät",
    signs=table(
        "-: minus; &: und; +: plus; =: gleich; #: Nummer; %: Prozent; <: kleiner als; >: größer als;"
        "°: Grad; §: Paragraf"
    ),
    units=table(
        "%: Prozent; ‰: Promille; km: Kilometer; m: Meter; cm: Zentimeter; mm: Millimeter;"
        "kg: Kilogramm|Kilo; g: Gramm; mg: Milligramm; t: Tonnen; l: Liter; ml: Milliliter; h: Stunden;"
        "min: Minuten; s: Sekunden; km/h: Kilometer pro Stunde|Stundenkilometer; m/s: Meter pro Sekunde;"
        "°C: Grad Celsius|Grad; °: Grad; ms: Millisekunden; °F: Grad Fahrenheit; GB: Gigabyte;"
        "MB: Megabyte; kB: Kilobyte; TB: Terabyte; kW: Kilowatt; W: Watt; V: Volt; kWh: Kilowattstunden;"
        "Hz: Hertz; kHz: Kilohertz; MHz: Megahertz; GHz: Gigahertz; m²: Quadratmeter; m2: Quadratmeter;"
        "km²: Quadratkilometer; km2: Quadratkilometer; m³: Kubikmeter; m3: Kubikmeter; dB: Dezibel;"
        "px: Pixel; fps: Bilder pro Sekunde"
    ),
    initials=table(
        "zb: zum Beispiel; dh: das heißt; ua: unter anderem; ia: im Allgemeinen; uu: unter Umständen;"
        "od: oder; va: vor allem"
    ),
    fractions=table(
        "1/2: ein halb|einhalb|ein halbes; 1/4: ein Viertel; 3/4: drei Viertel; 1/3: ein Drittel; 2/3: zwei Drittel"
    ),
    money={"$": ("Dollar", "Cent"), "€": ("Euro", "Cent"), "£": ("Pfund", "Pence"), "¥": ("Yen", "Sen")},
)


def language() -> SpelledLanguage:
    """The rules of German."""
    return SpelledLanguage("de", _SPELLING, _NUMBERS, _LETTERS, _EXCEPTIONS, _ABBREVIATIONS, _stressed)
