"""Choosing detectors and thresholds: `asd detectors`, `asd select`, ensembles, `auto`."""

import json
from pathlib import Path

import pytest

from asd_cli.artifacts.threshold import Threshold
from asd_cli.cli.exit_codes import ExitCode
from asd_cli.core.structures import from_plain
from asd_cli.detectors.catalogue import BEST_ENSEMBLE
from asd_cli.detectors.overview import all_choices
from asd_cli.detectors.registry import all_detectors
from tests.support.command import asd
from tests.support.encoders import write_encoder
from tests.support.recordings import write_machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_machine(tmp_path / "dev_data")
    return tmp_path


def run(*words: str) -> str:
    result = asd(*words, "--jobs", "1")
    assert result.exit_code == 0, result.output
    return result.stderr


def rows(folder: Path, kind: str, detector: str = "pooled-knn") -> dict[str, float]:
    files = (folder / "result/dev" / detector).glob(f"{kind}_*.csv")
    pairs = [line.split(",") for path in files for line in path.read_text().split()]
    return {name: float(value) for name, value in pairs}


def decisions(folder: Path) -> dict[str, bool]:
    return {name: value == 1 for name, value in rows(folder, "decision_result").items()}


def test_all_detectors_are_listed() -> None:
    listed = json.loads(asd("detectors", "--format", "json").stdout)
    assert listed["schema"] == "asd.detectors/1"
    names = [row["name"] for row in listed["detectors"]]
    assert names == [choice.name for choice in all_choices()]
    assert names[-2:] == [BEST_ENSEMBLE, "auto"]
    # Detectors whose presets have names of their own are shown by these.
    assert {*all_detectors()} - {*names} == {"mobilenetv2-embedding", "pooled"}
    assert all(row["summary"] and row["training"] for row in listed["detectors"])
    for form in ("text", "csv", "md", "latex"):
        assert "pooled-knn" in asd("detectors", "--format", form).stdout
    assert "mobilenetv2: section classifier" in asd("detectors", "--format", "md").stdout
    lines = asd("detectors").stdout.splitlines()
    below = next(i for i, line in enumerate(lines) if line.startswith("autoencoder ")) + 1
    assert lines[below].startswith("reconstruction error,")
    assert max(len(line.rstrip()) for line in lines[:-4]) <= 100


def test_candidates_are_ranked_without_looking_at_test_clips(machine: Path) -> None:
    for path in (machine / "dev_data" / "fan").glob("*_test"):
        path.rename(machine / path.name)
    candidates = ("pooled-gmm", "pooled-knn:pooling.kind=max", "pooled-knn")
    chosen = [word for name in candidates for word in ("--candidate", name)]
    ranked = json.loads(asd("select", *chosen, "--format", "json", "-q").stdout)["candidates"]
    assert [row["rank"] for row in ranked] == [1, 2, 3]
    assert {row["candidate"] for row in ranked} == set(candidates)
    scores = [row["score"] for row in ranked]
    assert scores == sorted(scores, reverse=True)
    again = json.loads(asd("select", *chosen, "--format", "json", "-q").stdout)["candidates"]
    strip = [{**row, "seconds": 0} for row in ranked]
    assert strip == [{**row, "seconds": 0} for row in again]


def test_auto_trains_what_select_puts_first(machine: Path) -> None:
    told = run("train", "--detector", "auto")
    best = json.loads(asd("select", "--format", "json", "-q").stdout)["candidates"][0]["candidate"]
    assert f"{best} is chosen" in told
    run("score", "--detector", "auto")
    assert "up to date" in run("train", "--detector", "auto")


def test_an_unknown_candidate_is_named(machine: Path) -> None:
    result = asd("select", "--candidate", "pooled-knnn")
    assert result.exit_code == ExitCode.USAGE
    assert "did you mean 'pooled-knn'" in result.stderr


def test_trained_models_are_combined_when_scoring(machine: Path) -> None:
    for name in ("pooled-knn", "pooled-gmm"):
        run("train", "--detector", name)
    both = "pooled-knn+pooled-gmm"
    for name in ("pooled-knn", both):
        run("score", "--detector", name)
    scored = {name: rows(machine, "anomaly_score", name) for name in ("pooled-knn", both)}
    assert scored[both].keys() == scored["pooled-knn"].keys()


def test_an_ensemble_of_untrained_models_says_how_to_train_it(machine: Path) -> None:
    run("train", "--detector", "pooled-knn")
    result = asd("score", "--detector", "pooled-knn,pooled-gmm")
    assert result.exit_code == ExitCode.BAD_DATA
    assert "asd train --mode dev --detector pooled-knn+pooled-gmm" in result.stderr


def test_the_threshold_is_chosen_when_scoring(machine: Path) -> None:
    whole = ("--detector", "pooled-knn", "--set", "threshold_groups=machine",
             "--set", "threshold=quantile")  # fmt: skip
    run("train", *whole)
    model = machine / "model/dev/pooled-knn/model_fan.safetensors"
    before = model.read_bytes()
    found = []
    for extra in ((), ("decision_threshold=0.2",), ("threshold_groups=section",)):
        run("score", *whole, *(word for one in extra for word in ("--set", one)))
        found.append(recorded_threshold(machine))
        assert decisions(machine) == decided_by(found[-1], machine)
    usual, low, apart = found
    assert model.read_bytes() == before
    assert low.value < usual.value
    assert not usual.groups
    assert set(apart.groups) == {"00", "01"}


def recorded_threshold(folder: Path) -> Threshold:
    manifest = json.loads((folder / "result/dev/pooled-knn/manifest.json").read_text())
    return from_plain(Threshold, manifest["machines"]["fan"]["threshold"])


def decided_by(threshold: Threshold, folder: Path) -> dict[str, bool]:
    return {
        name: score > threshold.of(name.split("_")[1], name.split("_")[2])
        for name, score in rows(folder, "anomaly_score").items()
    }


def test_a_threshold_of_other_scores_is_refused(machine: Path) -> None:
    short = ("--detector", "autoencoder-mahalanobis", "--set", "fit.epochs=1")
    run("train", *short)
    result = asd("score", *short, "--set", "score=paper")
    assert result.exit_code == ExitCode.USAGE
    assert "nothing is trained again: asd train" in result.stderr
    run("train", *short, "--set", "score=paper")
    run("score", *short, "--set", "score=paper")


def test_another_back_end_must_be_fitted(machine: Path) -> None:
    run("train", "--detector", "pooled-knn")
    result = asd("score", "--detector", "pooled-knn", "--set", "backend.neighbors=3")
    assert result.exit_code == ExitCode.USAGE
    assert "backend.neighbors = 1, and it is 3 now" in result.stderr


def test_a_change_of_speeds_is_undone_as_the_hint_says(machine: Path) -> None:
    chosen = ("--detector", "pooled-speed", "--set", "feature.n_mels=64")
    run("train", *chosen, "--set", "pooling.speeds=[0.9, 1.1]")
    result = asd("score", *chosen)
    assert result.exit_code == ExitCode.USAGE
    assert "pooling.speeds = [0.9, 1.1], and it is [0.95, 0.975, 1.025, 1.05] now" in result.stderr
    assert "--set pooling.speeds=[0.9,1.1]" in result.stderr
    run("score", *chosen, "--set", "pooling.speeds=[0.9,1.1]")


def test_a_pretrained_encoder_is_a_file(machine: Path) -> None:
    missing = asd("train", "--detector", "pretrained", "--jobs", "1")
    assert missing.exit_code == ExitCode.BAD_DATA
    assert "--set encoder.checkpoint=FILE" in missing.stderr
    path = write_encoder(machine / "encoder.pt2")
    chosen = ("--detector", "pretrained", "--set", f"encoder.checkpoint={path}")
    run("train", *chosen)
    run("score", *chosen)
    assert len(rows(machine, "anomaly_score", "pretrained")) == 24
    write_encoder(path, seed=2)
    changed = asd("score", *chosen, "--jobs", "1")
    assert changed.exit_code == ExitCode.USAGE
    assert "encoder.checkpoint" in changed.stderr
