"""French: spelling rules, silent endings, liaison, the mute e."""

from __future__ import annotations

import re

from runtime.speech.pronunciation.numbers import NumberWords
from runtime.speech.pronunciation.spelling import SpelledLanguage, Spelling, table

# Behind a nasal vowel there is no further vowel, m or n.
_SPELLING = Spelling(
    r"""
    eaux?$ -> ou
    eau -> ou
    aux?$ -> ou
    au -> ou|o
    œu|oeu -> oe
    oeil|œil -> oe j
    ueil -> oe j
    euilles?$|euil -> oe j
    eille?s?$|eil -> eh j
    ailles?$|ail -> a j
    ouille -> u j
    (?<=[cg])ueille?s? -> oe j
    (?<=v|m)ille -> i l|i j
    ill(?={vowel}) -> i j
    oin(?!{nasal}) -> w eh
    (?<=[iyé])en(?=$|[ts]$|s) -> eh
    ien(?=$|s$|[tn]) -> j eh
    (?:ein|ain|aim)(?!{nasal}) -> eh
    (?:in|im|yn|ym|în)(?=[^aeiouyéèêâîôûmnh]|$) -> eh
    (?:un|um)(?=[^aeiouyéèêâîôûmnh]|$) -> oe|eh
    aie(?:nt|s)?$ -> eh
    (?<=[^m])ent$(?<=....) -> a|-|t
    (?:an|am|en|em|aon|ân)(?=[^aeiouyéèêâîôûmnh]|$) -> a
    (?:on|om)(?=[^aeiouyéèêâîôûmnh]|$) -> o
    (?<=^e)nn|(?<=^e)n(?=[io]) -> n
    emm(?=ent$) -> a m
    oî|oi|oê -> w a
    oy(?={vowel}) -> w a j
    ay(?={vowel}) -> eh j
    uy(?={vowel}) -> w i j
    oux?s?$|où -> u
    oue(?=$|[lst]) -> w eh|u
    ou(?=[aeiéèîo](?!s?$)) -> w|u
    ou -> u
    eu(?=x?$|s[aeio]|t) -> oe
    eu -> oe
    ai(?=s|t|$|e) -> eh|e
    ai|aî|ei -> eh
    ées?$|er$|ez$ -> e
    é -> e
    [èêë] -> eh
    ets?$ -> eh
    (?<=[^aeiouéèêâîôûy])(?:e|es)$ -> -|ax
    (?<=[iuéy])(?:e|es|ent)$ -> -
    es?$ -> -|ax
    e(?=bb|cc|dd|ff|gg|ll|mm|nn|pp|rr|ss|tt|zz) -> eh|e
    e(?=[lrfcx]$|x|sc|[rsclp](?:[^aeiouyéèêâîôûhlr])) -> eh
    e(?=s[^aeiouyéèêâîôûs]) -> eh
    e(?=[bcdfgjklmnpqrstvz][aeiouyéèêâîôû]) -> -|ax|oe
    e -> ax|e|-
    ph -> f
    sch -> sh
    ch(?=[rlnt]) -> k
    ch -> sh
    sh -> sh
    th -> t
    gn -> n|n j
    gu(?=[eiéèêy]) -> g
    ge(?=[aouâô]) -> zh
    g(?=[eiéèêy]) -> zh
    ngt$ -> -
    ng$ -> -|g
    gg -> g
    g -> g
    qu -> k
    q -> k
    ck|cqu -> k
    cc(?=[eiéè]) -> k s
    cc -> k
    sc(?=[eiéèêy]) -> s
    c(?=[eiéèêîy]) -> s
    ç -> s
    ct$ -> k t|-
    cts$ -> -|k t
    c$ -> k|-
    c -> k
    k -> k
    ss -> s
    (?<={vowel})s(?={vowel}) -> z
    s$ -> -|s
    s -> s
    x$ -> -
    (?<=^e)x(?={vowel}|h) -> g z
    x -> k s
    z$ -> -
    z -> z
    ti(?=on|e[uln]|a) -> s j|t j
    tt -> t
    ts?$ -> -
    t -> t
    ds?$ -> -
    dd -> d
    d -> d
    ps?$ -> -|p
    pp -> p
    p(?=t(?:e|er|é|s|ons|ez)?s?$) -> -|p
    p -> p
    bs?$ -> -|b
    bb -> b
    b -> b
    ffs?$|ff|f -> f
    j -> zh
    ll -> l
    l -> l
    (?<=o)mn|mm -> m
    m -> m
    nn -> n
    n -> n
    rr -> x|rr
    rds?$|rts?$|rs$ -> x|rr
    r -> x|rr
    v -> v
    w -> w|v
    h -> -
    [iîïy](?=[aeouéèêâôœ](?!$|s$)) -> j|i
    i(?=e[rzu]|é|o) -> j|i
    [iîïy] -> i
    u(?=[iaéo][^$]) -> w|y
    [uûù] -> y
    ü -> y
    [aàâáä] -> a
    o(?=$|s$|t$|s[aei]|ts$) -> ou
    ô -> ou
    o -> o|ou
    """,
    {"vowel": "aeiouyéèêëâîïôûœ", "nasal": "aeiouyéèêâîôûmnh"},
)
_LETTERS = table(
    "a: a; b: b e; c: s e; d: d e; e: oe|ax; f: eh f; g: zh e; h: a sh; i: i; j: zh i; k: k a; l: eh l;"
    "m: eh m; n: eh n; o: ou; p: p e; q: k y; r: eh x|eh rr; s: eh s; t: t e; u: y; v: v e;"
    "w: d u b l ax v e; x: i k s; y: i g x eh k; z: z eh d"
)
_EXCEPTIONS = table(
    "le: l ax|l oe; la: l a; les: l e|l eh; un: oe|eh; une: y n|y n ax; de: d ax|d oe|d; des: d e|d eh;"
    "et: e; est: eh|e; a: a; à: a; y: i; ô: ou; je: zh ax|zh oe|sh; tu: t y; il: i l|i; ils: i l|i;"
    "elle: eh l; elles: eh l; on: o; ce: s ax|s oe|s; ces: s e|s eh; mes: m e|m eh; tes: t e|t eh;"
    "ses: s e|s eh; me: m ax|m; te: t ax|t; se: s ax|s; ne: n ax|n; que: k ax|k oe|k; qui: k i; du: d y;"
    "au: ou; aux: ou; en: a; dans: d a; sans: s a; plus: p l y|p l y s; tous: t u|t u s; six: s i s|s i;"
    "dix: d i s|d i; huit: h w i t|w i t|w i; sept: s eh t; cinq: s eh k; neuf: n oe f; vingt: v eh|v eh t;"
    "cent: s a; mille: m i l; deux: d oe; trois: t x w a|t rr w a;"
    "quatre: k a t x|k a t rr|k a t x ax|k a t; zéro: z e x ou|z e rr ou; monsieur: m ax s j oe;"
    "messieurs: m e s j oe; madame: m a d a m; femme: f a m; femmes: f a m; ville: v i l; villes: v i l;"
    "tranquille: t x a k i l|t rr a k i l; temps: t a; longtemps: l o t a; corps: k o x|k o rr;"
    "pied: p j e; pieds: p j e; clef: k l e; hier: j eh x|i eh rr; mer: m eh x|m eh rr;"
    "fer: f eh x|f eh rr; cher: sh eh x|sh eh rr; hiver: i v eh x|i v eh rr; hôtel: ou t eh l; fils: f i s;"
    "sens: s a s; mars: m a x s|m a rr s; ours: u x s|u rr s; bus: b y s; gens: zh a; pays: p e i;"
    "août: u t|u; parc: p a x k|p a rr k; second: s ax g o; seconde: s ax g o d; automne: ou t o n;"
    "oignon: o n j o; eu: y; fait: f eh; faisait: f ax z eh; faisons: f ax z o; musée: m y z e;"
    "examen: e g z a m eh; album: a l b o m; maximum: m a k s i m o m; film: f i l m;"
    "internet: eh t eh x n eh t; web: w eh b; email: i m e l; tabac: t a b a; banc: b a; blanc: b l a;"
    "franc: f x a|f rr a; porc: p o x|p o rr; estomac: eh s t o m a; beaucoup: b ou k u;"
    "trop: t x ou|t rr ou; loup: l u; drap: d x a|d rr a; coup: k u; champ: sh a; champs: sh a;"
    "compte: k o t; œil: oe j; yeux: j oe; chaos: k a ou; sud: s y d; est-ce: eh s; avec: a v eh k;"
    "donc: d o k|d o; sac: s a k"
)
_ABBREVIATIONS = table(
    "m: monsieur; mm: messieurs; mme: madame; mlle: mademoiselle; dr: docteur; etc: et cetera; av: avenue;"
    "st: saint; env: environ; max: maximum; min: minimum; tél: téléphone; p: page; ex: exemple;"
    "prof: professeur"
)
_NUMBERS = NumberWords(
    numerals="fr",
    decimal=",",
    point="virgule",
    times=("{h} heures {m}",),
    full_hours=("{h} heures",),
    dates=("{d} {month} {y}", "{D} {month} {y}"),
    months=(
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
    range="à",
    dot="point",
    slash="slache",
    at="arobase",
    signs=table(
        "-: moins; &: et; +: plus; =: égal; #: numéro; %: pour cent; <: inférieur à; >: supérieur à;°: degrés"
    ),
    units=table(
        "%: pour cent; ‰: pour mille; km: kilomètres; m: mètres; cm: centimètres; mm: millimètres;"
        "kg: kilos|kilogrammes; g: grammes; mg: milligrammes; t: tonnes; l: litres; ml: millilitres;"
        "h: heures; min: minutes; s: secondes; km/h: kilomètres heure|kilomètres par heure;"
        "m/s: mètres par seconde; °C: degrés Celsius|degrés; °: degrés; °F: degrés Fahrenheit;"
        "GB: gigaoctets; MB: mégaoctets; kW: kilowatts; W: watts; V: volts; ms: millisecondes;"
        "kWh: kilowattheures; Hz: hertz; kHz: kilohertz; MHz: mégahertz; GHz: gigahertz; m²: mètres carrés;"
        "m2: mètres carrés; km²: kilomètres carrés; km2: kilomètres carrés; m³: mètres cubes; px: pixels"
    ),
    fractions=table(
        "1/2: un demi|une demie; 1/4: un quart; 3/4: trois quarts; 1/3: un tiers; 2/3: deux tiers"
    ),
    initials=table("cad: c'est à dire; svp: s'il vous plaît"),
    money={
        "$": ("dollars", "cents"),
        "€": ("euros", "centimes"),
        "£": ("livres", "pence"),
        "¥": ("yens", "sen"),
    },
)
_VOWEL_NEXT = re.compile("[aeiouyhéèêâîôûœà]")
_SOUNDS = {"s": "z", "x": "z", "z": "z", "d": "t", "t": "t", "n": "n", "r": "x", "p": "p"}
_NEVER = {"et", "mais", "alors"}


def _liaison(word: str, following: str) -> str:
    """The consonant that a word may take over to a vowel."""
    if word in _NEVER or not _VOWEL_NEXT.match(following):
        return ""
    if word[-1] == "n" and word not in {
        "un",
        "en",
        "on",
        "mon",
        "ton",
        "son",
        "bon",
        "bien",
        "rien",
        "aucun",
    }:
        return ""
    if word[-1] == "r" and not word.endswith("er"):
        return ""
    return _SOUNDS.get(word[-1], "")


def language() -> SpelledLanguage:
    """The rules of French."""
    return SpelledLanguage("fr", _SPELLING, _NUMBERS, _LETTERS, _EXCEPTIONS, _ABBREVIATIONS, link=_liaison)
