"""A script cut into what is read as one: words, numbers with their units, times, addresses, signs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from runtime.speech.pronunciation.writing import Writing, plain
from runtime.speech.script import PlainText


@dataclass(frozen=True)
class Token:
    """A piece of the script in plain Unicode, `text`, from `place` on in the `writing`.

    `kind` names what it is (a group of the pattern below); `parts` are its named pieces. `pause` tells that the
    writing asks for a pause behind it, `stop` that a full stop follows directly.
    """

    kind: str
    text: str
    writing: Writing
    place: int
    parts: Mapping[str, str]
    pause: bool = False
    stop: bool = False

    def span(self, start: int = 0, end: int | None = None) -> tuple[int, int]:
        """Where `text[start:end]` is in the script."""
        end = len(self.text) if end is None else end
        return self.writing.span(self.place + start, self.place + end)


_NUMBER = r"(?:(?<!\d)\d{1,3}(?:[ ]\d{3}){1,5}(?!\d)(?:[.,]\d+)?|\d{1,40}(?:[.,]\d{1,40}|'\d{3}(?!\d)){0,8})"
_SCALE = (
    r"(?:thousand|million|billion|trillion|bn|Tausend|Millionen|Million|Milliarden|Milliarde|Mio\.?|Mrd\.?|"
    r"mille|millions|milliards?|mil|millones|millón|milhões|milhão|milioni|miliardi|miljoen|miljard|万|億|亿|万亿)"
)
_MONEY = r"[$€£¥₹₩₽]"
_UNIT = (
    r"(?:km/h|m/s|kWh|kW|MW|GB|MB|TB|kB|KB|GHz|MHz|kHz|Hz|km²?|cm²?|mm|m²|m³|m2|m3|kg|mg|ml|cl|ms|mph|px|fps|dB|"
    r"°C|°F|°|min|h|g|l|m|s|t|W|V|km2|cm|K|%|‰)"
)
_COUNTER = (
    "時間|週間|年間|日間|分間|[かヶカケ]月|小时|小時|分钟|分鐘|"
    "[年月日号號時时点點分秒人円元块塊個个枚本回台歳岁歲階番冊件名度週周倍天次张張只隻条條千万萬億亿]"
)
HAN = r"\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
KANA = r"\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
HANGUL = r"\uac00-\ud7a3"
_LETTER = rf"(?:(?![{HAN}{KANA}{HANGUL}])[^\W\d_])"

# Everything has a longest form, so that no script, however odd, takes long.
_MARKUP = r"^[ \t]*(?:```|~~~)\w*|<[/!]?[A-Za-z][^<>\n]{0,300}>"
_HEARD = rf"""
      (?P<url>(?:https?://|www\.)[A-Za-z0-9._~:/?\#@!$&'*+,;=%-]{{0,200}}[A-Za-z0-9/_~\#=&%-])
    | (?P<email>[A-Za-z0-9._%+-]{{1,64}}@[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}}){{1,5}})
    | (?P<domain>(?<![\w.])[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}}){{0,5}}
        \.(?:com|org|net|edu|gov|info|io|ai|app|dev|de|fr|es|it|cn|jp|uk|hk|ru|nl|pt|eu)
        (?:/[\w./%-]*[\w/])?(?![\w]))
    | (?P<telephone>(?<![\w-])(?:\+\d{{1,3}}[ -]?\(?\d[\d ()-]{{5,20}}\d|\(\d{{3}}\)[ ]?\d{{3}}-\d{{4}}
        |0\d{{1,4}}[-/]\d{{4,9}}|\d{{3}}-\d{{3}}-\d{{4}}|1[3-9]\d{{9}})(?![\w-]))
    | (?P<date>(?<!\d)(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{4}})(?!\d))
    | (?P<time>(?<!\d)(?P<hour>[01]?\d|2[0-4])(?::|[ ]?h[ ]?)(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?!\d))
    | (?P<money>(?P<before>{_MONEY})\s?(?P<sum>{_NUMBER})(?:\s?(?P<times>{_SCALE})(?![A-Za-z]))?
        |(?P<amount>{_NUMBER})(?:\s?(?P<scale>{_SCALE}))?\s?(?P<after>{_MONEY}))
    | (?P<fraction>(?<![\d/.])\d{{1,3}}/\d{{1,3}}(?![\d/]))
    | (?P<decade>(?<!\d)(?:1\d|20)?\d0s(?![A-Za-z]))
    | (?P<initials>(?<![\w.])(?:[^\W\d_]\.){{2,8}}(?:[^\W\d_](?!\w))?|(?<!\w)Ph\.D\.?)
    | (?P<version>(?<!\d)\d{{1,9}}(?:\.\d{{1,9}}){{2,6}}(?!\d))
    | (?P<measure>(?P<value>{_NUMBER})\s?(?P<unit>{_UNIT})(?![A-Za-z0-9]))
    | (?P<counted>(?P<count>{_NUMBER})\s?(?P<counter>{_COUNTER}))
    | (?P<ordinal>\d+(?:st|nd|rd|th|er|re|e|ème|ème|º|ª|\.º|\.ª|o|a)(?![A-Za-z0-9]))
    | (?P<number>{_NUMBER})
    | (?P<ideographs>[{HAN}{KANA}]{{1,200}})
    | (?P<hangul>[{HANGUL}]{{1,60}})
    | (?P<word>{_LETTER}[\u0300-\u036f]*(?:{_LETTER}|[\u0300-\u036f]|'(?={_LETTER})){{0,60}})
    | (?P<dash>(?<=\d)\s?[–—-]\s?(?=\d))
    | (?P<mark>(?<=\s)-+(?=\s)|[.,;:!?…—–()\[\]"\u3001\u3002\u300c-\u300f·\n|]+)
    | (?P<sign>[&+=@#/*%^~<>°§©-])
"""
_PATTERN = re.compile(rf"(?P<fence>{_MARKUP})|{_HEARD}", re.VERBOSE | re.MULTILINE)
_PLAIN_PATTERN = re.compile(_HEARD, re.VERBOSE | re.MULTILINE)
_PAUSES = re.compile(r"[-.,;:!?…—–()\n\u3001\u3002|]")
_LINK = re.compile(r"\]\([^()\s]*\)")


def tokenize(script: str) -> list[Token]:
    """All tokens that may be heard, in order; the rest of the script is silent."""
    writing = plain(script)
    tokens: list[Token] = []
    if isinstance(script, PlainText):
        heard = _PLAIN_PATTERN.finditer(writing.text)
    else:
        heard = _heard(_LINK.sub(lambda found: "]" + " " * (len(found[0]) - 1), writing.text))
    for found in heard:
        kind = found.lastgroup or ""
        if kind == "mark":
            if tokens and _PAUSES.search(found[0]):
                touching = found[0].startswith(".") and found.start() == tokens[-1].place + len(
                    tokens[-1].text
                )
                tokens[-1] = replace(tokens[-1], pause=True, stop=tokens[-1].stop or touching)
            continue
        parts = {name: value for name, value in found.groupdict().items() if value}
        tokens.append(Token(kind, found[0], writing, found.start(), parts))
    return tokens


def _heard(text: str) -> Iterator[re.Match[str]]:
    """The pattern's finds, without what only shapes the text."""
    return (found for found in _PATTERN.finditer(text) if not found["fence"])
