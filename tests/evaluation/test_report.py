"""Tables and JSON of the report."""

from __future__ import annotations

import json
from pathlib import Path

from runtime.evaluation.closures import ClosureCount
from runtime.evaluation.report import as_markdown, number, percent, table, write_report


def lips(**counts: int) -> dict[str, float | int | None]:
    return ClosureCount(**counts).rates() | {"silent_closed": 0.99, "silent_frames": 40}


def test_tables_show_what_was_measured(tmp_path: Path) -> None:
    measures = {
        "instruments": ["ours"],
        "portraits": {
            "ann": {
                "landmarks": {
                    "error": {"lips": 2.0, "eyes": float("nan")},
                    "noise": {"lips": 1.0, "eyes": 1.5},
                },
                "lips": {"ours": lips(bilabials=4, hits=3, near_hits=4)},
            }
        },
        "lips": {"ours": lips(bilabials=4, hits=3, near_hits=4)},
        "memory": {
            "short_mb": 300.0,
            "long_mb": 306.0,
            "short_seconds": 30,
            "long_seconds": 600,
            "growth_percent": 2.0,
        },
    }
    text = as_markdown(measures)
    assert "| ann | 2.00 | – | 1.00 | 1.50 |" in text
    assert "| ann | 4 | 75 % | 100 % | 0 % | 0 | – | – | 99 % | 40 |" in text
    assert "306 MB for 600 s: +2.0 %" in text
    assert "PSNR" not in text
    write_report(measures, tmp_path)
    saved = json.loads((tmp_path / "film.json").read_text())
    assert saved["portraits"]["ann"]["landmarks"]["error"]["eyes"] is None
    assert (tmp_path / "film.md").read_text() == text


def test_numbers() -> None:
    assert number(1.26) == "1.3"
    assert number(None) == number(float("inf")) == "–"
    assert percent(0.835) == "84 %" or percent(0.835) == "83 %"
    assert table(["a", "b"], []) == ""
