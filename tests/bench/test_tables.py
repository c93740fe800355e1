"""Tables, medians and the document they go into; nothing here asks how fast anything is."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks_command
from benchmarks.document import keep, with_table
from runtime.bench.tables import Table
from runtime.bench.timing import Times, interleaved, middle, timed_process
from runtime.bench.workload import Material

MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "system": "Linux",
    "python": "3.12",
    "onnxruntime": "1.24",
    "pack": "sonic-int8 1",
    "precisions": ["INT8", "FP32"],
    "load_average_at_start": 0.5,
}


@pytest.fixture
def table() -> Table:
    table = Table("speed", "How fast", ["film", "times real time", "memory"], note="Medians.")
    table.add("512 px", 4.25, 512.0)
    table.add("1024 px", 12.345, None)
    return table


def test_numbers_stand_under_each_other(table: Table) -> None:
    lines = table.text().splitlines()
    assert lines[0] == "How fast" and lines[-1] == "Medians."
    assert lines[3].endswith("512") and lines[4].endswith("–")
    assert lines[3].index("4.25") + 4 == lines[4].index("12.3") + 4


def test_a_row_must_fit(table: Table) -> None:
    with pytest.raises(ValueError, match="2 cells for 3 columns"):
        table.add("512 px", 1.0)


def test_markdown_and_json_hold_every_row(table: Table) -> None:
    assert "| 1024 px | 12.3 | – |" in table.markdown().splitlines()
    assert table.as_json()["rows"][0] == {"film": "512 px", "times real time": 4.25, "memory": 512.0}


def test_tables_find_their_place_in_the_document_again_and_again(table: Table, tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(
        "Before\n<!-- table: speed -->\nold\n<!-- end -->\nbetween\n<!-- table: other -->\nstays\n<!-- end -->\n"
    )
    for _ in range(2):
        keep([table], tmp_path / "performance", MACHINE)
    text = document.read_text()
    assert text == with_table(text, "speed", table.markdown())
    assert "old" not in text and "stays" in text and text.startswith("Before\n") and "\nbetween\n" in text
    record = json.loads((tmp_path / "performance" / "speed.json").read_text())
    assert record["machine"] == MACHINE and len(record["rows"]) == 2


def test_rivals_take_turns_and_the_first_round_does_not_count() -> None:
    order: list[str] = []
    found = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, repeats=2)
    assert order == ["a", "b"] * 3
    assert set(found) == {"a", "b"} and all(times.wall >= 0 for times in found.values())


def test_the_middle_is_taken_of_each_kind_of_time() -> None:
    assert middle([Times(1, 9), Times(3, 2), Times(2, 5)]) == Times(2, 5)


def test_a_process_is_timed_with_what_it_prints() -> None:
    took, printed = timed_process([sys.executable, "-c", "print(sum(range(1000000)))"])
    assert printed.strip() == "499999500000"
    assert took.wall > 0 and took.cpu > 0


def test_the_command_measures_what_is_named_and_keeps_it(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def measure(material: Material, quick: bool, folder: Path) -> list[Table]:
        asked.append((material.portrait.name, quick, folder.is_dir()))
        return [table]

    monkeypatch.setitem(benchmarks_command.MEASURES, "whole", measure)
    monkeypatch.setattr(benchmarks_command, "machine", lambda: MACHINE)
    assert benchmarks_command.main(["whole", "--quick", "--out", str(tmp_path / "performance")]) == 0
    assert asked == [("demo_portrait.jpg", True, True)]
    assert capsys.readouterr().out == table.text() + "\n\n"
    assert json.loads((tmp_path / "performance" / "speed.json").read_text())["title"] == "How fast"


def test_the_document_has_a_place_for_every_table() -> None:
    document = Path(__file__).parents[2] / "docs" / "performance.md"
    places = set(re.findall(r"<!-- table: (\w+) -->", document.read_text()))
    kept = {path.stem for path in document.with_suffix("").glob("*.json")}
    assert places >= kept and {"machine", "whole", "startup", "memory", "concurrency"} <= places
