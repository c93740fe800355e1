"""Subtitles stand with the speech, whose times the synthesiser tells."""

import ctypes.util
from itertools import pairwise
from pathlib import Path

import pytest

from tests.lessons.known_times import subtitles_against_speech

pytestmark = [
    pytest.mark.skipif(
        ctypes.util.find_library("espeak-ng") is None, reason="espeak-ng is not installed here"
    ),
    pytest.mark.usefixtures("bundled_pack"),
]
SCRIPTS = {
    "en": (
        "# One\n\nNarration:\n\nA prism pulls the colours of white light apart. [pause 1s] Violet waves are short, and "
        "red waves are almost twice as long.\n\nThat matters, because waves meet small things in a special way.\n\n"
        "# Two\n\nNarration:\n\nLook up on a clear day, and the sky is blue.\n"
    ),
    "zh": (
        "# 一\n\n旁白：\n\n大家好。今天我们来讲一个每天都在我们身边发生，却很少有人留意的过程。"
        "[停顿500毫秒]叶子需要三样东西：阳光、水，还有空气。\n\n"
        "# 二\n\n旁白：\n\n请注意，我们呼吸的氧气，对植物来说只是副产品。\n"
    ),
}
NEAR = 0.15  # seconds


@pytest.mark.parametrize("language", SCRIPTS)
def test_subtitles_are_within_150_ms_of_the_speech(language: str, tmp_path: Path) -> None:
    found = subtitles_against_speech(SCRIPTS[language], language, tmp_path)
    assert len(found) >= 4
    for one in found:
        assert abs(one.cue.start - one.first) < NEAR, one
        assert one.cue.end > one.last - NEAR, one
    for one, following in pairwise(found):
        assert one.cue.end < following.first + NEAR, (one, following)
