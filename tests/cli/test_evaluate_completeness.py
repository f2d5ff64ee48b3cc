"""`asd evaluate` never calls a score official that is not of everything: it says so and exits 4."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from asd_cli.artifacts.score_files import find_score_files
from asd_cli.datasets.dcase.editions import load_edition
from tests.support.command import asd
from tests.support.recordings import write_machine
from tests.support.score_sets import MACHINES, write_score_set

KNN = ("--detector", "pooled-knn")


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A complete system of the development set of DCASE 2021."""
    monkeypatch.chdir(tmp_path)
    return write_score_set(tmp_path / "team", clips=12)


def kinds(*words: str) -> tuple[int, dict[str, str], bool]:
    """Evaluate; give exit status, kinds of notes with a machine each, whether it is partial."""
    found = asd("evaluate", *words, "--format", "json")
    (system,) = json.loads(found.stdout)["systems"]
    notes = {note["kind"]: note["machine"] for note in system.get("incomplete", [])}
    return found.exit_code, notes, system.get("official_score_partial", False)


def test_a_complete_system_is_official(team: Path) -> None:
    assert kinds("team") == (0, {}, False)
    assert "official score  " in asd("evaluate", "team").stdout


@pytest.mark.parametrize(
    ("removed", "kind", "partial"),
    [
        ("*_valve_section_*", "missing-machine", True),
        ("*_valve_section_02_*", "missing-section", True),
        ("*_valve_section_02_target_test.csv", "missing-domain", True),
        ("decision_result_valve_section_02_target_test.csv", "missing-decisions", False),
    ],
)
def test_what_is_missing_is_named(team: Path, removed: str, kind: str, partial: bool) -> None:
    for path in team.glob(removed):
        path.unlink()
    assert kinds("team") == (4, {kind: "valve"}, partial)
    quiet = asd("evaluate", "team", "-q")
    assert quiet.exit_code == 4
    assert "valve" in quiet.stderr
    assert quiet.stdout.count("\n") == 1
    assert asd("evaluate", "team", "-q", "--fail-under", "0.1").exit_code == 4
    assert asd("evaluate", "team", "-q", "--fail-under", "0.99").exit_code == 8


def test_a_partial_score_is_marked_in_every_format(team: Path) -> None:
    for path in team.glob("*_valve_*"):
        path.unlink()
    write_score_set(team.parent / "whole", clips=12)
    for form in ("text", "md", "latex", "csv"):
        assert "official score (partial)" in asd("evaluate", "team", "--format", form).stdout
        board = asd("evaluate", "team", "whole", "--format", form)
        assert board.exit_code == 4
        assert "partial" in board.stdout
    rows = csv.DictReader(asd("evaluate", "team", "--format", "csv").stdout.splitlines())
    assert [row["kind"] for row in rows][-1] == "official score (partial)"
    board = json.loads(asd("evaluate", "team", "whole", "--format", "json").stdout)["leaderboard"]
    assert {row["name"]: row.get("partial", False) for row in board} == {
        "team": True, "whole": False,
    }  # fmt: skip


def test_machines_by_name_are_not_the_edition_and_not_incomplete(team: Path) -> None:
    assert kinds("team", "--machine", "fan") == (0, {}, True)
    text = asd("evaluate", "team", "--machine", "fan")
    assert "score of the chosen machines" in text.stdout
    assert "official score" not in text.stdout
    every = [word for machine in MACHINES for word in ("--machine", machine)]
    assert kinds("team", *every) == (0, {}, False)
    for path in team.glob("*_fan_section_01_*"):
        path.unlink()
    assert kinds("team", "--machine", "fan") == (4, {"missing-section": "fan"}, True)


def test_a_machine_that_the_edition_lacks_is_not_in_its_score(team: Path) -> None:
    write_score_set(team, machines=("press",), sections=("00",), clips=12)
    assert kinds("team") == (4, {"unknown-rows": "press"}, True)


Damage = Callable[[Path], object]
ODD_FILES: dict[str, Damage] = {
    "a copy": lambda folder: shutil.copy(
        folder / "anomaly_score_fan_section_00_source_test.csv",
        folder / "anomaly_score_fan_section_00_source_test (1).csv",
    ),
    "another spelling": lambda folder: [
        path.rename(folder / path.name.replace("fan", "Fan")) for path in folder.glob("*_fan_*")
    ],
    "no domain": lambda folder: (folder / "anomaly_score_fan_section_00_test.csv").touch(),
    "upper case": lambda folder: (folder / "Anomaly_Score_fan_section_00.csv").touch(),
    "decisions alone": lambda folder: (
        folder / "anomaly_score_fan_section_00_source_test.csv"
    ).unlink(),
    "odd decisions": lambda folder: (folder / "decision_result_fan.csv").touch(),
}


@pytest.mark.parametrize("kind", ODD_FILES)
def test_no_file_of_scores_is_passed_over(team: Path, kind: str) -> None:
    ODD_FILES[kind](team)
    found = asd("evaluate", "team", "-q")
    assert (found.exit_code, found.stdout) == (3, "")
    assert "fan" in found.stderr


@pytest.mark.parametrize("value", ["1_000", "１", "١٢", "0x1p3", "inf", "nan", "1e999", "", "1,5"])
@pytest.mark.parametrize("kind", ["anomaly_score", "decision_result"])
def test_numbers_are_ascii_decimals(team: Path, value: str, kind: str) -> None:
    path = team / f"{kind}_fan_section_00_source_test.csv"
    lines = path.read_text().splitlines()
    lines[3] = f"{lines[3].split(',')[0]},{value}"
    path.write_text("\n".join(lines), encoding="utf-8")
    found = asd("evaluate", "team", "-q")
    assert (found.exit_code, found.stdout) == (3, "")
    assert f"{path.name}:4" in found.stderr


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.encode("utf-16"),
        lambda text: text.replace(",", "\t").encode(),
        lambda text: text.replace("section", "C:\\data\\section").encode(),
        lambda text: text.replace("section", "/data/fan/section").encode(),
    ],
)
def test_forms_of_other_tools_are_read(team: Path, change: Callable[[str], bytes]) -> None:
    plain = asd("evaluate", "team", "-q").stdout
    for path in team.glob("*_fan_*"):
        path.write_bytes(change(path.read_text()))
    found = asd("evaluate", "team", "-q")
    assert (found.exit_code, found.stdout) == (0, plain), found.stderr


def test_files_of_the_later_baseline_hold_both_domains(team: Path) -> None:
    plain = asd("evaluate", "team", "-q").stdout
    for key, path in find_score_files(team).items():
        for kind in ("anomaly_score", "decision_result"):
            old = path.with_name(path.name.replace("anomaly_score", kind))
            form = load_edition("dcase2021").score_files[1]
            name = form.format(kind=kind, machine=key.machine, section=key.section, rest="13711_x")
            with (team / name).open("a") as stream:
                stream.write(old.read_text())
            old.unlink()
    found = asd("evaluate", "team", "-q")
    assert (found.exit_code, found.stdout) == (0, plain), found.stderr
    write_score_set(team, machines=("fan",), sections=("00",), clips=12)
    assert "are both of fan, section 00" in asd("evaluate", "team", "-q").stderr


def test_scores_the_wrong_way_round_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_score_set(tmp_path / "bad", clips=20, sections=("00",), shift=-2.0)
    for more in ((), ("--confidence", "0.95", "--resamples", "50")):
        found = asd("evaluate", "bad", "-q", *more).stderr
        assert found.count("fan: the mean AUC") == 1
        assert "lies far below chance (95 %: " in found
        assert "are the scores inverted? A higher score means more anomalous" in found
    for clips, shift in ((20, 0.0), (20, -0.2), (1, -2.0)):  # chance, and too few to tell
        shutil.rmtree("bad")
        write_score_set(
            tmp_path / "bad", machines=("fan",), clips=clips, sections=("00",), shift=shift
        )
        assert "below chance" not in asd("evaluate", "bad", "-q").stderr


def test_one_recording_under_opposite_labels_is_said_where_labels_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write_machine(tmp_path / "dev_data", seconds=0.8) / "source_test"
    names = ["section_00_source_test_normal_0000.wav", "section_00_source_test_anomaly_0000.wav"]
    shutil.copy(folder / names[0], folder / names[1])
    run("train", "--jobs", "1")
    run("score", "--jobs", "1")
    found = asd("evaluate", *KNN)
    assert found.exit_code == 0
    assert "fan: the same recording has opposite labels: " in found.stderr
    assert all(name in found.stderr for name in names)


def test_hidden_labels_that_contradict_each_other_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    machine = write_machine(tmp_path / "eval_data", sections=("03",), labels=False, seconds=0.8)
    folder = machine / "source_test"
    shutil.copy(
        folder / "section_03_source_test_0000.wav", folder / "section_03_source_test_0004.wav"
    )
    shutil.copy(
        folder / "section_03_source_test_0001.wav", folder / "section_03_source_test_0002.wav"
    )
    truth = tmp_path / "truth"
    truth.mkdir()
    for domain in ("source", "target"):
        (truth / f"ground_truth_fan_section_03_{domain}_test.csv").write_text("".join(
            f"section_03_{domain}_test_{n:04d}.wav,{int(n >= 3)}\n" for n in range(6)
        ))  # fmt: skip
    eval_ = ("--mode", "eval", "--jobs", "1")
    run("train", *eval_)
    run("score", *eval_)
    found = asd("evaluate", *KNN, "--mode", "eval", "--ground-truth", "truth").stderr
    assert (
        "opposite labels: section_03_source_test_0000.wav = section_03_source_test_0004.wav"
        in found
    )
    assert (
        "more than once in test: section_03_source_test_0001.wav = section_03_source_test_0002.wav"
        in found
    )


def run(*words: str) -> None:
    found = asd(*words, *KNN, "-q")
    assert found.exit_code == 0, found.output


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Own results of two machines, up to date."""
    monkeypatch.chdir(tmp_path)
    for machine in ("fan", "valve"):
        write_machine(tmp_path / "dev_data", machine)
    run("train", "--jobs", "1")
    run("score", "--jobs", "1")
    return tmp_path


def test_own_results_are_complete_until_something_changes(own: Path) -> None:
    assert kinds(*KNN) == (0, {}, False)
    (clip, other) = sorted((own / "dev_data/fan/source_test").glob("*.wav"))[:2]
    content, times = clip.read_bytes(), clip.stat()
    shutil.copy(other, clip)
    os.utime(clip, (times.st_atime, times.st_mtime - 1e6))  # as `cp -p` from an old copy
    status, found, partial = kinds(*KNN)
    assert (status, found, partial) == (4, {"outdated": "fan"}, False)
    assert "score again: asd score --mode dev" in asd("evaluate", *KNN).stderr
    clip.write_bytes(content)
    assert kinds(*KNN)[0] == 0
    assert kinds(*KNN, "--set", "decision_threshold=0.5")[1] == {"outdated": "fan"} | {
        "outdated": "valve"
    }
    shutil.copy(clip, clip.with_name("section_00_source_test_normal_0077.wav"))
    assert kinds(*KNN) == (4, {"missing-clips": "fan"}, True)


def test_a_model_trained_again_makes_scores_out_of_date(own: Path) -> None:
    run("train", "--jobs", "1", "--machine", "fan", "--set", "seed=5", "--force")
    assert kinds(*KNN)[1] == {"outdated": "fan"}


def test_models_of_different_settings_are_mixed(own: Path) -> None:
    changed = ("--set", "pooling.kind=max", "--machine", "valve", "--jobs", "1")
    run("train", *changed, "--force")
    run("score", *changed)
    status, found, _ = kinds(*KNN)
    assert (status, set(found)) == (4, {"mixed"})
    assert "pooling.kind" in asd("evaluate", *KNN).stderr


def test_clips_left_out_are_said(own: Path) -> None:
    clip = min((own / "dev_data/fan/source_test").glob("*.wav"))
    clip.write_bytes(clip.read_bytes()[:30])
    assert asd("score", *KNN, "--skip-bad", "--jobs", "1").exit_code == 4
    status, found, partial = kinds(*KNN)
    assert (status, found, partial) == (4, {"missing-clips": "fan"}, True)


def test_part_of_the_machines_never_replaces_the_table(own: Path) -> None:
    assert asd("evaluate", *KNN).exit_code == 0
    table = own / "result/dev/pooled-knn/result.csv"
    whole = table.read_text()
    for more in ((), ("-q",)):
        found = asd("evaluate", *KNN, "--machine", "fan", *more)
        assert found.exit_code == 0
        assert table.read_text() == whole
    assert "is not written" in asd("evaluate", *KNN, "--machine", "fan").stderr


def test_a_manifest_of_another_version_says_nothing_of_the_scores(own: Path) -> None:
    path = own / "result" / "dev" / "pooled-knn" / "manifest.json"
    path.write_text('{"schema": "asd.manifest/1", "machines": {"fan": {}}}', encoding="utf-8")
    status, found, _ = kinds(*KNN)
    assert (status, set(found)) == (4, {"outdated"})
    for command in ("evaluate", "report"):
        told = asd(command, *KNN)
        assert told.exit_code == 4
        assert "written by another version of asd" in told.stderr
        assert "there is no manifest" not in told.stderr
    run("score", "--jobs", "1")
    assert kinds(*KNN) == (0, {}, False)


def test_a_setting_that_scoring_used_and_evaluate_lacks_is_named_with_both_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_machine(tmp_path / "dev_data", seconds=0.8)
    asd("train", *KNN, "--jobs", "1")
    given = ("--set", "threshold=gamma", "--set", "decision_threshold=0.8")
    assert asd("score", *KNN, *given, "--jobs", "1").exit_code == 0
    assert asd("evaluate", *KNN, *given, "-q").exit_code == 0
    result = asd("evaluate", *KNN, "-q")
    assert result.exit_code == 4
    text = " ".join(result.stderr.split())
    again = "asd evaluate --mode dev --detector pooled-knn"
    assert f"{again} --set decision_threshold=0.8 --set threshold=gamma" in text
    assert "score again: asd score --mode dev --detector pooled-knn --machine fan" in text
