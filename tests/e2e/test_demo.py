"""The demonstration, small, and the claims made of the synthetic set."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from asd_cli.services.demo import DemoRequest, demo
from asd_cli.synthetic.plan import SyntheticPlan
from tests.support.command import asd

pytestmark = pytest.mark.slow

SMALL = SyntheticPlan(
    machines=("fan",), sections=2, source_train=4, target_train=1, test_normal=2, test_anomaly=2,
    duration_s=3.0,
)  # fmt: skip


def test_a_small_demo_leaves_everything_it_promises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "asd_demo"
    result = demo(DemoRequest(folder=folder, plan=SMALL, jobs=1))
    assert [run.evaluation.systems[0].name for run in result.runs] == ["mobilenetv2", "robust"]
    results = folder / "result" / "dev" / "mobilenetv2"
    assert result.runs[0].evaluation.result_csv == results / "result.csv"
    assert result.runs[0].report.path == results / "report.html"
    assert (results / "report.html").stat().st_size > 10_000
    assert (folder / "model" / "dev" / "mobilenetv2" / "history_fan.png").is_file()
    assert len(list(results.glob("*.csv"))) == 2 * 4 + 1
    assert "synthetic" in (folder / "dev_data" / "synthetic.json").read_text()
    rows = list(csv.reader((results / "result.csv").read_text().splitlines()))
    assert rows[0] == ["fan"]
    assert rows[1] == ["section", "domain", "AUC", "pAUC", "precision", "recall", "F1 score"]
    before = (folder / "baseline.yaml").read_text()
    other = demo(DemoRequest(folder=folder, plan=SMALL, jobs=1, detectors=("pooled-knn",)))
    assert other.data.up_to_date
    again = demo(DemoRequest(folder=folder, plan=SMALL, jobs=1))
    for run in again.runs:
        assert {machine.state for machine in run.training.machines} == {"up to date"}
        assert all(machine.up_to_date for machine in run.scoring.machines)
    assert (folder / "baseline.yaml").read_text() == before, "the first demo's results are found"
    monkeypatch.chdir(folder)
    assert asd("evaluate", "--detector", "mobilenetv2", "-q").exit_code == 0
    assert json.loads(asd("evaluate", "--format", "json").stdout)["systems"][0]["rows"]
    shutil.rmtree(folder / "dev_data")
    assert asd("evaluate").exit_code == 0
