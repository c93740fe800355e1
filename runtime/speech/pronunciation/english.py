"""English: CMUdict-like dictionary, weak forms, American and British variants, acronyms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from runtime.speech.pronunciation.ipa import from_ipa
from runtime.speech.pronunciation.language import (
    MissingPackageError,
    Phones,
    Reading,
    Spoken,
    distinct,
    phrase,
)
from runtime.speech.pronunciation.lexicon import Ipa, Lexicon, lexicon
from runtime.speech.pronunciation.numbers import NumberReader, NumberWords
from runtime.speech.pronunciation.tokens import Token

_NUMBERS = NumberWords(
    numerals="en",
    decimal=".",
    point="point",
    times=("{h} {m}",),
    full_hours=("{h} o'clock", "{h}", "{h} hundred hours"),
    dates=("{month} {D} {y}", "{month} {d} {y}", "{month} the {D} {y}", "the {D} of {month} {y}"),
    months=(
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    range="to",
    dot="dot",
    slash="slash",
    at="at",
    signs={"-": "minus", "&": "and", "+": "plus", "=": "equals", "#": "number", "%": "percent", "<": "less than",
           ">": "greater than", "°": "degrees", "§": "section"},
    units={
        "km/h": "kilometers per hour", "m/s": "meters per second", "kWh": "kilowatt hours", "kW": "kilowatts",
        "MW": "megawatts", "W": "watts", "V": "volts", "GB": "gigabytes|G B", "MB": "megabytes|M B",
        "TB": "terabytes|T B", "kB": "kilobytes", "KB": "kilobytes|K B", "GHz": "gigahertz", "MHz": "megahertz",
        "kHz": "kilohertz", "Hz": "hertz", "km": "kilometers", "km²": "square kilometers",
        "km2": "square kilometers", "m²": "square meters", "m2": "square meters", "m³": "cubic meters",
        "m3": "cubic meters", "cm": "centimeters", "cm²": "square centimeters", "mm": "millimeters",
        "m": "meters|M|million", "kg": "kilograms|kilos", "mg": "milligrams", "g": "grams|G", "ml": "milliliters",
        "cl": "centiliters", "l": "liters", "ms": "milliseconds", "s": "seconds|S", "min": "minutes", "h": "hours|H",
        "mph": "miles per hour", "px": "pixels", "fps": "frames per second|F P S", "dB": "decibels",
        "t": "tons", "°C": "degrees Celsius", "°F": "degrees Fahrenheit", "°": "degrees", "K": "K|thousand|kelvin",
        "%": "percent", "‰": "per mille",
    },
    money={
        "$": ("dollars", "cents"), "€": ("euros", "cents"), "£": ("pounds", "pence"), "¥": ("yen", "sen"),
        "₹": ("rupees", "paise"), "₩": ("won", "jeon"), "₽": ("rubles", "kopecks"),
    },
    initials={
        "eg": "for example", "ie": "that is", "phd": "P H D", "am": "A M", "pm": "P M",
    },
    fractions={
        "1/2": "one half|a half|half", "1/4": "one quarter|a quarter|one fourth", "3/4": "three quarters",
        "1/3": "one third|a third", "24/7": "twenty four seven",
    },
    joined_and="and",
    day_first=False,
)  # fmt: skip

_ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "st": "saint|street",
    "vs": "versus", "etc": "et cetera", "jr": "junior", "sr": "senior", "inc": "incorporated", "ltd": "limited",
    "co": "company", "corp": "corporation", "dept": "department", "approx": "approximately", "jan": "January",
    "feb": "February", "mar": "March", "apr": "April", "jun": "June", "jul": "July", "aug": "August",
    "sept": "September", "sep": "September", "oct": "October", "nov": "November", "dec": "December",
    "mt": "mount", "ave": "avenue", "blvd": "boulevard", "gen": "general", "gov": "governor", "capt": "captain",
    "lt": "lieutenant", "sgt": "sergeant", "fig": "figure", "vol": "volume", "min": "minutes", "max": "maximum",
    "no": "no|number",
}  # fmt: skip
_ONLY_WITH_STOP = {
    *("co", "inc", "st", "no", "mar", "jun", "jan", "dec", "sep", "oct", "nov", "fig", "gen", "min", "max"),
    *("ms", "gov", "mt", "apr", "aug", "feb", "jul", "ave", "lt", "vol", "sr"),
}
# The letters of the alphabet, as they are called.
_LETTERS = {
    "a": "e ih", "b": "b i", "c": "s i", "d": "d i", "e": "i", "f": "eh f", "g": "d zh i", "h": "e ih t sh",
    "i": "a ih", "j": "d zh e ih", "k": "k e ih", "l": "eh l", "m": "eh m", "n": "eh n", "o": "ou uh", "p": "p i",
    "q": "k j u", "r": "a r", "s": "eh s", "t": "t i", "u": "j u", "v": "v i", "w": "d ah b ax l j u",
    "x": "eh k s", "y": "w a ih", "z": "z i",
}  # fmt: skip
_LETTER_VARIANTS = {"z": "z eh d", "r": "a", "h": "h e ih t sh", "o": "ax uh", "w": "d ah b ax j u"}

# What the dictionary lacks.
_NEW = {
    "covid": "k ou uh v ih d", "wifi": "w a ih f a ih", "wi": "w a ih", "openai": "ou uh p ax n e ih a ih",
    "nvidia": "eh n v ih d i ax", "dify": "d ih f a ih|d i f a ih", "hmm": "h m|m|h ax m", "mm": "m",
    "mhm": "m h m|m", "shh": "sh", "huh": "h ah", "uh": "ah|ax|a|er", "um": "ah m|ax m|a m|er m",
    "emoji": "ih m ou uh d zh i|i m ou uh d zh i", "api": "e ih p i a ih", "selfie": "s eh l f i",
    "url": "j u a r eh l|er l", "json": "d zh e ih s ax n",
}  # fmt: skip

# How frequent words are said when nothing stresses them.
_WEAK = {
    "the": "dh ax|dh i|dh ih", "a": "ax|e ih|ah", "an": "ax n|ae n", "to": "t ax|t u|t uh",
    "of": "ax v|ah v|o v|ax", "and": "ax n d|ae n d|ax n|ae n", "for": "f er|f o r|f o|f ax", "or": "er|o r|o|ax",
    "at": "ax t|ae t", "as": "ax z|ae z", "than": "dh ax n|dh ae n", "that": "dh ax t|dh ae t",
    "from": "f r ax m|f r ah m|f r o m", "but": "b ax t|b ah t", "are": "er|a r|a|ax",
    "was": "w ax z|w ah z|w o z", "were": "w er|w ax", "been": "b ih n|b i n", "have": "h ax v|h ae v|ax v",
    "has": "h ax z|h ae z|ax z", "had": "h ax d|h ae d|ax d", "do": "d u|d ax", "does": "d ax z|d ah z",
    "can": "k ax n|k ae n", "could": "k ax d|k uh d", "should": "sh ax d|sh uh d", "would": "w ax d|w uh d",
    "you": "j u|j ax", "your": "j er|j o r|j uh r|j o|j ax", "he": "h i|i", "him": "h ih m|ih m",
    "his": "h ih z|ih z", "her": "h er|er|h ax", "us": "ax s|ah s", "them": "dh ax m|dh eh m", "be": "b i|b ih",
    "we": "w i|w ih", "me": "m i|m ih", "she": "sh i|sh ih", "my": "m a ih|m ax", "so": "s ou uh|s ax uh|s ax",
    "i": "a ih|a", "i'm": "a ih m|a m|ax m|ah m", "with": "w ih dh|w ih th", "some": "s ax m|s ah m",
    "there": "dh eh r|dh eh|dh er", "our": "a uh er|a r|a uh ax|a",
    "because": "b ih k ax z|b ih k ah z|b ih k o z", "it": "ih t|ih", "is": "ih z", "in": "ih n|ax n",
    "on": "a n|o n", "not": "n a t|n o t", "if": "ih f|ax f", "what": "w ah t|w a t|w o t",
    "into": "ih n t u|ih n t ax", "won't": "w ou uh n t|w ax uh n t|w ou uh n",
    "just": "d zh ax s t|d zh ah s t|d zh ih s t", "either": "i dh er|a ih dh er|a ih dh ax",
    "neither": "n i dh er|n a ih dh er|n a ih dh ax", "again": "ax g eh n|ax g e ih n",
    "going": "g ou ih ng|g ou ih n|g ah n", "gonna": "g a n ax|g ah n ax|g ax n ax",
    "probably": "p r a b ax b l i|p r o b ax b l i|p r a b l i", "okay": "ou uh k e ih|ax k e ih|k e ih",
    "alright": "o l r a ih t|a r a ih t|o r a ih t",
}  # fmt: skip

_ENDINGS: dict[str, Ipa] = {
    "ll": ("ə", "l"),
    "ve": ("v",),
    "re": ("ɚ",),
    "d": ("d",),
    "m": ("m",),
    "t": ("t",),
}

_VOWELS = frozenset(
    ("a", "ae", "ah", "eh", "e", "ax", "ih", "i", "o", "ou", "uh", "u", "er", "oe", "y", "iz")
)
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z']+|[^\W\d_]+")
_UPPER_PLURAL = re.compile(r"[A-Z]{2,}s")


class English:
    """The rules of English."""

    code = "en"
    abbreviations = frozenset(_ABBREVIATIONS)

    def __init__(self, words: Lexicon) -> None:
        self._lexicon = words
        self._reader = NumberReader(_NUMBERS)
        self._known = lru_cache(maxsize=50_000)(self._pronounce)

    def read(self, token: Token) -> list[Reading]:
        """See `Language.read`."""
        return self._reader.read(token)

    def speak(self, run: str, stop: bool = False, following: str = "") -> list[Spoken]:
        """See `Language.speak`."""
        return [Spoken(0, len(run), self._known(run, stop))]

    def _pronounce(self, run: str, stop: bool) -> tuple[Phones, ...]:
        if not run.isascii():
            run = "".join(letter for letter in unicodedata.normalize("NFD", run) if letter.isascii()) or run
        word = run.lower()
        if word in _ABBREVIATIONS and (stop or word not in _ONLY_WITH_STOP) and not run.isupper():
            return self._abbreviation(_ABBREVIATIONS[word].split("|"), word)
        if (run.isupper() and len(run) > 1) or _UPPER_PLURAL.fullmatch(run):
            return self._acronym(run)
        if run.isupper():
            return (
                distinct([*self._letter(word), *self._word(word)]) if word not in _WEAK else self._word(word)
            )
        if len(parts := _CAMEL.findall(run)) > 1 and not self._in_dictionary(word):
            return phrase([self._pronounce(part, False) for part in parts])
        return self._word(word)

    def _abbreviation(self, meanings: list[str], word: str) -> tuple[Phones, ...]:
        said = [phrase([self._word(part.lower()) for part in meaning.split()]) for meaning in meanings]
        return distinct([phones for variants in said for phones in variants[:4]])

    def _acronym(self, run: str) -> tuple[Phones, ...]:
        plural = run.endswith("s")
        letters = run[:-1] if plural else run
        spelled = phrase([self._letter(letter) for letter in letters.lower()], 4)
        if plural:
            spelled = tuple((*phones, "z") for phones in spelled)
        word = run.lower()
        if self._in_dictionary(word):
            said = self._word(word)[:6]
            return distinct([*said, *spelled] if len(run) > 3 else [*spelled, *said])
        if len(run) > 3 and re.search("[AEIOUY]", run):
            return distinct([*spelled, *self._word(word)[:4]])
        return spelled

    def _letter(self, letter: str) -> tuple[Phones, ...]:
        names = [_LETTERS.get(letter, ""), _LETTER_VARIANTS.get(letter, "")]
        return distinct(name.split() for name in names)

    def _in_dictionary(self, word: str) -> bool:
        return word in _WEAK or word in _NEW or bool(self._lexicon.find(word))

    def _word(self, word: str) -> tuple[Phones, ...]:
        if known := _WEAK.get(word) or _NEW.get(word):
            return distinct(form.split() for form in known.split("|"))
        written = self._lexicon.find(word) or self._inflected(word)
        if written:
            return distinct(form for ipa in written[:4] for form in _accents(ipa, word))
        guessed = distinct(_accents(self._lexicon.guess(word), word))
        if len(word) > 3 and re.search("[aeiouy]", word):
            return guessed
        return distinct([*phrase([self._letter(letter) for letter in word], 4), *guessed])

    def _inflected(self, word: str) -> list[Ipa]:
        """A known word with an ending of its own: 's, s', n't, 'll, 've, 're, 'd."""
        stem, mark, ending = word.rpartition("'")
        if not mark:
            return []
        if not ending:
            return self._lexicon.find(stem)
        bases = self._lexicon.find(stem) or ([self._lexicon.guess(stem)] if stem else [])
        if ending == "s":
            return [(*base, *_possessive(base)) for base in bases]
        return [(*base, *_ENDINGS[ending]) for base in bases] if ending in _ENDINGS else []


def _possessive(base: Ipa) -> Ipa:
    last = base[-1] if base else ""
    if last in {"s", "z", "ʃ", "ʒ", "tʃ", "dʒ"}:
        return ("ɪ", "z")
    return ("s",) if last in {"p", "t", "k", "f", "θ"} else ("z",)


def _accents(ipa: Ipa, word: str) -> Iterator[Phones]:
    """American as the dictionary has it, with tapped t, British."""
    american = [phone for symbol in ipa for phone in from_ipa(symbol, "en")]
    yield tuple(american)
    tapped = list(american)
    for place in range(1, len(tapped) - 1):
        between = tapped[place - 1] in (_VOWELS | {"r"}) and tapped[place + 1] in _VOWELS
        if tapped[place] in {"t", "d"} and between and not _stressed_after(ipa, place):
            tapped[place] = "rr"
    yield tuple(tapped)
    yield _british(ipa, word)


def _stressed_after(ipa: Ipa, place: int) -> bool:
    """Whether the vowel behind the phone number `place` is stressed."""
    count = 0
    for symbol in ipa:
        count += len(from_ipa(symbol, "en"))
        if count > place + 1:
            return "ˈ" in symbol
    return False


def _british(ipa: Ipa, word: str) -> Phones:
    """Without r before consonants and pauses, the rounded vowel of "lot", the central one of "go"."""
    symbols: list[str] = []
    for place, symbol in enumerate(ipa):
        following = from_ipa(ipa[place + 1], "en")[0] if place + 1 < len(ipa) else ""
        vowel_follows = following in _VOWELS
        plain = symbol.strip("ˈˌ")
        if plain == "ɹ" and symbols and not vowel_follows and symbols[-1] in _VOWELS:
            if symbols[-1] in {"ih", "eh", "uh"}:
                symbols.append("ax")
        elif plain in {"ɚ", "ɝ"}:
            symbols += ["er"] if "ˈ" in symbol else ["ax"]
            symbols += ["r"] if vowel_follows else []
        elif plain == "oʊ":
            symbols += ["ax", "uh"]
        elif plain == "ɑ" and "o" in word and not (place + 1 < len(ipa) and ipa[place + 1] == "ɹ"):
            symbols.append("o")
        else:
            symbols += from_ipa(symbol, "en")
    return tuple(symbols)


def language() -> English:
    """The rules of English; MissingPackageError without its dictionary."""
    words = lexicon("en")
    if words is None:
        raise MissingPackageError("English needs the package gruut-lang-en; install requirements.txt.")
    return English(words)
