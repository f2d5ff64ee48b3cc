"""The whole pipeline on real recordings of fans, where they are at hand."""

import json
from pathlib import Path

import pytest

from tests.support.command import asd

pytestmark = pytest.mark.slow


@pytest.fixture
def fans(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return f"--set=dev_directory={shared / 'recordings'}"


def test_pooled_nearest_neighbours_find_gross_faults(fans: str) -> None:
    for command in ("train", "score"):
        assert (
            asd(command, fans, "--machine", "mimii_fan", "--detector", "pooled-knn").exit_code == 0
        )
    result = asd("evaluate", fans, "--detector", "pooled-knn", "--format", "json")
    rows = json.loads(result.stdout)["systems"][0]["rows"]
    assert [row["auc"] > 0.95 for row in rows] == [True] * 4


def test_the_baseline_runs_on_them(fans: str) -> None:
    options = (fans, "--set=fit.lr=0.001", "--set=fit.epochs=1", "--set=fit.batch_norm=recalibrate")
    for command in ("train", "score", "evaluate"):
        assert asd(command, *options).exit_code == 0
    # No AUC is asserted: microphones are sections here, and a classifier of them can find faults
    # more normal than normal clips.
    assert len(list(Path("result/dev/mobilenetv2").glob("anomaly_score_*.csv"))) == 4
