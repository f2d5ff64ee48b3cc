"""The report of an evaluation set without labels: decisions, no figures."""

import csv
import re
from pathlib import Path

import pytest

from tests.support.command import asd
from tests.support.recordings import write_machine

KNN = ("--mode", "eval", "--detector", "pooled-knn")


@pytest.fixture
def scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for machine in ("fan", "pump"):
        write_machine(tmp_path / "eval_data", machine, sections=("03", "04"), labels=False)
    for verb in ("train", "score"):
        assert asd(verb, *KNN, "-q").exit_code == 0
    return tmp_path / "result" / "eval" / "pooled-knn"


def decisions(folder: Path, machine: str) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for path in folder.glob(f"decision_result_{machine}_*.csv"):
        found |= {name: value == "1" for name, value in csv.reader(path.read_text().splitlines())}
    return found


def test_every_clip_is_listed_with_its_decision_and_no_truth(scored: Path) -> None:
    result = asd("report", *KNN)
    assert result.exit_code == 0, result.output
    page = (scored / "report.html").read_text()
    assert "AUC" not in re.sub(r'"data:[^"]*"', "", page)
    for machine in ("fan", "pump"):
        known = decisions(scored, machine)
        assert f"{sum(known.values())} of {len(known)} clips flagged" in page
    rows = re.findall(r"<tr id=\"clip-.*?</tr>", page, re.DOTALL)
    assert len(rows) == len(decisions(scored, "fan")) + len(decisions(scored, "pump"))
    assert all("<td>not known</td>" in row for row in rows)
    flagged = sum("<td>flagged</td>" in row for row in rows)
    assert flagged == sum(sum(decisions(scored, m).values()) for m in ("fan", "pump"))
    assert page.count("data:audio/mpeg") >= 12
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_as_text_it_lists_what_was_flagged(scored: Path) -> None:
    text = asd("report", *KNN, "--machine", "pump", "--format", "md").stdout
    assert "## fan" not in text
    known = decisions(scored, "pump")
    assert all((f"| {name} |" in text) is flagged for name, flagged in known.items())
    assert "asd fetch --stage ground-truth" in text
    assert not (scored / "report.html").exists()


def test_what_is_missing_or_out_of_date_is_said(scored: Path) -> None:
    refused = asd("report", *KNN, "--machine", "gearbox")
    assert refused.exit_code == 2
    assert "it has fan, pump" in refused.stderr
    clip = next(Path("eval_data/fan/source_test").iterdir())
    clip.write_bytes(clip.read_bytes() + b"\0\0")
    result = asd("report", *KNN)
    assert result.exit_code == 4
    assert "fan" in result.stderr
    assert "This run is incomplete" in (scored / "report.html").read_text()


def test_with_labels_it_is_the_report_of_figures_again(scored: Path) -> None:
    labels = Path("labels")
    labels.mkdir()
    for path in scored.glob("decision_result_*.csv"):
        name = path.name.replace("decision_result", "ground_truth")
        rows = path.read_text().splitlines()
        text = "".join(f"{row.split(',')[0]},{n % 2}\n" for n, row in enumerate(rows))
        (labels / name).write_text(text)
    result = asd("report", *KNN, "--ground-truth", "labels")
    assert "AUC" in (scored / "report.html").read_text(), result.output
