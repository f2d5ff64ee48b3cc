"""`layout: flat` writes where the baseline does, and still mixes nothing."""

from pathlib import Path

import pytest

from tests.support.command import asd
from tests.support.recordings import write_machine

FLAT = ("--set", "layout=flat")
KNN = ("--detector", "pooled-knn", "--jobs", "1")


@pytest.fixture
def flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_machine(tmp_path / "dev_data", seconds=0.8)
    write_machine(tmp_path / "eval_data", seconds=0.8, sections=("03",), labels=False)
    for verb in ("train", "score"):
        assert asd(verb, *KNN, *FLAT).exit_code == 0
    return tmp_path


def test_files_are_where_the_baseline_writes_them(flat: Path) -> None:
    assert asd("evaluate", *KNN[:2], *FLAT).exit_code == 0
    assert asd("report", *KNN[:2], *FLAT).exit_code == 0
    assert (flat / "model" / "model_fan.safetensors").is_file()
    for name in (
        "result.csv", "report.html", "anomaly_score_fan_section_00_source_test.csv",
        "decision_result_fan_section_01_target_test.csv",
    ):  # fmt: skip
        assert (flat / "result" / name).is_file()
    assert not [path for path in (flat / "result").iterdir() if path.is_dir()]
    assert not (flat / "model" / "dev").exists()


def test_the_files_are_those_of_nested_folders(flat: Path) -> None:
    for verb in ("train", "score"):
        assert asd(verb, *KNN).exit_code == 0
    nested = flat / "result" / "dev" / "pooled-knn"
    names = sorted(path.name for path in nested.glob("*.csv"))
    assert len(names) == 8
    for name in names:
        assert (flat / "result" / name).read_bytes() == (nested / name).read_bytes()
    assert asd("score", *KNN, *FLAT).exit_code == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (("--mode", "eval"), "mode dev"),
        (("--detector", "pooled-gmm"), "pooled-knn"),
    ],
)
def test_another_mode_or_detector_is_refused(
    flat: Path, changed: tuple[str, str], words: str
) -> None:
    before = {path: path.read_bytes() for path in (flat / "result").iterdir()}
    model = (flat / "model" / "model_fan.safetensors").read_bytes()
    for verb in ("train", "score", "evaluate", "report"):
        result = asd(verb, *KNN[:2], *FLAT, *changed)
        assert result.exit_code == 2, (verb, result.stderr)
        assert words in result.stderr
        assert "--set" in result.stderr
    assert (flat / "model" / "model_fan.safetensors").read_bytes() == model
    assert {path: path.read_bytes() for path in (flat / "result").iterdir()} == before


def test_members_of_an_ensemble_have_folders_of_their_own(flat: Path) -> None:
    own = ("--set", "model_directory=m", "--set", "result_directory=r")
    both = ("--detector", "pooled-knn+pooled-gmm", *KNN[2:])
    for verb in ("train", "score"):
        result = asd(verb, *both, *FLAT, *own)
        assert result.exit_code == 0, result.stderr
    assert (flat / "m" / "model_fan.safetensors").is_file()
    assert {path.name for path in (flat / "m" / "dev").iterdir()} == {"pooled-knn", "pooled-gmm"}
    assert (flat / "r" / "anomaly_score_fan_section_00_source_test.csv").is_file()


def test_another_layout_is_no_setting(flat: Path) -> None:
    result = asd("train", "--set", "layout=deep")
    assert result.exit_code == 2
    assert "nested" in result.stderr
