"""From the records to the official score, development and evaluation set, over a local server."""

import json
from pathlib import Path

import pytest

from tests.support.command import QUICK, asd
from tests.support.zenodo_server import Fault, ZenodoServer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("detector", ["pooled-knn", "mobilenetv2"])
def test_everything_is_fetched_run_and_evaluated(
    zenodo: ZenodoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detector: str
) -> None:
    monkeypatch.chdir(tmp_path)
    zenodo.misbehave("dev_data_fan.zip", Fault(cut=0.4))
    fetched = asd("fetch", "--stage", "all", "--machine", "fan", "--machine", "valve")
    assert fetched.exit_code == 0, fetched.output
    assert "CC BY-NC-SA" in fetched.stderr
    for mode, sections in (("dev", {"00", "01"}), ("eval", {"03", "04"})):
        command = ("run", "--mode", mode, "--detector", detector, *QUICK, "--set=fit.epochs=1")
        result = asd(*command, "--format", "json")
        assert result.exit_code == 0, result.output
        (system,) = json.loads(result.stdout)["systems"]
        assert {row["section"] for row in system["rows"]} == sections
        assert {row["machine"] for row in system["rows"]} == {"fan", "valve"}
        assert 0.0 <= system["official_score"] <= 1.0
        folder = tmp_path / "result" / mode / detector
        assert "official score" in (folder / "result.csv").read_text() or mode == "dev"
        assert (folder / "report.html").is_file()
    asked = len(zenodo.requests)
    again = asd("fetch", "--stage", "all", "--machine", "fan", "--machine", "valve")
    assert again.exit_code == 0
    assert "nothing to do" in again.stderr
    assert len(zenodo.requests) == asked


def test_run_fetches_what_is_missing(
    zenodo: ZenodoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = asd("run", "--eval", "--machine", "fan", "--detector", "pooled-knn")
    assert result.exit_code == 0, result.output
    assert "fetching what is missing: eval-train, eval-test" in result.stderr
    assert "fetching what is missing: ground-truth" in result.stderr
    assert not zenodo.asked("dev_data_fan.zip")


def test_5_and_6_are_the_statuses_of_network_and_damage(
    zenodo: ZenodoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    zenodo.misbehave("dev_data_fan.zip", Fault(page=b"<html>unusual traffic</html>", status=403))
    refused = asd("fetch", "--stage", "dev", "--machine", "fan")
    assert refused.exit_code == 5, refused.output
    assert "hint: " in refused.stderr
    zenodo.misbehave("dev_data_valve.zip", Fault(flip=400, forever=True))
    damaged = asd("fetch", "--stage", "dev", "--machine", "valve")
    assert damaged.exit_code == 6, damaged.output
    assert not list(tmp_path.rglob("*.wav"))


def test_what_would_be_done_can_be_asked(
    zenodo: ZenodoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    dry = asd("fetch", "--stage", "dev", "--machine", "fan", "--dry-run")
    assert dry.exit_code == 0
    assert "nothing was written" in dry.stderr
    urls = asd("fetch", "--stage", "dev", "--machine", "fan", "--print-urls")
    assert urls.stdout.startswith(zenodo.url)
    content = json.loads(
        asd("fetch", "--stage", "dev", "--machine", "fan", "--dry-run", "--format", "json").stdout
    )
    assert content["schema"] == "asd.fetch/1"
    assert not list(tmp_path.rglob("*.wav"))
