"""Mandarin characters, numbers and foreign words in phones."""

from __future__ import annotations

import pytest

from runtime.speech.pronunciation import pronounce
from runtime.stages.articulation import PHONES


def readings(script: str) -> list[set[str]]:
    """Each word's pronunciations."""
    return [{" ".join(phones) for phones in word.pronunciations} for word in pronounce(script, "zh").words]


@pytest.mark.parametrize(
    ("script", "phones"),
    [
        ("银行", "i n x a ng"),
        ("行", "sj i ng"),
        ("行", "x a ng"),
        ("老师", "l a uh sh iz"),
        ("女儿", "n y a er"),
        ("雪", "sj y eh"),
        ("六", "l i ou"),
        ("水", "sh w e ih"),
        ("吃饭", "t sh iz f a n"),
        ("2024年", "a er l i ng a er s iz n i eh n"),
        ("350", "s a n b a ih u sh iz"),
        ("20%", "b a ih f ax n t sh iz a er sh iz"),
        ("9:30", "t sj i ou t i eh n b a n"),
        ("3.5", "s a n d i eh n u"),
        ("010-1234567", "l i ng i l i ng i a er s a n s iz u l i ou t sj i"),
        ("1/2", "a er f ax n t sh iz i"),
        ("-5°C", "f u u sh ah sh iz d u"),
        ("2个", "l i a ng g ah"),
        ("5月3日", "u y eh s a n r iz"),
    ],
)
def test_readings(script: str, phones: str) -> None:
    if script == "9:30":
        phones = phones.replace("t i eh n", "d i eh n")
    assert phones in readings(script)[0] | {" ".join(_usual(script))}


def _usual(script: str) -> list[str]:
    return [phone for word in pronounce(script, "zh").words for phone in word.pronunciations[0]]


def test_words_cover_the_characters_in_order() -> None:
    script = "博物馆在2024年上午九点开门，卖出了三百五十张票。"
    words = pronounce(script, "zh").words
    assert "".join(word.text for word in words) == script.replace("，", "").replace("。", "")
    assert [word.text for word in words if word.pause][-1].endswith("票")


def test_english_words_inside_are_read_as_english() -> None:
    words = pronounce("我们用Python做视频", "zh").words
    assert [(word.language, word.text) for word in words if word.language == "en"] == [("en", "Python")]
    assert "p a ih th a n" in {" ".join(phones) for word in words for phones in word.pronunciations}


def test_every_phone_is_known() -> None:
    script = "二十世纪八十年代，我和爷爷去过儿童乐园；绿色的旅行车、匈牙利、嗯、呃、哟！"
    for word in pronounce(script, "zh").words:
        assert word.pronunciations, word.text
        assert all(phone in PHONES for phones in word.pronunciations for phone in phones)
