"""Numbers in Chinese characters, for the languages that write with them."""

from __future__ import annotations

import re

from runtime.speech.pronunciation.addresses import read_address
from runtime.speech.pronunciation.language import Reading
from runtime.speech.pronunciation.tokens import Token

_DIGITS = "零一二三四五六七八九"
_UNITS = {
    "%": "百分之", "‰": "千分之", "km": "公里|千米", "m": "米", "cm": "厘米", "mm": "毫米", "kg": "公斤|千克",
    "g": "克", "mg": "毫克", "t": "吨", "l": "升", "ml": "毫升", "km/h": "公里每小时", "m/s": "米每秒",
    "°C": "摄氏度|度", "°F": "华氏度", "°": "度", "h": "小时", "min": "分钟", "s": "秒", "ms": "毫秒",
    "kW": "千瓦", "W": "瓦", "kWh": "千瓦时", "V": "伏", "Hz": "赫兹", "kHz": "千赫", "MHz": "兆赫",
    "GHz": "吉赫", "m²": "平方米", "m2": "平方米", "km²": "平方公里", "km2": "平方公里", "m³": "立方米",
    "m3": "立方米", "dB": "分贝", "px": "像素", "K": "千|K",
}  # fmt: skip
_MONEY = {"$": "美元", "€": "欧元", "£": "英镑", "¥": "元|块", "₹": "卢比", "₩": "韩元", "₽": "卢布"}
_SIGNS = {"+": "加", "=": "等于", "&": "和", "%": "百分之", "<": "小于", ">": "大于", "°": "度"}


def numeral(number: int) -> str:
    """A whole number below 10^16, e.g. 1250 -> 一千二百五十."""
    if number == 0:
        return _DIGITS[0]
    groups = []
    for unit in ("", "万", "亿", "万亿"):
        groups.append((number % 10_000, unit))
        number //= 10_000
    text = ""
    for group, unit in reversed(groups):
        if group:
            gap = bool(text) and group < 1000
            text += ("零" if gap else "") + _below_ten_thousand(group) + unit
    return text.removeprefix("一") if text.startswith("一十") else text


def _below_ten_thousand(number: int) -> str:
    text, zero = "", False
    for size, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // size % 10
        if digit:
            text += ("零" if zero and text else "") + _DIGITS[digit] + unit
        zero = not digit
    return text


def with_two(text: str) -> list[str]:
    """The same numeral with 两 where it may be said for 二."""
    other = re.sub("二(?=[千万亿])", "两", text)
    return list(dict.fromkeys([other, text, re.sub("二(?=[百千万亿])", "两", text)]))


def digits(text: str) -> str:
    """Digit by digit."""
    return "".join(_DIGITS[int(digit)] for digit in text)


class HanLanguage:
    """What the languages written in Chinese characters share: numbers, dates, times, sums and units in words."""

    abbreviations = frozenset[str]()

    def read(self, token: Token) -> list[Reading]:
        """The likely readings, each as one run of characters and Latin words; see `Language.read`."""
        reader = getattr(self, f"_{token.kind}", None)
        readings: list[str] = reader(token) if reader else []
        plain = dict.fromkeys(tuple(reading.split()) for reading in readings)
        return [reading for reading in plain if reading]

    def _number(self, token: Token) -> list[str]:
        return _cardinals(token.text)

    def _telephone(self, token: Token) -> list[str]:
        said = digits(re.sub(r"\D", "", token.text))
        return [said, said.replace("一", "幺")]

    def _counted(self, token: Token) -> list[str]:
        count, counter = token.parts["count"], token.parts["counter"]
        if counter == "年" and len(count) == 4:
            readings = [digits(count), *_cardinals(count)]
        elif count == "2" and counter not in {"年", "月", "日", "号", "號"}:
            readings = ["两", "二"]
        else:
            readings = _cardinals(count)
        return [f"{reading}{counter}" for reading in readings]

    def _time(self, token: Token) -> list[str]:
        hour, minute = int(token.parts["hour"]), int(token.parts["minute"])
        hours = "两" if hour == 2 else numeral(hour)
        if minute == 0:
            return [f"{hours}点", f"{hours}点整", f"{hours}点钟"]
        small = numeral(minute)
        readings = [f"{hours}点{small}分", f"{hours}点{small}"]
        if minute < 10:
            readings += [f"{hours}点零{small}分", f"{hours}点零{small}"]
        if minute == 30:
            readings.append(f"{hours}点半")
        if second := token.parts.get("second"):
            readings = [f"{hours}点{small}分{numeral(int(second))}秒"]
        return readings

    def _date(self, token: Token) -> list[str]:
        first, second, third = (int(part) for part in re.split(r"\D", token.text))
        year, month, day = (first, second, third) if first > 31 else (third, first, second)
        head = f"{digits(str(year))}年{numeral(month)}月{numeral(day)}"
        return [f"{head}日", f"{head}号"]

    def _money(self, token: Token) -> list[str]:
        amount = token.parts.get("sum") or token.parts["amount"]
        names = _MONEY[token.parts.get("before") or token.parts["after"]].split("|")
        scale = token.parts.get("times") or token.parts.get("scale") or ""
        return [f"{said}{scale}{name}" for said in _cardinals(amount)[:2] for name in names]

    def _measure(self, token: Token) -> list[str]:
        unit, value = token.parts["unit"], _cardinals(token.parts["value"])[:2]
        if unit in {"%", "‰"}:
            return [f"{_UNITS[unit]}{said}" for said in value]
        if unit in _UNITS:
            return [f"{said}{name}" for said in value for name in _UNITS[unit].split("|")]
        return [f"{said} {unit.upper()}" for said in value]

    def _version(self, token: Token) -> list[str]:
        return ["点".join(_cardinals(part)[0] for part in token.text.split("."))]

    def _fraction(self, token: Token) -> list[str]:
        above, below = (_cardinals(part)[0] for part in token.text.split("/"))
        return [f"{below}分之{above}", f"{above}斜杠{below}", f"{above}{below}"]

    def _dash(self, token: Token) -> list[str]:
        return ["到", "至"]

    def _initials(self, token: Token) -> list[str]:
        return [" ".join(re.findall("[A-Za-z]", token.text)).upper()]

    def _decade(self, token: Token) -> list[str]:
        return [f"{reading}年代" for reading in (digits(token.text[:-1]), numeral(int(token.text[:-1])))]

    def _ordinal(self, token: Token) -> list[str]:
        found = re.match(r"\d+", token.text)
        return [f"第{numeral(int(found[0]))}"] if found else []

    def _url(self, token: Token) -> list[str]:
        return read_address(token.text, {".": "点", "/": "斜杠", "@": "at"}, digits)

    _domain = _email = _url

    def _sign(self, token: Token) -> list[str]:
        text, start = token.writing.text, token.place
        before, after = text[max(0, start - 1) : start], text[start + 1 : start + 2]
        if token.text == "-":
            return ["负"] if after.isdigit() and not before.isalnum() else []
        if token.text == "&" or (token.text in _SIGNS and after.isdigit()):
            return [_SIGNS[token.text]]
        return []


def _cardinals(text: str) -> list[str]:
    """Readings of digits with separators: as a number, and one by one where that is usual."""
    text = re.sub(r"(?<=\d)[, '’](?=\d{3})", "", text)
    whole, point, rest = text.partition(".")
    if not whole.isdigit() or (rest and not rest.isdigit()):
        return ["点".join(digits(part) for part in re.split(r"\D+", text) if part)]
    if point:
        return [f"{numeral(int(whole))}点{digits(rest)}"]
    single = [digits(whole), digits(whole).replace("一", "幺")]
    if len(whole) > 16 or (whole.startswith("0") and len(whole) > 1):
        return single
    readings = with_two(numeral(int(whole)))
    return [*readings, *single] if len(whole) >= 3 else readings
