"""Scripts as people write them: languages found out, spans, odd characters, long ones."""

from __future__ import annotations

import subprocess
import sys
import time
import unicodedata

import pytest

from runtime.speech.pronunciation import Pronounced, pronounce
from runtime.speech.script import PlainText


@pytest.mark.parametrize(
    ("script", "language"),
    [
        ("The museum opened at nine.", "en"),
        ("Das Museum öffnete um neun Uhr und war gut besucht.", "de"),
        ("Le musée a ouvert à neuf heures et les visiteurs sont venus.", "fr"),
        ("El museo abrió a las nueve y los visitantes llegaron.", "es"),
        ("Il museo ha aperto alle nove e gli ospiti sono arrivati.", "it"),
        ("O museu abriu às nove horas e não fechou até à noite.", "pt"),
        ("Het museum ging om negen uur open en dat is niet laat.", "nl"),
        ("Музей открылся в девять часов.", "ru"),
        ("박물관은 아홉 시에 문을 열었습니다.", "ko"),
        ("博物館は9時に開きました。", "ja"),
        ("博物馆九点开门，欢迎大家。", "zh"),
        ("佢哋話博物館九點先開門㗎，我哋等咗好耐。", "yue"),
        ("我们用 Python 和 GPT 做视频", "zh"),
        ("Pumpkin", "en"),
        ("", "en"),
    ],
)
def test_language_is_found_out(script: str, language: str) -> None:
    pytest.importorskip("janome")
    assert pronounce(script).language == language


@pytest.mark.parametrize(
    ("given", "used"), [("en-US", "en"), ("zh_CN", "zh"), ("cmn", "zh"), ("zh-HK", "yue")]
)
def test_language_codes(given: str, used: str) -> None:
    assert pronounce("你好", given).language == used


@pytest.mark.parametrize("script", ["", "   \n", "🎉👍🏽👩‍👩‍👧", "--- *** ###", "…!?"])
def test_nothing_to_say(script: str) -> None:
    assert pronounce(script) == Pronounced((), "en")


@pytest.mark.parametrize(
    "script", ["مرحبا بكم في المتحف", "ברוכים הבאים למוזיאון", "ยินดีต้อนรับ", "Καλημέρα σε όλους"]
)
def test_other_alphabets_are_unsupported(script: str) -> None:
    pronounced = pronounce(script)
    assert pronounced.unsupported and pronounced.reason and not pronounced.words


def test_unknown_languages_are_unsupported() -> None:
    pronounced = pronounce("Dobrý den", "cs")
    assert pronounced.unsupported and "'cs'" in pronounced.reason


def test_foreign_letters_are_skipped_and_told() -> None:
    pronounced = pronounce("Say שלום twice", "en")
    assert [word.text for word in pronounced.words] == ["Say", "twice"]
    assert pronounced.skipped == ((4, 8),)


@pytest.mark.parametrize(
    "script",
    [
        "# Big *news*: **MP4** in 2026!\n- one [link](https://example.com/a_b) & `code`\n> end 🎉 done.",
        "Ｆｕｌｌ　ｗｉｄｔｈ １２３ and ﬁne co\u00adop zero\u200bwidth \u202bmarks\u202c",
        "我们在２０２６年，用MP4（视频）🎬赚了100%！",
        unicodedata.normalize("NFD", "Où êtes-vous allés à Noël, garçon?"),
    ],
)
def test_spans_are_in_order_and_hold_their_text(script: str) -> None:
    words = pronounce(script).words
    assert words
    end = 0
    for word in words:
        if word.text:
            assert word.start >= end and script[word.start : word.end] == word.text
        assert word.start < word.end <= len(script)
        end = word.end
    left = set("".join(word.text for word in words)) & set("*#`[]()🎉，！。?")
    assert not left - {"(", ")"}


def test_split_accents_and_full_width_read_like_the_usual_ones() -> None:
    def phones(script: str, language: str) -> list[tuple[tuple[str, ...], ...]]:
        return [word.pronunciations for word in pronounce(script, language).words]

    accented = "Où êtes-vous allés à Noël, garçon?"
    assert phones(unicodedata.normalize("NFD", accented), "fr") == phones(accented, "fr")
    assert phones("ＭＰ４　２０２６", "en") == phones("MP4 2026", "en")
    assert phones("zero\u200bwidth co\u00adop", "en") == phones("zerowidth coop", "en")
    assert phones(unicodedata.normalize("NFD", "박물관은"), "ko") == phones("박물관은", "ko")


def test_plain_text_has_no_markup() -> None:
    script = "The tag <p> and list[int](x) begin."
    assert [word.text for word in pronounce(script, "en").words] == [
        "The",
        "tag",
        "and",
        "list",
        "int",
        "begin",
    ]
    plain = pronounce(PlainText(script), "en").words
    assert [word.text for word in plain] == ["The", "tag", "p", "and", "list", "int", "x", "begin"]


def test_addresses_of_links_are_not_read() -> None:
    words = pronounce("See [the page](https://example.com/x) now", "en").words
    assert [word.text for word in words] == ["See", "the", "page", "now"]


def test_addresses_end_where_the_next_sentence_begins() -> None:
    words = pronounce("请访问www.dify.ai，或者https://a.cn/b。谢谢", "zh").words
    assert [word.text for word in words if "." in word.text] == ["www.dify.ai", "https://a.cn/b"]
    assert "".join(word.text for word in words).endswith("谢谢")


def test_long_scripts_are_quick() -> None:
    english = "The committee has published its report in 2024, and 35% of members believe it. " * 1300
    chinese = "委员会在2024年公布了报告，但是35%的成员并不相信这些数字。" * 3000
    pronounce("Warm 1"), pronounce("热 1")
    for script in (english, chinese):
        assert len(script) > 90_000
        start = time.process_time()
        assert len(pronounce(script).words) > 10_000
        assert time.process_time() - start < 5


@pytest.mark.parametrize("piece", ["a", "1", "-", "1.", "a.", "a@", "中", "www.", "<a", "\u0301"])
def test_no_script_is_too_odd(piece: str) -> None:
    start = time.process_time()
    pronounce(piece * 4_000, "de")
    assert time.process_time() - start < 5


def test_dictionaries_load_only_when_needed() -> None:
    heavy = "{'pypinyin', 'num2words', 'pycrfsuite', 'janome', 'ToJyutping', 'sqlite3', 'numba'}"
    code = f"import sys, runtime.speech.pronunciation; print(sorted({heavy} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[]"
