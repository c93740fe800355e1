"""How the phone names of speech engines and corpora map to the phones of `runtime.stages.articulation`.

Every name becomes one or more of our phones; diphthongs and affricates become two and share the time.
"""

from __future__ import annotations

from collections.abc import Iterable

from runtime.speech.pronunciation.ipa import from_ipa
from runtime.stages.articulation import PHONES, Segment

__all__ = ["SAME", "TABLES", "from_ipa", "from_table", "segments"]

SAME = {name: name for name in PHONES}

_CONSONANTS = (
    *("b", "d", "dh", "f", "g", "k", "l", "m", "n", "ng", "p"),
    *("r", "s", "sh", "t", "th", "v", "w", "z", "zh", "er"),
)

# CMU / radio phones: flite, festival's English voices, pocketsphinx, and the aligners' ARPAbet.
ARPABET = {
    **{name: name for name in _CONSONANTS},
    "aa": "a",
    "ae": "ae",
    "ah": "ah",
    "ao": "o",
    "aw": "a uh",
    "ax": "ax",
    "axr": "er",
    "ay": "a ih",
    "eh": "eh",
    "ey": "e ih",
    "ih": "ih",
    "ix": "ih",
    "iy": "i",
    "ow": "ou uh",
    "oy": "o ih",
    "uh": "uh",
    "uw": "u",
    "ch": "t sh",
    "jh": "d zh",
    "hh": "h",
    "hv": "h",
    "y": "j",
    "dx": "rr",
    "nx": "n",
    "en": "ax n",
    "em": "ax m",
    "el": "ax l",
    "sp": "sil",
    "pau": "sil",
    "sil": "sil",
    "ssil": "sil",
    "brth": "sil",
    "h#": "sil",
    "spn": "ax",
    "+spn+": "ax",
    "nsn": "sil",
    "+nsn+": "sil",
}

ITALIAN = {
    **{
        name: name
        for name in ["b", "d", "f", "g", "k", "l", "m", "n", "ng", "p", "s", "t", "v", "w", "z", "j"]
    },
    **{
        vowel + accent: ours
        for vowel, ours in zip("aeEioOu", ["a", "e", "eh", "i", "ou", "o", "u"], strict=True)
        for accent in ("", "1")
    },
    "tS": "t sh",
    "dZ": "d zh",
    "ts": "t s",
    "dz": "d z",
    "S": "sh",
    "Z": "zh",
    "L": "l",
    "J": "n",
    "nf": "f",
    "r": "rr",
    "#": "sil",
}

CZECH = {
    **{name: name for name in ["b", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "s", "t", "v", "z"]},
    **{
        vowel + length: ours
        for vowel, ours in zip("aeiou", ["a", "eh", "i", "o", "u"], strict=True)
        for length in ("", ":")
    },
    "c": "t s",
    "c~": "t sh",
    "ch": "x",
    "d~": "d j",
    "t~": "t j",
    "dz": "d z",
    "dz~": "d zh",
    "n*": "ng",
    "n~": "n",
    "r": "rr",
    "r~": "zh",
    "r~*": "sh",
    "s~": "sh",
    "z~": "zh",
    "_": "h",
    "#": "sil",
}

_FINNISH_SHORT = {
    **{
        name: name
        for name in ["b", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "s", "t", "v", "w", "z"]
    },
    "a": "a",
    "e": "eh",
    "i": "i",
    "o": "o",
    "u": "u",
    "y": "y",
    "@": "ae",
    "7": "oe",
    "&": "ax",
    "T": "th",
    "D": "dh",
    "S": "sh",
    "Z": "zh",
    "N": "ng",
    "L": "l",
    "r": "rr",
    "#": "sil",
    "##": "sil",
    "pau": "sil",
}
FINNISH = {**_FINNISH_SHORT, **{f"{name}:": ours for name, ours in _FINNISH_SHORT.items()}}

HINDI = {
    **{name: name for name in ["b", "f", "g", "h", "k", "l", "m", "n", "p", "s", "sh", "v", "w", "zh"]},
    "a": "ah",
    "aa": "a",
    "ih": "ih",
    "iy": "i",
    "uh": "uh",
    "uw": "u",
    "eh": "eh",
    "ee": "e",
    "ay": "ae",
    "oh": "o",
    "oo": "ou",
    "aw": "o",
    "ch": "t sh",
    "j": "d zh",
    "T": "t",
    "D": "d",
    "td": "t",
    "th": "t",
    "tth": "t",
    "dh": "d",
    "ddh": "d",
    "N": "n",
    "kh": "k",
    "gh": "g",
    "bh": "b",
    "y": "j",
    "r": "rr",
    "R": "rr",
    "L": "l",
    "ksh": "k sh",
    "sri": "sh rr",
    "x": "h",
    "@": "ax",
    "pau": "sil",
}

# The labelled recordings of festvox-ru; doubled consonants are palatalised.
_RUSSIAN_HARD = {
    **{
        name: name
        for name in ["b", "d", "f", "g", "k", "l", "m", "n", "p", "s", "t", "v", "z", "sh", "zh", "j"]
    },
    "h": "x",
    "r": "rr",
    "c": "t s",
    "ch": "t sh",
    "sch": "sj",
}
RUSSIAN = {
    **_RUSSIAN_HARD,
    **{name * 2: ours for name, ours in _RUSSIAN_HARD.items() if len(name) == 1},
    "ii": "i",
    "yy": "ih",
    "uu": "u",
    "ee": "eh",
    "oo": "o",
    "aa": "a",
    "a": "ah",
    "e": "e",
    "i": "i",
    "y": "ih",
    "u": "uh",
    "ae": "ih",
    "ay": "ax",
    "ur": "uh",
    "pau": "sil",
}

TABLES: dict[str, dict[str, str]] = {
    "arpabet": ARPABET,
    "italian": ITALIAN,
    "czech": CZECH,
    "finnish": FINNISH,
    "hindi": HINDI,
    "russian": RUSSIAN,
    "same": SAME,
}


def from_table(symbol: str, table: str) -> list[str]:
    """Our phones for one name of an engine's or corpus's phone set; KeyError for an unknown one."""
    names = TABLES[table]
    if table == "arpabet":
        symbol = symbol.lower().rstrip("012")
    return names[symbol].split()


_SHORTEST_PAUSE = 0.05


def segments(timed: Iterable[tuple[list[str], float, float]]) -> list[Segment]:
    """Engine phones, already mapped and with start and end in seconds, -> one Segment for each of ours.

    An affricate's stop takes 40 % of its time, other groups share evenly; a pause too short to be one
    lengthens the sound before it.
    """
    out: list[Segment] = []
    for phones, start, end in timed:
        if end <= start:
            continue
        if phones == ["sil"] and end - start < _SHORTEST_PAUSE and out:
            out[-1] = Segment(out[-1].phone, out[-1].start, end)
            continue
        first = 0.4 if len(phones) > 1 and phones[0] in {"t", "d"} else 1 / len(phones)
        shares = [first] + [(1 - first) / max(len(phones) - 1, 1)] * (len(phones) - 1)
        clock = start
        for phone, share in zip(phones, shares, strict=True):
            out.append(Segment(phone, clock, clock + share * (end - start)))
            clock += share * (end - start)
    return out
