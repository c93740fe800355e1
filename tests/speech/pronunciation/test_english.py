"""English words, numbers and abbreviations in phones."""

from __future__ import annotations

import pytest

from runtime.speech.pronunciation import pronounce
from runtime.stages.articulation import PHONES


def said(script: str) -> list[set[str]]:
    """Each word's pronunciations."""
    return [{" ".join(phones) for phones in word.pronunciations} for word in pronounce(script, "en").words]


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("hello", "h ah l ou uh|h ax l ou uh"),
        ("bridge", "b r ih d zh"),
        ("Pumpkin", "p ah m p k ih n"),
        ("car", "k a r"),
        ("car", "k a"),
        ("water", "w o t er"),
        ("water", "w o rr er"),
        ("hot", "h a t"),
        ("hot", "h o t"),
        ("the", "dh ax"),
        ("the", "dh i"),
        ("read", "r i d"),
        ("read", "r eh d"),
        ("don't", "d ou uh n t"),
        ("James's", "d zh e ih m z ih z"),
        ("MP", "eh m p i"),
        ("NASA", "n ae s ax"),
        ("NASA", "eh n e ih eh s e ih"),
        ("Dr.", "d a k t er"),
        ("TVs", "t i v i z"),
        ("2026", "t w eh n t i t w eh n t i s ih k s"),
        ("2026", "t u th a uh z ax n d t w eh n t i s ih k s"),
    ],
)
def test_words(word: str, phones: str) -> None:
    assert said(word)[0] & set(phones.split("|"))


def test_unknown_words_are_spelled_out() -> None:
    assert "b l ih m p ih sh" in said("blimpish")[0] | said("Blimpish")[0]
    assert said("Zorbaxian")[0]


def test_readings_with_one_wording_are_words_of_one_span() -> None:
    words = pronounce("Only 20% left.", "en").words
    assert [(word.text, word.start, word.end) for word in words] == [
        ("Only", 0, 4), ("20%", 5, 8), ("", 5, 8), ("left", 9, 13)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "reading"),
    [
        ("$5.50", "five dollars fifty"),
        ("9:30", "nine thirty"),
        ("9:05", "nine oh five"),
        ("5/1/2024", "May first twenty twenty-four"),
        ("2024-05-01", "May first twenty twenty-four"),
        ("21st", "twenty first"),
        ("3.14", "three point one four"),
        ("1,250", "one thousand two hundred fifty"),
        ("5 km", "five kilometers"),
        ("a@b.com", "a at b dot com"),
        ("www.example.org/news", "example dot org slash news"),
        ("5-10", "five to ten"),
        ("Tom & Ann", "Tom and Ann"),
        ("B2B", "B two B"),
        ("e.g. the U.S.", "for example the U S"),
        ("24/7", "twenty four seven"),
        ("2½", "two one half"),
        ("1990s", "nineteen nineties"),
        ("$1.5 million", "one point five million dollars"),
        ("-5°C", "minus five degrees Celsius"),
        ("20–30%", "twenty to thirty percent"),
        ("555-123-4567", "five five five one two three four five six seven"),
        ("C++", "C plus plus"),
        ("notes.txt", "notes T X T"),
        ("café in Zürich", "cafe in Zurich"),
    ],
)
def test_readings(script: str, reading: str) -> None:
    assert _first_of(reading) in _all_of(script)


def _first_of(script: str) -> str:
    return " ".join(" ".join(word.pronunciations[0]) for word in pronounce(script, "en").words)


def _all_of(script: str) -> set[str]:
    """The usual pronunciation of the whole, with each variant of each word."""
    words = pronounce(script, "en").words
    usual = [" ".join(word.pronunciations[0]) for word in words]
    return {
        " ".join([*usual[:place], " ".join(phones), *usual[place + 1 :]])
        for place, word in enumerate(words)
        for phones in word.pronunciations
    }


def test_pauses_follow_the_punctuation() -> None:
    words = pronounce("Well, Dr. Smith said: no way - never! Go", "en").words
    assert [word.text for word in words if word.pause] == ["Well", "said", "way", "never"]


def test_a_pause_is_likely_after_a_hesitation() -> None:
    words = pronounce("Um I mean uh that", "en").words
    assert [word.text for word in words if word.pause] == ["Um", "uh"]


def test_every_phone_is_known() -> None:
    script = "The quick brown fox jumps over 12,345 lazy dogs at 10:45, e.g. on https://a-b.io/x or #7 @home."
    for word in pronounce(script, "en").words:
        assert word.pronunciations
        assert all(phone in PHONES and phone != "sil" for phones in word.pronunciations for phone in phones)
