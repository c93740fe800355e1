"""How numbers, dates, times, sums, units, signs and addresses are read in languages with an alphabet."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from runtime.speech.pronunciation.addresses import read_address
from runtime.speech.pronunciation.language import Reading
from runtime.speech.pronunciation.tokens import Token


@dataclass(frozen=True)
class NumberWords:
    """What one language says around its numerals, which num2words knows.

    Templates are filled with {h}our, {m}inute; {d}ay, {D}ay as an ordinal, {month}, {y}ear. `signs` holds what is
    said for a sign between words ("-" before a number), `units` what a unit is called, `money` a currency and its
    hundredth, `initials` what abbreviations with dots stand for, `fractions` how the usual ones are called; variants
    are separated by "|".
    """

    numerals: str
    decimal: str
    point: str
    times: tuple[str, ...]
    full_hours: tuple[str, ...]
    dates: tuple[str, ...]
    months: tuple[str, ...]
    range: str
    dot: str
    slash: str
    at: str
    signs: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    money: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    initials: Mapping[str, str] = field(default_factory=dict)
    fractions: Mapping[str, str] = field(default_factory=dict)
    joined_and: str = ""
    day_first: bool = True


_SCALES = {
    "bn": "billion", "Mio": "Millionen", "Mio.": "Millionen", "Mrd": "Milliarden", "Mrd.": "Milliarden",
}  # fmt: skip
_LONGEST = 15  # digits; longer ones are read one by one


class NumberReader:
    """Reads tokens that are not letters only."""

    def __init__(self, words: NumberWords) -> None:
        self._words = words

    def read(self, token: Token) -> list[Reading]:
        """The likely readings, the most likely first; none for what is not spoken."""
        reader = getattr(self, f"_{token.kind}", None)
        readings: list[str] = reader(token) if reader else []
        plain = dict.fromkeys(tuple(re.split(r"[\s,-]+", reading.strip())) for reading in readings)
        return [reading for reading in plain if any(reading)]

    def _number(self, token: Token) -> list[str]:
        if self._words.numerals == "de" and token.stop and token.text.isdigit():
            ordinal = _numeral(int(token.text), "de", "ordinal")
            return [f"{ordinal}n", ordinal, f"{ordinal}r", *self._digits(token.text)]
        return self.numeral(token.text)

    def _telephone(self, token: Token) -> list[str]:
        digits = self._one_by_one(re.sub(r"\D", "", token.text))
        zero = _numeral(0, self._words.numerals, "cardinal")
        return [digits, digits.replace(zero, "oh")] if self._words.numerals == "en" else [digits]

    def numeral(self, text: str) -> list[str]:
        """Readings of digits with the language's separators."""
        words = self._words
        text = text.replace(" ", "")
        if re.fullmatch(r"\d+", text):
            return self._digits(text)
        thousands = "." if words.decimal == "," else ","
        if re.fullmatch(
            rf"\d{{1,3}}(?:[{re.escape(thousands)}'’]\d{{3}})+(?:{re.escape(words.decimal)}\d+)?", text
        ):
            text = re.sub(rf"[{re.escape(thousands)}'’]", "", text)
        if re.fullmatch(r"\d+", text):
            return self.cardinals(int(text))
        whole, _, rest = re.sub(r"[,.'’]", "|", text).partition("|")
        if not rest or "|" in rest:
            return [" ".join(" ".join(self._digits(part)[:1]) for part in re.split(r"\D+", text) if part)]
        tails = [self._one_by_one(rest)]
        if len(rest) == 2 and not rest.startswith("0"):
            tails.append(self.cardinals(int(rest))[0])
        return [f"{self.cardinals(int(whole))[0]} {words.point} {tail}" for tail in tails]

    def cardinals(self, number: int) -> list[str]:
        """A whole number in words: as num2words has it, and without the "and" of British English."""
        if len(str(number)) > _LONGEST:
            return [self._one_by_one(str(number))]
        usual = _numeral(number, self._words.numerals, "cardinal")
        if not self._words.joined_and:
            return [usual]
        return list(dict.fromkeys([re.sub(rf" {self._words.joined_and} ", " ", usual), usual]))

    def _digits(self, text: str) -> list[str]:
        if (len(text) > 1 and text.startswith("0")) or len(text) > _LONGEST:
            return [self._one_by_one(text)]
        readings = self.cardinals(int(text))
        if len(text) == 4 and 1100 <= int(text) <= 2099:
            readings = [*self.years(int(text)), *readings]
        if len(text) >= 5:
            readings.append(self._one_by_one(text))
        return readings

    def years(self, year: int) -> list[str]:
        """A year as it is said, e.g. "twenty twenty-six"."""
        return list(dict.fromkeys([_numeral(year, self._words.numerals, "year"), *self.cardinals(year)]))

    def _one_by_one(self, text: str) -> str:
        return " ".join(_numeral(int(digit), self._words.numerals, "cardinal") for digit in text)

    def _ordinal(self, token: Token) -> list[str]:
        digits = re.match(r"\d+", token.text)
        number = int(digits[0]) if digits else 0
        return [_numeral(number, self._words.numerals, "ordinal"), *self.cardinals(number)]

    def _time(self, token: Token) -> list[str]:
        hour, minute = int(token.parts["hour"]), int(token.parts["minute"])
        words = self._words
        hours = self.cardinals(hour)[0]
        if minute == 0:
            return [template.format(h=hours) for template in words.full_hours]
        readings = [template.format(h=hours, m=self.cardinals(minute)[0]) for template in words.times]
        if second := token.parts.get("second"):
            readings = [f"{reading} {self.cardinals(int(second))[0]}" for reading in readings]
        elif minute < 10:
            oh = (
                self._one_by_one(f"0{minute}")
                if words.numerals != "en"
                else f"oh {self.cardinals(minute)[0]}"
            )
            readings = [f"{hours} {oh}", *readings]
        return readings

    def _date(self, token: Token) -> list[str]:
        first, second, third = (int(part) for part in re.split(r"\D", token.text))
        if first > 31:
            orders = [(third, second, first)]
        else:
            orders = [(first, second, third), (second, first, third)]
            orders = orders if self._words.day_first or "." in token.text else orders[::-1]
        readings = [self._dated(*order) for order in orders if 1 <= order[1] <= 12 and 1 <= order[0] <= 31]
        plain = " ".join(self._digits(part.lstrip("0") or "0")[0] for part in re.split(r"\D", token.text))
        return [*itertools.chain(*readings), plain]

    def _dated(self, day: int, month: int, year: int) -> list[str]:
        words = self._words
        filled = {
            "d": self.cardinals(day)[0],
            "D": _numeral(day, words.numerals, "ordinal"),
            "month": words.months[month - 1],
        }
        years = self.years(year)[:2]
        return [template.format(y=said, **filled) for template in words.dates for said in years]

    def _money(self, token: Token) -> list[str]:
        parts = token.parts
        amount = parts.get("sum") or parts["amount"]
        unit, cents = self._words.money.get(parts.get("before") or parts["after"], ("", ""))
        scale = parts.get("times") or parts.get("scale") or ""
        scale = _SCALES.get(scale, scale)
        readings = [f"{said} {scale} {unit}" for said in self.numeral(amount)[:2]]
        split = re.fullmatch(r"(.*)[.,](\d\d)", amount)
        if split and not scale:
            whole = self.numeral(split[1])[-1]
            small = self.cardinals(int(split[2]))[0]
            and_word = self._words.joined_and or self._words.signs.get("&", "")
            exact = [f"{whole} {unit} {small}", f"{whole} {unit} {and_word} {small} {cents}"]
            readings = [*exact, *readings] if int(split[2]) else [f"{whole} {unit}"]
        return readings

    def _fraction(self, token: Token) -> list[str]:
        above, below = (self._digits(part)[0] for part in token.text.split("/"))
        named = self._words.fractions.get(token.text, "")
        readings = [*named.split("|"), f"{above} {below}", f"{above} {self._words.slash} {below}"]
        if self._words.numerals == "en":
            ordinal = _numeral(int(token.text.split("/")[1]), "en", "ordinal")
            readings.append(f"{above} {ordinal}" if above == "one" else f"{above} {ordinal}s")
        return readings

    def _decade(self, token: Token) -> list[str]:
        readings = self._digits(token.text[:-1])[:1]
        return [f"{reading[:-1]}ies" if reading.endswith("y") else f"{reading}s" for reading in readings]

    def _initials(self, token: Token) -> list[str]:
        letters = re.sub(r"\W", "", token.text)
        meaning = self._words.initials.get(letters.lower(), "")
        return [*meaning.split("|"), " ".join(letters.upper())]

    def _dash(self, token: Token) -> list[str]:
        return [self._words.range]

    def _measure(self, token: Token) -> list[str]:
        unit = self._words.units.get(token.parts["unit"], "")
        numbers = self.numeral(token.parts["value"])[:3]
        if not unit:
            spelled = " ".join(token.parts["unit"].upper())
            return [f"{number} {spelled}" for number in numbers]
        return [f"{number} {name}" for number in numbers for name in unit.split("|")]

    def _version(self, token: Token) -> list[str]:
        parts = [self._digits(part)[0] for part in token.text.split(".")]
        return [f" {self._words.point} ".join(parts), f" {self._words.dot} ".join(parts), " ".join(parts)]

    def _url(self, token: Token) -> list[str]:
        signs = {".": self._words.dot, "/": self._words.slash, "@": self._words.at}
        return read_address(token.text, signs, lambda number: self._digits(number)[0])

    _domain = _email = _url

    def _sign(self, token: Token) -> list[str]:
        text, start = token.writing.text, token.place
        before = text[max(0, start - 2) : start].strip()[-1:]
        after = text[start + 1 : start + 3].strip()[:1]
        known = self._words.signs.get(token.text, "")
        if token.text == "-":
            alone = not text[max(0, start - 1) : start].strip() and text[start + 1 : start + 2].isdigit()
            return [known] if alone else []
        if token.text == "+" and re.match(r"[^\W\d_]\+*$", text[max(0, start - 2) : start].lstrip()):
            return [known]
        if token.text == "&" or (token.text in "+=<>°§" and (before + after).isalnum() and after.isdigit()):
            return [known]
        if (token.text == "#" and after.isdigit()) or token.text == "%":
            return [known]
        return []


@cache
def _numeral(number: int, language: str, kind: str) -> str:
    """num2words, without its commas and hyphens; languages without such a form get the cardinal."""
    from num2words import num2words

    try:
        words = str(num2words(number, lang=language, to=kind))
    except NotImplementedError:
        words = str(num2words(number, lang=language))
    return re.sub(r"[\s,-]+", " ", words).strip()
