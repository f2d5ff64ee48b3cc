"""The signature says with what figures were computed, field by field."""

import json
from pathlib import Path

import pytest

import asd_cli as asd
from asd_cli.pipeline.layout import Layout
from tests.support.command import asd as command
from tests.support.recordings import write_machine

KNN = ("--detector", "pooled-knn")


def signature(*words: str) -> dict[str, str]:
    found = command("evaluate", *KNN, "--format", "json", *words)
    (system,) = json.loads(found.stdout)["systems"]
    return dict(field.split(":", 1) for field in system["signature"].split("|"))


def test_every_field_is_that_of_the_models_and_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_machine(tmp_path / "dev_data")
    trained = ("--set", "feature.n_mels=64", "--jobs", "1", "-q")
    for verb in ("train", "score"):
        done = command(verb, *KNN, "--set", "seed=3", *trained)
        assert done.exit_code == 0, done.output
    features = asd.load_settings(overrides=["detector=pooled-knn", "feature.n_mels=64"]).settings
    of_models = {
        "edition": "dcase2021",
        "mode": "dev",
        "detector": "pooled-knn",
        "recipe": Layout(features, asd.Mode.DEV).features().fingerprint[:12],
        "seed": "3",
        "asd": asd.__version__,
    }
    assert signature("--set", "feature.n_mels=64") == {**of_models, "max_fpr": "0.1"}
    drawn = ("--set", "max_fpr=0.25", "--confidence", "0.9", "--resamples", "20")
    assert signature("--set", "seed=8", *drawn) == {
        **of_models, "max_fpr": "0.25", "confidence": "0.9", "resamples": "20",
        "bootstrap_seed": "8",
    }  # fmt: skip
