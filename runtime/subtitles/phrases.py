"""A script in pieces that stay whole: what each says, when, and how good a place to break its end is."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, pairwise, takewhile
from typing import TYPE_CHECKING

from runtime.speech.script import TimedWord
from runtime.subtitles.markup import readable

if TYPE_CHECKING:
    from budoux import Parser

# What a break costs; good places are cheap.
PARAGRAPH_END, SENTENCE, CLAUSE = -2.0, 0.0, 1.0  # behind an empty line's paragraph, a full stop, a comma
CONJUNCTION, PREPOSITION = 3.0, 4.5  # before one
PARTICLE = 4.0  # behind one, in Japanese
WORD = 6.0  # between any two words
WEAK_WORD = 14.0  # behind an article and its like, which belong to what follows
INSIDE = 20.0  # in the middle of a word
LONG_PAUSE, SHORT_PAUSE = 0.6, 0.25  # seconds of silence that make any place a good one

LETTER = 0.08  # seconds that a letter takes of which nobody knows when it is said

LATIN_LINE, CJK_LINE = 42, 20  # characters
LONGEST_PHRASE = 10  # characters that are kept together in scripts without spaces

_SENTENCE_END = re.compile(r"[.!?。！？…؟۔।॥።][\"'”’»›）」』)\]]*$")
_CLAUSE_END = re.compile(r"[,;:，、；：،؛–—][\"'”’»›）」』)\]]*$")
_SMALL_KANA = "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶーゝゞヽヾ々〻"
_OPENING = "¿¡"
_GLUE = "\u00a0\u202f\u2060\u2007\ufeff"  # spaces that ask not to be broken at
PARAGRAPH = "\u2029"
_SPACES = " \n" + PARAGRAPH
_PARTICLES = (
    "から",
    "まで",
    "ので",
    "けど",
    "のに",
    "ながら",
    "は",
    "が",
    "を",
    "に",
    "で",
    "と",
    "も",
    "て",
    "へ",
    "や",
    "ば",
)

# Small closed classes of words, by language; what is not listed counts as an ordinary word.
_CONJUNCTIONS = {
    "en": "and or but nor so yet because although though while when where if unless until since that which who "
    "whose whether as than",
    "de": "und oder aber denn sondern weil dass ob wenn als während obwohl damit sodass bevor nachdem bis der die das",
    "fr": "et ou mais donc car ni or que qui dont où quand lorsque puisque parce si comme quoique afin",
    "es": "y e o u pero sino porque que quien cuando donde aunque si como mientras pues cuyo",
    "pt": "e ou mas porém porque que quem quando onde embora se como enquanto pois cujo",
    "it": "e ed o ma però perché che chi quando dove sebbene se come mentre poiché quindi",
    "nl": "en of maar want omdat dat die wie wanneer waar hoewel als terwijl zodat",
    "ru": "и а но или что который которая которые потому если когда чтобы хотя",
    "ar": "و أو ثم لكن لأن عندما إذا التي الذي حيث كما وكيف",
    "zh": "但是 但 因为 所以 而且 然后 如果 虽然 并且 或者 以及 不过 因此 然而 于是 而 同時 同时 因為 雖然 "
    "並且 不過 然後 由于 由於 只要 只有 无论 無論",
}
_PREPOSITIONS = {
    "en": "of in on at by for with from to into about after before between through over under without against",
    "de": "in im an am auf mit von vom zu zum zur bei für über unter nach vor aus durch gegen ohne um zwischen",
    "fr": "de du des à au aux dans en sur sous avec sans pour par chez vers entre",
    "es": "de del en a al con sin por para sobre bajo entre hacia desde hasta",
    "pt": "de do da dos das em no na nos nas a ao à com sem por para sobre entre até",
    "it": "di del della dei in nel nella a al alla con senza per su tra fra da dal dalla",
    "ru": "в во на с со к по из от до для без под над о об у при",
    "ar": "إلى من في على عن مع بين بعد قبل",
    "nl": "van in op aan met zonder voor door bij naar uit over onder tussen",
}
_ARTICLES = {
    "en": "a an the my your his her its our their this these those very is are was were be been not i you he she it "
    "we they mr mrs ms dr no",
    "de": "der die das den dem des ein eine einen einem einer eines mein dein sein ihr unser ich du er sie es wir "
    "nicht ist sind war sehr",
    "fr": "le la les un une ce cet cette ces mon ton son ma ta sa mes tes ses notre votre leur je tu il elle nous vous "
    "ils elles ne très est sont",
    "es": "el la los las un una unos unas mi tu su este esta estos estas no es son muy se",
    "pt": "o a os as um uma uns umas meu seu sua este esta não é são muito se",
    "it": "il lo la i gli le un uno una mio tuo suo questo questa non è sono molto si",
    "ru": "не я ты он она мы вы они это этот эта мой твой его её наш ваш очень",
    "ar": "أن إن لا ما هو هي هذا هذه كل",
    "zh": "和 与 與 及 跟 或 在 从 從 把 被 对 對 向 是 的",
    "nl": "de het een mijn jouw zijn haar ons dit deze niet is ik je hij we ze",
}
_SMALL_WORDS = {"conjunctions": _CONJUNCTIONS, "prepositions": _PREPOSITIONS, "articles": _ARTICLES}


@dataclass(frozen=True)
class Piece:
    """A stretch of text that is not broken, said from `start` to `end` seconds.

    `cost` is what a break behind it costs, `spaced` whether a space follows where there is no break. `length` counts
    characters as a reader sees them, without marks that sit on others; `wide` tells of Chinese, Japanese or Korean.
    """

    text: str
    start: float
    end: float
    cost: float
    spaced: bool
    length: int
    wide: bool


def pieces(
    words: Sequence[TimedWord], script: str, language: str | None = None, until: float | None = None
) -> list[Piece]:
    """Cut a script into pieces; markup is left out, everything else is kept as written.

    `words` are those of the script in order. What none of them covers, such as letters that nobody had rules to
    pronounce, is timed by its neighbours. The script ends where the first word stands that begins after `until`.
    """
    said = list(takewhile(lambda word: until is None or word.start < until, words))
    if not said:
        return []
    stop = _closed(script, words[len(said)].start_char) if len(said) < len(words) else len(script)
    text, places = _read(script, stop)
    tongue = re.split("[-_]", language)[0].lower() if language else _likely_language(text)
    breaks = _breaks(text, *_borders(said, places), language)
    parts = [
        (begin, end) for begin, end in pairwise([0, *breaks, len(text)]) if text[begin:end].strip(_SPACES)
    ]
    times = _filled(_part_times(said, places, parts), [text[slice(*part)] for part in parts], until)
    cut = [_piece(text, begin, end, span, tongue) for (begin, end), span in zip(parts, times, strict=True)]
    return [part for whole in _with_pauses(cut) for part in _divide(whole)]


def _piece(text: str, begin: int, end: int, span: tuple[float, float], language: str) -> Piece:
    spoken = text[begin:end].strip(_SPACES)
    following = text[end:].lstrip(_SPACES)[:40]
    space = text[end - 1] if text[end - 1] in _SPACES else text[end : end + 1]
    return Piece(
        spoken,
        *span,
        _cost(spoken, following, language, space),
        space == " " or (space in _SPACES and _is_spaced(spoken[-1])),
        _length(spoken),
        any(map(_is_wide, spoken)),
    )


def _part_times(
    words: Sequence[TimedWord], places: Sequence[int], parts: Sequence[tuple[int, int]]
) -> list[tuple[float, float] | None]:
    """From when to when each part of the text is said; None where no word tells."""
    starts, ends = _times(words, places)
    found: list[tuple[float, float] | None] = []
    for begin, end in parts:
        first = next((start for start in starts[begin:end] if start is not None), None)
        last = next((one for one in reversed(ends[begin:end]) if one is not None), None)
        found.append(None if first is None or last is None else (first, last))
    return found


def _filled(
    known: Sequence[tuple[float, float] | None], texts: Sequence[str], until: float | None
) -> list[tuple[float, float]]:
    """Times of all parts, in order: those not known are said at the usual pace in the room between the others."""
    lasting = [LETTER * sum(map(str.isalnum, text)) for text in texts]
    begin = next(((span[0], index) for index, span in enumerate(known) if span), (0.0, 0))
    clock = max(0.0, begin[0] - sum(lasting[: begin[1]]))
    last = math.inf if until is None else until
    # From each part on, when the next one begins of which that is known.
    following = [*accumulate(reversed(known), lambda later, span: span[0] if span else later, initial=last)]
    filled: list[tuple[float, float]] = []
    for span, seconds, limit in zip(known, lasting, reversed(following), strict=False):
        if span is None:
            span = clock, min(clock + seconds, limit)
        start = max(clock, span[0])
        clock = max(start, span[1])
        filled.append((start, clock))
    return filled


def _closed(script: str, stop: int) -> int:
    """The end of what stands before `stop`, without the brackets and quotation marks that open there."""
    while stop > 0 and (script[stop - 1].isspace() or _opens(script[stop - 1])):
        stop -= 1
    return stop


def _read(script: str, stop: int) -> tuple[str, list[int]]:
    """The text before `stop` that is seen, and where in the script each character is.

    Spaces in a row become one; a line end stays, and an empty line becomes `PARAGRAPH`.
    """
    seen = readable(script)
    signs: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(script[:stop]):
        if not seen[place] or (unicodedata.category(sign) == "Cc" and not sign.isspace()):
            continue
        if sign.isspace() and sign not in _GLUE:
            sign = "\n" if script.startswith("\n", place) else " "
            if signs and signs[-1] in _SPACES:
                signs[-1] = PARAGRAPH if sign == "\n" and signs[-1] != " " else max(signs[-1], sign)
                continue
        signs.append(sign)
        places.append(place)
    return "".join(signs), places


def _times(
    words: Sequence[TimedWord], places: Sequence[int]
) -> tuple[list[float | None], list[float | None]]:
    """When each character begins and ends; a word's time is spread evenly over its characters."""
    spans: dict[int, tuple[float, float]] = {}
    said: dict[tuple[int, int], tuple[float, float]] = {}
    for word in words:
        span = (word.start_char, word.end_char)
        start, end = said.get(span, (word.start, word.end))
        said[span] = min(start, word.start), max(end, word.end)
    for (first, last), (start, end) in said.items():
        step = (end - start) / max(1, last - first)
        for place in range(first, last):
            spans[place] = start + step * (place - first), start + step * (place - first + 1)
    known = [spans.get(place) for place in places]
    return [span and span[0] for span in known], [span and span[1] for span in known]


def _borders(words: Sequence[TimedWord], places: Sequence[int]) -> tuple[set[int], set[int]]:
    """Indices into the text where a word begins or ends, and those inside one (if it is of a word's size)."""
    edges = {word.start_char for word in words} | {word.end_char for word in words}
    inner = {
        place
        for word in words
        if word.end_char - word.start_char <= LONGEST_PHRASE
        for place in range(word.start_char + 1, word.end_char)
    }
    at = [{index for index, place in enumerate(places) if place in chosen} for chosen in (edges, inner)]
    return at[0], at[1]


def _breaks(text: str, borders: set[int], held: set[int], language: str | None) -> list[int]:
    """Indices before which the text may be broken, in order: at `borders` of words, but not where `held`."""
    found: list[int] = []
    phrases = _phrase_borders(text, language)
    last = 0
    for index in range(1, len(text)):
        before, after = text[index - 1], text[index]
        if before.isspace() and before not in _GLUE:
            if _may_break_at_space(text, index):
                found.append(index)
                last = index
        elif not _is_unspaced(before) and not _is_unspaced(after) and not _closes_wide(before):
            if before in "—–" and after.isalnum():
                found.append(index)
                last = index
        elif (
            index in held
            or _keeps_with_next(before)
            or _keeps_with_previous(after)
            or _is_in_number(before, after)
        ):
            continue
        elif (
            index in phrases or _closes_wide(before) or (index in borders and index - last >= LONGEST_PHRASE)
        ):
            found.append(index)
            last = index
    return found


def _may_break_at_space(text: str, index: int) -> bool:
    before, after = text[: index - 1][-1:], text[index]
    if text[index - 1] != " ":
        return True
    if before.isdigit() and after.isdigit() and re.match(r"\d{3}(?!\d)", text[index : index + 4]):
        return False  # 10 000
    return not (_keeps_with_next(before) or after in "!?:;»›%‰°" or (before == "«"))


def _is_in_number(before: str, after: str) -> bool:
    """2026年5月, 第3: digits stay with their measure, and a date together."""
    return before.isdigit() or (after.isdigit() and before in "第约約年月")


def _phrase_borders(text: str, language: str | None) -> set[int]:
    """Where phrases begin in writing without spaces, by BudouX's models of Chinese, Japanese and Thai."""
    if not any(map(_is_unspaced, text)):
        return set()
    borders: set[int] = set()
    place = 0
    for phrase in _parser(_writing(text, language)).parse(text):
        borders.add(place)
        place += len(phrase)
    return borders


def _writing(text: str, language: str | None) -> str:
    code = (language or "").lower()
    if any("\u0e00" <= sign <= "\u0e7f" for sign in text):
        return "th"
    if code.startswith("ja") or (
        not code.startswith(("zh", "yue")) and any("\u3040" <= sign <= "\u30ff" for sign in text)
    ):
        return "ja"
    return (
        "zh-hant"
        if code.startswith(("yue", "zh-hant", "zh_hant", "zh-tw", "zh-hk", "zh_tw", "zh_hk"))
        else "zh-hans"
    )


@cache
def _parser(writing: str) -> Parser:
    import budoux

    return {
        "ja": budoux.load_default_japanese_parser,
        "zh-hans": budoux.load_default_simplified_chinese_parser,
        "zh-hant": budoux.load_default_traditional_chinese_parser,
        "th": budoux.load_default_thai_parser,
    }[writing]()


def _cost(spoken: str, following: str, language: str, space: str) -> float:
    """What a break between a piece and what follows it costs, as far as the writing tells."""
    if not following:
        return SENTENCE
    if space == PARAGRAPH:
        return PARAGRAPH_END
    cost = _cost_in_line(spoken, following, language)
    # A new line may be a heading's or an item's end, or only where an editor wrapped the text.
    if space == "\n" and cost < WEAK_WORD and not following[0].islower():
        return min(cost, CLAUSE)
    return cost


def _cost_in_line(spoken: str, following: str, language: str) -> float:
    if _SENTENCE_END.search(spoken) and not _is_abbreviation(spoken, following):
        return SENTENCE
    if _CLAUSE_END.search(spoken):
        return CLAUSE
    unspaced = _is_unspaced(spoken[-1])
    last, coming = _bare(spoken), _bare(re.split(r"\s", following, maxsplit=1)[0])
    if unspaced:
        if spoken in _vocabulary("zh", "articles"):
            return WEAK_WORD
        if following.startswith(_vocabulary("zh", "conjunctions")):
            return CONJUNCTION
        return PARTICLE if spoken.endswith(_PARTICLES) else WORD
    if last in _vocabulary(language, "articles") or last in _vocabulary(language, "prepositions"):
        return WEAK_WORD
    if last in _vocabulary(language, "conjunctions") or (spoken[-1:].isdigit() and coming[:1].isalpha()):
        return WEAK_WORD
    if coming in _vocabulary(language, "conjunctions"):
        return CONJUNCTION
    return PREPOSITION if coming in _vocabulary(language, "prepositions") else WORD


def _likely_language(text: str) -> str:
    """The language whose small words the text uses most; "" if it uses none of them."""
    used = Counter(_bare(word) for word in text.split())
    scores = {
        language: sum(used[word] for kind in _SMALL_WORDS for word in set(_vocabulary(language, kind)))
        for language in _ARTICLES
    }
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] else ""


@cache
def _vocabulary(language: str, kind: str) -> tuple[str, ...]:
    return tuple(_SMALL_WORDS[kind].get(language, "").split())


def _bare(word: str) -> str:
    return word.strip("\"'“”‘’«»()[].,;:!?¿¡…").lower()


def _is_abbreviation(spoken: str, following: str) -> bool:
    """Dr. Smith, e.g. this, J. Bach, 3. Mai."""
    if not spoken.endswith("."):
        return False
    return following[:1].islower() or bool(re.fullmatch(r"(?:\w|\d+|[A-Z][a-z]{1,2}|(?:\w\.)+\w)\.", spoken))


def _with_pauses(cut: Sequence[Piece]) -> list[Piece]:
    """Where the speaker pauses, a break is welcome whatever the writing says."""
    heard: list[Piece] = []
    for index, piece in enumerate(cut):
        pause = cut[index + 1].start - piece.end if index + 1 < len(cut) else 0.0
        bound = 0.5 if pause >= LONG_PAUSE else 2.0 if pause >= SHORT_PAUSE else piece.cost
        # Even then hardly behind "the": speakers also hesitate.
        heard.append(replace(piece, cost=min(piece.cost, bound + piece.cost / 4)))
    return heard


def _divide(piece: Piece) -> list[Piece]:
    """Cut what is longer than a line, such as an address, because there is no other way."""
    most = line_limit(piece.wide)
    if piece.length <= most:
        return [piece]
    count = -(-piece.length // most)
    size = -(-len(piece.text) // count)
    duration = piece.end - piece.start
    parts = [piece.text[at : at + size] for at in range(0, len(piece.text), size)]
    return [
        Piece(
            part,
            piece.start + duration * index / len(parts),
            piece.start + duration * (index + 1) / len(parts),
            piece.cost if index == len(parts) - 1 else INSIDE,
            piece.spaced and index == len(parts) - 1,
            _length(part),
            any(map(_is_wide, part)),
        )
        for index, part in enumerate(parts)
    ]


def line_limit(wide: bool) -> int:
    """Characters that a line may have."""
    return CJK_LINE if wide else LATIN_LINE


def _length(text: str) -> int:
    return sum(unicodedata.category(sign) not in ("Mn", "Me", "Cf") for sign in text)


def _is_wide(sign: str) -> bool:
    return sign.isalpha() and unicodedata.east_asian_width(sign) in "WF"


def _is_unspaced(sign: str) -> bool:
    """Letters of writing that puts no spaces between words."""
    if "\u0e00" <= sign <= "\u0eff" or "\u1000" <= sign <= "\u109f" or "\u1780" <= sign <= "\u17ff":
        return True
    return _is_wide(sign) and not (
        "\uac00" <= sign <= "\ud7af" or "\u1100" <= sign <= "\u11ff" or "\uff21" <= sign <= "\uff5a"
    )


def _is_spaced(sign: str) -> bool:
    """Whether a space follows this sign where a line goes on."""
    return not (_is_unspaced(sign) or _closes_wide(sign))


def _opens(sign: str) -> bool:
    return unicodedata.category(sign) in ("Ps", "Pi") or sign in _OPENING


def _closes_wide(sign: str) -> bool:
    """Chinese and Japanese punctuation, behind which there is no space."""
    return unicodedata.east_asian_width(sign) in "WF" and unicodedata.category(sign) in ("Po", "Pe", "Pf")


def _keeps_with_next(sign: str) -> bool:
    return bool(sign) and (_opens(sign) or sign in _GLUE or sign in "#@$€£¥")


def _keeps_with_previous(sign: str) -> bool:
    # A mark that sits on the letter before it, or punctuation that may not begin a line.
    category = unicodedata.category(sign)
    return (
        category[0] == "M"
        or category in ("Pe", "Pf", "Po", "Pd", "Cf")
        or sign in _SMALL_KANA
        or sign in "％％℃°%"
        or sign in _GLUE
        or sign.isspace()
    )
