"""Alignment files: both TextGrid forms, pocketsphinx's JSON, and labels of both alphabets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.contract import RuntimeProblem
from runtime.evaluation.alignment import Interval, read_alignment, segments_of, sounds_of

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 0.9
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "TextTier"
        name = "notes"
        xmin = 0
        xmax = 0.9
        points: size = 1
        points [1]:
            number = 0.4
            mark = "size = 7, ""quoted"" note"
    item [2]:
        class = "IntervalTier"
        name = "ann - phones"
        xmin = 0
        xmax = 0.9
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.25
            text = ""
        intervals [2]:
            xmin = 0.25
            xmax = 0.5
            text = "pʰ"
        intervals [3]:
            xmin = 0.5
            xmax = 0.9
            text = "aj"
"""

SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
0.9
<exists>
2
"IntervalTier"
"words"
0
0.9
1
0
0.9
"pie 2"
"IntervalTier"
"phones"
0
0.9
3
0
0.25
""
0.25
0.5
"P"
0.5
0.9
"AY1"
"""


@pytest.mark.parametrize(("text", "labels"), [(LONG, ["", "pʰ", "aj"]), (SHORT, ["", "P", "AY1"])])
def test_textgrid_forms(tmp_path: Path, text: str, labels: list[str]) -> None:
    path = tmp_path / "a.TextGrid"
    path.write_text(text, encoding="utf-8")
    phones = read_alignment(path)
    assert [item.label for item in phones] == labels
    assert [(item.start, item.end) for item in phones] == [(0, 0.25), (0.25, 0.5), (0.5, 0.9)]
    assert [item.is_bilabial for item in phones] == [False, True, False]
    assert phones[0].is_silence
    assert [(part.phone, round(part.start, 3), round(part.end, 3)) for part in segments_of(phones)] == [
        ("sil", 0, 0.25),
        ("p", 0.25, 0.5),
        ("a", 0.5, 0.7),
        ("ih", 0.7, 0.9),
    ]


def test_textgrid_in_utf16(tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    path.write_text(LONG, encoding="utf-16")
    assert read_alignment(path)[1].label == "pʰ"


def test_pocketsphinx_json(tmp_path: Path) -> None:
    phone = {"b": 0.2, "d": 0.1, "t": "M"}
    words = [
        {"b": 0, "d": 0.2, "t": "<sil>", "w": [{"b": 0, "d": 0.2, "t": "SIL"}]},
        {"t": "m", "w": [phone]},
    ]
    path = tmp_path / "a.phone.json"
    path.write_text(json.dumps({"b": 0, "d": 0.3, "t": "m", "w": words}))
    silence, bilabial = read_alignment(path)
    assert silence.is_silence
    assert bilabial.is_bilabial
    assert bilabial.end == pytest.approx(0.3)


@pytest.mark.parametrize("content", ["", "not an alignment", LONG.replace("pʰ", "?").replace("aj", "?")])
def test_what_is_no_alignment_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.TextGrid"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RuntimeProblem) as caught:
        read_alignment(path)
    assert caught.value.code == "alignment_unreadable"


def test_labels_of_both_alphabets() -> None:
    assert sounds_of("B") == sounds_of("bʲ") == sounds_of("b") == ("b",)
    assert sounds_of("AA1") == sounds_of("ɑː") == ("a",)
    assert sounds_of("JH") == sounds_of("dʒ") == ("d", "zh")
    assert sounds_of("spn") == ()
    assert Interval("V", 0, 1).is_labiodental
    assert not Interval("spn", 0, 1).is_silence
