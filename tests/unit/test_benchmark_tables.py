"""Tables of benchmarks between markers of a page."""

from pathlib import Path

import pytest

from tests.benchmarks import reference, waiting
from tests.benchmarks.processes import Usage
from tests.benchmarks.reference import Measured
from tests.benchmarks.tables import PAGE, write_table

MARKERS = "<!-- table {0}: python -m tests.benchmarks.{0} -->\n{1}<!-- end -->\n"


def test_a_table_replaces_what_stands_between_its_markers_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("# A\n" + MARKERS.format("one", "old\n") + MARKERS.format("two", "") + "end\n")
    for table in ("| 1 |", r"| \1 |"):
        write_table("one", table, page)
    expected = (
        "# A\n" + MARKERS.format("one", "\n| \\1 |\n\n") + MARKERS.format("two", "") + "end\n"
    )
    assert page.read_text() == expected


def test_a_table_without_markers_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(MARKERS.format("one", ""))
    with pytest.raises(ValueError, match="two"):
        write_table("two", "| 1 |", page)


def test_the_page_has_a_place_for_each_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in ("waiting", "reference"):
        assert text.count(f"<!-- table {name}: python -m tests.benchmarks.{name} -->") == 1


def test_waiting_is_told_against_starting_python_with_numpy() -> None:
    found = {
        "python -c 'import numpy'": Usage(0.1, 0.2, 30_000_000),
        "asd --help": Usage(0.25, 0.25, 40_000_000),
    }
    assert "| `asd --help` | 0.25 | 0.25 | 2.5 | 40 MB |" in waiting.as_markdown(found, "here")


def test_ratios_to_the_reference_are_times_faster_and_shares_of_memory() -> None:
    row = {"ours": Measured(0.002, 1e8), "Keras": Measured(0.01, 4e8)}
    expected = "| train | 2.00 ms a window | 10.00 ms | 5.0 | 100 MB | 400 MB | 0.25 |"
    assert expected in reference.as_markdown({"train": row}, "here")
