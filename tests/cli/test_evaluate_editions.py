"""`asd evaluate` on systems of every edition: damaged files, odd sections, leaderboards."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from asd_cli.artifacts.score_files import DECISION, SCORE, ScoreFileKey
from asd_cli.core.types import Label, Mode
from asd_cli.datasets.dcase.editions import Edition, load_edition
from tests.support.command import asd
from tests.support.editions import WrittenClip, write_edition, write_ground_truth

EDITIONS = ("dcase2020", "dcase2021", "dcase2022", "dcase2024")


@pytest.fixture(params=EDITIONS)
def edition(request: pytest.FixtureRequest) -> Edition:
    return load_edition(request.param)


def clips_of(edition: Edition, tmp_path: Path) -> list[WrittenClip]:
    """Test clips of one machine of the evaluation set; only their names are needed."""
    machine = edition.machines_of[Mode.EVAL][0]
    clips = write_edition(
        tmp_path / "eval_data", edition, Mode.EVAL, machines=(machine,), seconds=0.05
    )
    section = clips[0].section
    return [clip for clip in clips if clip.section == section]


def write_system(
    folder: Path, edition: Edition, clips: list[WrittenClip], *, wrong: int = 0
) -> Path:
    """Write scores that tell all clips apart but the first `wrong`; gives the first file."""
    form = edition.score_files[0]
    texts: dict[str, str] = {}
    for number, clip in enumerate(clips):
        domain = str(clip.domain) if "{domain}" in form else None
        key = ScoreFileKey(clip.machine, clip.section, domain)
        called = (clip.label is Label.ANOMALY) is (number >= wrong)
        score = 3 * called - number / 1000 if number < wrong else called + number / 1000
        for kind, value in ((SCORE, score), (DECISION, int(called))):
            if kind == SCORE or edition.decisions:
                name = key.file_name(kind, form)
                texts[name] = texts.get(name, "") + f"{clip.name},{value}\n"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder / min(texts)


def evaluate(edition: Edition, *words: str) -> tuple[int, str, str]:
    """Evaluate; one machine and section is not the edition, so the best exit status is 4."""
    found = asd("evaluate", "--eval", "--edition", edition.name, *words)
    return found.exit_code, found.stdout, found.stderr


Damage = Callable[[str], str]
DAMAGES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "a heading": (lambda text: "file,score\n" + text, (":1: 'score' for 'file' is not a number",)),
    "nan": (
        lambda text: text.replace("\n", "\nx.wav,nan\n", 1), (":2: 'nan' for 'x.wav' is not a finite",)
    ),
    "a missing row": (lambda text: text.split("\n", 1)[1], ("have no score", "0000.wav is in")),
    "an extra row": (
        lambda text: text + "zzz.wav,0.5\n", ("zzz.wav is not among the labels", "zzz.wav is in")
    ),
    "a row twice": (lambda text: text + text.split("\n")[0] + "\n", ("is there twice",)),
    "a third column": (lambda text: text.replace("\n", ",1\n", 1), (":1: 3 columns",)),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_scores_exit_3_with_file_and_line(
    edition: Edition, damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_system(tmp_path / "team", edition, clips_of(edition, tmp_path))
    assert evaluate(edition, "team", "-q")[:2] == (4, "1.0000\n")
    change, words = DAMAGES[damage]
    path.write_text(change(path.read_text()))
    status, out, err = evaluate(edition, "team", "-q")
    assert (status, out) == (3, "")
    assert path.name in err
    # Where there are decisions, clips are missed among them first.
    assert words[-1 if edition.decisions else 0] in err
    assert "Traceback" not in err


def test_harmless_differences_are_read(
    edition: Edition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_system(tmp_path / "team", edition, clips_of(edition, tmp_path))
    for path in (tmp_path / "team").iterdir():
        rows = path.read_text().splitlines()[::-1]  # joined by name, never by position
        path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*rows, "", ""]).encode())
    assert evaluate(edition, "team", "-q")[:2] == (4, "1.0000\n")


def test_a_section_with_one_class_is_undefined(
    edition: Edition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    clips = clips_of(edition, tmp_path)
    normal = [clip for clip in clips if clip.label is Label.NORMAL]
    write_ground_truth(tmp_path / "labels", edition, normal)
    write_system(tmp_path / "team", edition, normal)
    status, out, err = evaluate(edition, "team", "--ground-truth", "labels", "--format", "json")
    assert status == 4, err
    (system,) = json.loads(out)["systems"]
    assert system["official_score"] is None
    assert "no anomalous clips" in err
    assert {row["auc"] for row in system["rows"]} == {None}


def test_constant_scores_are_chance_and_said(
    edition: Edition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_system(tmp_path / "team", edition, clips_of(edition, tmp_path))
    for path in (tmp_path / "team").glob(f"{SCORE}_*"):
        names = [row.split(",")[0] for row in path.read_text().splitlines()]
        path.write_text("".join(f"{name},7\n" for name in names))
    status, out, err = evaluate(edition, "team", "-q")
    assert (status, out) == (4, "0.5000\n")
    assert "scores are equal" in err


def test_a_folder_of_teams_gives_a_leaderboard(
    edition: Edition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    clips = clips_of(edition, tmp_path)
    for wrong, team in enumerate(("best", "middle", "worst")):
        write_system(tmp_path / "teams" / team, edition, clips, wrong=2 * wrong)
    teams = [str(path) for path in sorted((tmp_path / "teams").iterdir(), reverse=True)]
    status, out, err = evaluate(edition, *teams, "--format", "json")
    assert status == 4, err
    board = json.loads(out)["leaderboard"]
    assert [(entry["rank"], entry["name"]) for entry in board] == [
        (1, "best"), (2, "middle"), (3, "worst"),
    ]  # fmt: skip
    ranks = [entry.get("average_rank") for entry in board]
    # The last two have the lowest pAUC there is, and share the second rank in it.
    expected = [1.0, 2.0, 2.5] if edition.rows == "machine" else [None] * 3
    assert ranks == expected
    status, out, _ = evaluate(edition, *teams)
    assert ("average rank" in out) is (edition.rows == "machine")
    table = out[: out.index("edition:")].splitlines()
    assert max(len(line) for line in table) <= 100


def test_another_editions_folder_names_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    edition = load_edition("dcase2022")
    write_system(tmp_path / "team", edition, clips_of(edition, tmp_path))
    found = asd("evaluate", "--eval", "team")
    assert found.exit_code == 3
    assert "anomaly_score_<machine>_section_<nn>_<domain>_test.csv" in found.stderr
    assert "--edition" in found.stderr
