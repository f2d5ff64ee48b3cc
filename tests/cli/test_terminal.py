"""What a terminal of 60, 80, 100 and 200 columns shows, as it is stored; no figure is cut.

Write the stored texts again, after looking at them: ``ASD_WRITE_GOLDEN=1 pytest tests/cli/test_terminal.py``.
"""

import os
import re
from pathlib import Path

import pytest

from asd_cli.core.version import package_version
from tests.support.command import asd
from tests.support.score_sets import write_score_set

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "terminal"
COMMANDS = {
    "evaluate": ("evaluate", "fair"),
    "intervals": ("evaluate", "fair", "--confidence", "0.9", "--resamples", "40"),
    "leaderboard": ("evaluate", "good", "fair", "--baseline", "fair", "--resamples", "40"),
    "published": ("evaluate", "good", "--published"),
    "detectors": ("detectors",),
}
WIDTHS = (60, 80, 100, 200)
_FIGURE = re.compile(r"(?<![\d.])\d*\.\d+")


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("systems")
    for name, shift in (("good", 1.5), ("fair", 0.8)):
        write_score_set(
            root / name, machines=("fan", "pump"), sections=("00", "01"), clips=12, shift=shift
        )
    return root


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", COMMANDS)
def test_the_text_is_as_it_was(
    systems: Path, monkeypatch: pytest.MonkeyPatch, name: str, width: int
) -> None:
    monkeypatch.chdir(systems)
    monkeypatch.setenv("COLUMNS", str(width))
    text = asd(*COMMANDS[name]).stdout.replace(f"asd:{package_version()}", "asd:VERSION")
    shown = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    stored = GOLDEN / f"{name}_{width}.txt"
    if os.environ.get("ASD_WRITE_GOLDEN"):
        stored.parent.mkdir(exist_ok=True)
        stored.write_text(shown, encoding="utf-8")
    assert shown == stored.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["evaluate", "intervals", "leaderboard", "published"])
def test_no_figure_is_cut(
    systems: Path, monkeypatch: pytest.MonkeyPatch, name: str, width: int
) -> None:
    monkeypatch.chdir(systems)
    monkeypatch.setenv("COLUMNS", str(width))
    text = asd(*COMMANDS[name]).stdout
    tables = "\n".join(line for line in text.splitlines() if "edition:" not in line)
    assert "…" not in tables
    figures = _FIGURE.findall(tables)
    assert len(figures) > 10
    if name != "published":
        assert {len(figure.partition(".")[2]) for figure in figures} <= {3, 4}
    monkeypatch.setenv("COLUMNS", "400")
    known = {
        figure for full in _FIGURE.findall(asd(*COMMANDS[name]).stdout) for figure in _forms(full)
    }
    assert set(figures) <= known


def _forms(figure: str) -> tuple[str, ...]:
    """Ways to write a figure: as it is, and with three digits."""
    return figure, f"{float(figure):.3f}"
