"""Names and labels as the field writes them: small inputs made after public reports."""

import json
import shutil
from pathlib import Path

import pytest

from asd_cli.artifacts.score_files import DECISION, SCORE, ScoreFileKey
from asd_cli.core.types import Mode
from asd_cli.datasets.dcase.editions import load_edition
from tests.support.command import asd
from tests.support.editions import write_edition, write_ground_truth

YEARS = ("2020", "2021", "2022", "2023", "2024", "2025", "2026")


@pytest.fixture
def reports(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return shared / "reports"


@pytest.mark.parametrize(
    "folder", ["ignored-score-file", "names-2022-participants", "names-baseline-legacy"]
)
def test_names_of_2022(reports: Path, folder: str) -> None:
    found = asd("evaluate", "--edition", "dcase2022", "-q", str(reports / folder / "team"))
    assert (found.exit_code, found.stdout) == (4, "0.6406\n")


@pytest.mark.parametrize("labels", ["labels", "labels/eval_data_list_2023.csv"])
def test_labels_as_a_list(reports: Path, labels: str) -> None:
    folder = reports / "labels-eval-data-list"
    found = asd(
        "evaluate", "--edition", "dcase2023", "--eval", "--ground-truth", str(folder / labels),
        "--format", "json", str(folder / "team"),
    )  # fmt: skip
    assert json.loads(found.stdout)["systems"][0]["official_score"] == pytest.approx(
        0.590055710790789, abs=1e-15
    )


def test_a_machine_with_labels_and_no_scores(reports: Path) -> None:
    folder = reports / "partial-submission"
    found = asd(
        "evaluate", "--edition", "dcase2023", "--eval", "--ground-truth", str(folder / "labels"),
        "--format", "json", str(folder / "team"),
    )  # fmt: skip
    assert found.exit_code == 4
    (system,) = json.loads(found.stdout)["systems"]
    assert system["official_score"] == pytest.approx(0.8662316452861092, abs=1e-15)
    assert system["official_score_partial"] is True
    assert "missing-machine" in {
        n["kind"] for n in system["incomplete"] if n["machine"] == "bandsaw"
    }


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("full", [False, True], ids=["plain", "full names"])
def test_lists_give_what_files_give(
    year: str, full: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list with the full names is as good as the official files, for either spelling of clips."""
    monkeypatch.chdir(tmp_path)
    edition = load_edition(f"dcase{year}")
    machines = edition.machines_of[Mode.EVAL][:1]
    clips = write_edition(tmp_path / "written", edition, Mode.EVAL, machines=machines, seconds=0.05)
    write_ground_truth(tmp_path / "files", edition, clips)
    form = edition.score_files[0]
    names = {"plain": tmp_path / "plain", "full": tmp_path / "full"}
    for number, clip in enumerate(clips):
        domain = str(clip.domain) if "{domain}" in form else None
        key = ScoreFileKey(clip.machine, clip.section, domain)
        for folder, name in zip(names.values(), (clip.name, clip.full_name), strict=True):
            folder.mkdir(exist_ok=True)
            for kind, value in ((SCORE, (number * 7) % 11), (DECISION, number % 2)):
                with (folder / key.file_name(kind, form)).open("a") as stream:
                    stream.write(f"{name},{value}\n")
    text = "".join(f"{clip.name},{clip.full_name}\n" for clip in clips)
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / f"eval_data_list_{year}.csv").write_text(f"{machines[0]}\n{text}")
    (tmp_path / "list" / "eval_data_list_1999.csv").write_text("other year\n")

    def figures(labels: str, folder: str) -> object:
        found = asd(
            "evaluate", "--eval", "--edition", edition.name, "--ground-truth", labels, folder,
            "--format", "json",
        )  # fmt: skip
        assert found.exit_code == 4, found.output  # one machine of the edition's
        (system,) = json.loads(found.stdout)["systems"]
        return system["official_score"], system["rows"]

    assert figures("list", "full" if full else "plain") == figures("files", "plain")


def test_several_lists_are_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels").mkdir()
    for name in ("a", "b"):
        (tmp_path / "labels" / f"eval_data_list_{name}.csv").write_text("fan\n")
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "anomaly_score_fan_section_00_test.csv").write_text("a.wav,1\n")
    found = asd("evaluate", "--eval", "--edition", "dcase2023", "--ground-truth", "labels", "team")
    assert found.exit_code == 3
    assert "several lists of labels" in found.stderr
    assert "--ground-truth" in found.stderr


def test_names_without_test_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names that participants of 2022 sent in give what the official names give."""
    monkeypatch.chdir(tmp_path)
    team = tmp_path / "team"
    team.mkdir()
    for section in ("00", "01", "02"):
        rows = [
            f"section_{section}_{domain}_test_{label}_{number:04d}_x.wav,{(number * 7 + len(label)) % 5}"
            for domain in ("source", "target")
            for label in ("normal", "anomaly")
            for number in range(5)
        ]
        path = team / f"anomaly_score_fan_section_{section}_test.csv"
        path.write_text("\n".join(rows))
    official = asd("evaluate", "--edition", "dcase2022", "-q", "team").stdout
    for path in list(team.iterdir()):
        shutil.move(path, path.with_name(path.name.replace("_test.csv", ".csv")))
    assert asd("evaluate", "--edition", "dcase2022", "-q", "team").stdout == official
    (team / "anomaly_score_DCASE2023T2fan_section_00_test_seed1_x.csv").write_text("a,1\n")
    found = asd("evaluate", "--edition", "dcase2022", "-q", "team")
    assert found.exit_code == 3
    assert "DCASE2023T2fan" in found.stderr
