"""`asd submit`: a valid folder is packed, and everything wrong with another is said at once."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import asd
from tests.support.score_sets import MACHINES, write_score_set

EVAL = ("03", "04", "05")


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_score_set(tmp_path / "team_1", sections=EVAL, clips=2, labels=False)
    return tmp_path


def test_a_valid_folder_is_packed_the_same_each_time(ready: Path) -> None:
    result = asd("submit", "team_1")
    assert result.exit_code == 0, result.output
    assert result.stdout == "team_1.zip\n"
    assert "valid: 84 files, 168 clips, checked against grammar" in result.stderr
    first = (ready / "team_1.zip").read_bytes()
    for path in (ready / "team_1").iterdir():
        path.touch()
    (ready / "team_1" / "manifest.json").write_text("{}")  # is not part of a submission
    facts = json.loads(asd("submit", "team_1", "-o", "out/b.zip", "--format", "json").stdout)
    assert facts["schema"] == "asd.submit/1"
    assert (facts["files"], facts["clips"], facts["mode"]) == (84, 168, "eval")
    assert (ready / "out" / "b.zip").read_bytes() == first
    with zipfile.ZipFile(ready / "team_1.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == 2 * 2 * 3 * len(MACHINES)
        assert names == sorted(names)
        inside = archive.read("team_1/anomaly_score_fan_section_03_source_test.csv")
    assert (
        inside == (ready / "team_1" / "anomaly_score_fan_section_03_source_test.csv").read_bytes()
    )


def test_everything_wrong_is_listed_at_once(ready: Path) -> None:
    folder = ready / "team_1"
    stem = "section_03_source_test"
    score = folder / f"anomaly_score_fan_{stem}.csv"
    score.write_text(
        f"{stem}_0000.wav,nan\n{stem}_0000.wav,1\n{stem}_0001.wav,x\nsong.wav,1\n{stem}_0002.wav\n"
        f"section_04_source_test_0003.wav,1\n{stem}_normal_0003.wav,1\n{stem}_0003.wav,2\n"
    )
    decision = folder / f"decision_result_pump_{stem}.csv"
    decision.write_text(decision.read_text().replace(",0", ",2", 1).replace(",1", ",2", 1))
    (folder / f"decision_result_valve_{stem}.csv").unlink()
    (folder / "anomaly_score_slider_section_05_target_test.csv").write_text("")
    (folder / "anomaly_score_fna_section_03_source_test.csv").write_text("a,1\n")
    (folder / "anomaly_score_ToyCar_section_03_target_test.csv").write_bytes(b"\xff\xfd")
    result = asd("submit", "team_1")
    assert result.exit_code == 3
    for words in (
        f"{score.name}:1: 'nan' for '{stem}_0000.wav' is not a finite number",
        f"{score.name}:2: {stem}_0000.wav is there twice, first in line 1",
        f"{score.name}:3: 'x' for '{stem}_0001.wav' is not a number",
        f"{score.name}:4: 'song.wav' is not a clip name",
        f"{score.name}:5: 1 columns",
        f"{score.name}:6: section_04_source_test_0003.wav is no test clip of section 03, source",
        f"{score.name}:7: {stem}_normal_0003.wav has a label in its name",
        f"{decision.name}:1: '2' for",
        f"decision_result_valve_{stem}.csv: is missing",
        "anomaly_score_slider_section_05_target_test.csv: is empty",
        "anomaly_score_fna_section_03_source_test.csv: is of no machine",
        "anomaly_score_ToyCar_section_03_target_test.csv cannot be read",
    ):
        assert words in result.stderr
    assert not list(ready.glob("*.zip"))


def test_clips_are_those_of_the_labels(ready: Path) -> None:
    truth = ready / "eval_data" / "ground_truth"
    truth.mkdir(parents=True)
    stem = "section_03_source_test"
    (truth / f"ground_truth_fan_{stem}.csv").write_text(
        "".join(f"{stem}_{i:04d}.wav,0\n" for i in (0, 1, 2, 4))
    )
    result = asd("submit", "team_1")
    assert result.exit_code == 3
    for kind in ("anomaly_score", "decision_result"):
        assert (
            f"{kind}_fan_{stem}.csv:4: {stem}_0003.wav is no test clip (by the labels)"
            in result.stderr
        )
        assert f"{kind}_fan_{stem}.csv: {stem}_0004.wav is missing (by the labels)" in result.stderr
    (truth / f"ground_truth_fan_{stem}.csv").write_text(
        "".join(f"{stem}_{i:04d}.wav,0\n" for i in (3, 2, 1, 0))
    )
    result = asd("submit", "team_1")
    assert result.exit_code == 0
    assert "order" not in result.stderr  # the official evaluators sort rows by name
    assert "checked against grammar and labels" in result.stderr


def test_clips_are_those_of_the_recordings(ready: Path) -> None:
    recordings = ready / "eval_data" / "fan" / "source_test"
    recordings.mkdir(parents=True)
    for number in (0, 1, 2):
        (recordings / f"section_03_source_test_{number:04d}.wav").touch()
    result = asd("submit", "team_1")
    assert result.exit_code == 3
    assert "section_03_source_test_0003.wav is no test clip (by the recordings)" in result.stderr


def test_a_score_without_a_decision_is_said(ready: Path) -> None:
    path = ready / "team_1" / "decision_result_fan_section_03_source_test.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    result = asd("submit", "team_1")
    assert result.exit_code == 3
    assert "section_03_source_test_0003.wav has no decision" in result.stderr


def test_dev_is_another_set_and_a_missing_folder_is_said(ready: Path) -> None:
    assert asd("submit", "team_1", "--dev").exit_code == 3
    write_score_set(ready / "dev_1", clips=2)
    assert asd("submit", "dev_1", "--dev").exit_code == 0
    shutil.rmtree(ready / "team_1")
    result = asd("submit", "team_1")
    assert result.exit_code == 3
    assert "there is no folder team_1" in result.stderr
    assert asd("submit").exit_code == 3
    assert asd("submit", "dev_1", "--dev", "--eval").exit_code == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.encode("utf-16"), "is in UTF-16"),
        (lambda text: text.replace(",", "\t").encode(), "has tabs"),
        (
            lambda text: text.replace("section", "C:\\x\\section").encode(),
            "has folders before names",
        ),
        (
            lambda text: b"section_03_source_test_0000.wav,1_000\n" + text.encode(),
            "is not a number",
        ),
    ],
)
def test_forms_that_official_evaluators_do_not_read_are_refused(
    ready: Path, change: Callable[[str], bytes], said: str
) -> None:
    path = ready / "team_1" / "anomaly_score_fan_section_03_source_test.csv"
    path.write_bytes(change(path.read_text()))
    result = asd("submit", "team_1")
    assert result.exit_code == 3
    assert path.name in result.stderr
    assert said in result.stderr


def test_peers_files_are_a_valid_submission(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = asd(
        "submit", str(shared / "peers" / "eval_2021_example"), "-o", str(tmp_path / "x.zip"),
        "--ground-truth", str(shared / "ground_truth_2021"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "84 files, 8,635 clips, checked against labels;" in result.stderr
