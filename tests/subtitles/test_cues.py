"""Cutting timed words into subtitles."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest

from runtime.speech.script import PlainText, TimedWord
from runtime.subtitles import Cue, cues
from runtime.subtitles.cues import GAP
from runtime.subtitles.guessing import spread_words
from tests.subtitles.helper import timed

ENGLISH = (
    "Every drop of water on Earth has been here for more than 4 billion years, and it never stops moving. "
    "When the sun warms the ocean, water rises into the air as vapour; this is called evaporation. High up in the "
    "sky, where it is cold, the vapour turns back into tiny drops, which gather around specks of dust and form "
    "clouds. Dr. Smith measured 10 000 drops per second, i.e. about 3.5 litres. “Is that much?” she asked. Yes!"
)
CHINESE = (
    "今天我们来学习水循环。地球上的每一滴水都已经存在了超过40亿年，而且它从来没有停止过移动。当太阳温暖海洋的时候，"
    "水会以水蒸气的形式上升到空气中，这个过程叫做“蒸发”。我们使用PyTorch和TensorFlow在2026年5月进行了模拟，误差只有3.5%。"
)
JAPANESE = (
    "みなさん、こんにちは。今日は水の循環について学びましょう。地球上の水は、四十億年以上も前から存在していて、"
    "一度も動きを止めたことがありません。太陽が海を暖めると、水は水蒸気となって空へ上っていきます。"
)
KOREAN = (
    "안녕하세요 여러분. 오늘은 물의 순환에 대해 배워 보겠습니다. "
    "태양이 바다를 데우면 물은 수증기가 되어 하늘로 올라갑니다."
)
ARABIC = (
    "مرحبا بكم في درس اليوم. سنتعلم عن دورة الماء في الطبيعة، "
    "وكيف يتحرك الماء من المحيط إلى السماء ثم يعود إلى الأرض."
)
GERMAN = (
    "Am 3. Mai kostete das 1.250,50 €; Wärmepumpenförderungsrichtlinien gelten, "
    "weil z. B. der Bund sie bezahlt, und zwar bis 2030."
)
TEXTS = {"en": ENGLISH, "zh": CHINESE, "ja": JAPANESE, "ko": KOREAN, "ar": ARABIC, "de": GERMAN}


def joined(shown: list[Cue]) -> str:
    return re.sub(r"\s", "", "".join(cue.text for cue in shown))


@pytest.mark.parametrize("language", TEXTS)
def test_lines_and_times_keep_their_limits(language: str) -> None:
    shown = cues(timed(TEXTS[language]), TEXTS[language], language)
    most = 20 if language in ("zh", "ja", "ko") else 42
    assert len(shown) > 1
    for cue in shown:
        assert 1 <= len(cue.lines) <= 2
        assert all(0 < len(line) <= most for line in cue.lines), cue.lines
        assert 1 <= cue.end - cue.start <= 7
    for one, other in pairwise(shown):
        assert other.start - one.end >= GAP - 1e-3


@pytest.mark.parametrize("language", TEXTS)
def test_the_text_is_the_scripts(language: str) -> None:
    assert joined(cues(timed(TEXTS[language]), TEXTS[language], language)) == re.sub(
        r"\s", "", TEXTS[language]
    )


@pytest.mark.parametrize("language", TEXTS)
def test_numbers_and_latin_words_stay_whole(language: str) -> None:
    script = TEXTS[language]
    shown = cues(timed(script), script, language)
    lines = [line for cue in shown for line in cue.lines]
    for whole in re.findall(r"10 000|\d[\d.,%]*\d%?(?:年\d+月)?|[A-Za-zÄÖÜäöü]+", script):
        assert any(whole in line for line in lines), whole


@pytest.mark.parametrize("language", TEXTS)
def test_words_are_shown_when_they_are_said(language: str) -> None:
    script = TEXTS[language]
    words = timed(script)
    place = 0
    for cue in cues(words, script, language):
        begin = script.index(cue.lines[0][:8], place)
        place = begin + sum(map(len, cue.lines))
        inside = [word for word in words if begin <= word.start_char and word.end_char <= place]
        assert inside
        assert -0.5 <= inside[0].start - cue.start <= 0.51
        assert cue.end >= inside[-1].end - 0.1


def test_breaks_are_at_phrases() -> None:
    shown = cues(timed(ENGLISH), ENGLISH, "en")
    ends = [cue.text[-1] for cue in shown]
    assert sum(end in ".,;?!”" for end in ends) >= 0.75 * len(ends)
    for cue in shown:
        for line in cue.lines:
            assert line.split()[-1].lower() not in ("the", "a", "of", "and", "which", "dr.")


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_language_is_found_from_the_script(language: str) -> None:
    script = TEXTS[language]
    assert cues(timed(script), script) == cues(timed(script), script, language)


def test_japanese_and_chinese_break_between_phrases() -> None:
    for language in ("ja", "zh"):
        script = TEXTS[language]
        for cue in cues(timed(script), script, language):
            for line in cue.lines:
                assert line[0] not in "、。，！？」』）”ーっゃゅょぁぃぅぇぉ々"
                assert line[-1] not in "「『（“"
    lines = [line for cue in cues(timed(JAPANESE), JAPANESE, "ja") for line in cue.lines]
    assert "一度も動きを止めたことがありません。" in lines


def test_a_break_follows_the_speakers_pause() -> None:
    script = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    words = timed(script)
    late = [
        TimedWord(w.text, w.start + 1, w.end + 1, w.start_char, w.end_char, 0.9) if index >= 6 else w
        for index, w in enumerate(words)
    ]
    assert cues(late, script, "en")[0].lines[-1].endswith("six")


@pytest.mark.parametrize(
    "paragraphs",
    [
        ("氧气就在这时放了出来。", "第二步叫暗反应。"),
        ("Now the oxygen is set free.", "The second step is dark."),
    ],
)
def test_paragraphs_stand_alone(paragraphs: tuple[str, str]) -> None:
    script = "\n\n".join(paragraphs)
    assert [cue.text for cue in cues(timed(script), script)] == list(paragraphs)
    # Where words are too short for that, there is no space in Chinese.
    hasty = "好。\n\n第二步叫暗反应。"
    assert [cue.text for cue in cues(timed(hasty, letter=0.02), hasty)] == ["好。第二步叫暗反应。"]


def test_markup_is_left_out() -> None:
    script = (
        "# The *water* cycle\r\n\r\n> Water **never** stops; `H2O` moves.\r\n\r\n- First, [rain](https://example.org/a_b)\r\n"
        "- then ~~ice~~ <b>snow_flakes</b> and 2 * 3 * 4 drops\r\n\r\n---\r\n\r\n1. Done __now__ \\*really\\*"
    )
    text = " ".join(
        " ".join(cue.lines)
        for cue in cues(timed(script.replace("https://example.org/a_b", " " * 23)), script)
    )
    assert text == (
        "The water cycle Water never stops; H2O moves. First, rain then ice snow_flakes and 2 * 3 * 4 drops "
        "1. Done now *really*"
    )


def test_words_that_share_a_span_are_written_once() -> None:
    script = "In 2026 it rained."
    words = [
        TimedWord("In", 0.0, 0.2, 0, 2, 0.9),
        *[
            TimedWord("2026" if index == 0 else "", 0.2 + 0.3 * index, 0.5 + 0.3 * index, 3, 7, 0.9)
            for index in range(4)
        ],
        TimedWord("it", 1.4, 1.6, 8, 10, 0.9),
        TimedWord("rained", 1.6, 2.2, 11, 17, 0.9),
    ]
    assert cues(words, script, "en") == [Cue(0.0, 2.7, ("In 2026 it rained.",))]


def test_untrusted_words_are_shown_all_the_same() -> None:
    script = "Hello to everybody who is here today."
    words = [
        TimedWord(w.text, w.start, w.end, w.start_char, w.end_char, 0.1, trusted=index > 3)
        for index, w in enumerate(timed(script))
    ]
    assert " ".join(cues(words, script, "en")[0].lines) == script


def test_the_script_ends_where_the_film_does() -> None:
    script = "Water never stops. “Is that much?” she asked."
    words = timed(script)
    (quoted,) = (word for word in words if word.text == "Is")
    shown = cues(words, script, "en", until=quoted.start)
    assert [cue.text for cue in shown] == ["Water never stops."]


@pytest.mark.parametrize(
    ("script", "heard"),
    [
        ("This ratio is known as π.", "This ratio is known as"),
        ("α is the angle, and θ another.", "is the angle and another"),
        ("这个比值叫做 π。", "这 个 比 值 叫 做"),
        ("The answer goes to → ∞", "The answer goes to"),
    ],
)
def test_words_that_nobody_can_pronounce_are_shown(script: str, heard: str) -> None:
    words = [word for word in timed(script) if word.text in heard.split()]
    assert joined(cues(words, script, None, until=words[-1].end + 0.7)) == re.sub(r"\s", "", script)


def test_a_sentence_that_nobody_can_pronounce_is_shown_while_it_is_said() -> None:
    script = f"Listen to this. {ARABIC} That was Arabic."
    words = [word for word in timed(script) if word.text.isascii()]
    shown = cues(words, script, "en")
    assert joined(shown) == re.sub(r"\s", "", script)
    assert all(cue.end - cue.start >= 1 for cue in shown)
    arabic = [cue for cue in shown if not cue.text.isascii()]
    assert len(arabic) > 1 and words[2].end < arabic[0].end < arabic[-1].start < words[3].start


def test_left_out_sentences_neither_overlap_nor_flash() -> None:
    script = "One two three four five six seven eight nine ten. " * 8
    words = timed(script)
    for said in (range(10), (*range(10), *range(50, 60))):  # the others have no time at all
        clock, placed = 0.0, []
        for index, word in enumerate(words):
            end = clock + 0.4 * (index in said)
            placed.append(TimedWord(word.text, clock, end, word.start_char, word.end_char, 0.9))
            clock = end
        shown = cues(placed, script, "en", until=clock + 0.7)
        assert "One" in shown[0].text and shown[-1].end <= clock + 0.701
        assert all(cue.end - cue.start > GAP for cue in shown)
        assert all(other.start - one.end >= GAP - 1e-3 for one, other in pairwise(shown))


def test_text_that_is_plain_is_shown_as_it_stands() -> None:
    script = PlainText("# The tag `<p>` begins a paragraph, __init__ a class, list[int](x) a list: 2 > 1.")
    assert joined(cues(timed(script), script, "en")) == re.sub(r"\s", "", script)


def test_nothing_is_shown_after_the_end() -> None:
    words = timed(ENGLISH)
    shown = cues(words, ENGLISH, "en", until=5.0)
    assert shown[-1].end == 5.0
    assert all(cue.start < 5.0 for cue in shown)
    assert joined(shown) and joined(shown) in re.sub(r"\s", "", ENGLISH)


def test_a_word_longer_than_a_line_is_cut() -> None:
    script = (
        "See "
        + "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
        + " today."
    )
    shown = cues(timed(script), script, "de")
    assert all(len(line) <= 42 for cue in shown for line in cue.lines)
    assert joined(shown) == script.replace(" ", "")


def test_guessed_times_keep_the_text_and_the_limits() -> None:
    for language, script in TEXTS.items():
        words = spread_words(script, 1.0, 1.0 + 0.1 * len(script))
        assert words[0].start == 1.0 and words[-1].end == pytest.approx(1.0 + 0.1 * len(script))
        assert all(script[word.start_char : word.end_char] == word.text for word in words)
        assert joined(cues(words, script, language)) == re.sub(r"\s", "", script)


def test_no_words_no_subtitles() -> None:
    assert cues([], "", "en") == []


def test_half_an_hour_is_cut_in_seconds() -> None:
    script = " ".join([ENGLISH] * 60)
    began = time.process_time()
    shown = cues(timed(script), script, "en")
    assert time.process_time() - began < 20
    assert len(shown) > 400
