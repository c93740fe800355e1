"""Japanese: readings of Janome's dictionary, kana to phones."""

from __future__ import annotations

import importlib.util
import re
from functools import lru_cache
from typing import Any

from runtime.speech.pronunciation.addresses import read_address
from runtime.speech.pronunciation.language import MissingPackageError, Phones, Reading, Spoken, phrase
from runtime.speech.pronunciation.spelling import table
from runtime.speech.pronunciation.tokens import Token

_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "s": "サ ス ソ", "t": "タ  テト", "n": "ナニヌネノ", "h": "ハヒ ヘホ",
    "m": "マミムメモ", "rr": "ラリルレロ", "g": "ガギグゲゴ", "z": "ザ ズゼゾ",
    "d": "ダ  デド", "b": "バビブベボ", "p": "パピプペポ",
}  # fmt: skip
_VOWELS = ("a", "i", "u|ih", "e", "ou|o")
_KANA = {
    kana: "|".join(f"{head} {vowel}".strip() for vowel in vowels.split("|"))
    for head, row in _ROWS.items()
    for kana, vowels in zip(row, _VOWELS, strict=False)
    if kana != " "
}
_KANA |= {"セ": "s e"}
_KANA |= table(
    "シ: sh i|sj i; チ: t sh i|t sj i; ツ: t s u|t s ih; フ: f u|h u|h ih|f ih;"
    "ジ: d zh i|zh i|d sj i|sj i; ヂ: d zh i|zh i|d sj i; ヅ: z u|d z u|z ih; ヤ: j a; ユ: j u|j ih;"
    "ヨ: j ou|j o; ワ: w a; ヰ: i; ヱ: e; ヲ: ou|o; ヴ: b u|v u|b ih; ッ: -; ヵ: k a; ヶ: k e|g a;"
    "ティ: t i; ディ: d i; トゥ: t u; ドゥ: d u; ファ: f a|h a; フィ: f i|h i; フェ: f e|h e;"
    "フォ: f ou|h ou; ウィ: w i; ウェ: w e; ウォ: w ou; シェ: sh e|sj e; ジェ: d zh e|zh e;"
    "チェ: t sh e|t sj e; ツァ: t s a; ツェ: t s e; ツォ: t s ou; ヴァ: b a|v a; ヴィ: b i|v i;"
    "ヴェ: b e|v e; ヴォ: b ou|v ou; デュ: d j u; テュ: t j u; フュ: f j u|h j u; イェ: j e; クァ: k w a;"
    "ァ: a; ィ: i; ゥ: u; ェ: e; ォ: ou; ャ: j a; ュ: j u; ョ: j ou; クォ: k w ou; グァ: g w a; スィ: s i;"
    "ズィ: z i"
)
_GLIDES = {"ャ": "a", "ュ": "u|ih", "ョ": "ou|o"}
for _head, _sounds in table(
    "キ: k j; シ: sh|sj; チ: t sh|t sj; ニ: n j; ヒ: h j; ミ: m j; リ: rr j; ギ: g j; ジ: d zh|zh|d sj;"
    "ビ: b j; ピ: p j; ヂ: d zh|d sj"
).items():
    for _small, _tails in _GLIDES.items():
        _KANA[_head + _small] = "|".join(
            f"{head} {tail}" for tail in _tails.split("|") for head in _sounds.split("|")
        )
_MORA = re.compile(r"[ァ-ヶ][ァィゥェォャュョ]|[ァ-ヶー]")
_VOICELESS = ("k", "s", "t", "h", "p", "f")
_HIRAGANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}


def kana_phones(kana: str) -> list[tuple[Phones, ...]]:
    """The sounds of katakana, each with its variants; i and u between voiceless sounds may fall silent."""
    moras = _morae(kana)
    pieces: list[tuple[Phones, ...]] = []
    for place, mora in enumerate(moras):
        onward = moras[place + 1] if place + 1 < len(moras) else ""
        if mora == "ン":
            pieces.append(_nasal(_KANA.get(onward, "")))
            continue
        if mora == "ー" or (onward and _lengthens(mora, pieces)):
            if pieces and pieces[-1][0][-1:] == ("ou",):
                pieces.append(((), ("ih",)))  # as it is written, an unrounded u: some synthesisers say that
            continue
        variants = [tuple(sound.replace("-", "").split()) for sound in _KANA.get(mora, "-").split("|")]
        if mora in "キクシスチツヒフピプ" and (not onward or _KANA.get(onward, "").startswith(_VOICELESS)):
            variants.append(variants[0][:-1])
        pieces.append(tuple(variants))
    return pieces


def _morae(kana: str) -> list[str]:
    found: list[str] = []
    for mora in _MORA.findall(kana):
        found += [mora] if mora in _KANA or len(mora) == 1 else list(mora)
    return found


def _lengthens(mora: str, pieces: list[tuple[Phones, ...]]) -> bool:
    """A vowel sign that only prolongs the vowel before it."""
    before = pieces[-1][0][-1:] if pieces else ()
    return (mora == "ウ" and before in {("ou",), ("u",)}) or (mora == "オ" and before == ("ou",))


def _nasal(onward: str) -> tuple[Phones, ...]:
    if onward.startswith(("p", "b", "m")):
        return (("m",), ("n",))
    if onward.startswith(("k", "g")):
        return (("ng",), ("n",))
    return (("n",), ("ng",)) if onward.startswith(("t", "d", "n", "z", "rr", "s")) else (("ng",), ("n",))


_UNITS = table(
    "%: パーセント; km: キロメートル|キロ; m: メートル; cm: センチメートル|センチ; mm: ミリメートル|ミリ;"
    "kg: キログラム|キロ; g: グラム; mg: ミリグラム; t: トン; l: リットル; ml: ミリリットル; h: ジカン;"
    "min: フン|プン; s: ビョー; ms: ミリビョー; W: ワット; V: ボルト; km/h: ジソクキロメートル; °C: ド;"
    "°: ド; GB: ギガバイト|ギガ; MB: メガバイト|メガ; kW: キロワット; Hz: ヘルツ; m²: ヘーホーメートル;"
    "m2: ヘーホーメートル; px: ピクセル"
)
_MONEY = {
    "$": "ドル",
    "€": "ユーロ",
    "£": "ポンド",
    "¥": "エン",
    "₩": "ウォン",
    "₽": "ルーブル",
    "₹": "ルピー",
}
_SIGNS = {"+": "プラス|タス", "=": "イコール", "&": "アンド", "%": "パーセント", "#": "ナンバー", "°": "ド"}


class Japanese:
    """The rules of Japanese."""

    code = "ja"
    abbreviations = frozenset[str]()

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known = lru_cache(maxsize=50_000)(_pronounce)

    def speak(self, run: str, stop: bool = False, following: str = "") -> list[Spoken]:
        """The dictionary's words; see `Language.speak`."""
        if re.fullmatch("[ァ-ヶー]+", run):
            return [Spoken(0, len(run), self._known(run))]
        spoken: list[Spoken] = []
        place, kana = 0, ""
        for word in self._tokenizer.tokenize(run):
            if word.surface == "う" and spoken:  # the long vowel of "shou", cut off from its verb
                place += 1
                spoken[-1] = Spoken(spoken[-1].start, place, self._known(kana + "ー"))
                continue
            kana = word.phonetic if word.phonetic != "*" else word.surface.translate(_HIRAGANA)
            spoken.append(Spoken(place, place + len(word.surface), self._known(kana)))
            place += len(word.surface)
        return spoken

    def read(self, token: Token) -> list[Reading]:
        """See `Language.read`."""
        reader = getattr(self, f"_{token.kind}", None)
        readings: list[str] = reader(token) if reader else []
        return list(dict.fromkeys(tuple(reading.split()) for reading in readings if reading))

    def _number(self, token: Token) -> list[str]:
        return numerals(token.text)

    def _telephone(self, token: Token) -> list[str]:
        return ["".join(_DIGITS[int(digit)] for digit in re.sub(r"\D", "", token.text))]

    def _counted(self, token: Token) -> list[str]:
        count, counter = token.parts["count"], token.parts["counter"]
        if counter == "日" and count in _DAYS:
            return [_DAYS[count], f"{numerals(count)[0]}ニチ"]
        if counter == "人" and count in _PEOPLE:
            return [_PEOPLE[count], f"{numerals(count)[0]}ニン"]
        names = _COUNTERS.get(counter, counter).split("|")
        return [f"{number} {name}" for number in numerals(count, counter[0])[:4] for name in names]

    def _time(self, token: Token) -> list[str]:
        hours = numerals(token.parts["hour"].lstrip("0") or "0", "時")[0] + "ジ"
        minute = token.parts["minute"].lstrip("0")
        if not minute:
            return [hours]
        said = numerals(minute, "分")
        halves = [f"{hours} ハン"] if minute == "30" else []
        return [*(f"{hours} {number}{name}" for number in said[:1] for name in ("プン", "フン")), *halves]

    def _date(self, token: Token) -> list[str]:
        first, second, third = (part.lstrip("0") for part in re.split(r"\D", token.text))
        year, month, day = (first, second, third) if len(first) == 4 else (third, first, second)
        dated = f"{numerals(year)[0]}ネン {numerals(month, '月')[0]}ガツ"
        return [f"{dated} {_DAYS.get(day, '')}" if day in _DAYS else f"{dated} {numerals(day)[0]}ニチ"]

    def _money(self, token: Token) -> list[str]:
        name = _MONEY[token.parts.get("before") or token.parts["after"]]
        scale = _COUNTERS.get(token.parts.get("times") or token.parts.get("scale") or "", "")
        amount = token.parts.get("sum") or token.parts["amount"]
        return [f"{said} {scale} {name}" for said in numerals(amount)[:2]]

    def _measure(self, token: Token) -> list[str]:
        units = _UNITS.get(token.parts["unit"], "").split("|")
        said = numerals(token.parts["value"])[:2]
        return [f"{number} {unit or token.parts['unit'].upper()}" for number in said for unit in units]

    def _fraction(self, token: Token) -> list[str]:
        above, below = (numerals(part)[0] for part in token.text.split("/"))
        return [f"{below} ブンノ {above}", f"{above} スラッシュ {below}", f"{above} {below}"]

    def _dash(self, token: Token) -> list[str]:
        return ["カラ"]

    def _initials(self, token: Token) -> list[str]:
        return [" ".join(re.findall("[A-Za-z]", token.text)).upper()]

    def _ordinal(self, token: Token) -> list[str]:
        return numerals(re.sub(r"\D", "", token.text))

    def _version(self, token: Token) -> list[str]:
        return ["テン".join(numerals(part)[0] for part in token.text.split("."))]

    def _url(self, token: Token) -> list[str]:
        signs = {".": "ドット", "/": "スラッシュ", "@": "アットマーク"}
        return read_address(token.text, signs, lambda number: numerals(number)[0])

    _domain = _email = _url

    def _sign(self, token: Token) -> list[str]:
        text, start = token.writing.text, token.place
        before, after = text[max(0, start - 1) : start], text[start + 1 : start + 2]
        if token.text == "-":
            return ["マイナス"] if after.isdigit() and not before.isalnum() else []
        if token.text == "&" or (token.text in _SIGNS and (after.isdigit() or token.text == "%")):
            return _SIGNS[token.text].split("|")
        return []


_DAYS = table(
    "1: ツイタチ; 2: フツカ; 3: ミッカ; 4: ヨッカ; 5: イツカ; 6: ムイカ; 7: ナノカ; 8: ヨーカ; 9: ココノカ;"
    "10: トーカ; 14: ジューヨッカ; 20: ハツカ; 24: ニジューヨッカ"
)
_PEOPLE = {"1": "ヒトリ", "2": "フタリ"}
_COUNTERS = table(
    "年: ネン; 月: ガツ; 日: ニチ; 時: ジ; 分: フン|プン; 秒: ビョー; 人: ニン; 円: エン; 個: コ; 枚: マイ;"
    "本: ホン|ポン|ボン; 回: カイ; 台: ダイ; 歳: サイ; 階: カイ|ガイ; 番: バン; 冊: サツ; 件: ケン;"
    "名: メー; 度: ド; 週: シュー; 倍: バイ; 点: テン; 千: セン|ゼン; 万: マン; 億: オク; 時間: ジカン;"
    "週間: シューカン; 年間: ネンカン; 日間: ニチカン; 分間: フンカン|プンカン; か月: カゲツ; ヶ月: カゲツ;"
    "カ月: カゲツ; ケ月: カゲツ"
)
_DIGITS = ("ゼロ", "イチ", "ニ", "サン", "ヨン", "ゴ", "ロク", "ナナ", "ハチ", "キュー")
# What the last digit becomes before some counters, and what else it may be.
_BEFORE = {
    "時": {"4": "ヨ", "7": "シチ", "9": "ク"}, "月": {"4": "シ", "7": "シチ", "9": "ク"},
    "年": {"4": "ヨ", "7": "ナナ"}, "人": {"4": "ヨ", "7": "ナナ"}, "円": {"4": "ヨ"},
}  # fmt: skip
_SHORTENED = {"1": "イッ", "6": "ロッ", "8": "ハッ"}
_TEN = ("ジュッ", "ジッ")


def numerals(text: str, counter: str = "") -> list[str]:
    """Digits in katakana, the usual reading first; `counter` is the character behind them."""
    text = re.sub(r"[, '’]", "", text)
    whole, point, rest = text.partition(".")
    if not whole.isdigit() or (rest and not rest.isdigit()):
        return ["".join(_DIGITS[int(digit)] for digit in text if digit.isdigit())]
    if len(whole) > 16 or (whole.startswith("0") and len(whole) > 1):
        return ["".join(_DIGITS[int(digit)] for digit in whole)]
    usual = _cardinal(int(whole))
    if point:
        return [f"{usual}テン{''.join(_DIGITS[int(digit)] for digit in rest)}"]
    readings = [usual]
    last = whole[-1]
    if last in _BEFORE.get(counter, {}):
        readings.insert(0, _without_last(int(whole)) + _BEFORE[counter][last])
    if counter and last in _SHORTENED:
        readings.append(_without_last(int(whole)) + _SHORTENED[last])
    if counter and usual.endswith("ジュー"):
        readings += [usual.removesuffix("ジュー") + ending for ending in _TEN]
    if last == "7" and counter != "時":
        readings.append(_without_last(int(whole)) + "シチ")
    if len(whole) >= 3:
        readings.append("".join(_DIGITS[int(digit)] for digit in whole))
    return list(dict.fromkeys(readings))


def _without_last(number: int) -> str:
    return _cardinal(number // 10 * 10) if number >= 10 else ""


def _cardinal(number: int) -> str:
    from num2words import num2words

    if number == 0:
        return "ゼロ"
    kana = str(num2words(number, lang="ja", reading=True)).translate(_HIRAGANA)
    return re.sub("(?<=[キジュョ])ウ", "ー", kana)


def _pronounce(kana: str) -> tuple[Phones, ...]:
    return phrase(kana_phones(kana), 8)


def language() -> Japanese:
    """The rules of Japanese; MissingPackageError without its dictionary."""
    if importlib.util.find_spec("janome") is None:
        raise MissingPackageError(
            "Japanese needs the package janome (pip install -r requirements-japanese.txt)."
        )
    from janome.tokenizer import Tokenizer

    return Japanese(Tokenizer(mmap=True))
