"""What extract, train and score came to, for programs."""

import json
from pathlib import Path
from typing import Any

import asd_cli
from tests.support.command import asd
from tests.support.fan import fan, write

KNN = ("--detector", "pooled-knn")


def document(*arguments: str) -> dict[str, Any]:
    result = asd(*arguments, "--format", "json", "-q")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_extract_names_each_store_and_its_clips(project: Path) -> None:
    found = document("extract")
    assert found["schema"] == "asd.extract/1"
    assert [(each["machine"], each["split"], each["computed"]) for each in found["features"]] == [
        ("fan", "train", 16),
        ("fan", "test", 24),
    ]
    assert found["unfinished"] == []
    assert all(Path(each["path"]).is_file() for each in found["features"])
    assert [each["reused"] for each in document("extract")["features"]] == [16, 24]


def test_train_names_model_and_threshold(project: Path) -> None:
    (machine,) = document("train", *KNN)["machines"]
    assert (machine["machine"], machine["state"], machine["clips"]) == ("fan", "trained", 16)
    threshold = asd_cli.Model.load(machine["model"]).threshold
    assert machine["threshold"]["value"] == threshold.value
    assert document("train", *KNN)["machines"][0]["state"] == "up to date"


def test_score_names_the_files_that_it_wrote(project: Path) -> None:
    document("train", *KNN)
    found = document("score", *KNN)
    assert found["schema"] == "asd.scored-set/1"
    (machine,) = found["machines"]
    decisions = [Path(name) for name in machine["files"] if "decision_result" in name]
    flagged = sum(text.endswith(",1") for p in decisions for text in p.read_text().splitlines())
    assert machine["flagged"] == flagged
    assert machine["clips"] == 24
    refused = asd("score", *KNN, "--format", "csv")
    assert refused.exit_code == 2
    assert "--format csv cannot be used without files" in refused.stderr


def test_training_for_an_own_machine_says_what_limits_the_model(project: Path) -> None:
    for number in range(6):
        write(project / "rec" / f"{number}.wav", fan(3.0, 16000, number), 16000)
    result = asd("train", "--data", "rec", "--machine", "fan-3", "--format", "json")
    assert result.exit_code == 0, result.output
    (machine,) = json.loads(result.stdout)["machines"]
    assert (machine["recordings"], machine["sample_rate"]) == (6, 16000)
    assert machine["detector"] == "robust"
    assert machine["seconds"] == 18.0
    assert all(text in result.stderr.replace("\n", " ") for text in machine["warnings"][:1])
    assert Path(machine["model"]).is_file()
