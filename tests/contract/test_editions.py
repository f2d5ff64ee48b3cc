"""Every edition goes all the way: names, folders, features, models, scores, figures, submission."""

import csv
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from asd_cli.core.types import Label, Mode
from asd_cli.datasets.dcase.editions import TRAIN_ROLE, Edition, edition_names, load_edition
from asd_cli.datasets.dcase.folders import find_machines, list_clips
from tests.support.command import asd
from tests.support.editions import WrittenClip, write_edition

OPTIONS = (
    "--detector=pooled-knn",
    "--set=feature.n_frames=16",
    "--set=feature.n_mels=32",
    "--jobs=1",
)


@dataclass(frozen=True)
class Done:
    """What was written and what came of it."""

    edition: Edition
    mode: Mode
    folder: Path
    clips: list[WrittenClip]

    @property
    def data(self) -> Path:
        return self.folder / f"{self.mode}_data"

    @property
    def result(self) -> Path:
        return self.folder / "result" / self.mode / "pooled-knn"

    def asd(self, verb: str, *options: str) -> tuple[int, str, str]:
        found = asd(verb, "--edition", self.edition.name, "--mode", self.mode.value, *options)
        return found.exit_code, found.stdout, found.stderr


@pytest.fixture(
    scope="module",
    params=[(name, mode) for name in edition_names() for mode in Mode],
    ids="-".join,
)
def done(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Done]:
    name, mode = request.param
    edition, folder = load_edition(name), tmp_path_factory.mktemp(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run = Done(edition, mode, folder, write_edition(folder / f"{mode}_data", edition, mode))
        for verb in ("train", "score"):
            status, _, err = run.asd(verb, *OPTIONS)
            assert status == 0, err
        yield run


def test_machines_and_clips_are_found(done: Done) -> None:
    edition, mode = done.edition, done.mode
    assert find_machines(done.data, edition) == tuple(sorted(edition.machines_of[mode]))
    found = set()
    for machine in edition.machines_of[mode]:
        train = list_clips(done.data, machine, TRAIN_ROLE, mode=mode, edition=edition)
        assert {clip.label for clip in train} == {Label.NORMAL}
        assert {clip.section for clip in train} == set(edition.sections_of(machine, mode))
        if edition.rows != "machine":
            assert {clip.condition for clip in train} == {"m-n_A"}
        for role in edition.test_roles:
            for clip in list_clips(done.data, machine, role, mode=mode, edition=edition):
                assert (clip.label is None) is (mode is Mode.EVAL)
                found.add((machine, clip.section, clip.name))
                if edition.hides_domains:
                    assert clip.condition == "m-n_A"
                    assert (clip.domain is None) is (mode is Mode.EVAL)
    assert found == {(clip.machine, clip.section, clip.name) for clip in done.clips}


def read(path: Path) -> dict[str, float]:
    with path.open(newline="") as stream:
        return {name: float(value) for name, value in csv.reader(stream)}


def scores_of(done: Done, machine: str, section: str) -> list[tuple[WrittenClip, float]]:
    """Scores of a section, from the files with the names that the edition's baseline gives them."""
    stem = {
        "machine": [f"{machine}_id_{section}"],
        "by-domain": [f"{machine}_section_{section}_{d}_test" for d in ("source", "target")],
        "shared-anomalies": [f"{machine}_section_{section}_test"],
    }[done.edition.rows]
    values: dict[str, float] = {}
    for name in stem:
        values.update(read(done.result / f"anomaly_score_{name}.csv"))
        decided = done.result / f"decision_result_{name}.csv"
        assert decided.is_file() is done.edition.decisions
    clips = {c.name: c for c in done.clips if (c.machine, c.section) == (machine, section)}
    assert values.keys() == clips.keys()
    return [(clips[name], value) for name, value in values.items()]


def area(pairs: list[tuple[WrittenClip, float]], max_fpr: float | None = None) -> float:
    truth = [clip.label is Label.ANOMALY for clip, _ in pairs]
    return float(roc_auc_score(truth, [value for _, value in pairs], max_fpr=max_fpr))


def expected_official_score(done: Done) -> float:
    """Work the official score out anew, with scikit-learn, as the challenge describes it."""
    figures: dict[str, list[float]] = {}
    for machine in done.edition.machines_of[done.mode]:
        own = figures.setdefault(machine, [])
        for section in done.edition.sections_of(machine, done.mode):
            pairs = scores_of(done, machine, section)
            if done.edition.rows == "machine":
                own += [area(pairs), area(pairs, 0.1)]
                continue
            for domain in ("source", "target"):
                if done.edition.rows == "by-domain":
                    of_domain = [pair for pair in pairs if pair[0].domain == domain]
                    own += [area(of_domain), area(of_domain, 0.1)]
                else:
                    own.append(area([p for p in pairs if p[0].domain == domain
                                     or p[0].label is Label.ANOMALY]))  # fmt: skip
            if done.edition.rows == "shared-anomalies":
                own.append(area(pairs, 0.1))
    if done.edition.rows == "machine":
        return float(np.mean([np.mean(own) for own in figures.values()]))
    every = np.maximum(np.concatenate(list(figures.values())), 2.220446049250313e-16)
    return float(len(every) / np.sum(1 / every))


def test_the_official_score_is_the_editions(done: Done) -> None:
    status, out, err = done.asd("evaluate", *OPTIONS[:1], "--format", "json", "--confidence", "0.9",
                                "--resamples", "20")  # fmt: skip
    assert status == 0, err
    (system,) = json.loads(out)["systems"]
    assert system["official_score"] == pytest.approx(expected_official_score(done), rel=1e-12)
    assert system["signature"].startswith(f"edition:{done.edition.name}|mode:{done.mode}|")
    per_section = {"machine": 1, "by-domain": 2, "shared-anomalies": 3}
    sections = {(clip.machine, clip.section) for clip in done.clips}
    assert len(system["rows"]) == per_section[done.edition.rows] * len(sections)
    low, high = system["intervals"]["official_score"]
    assert 0 < low <= high <= 1


HEADINGS = {
    "dcase2020": "id,AUC,pAUC",
    "dcase2021": "section,domain,AUC,pAUC,precision,recall,F1 score",
    "dcase2022": "section,AUC (source),AUC (target),pAUC,precision (source),precision (target),"
    "recall (source),recall (target),F1 score (source),F1 score (target)",
    "dcase2023": "section,AUC (source),AUC (target),pAUC,pAUC (source),pAUC (target),"
    "precision (source),precision (target),recall (source),recall (target),F1 score (source),"
    "F1 score (target)",
    "evaluator": "section,AUC (all),AUC (source),AUC (target),pAUC,precision (source),"
    "precision (target),recall (source),recall (target),F1 score (source),F1 score (target)",
}  # fmt: skip


def test_result_csv_has_the_layout_of_the_editions_programs(done: Done) -> None:
    status, _, err = done.asd("evaluate", *OPTIONS[:1])
    assert status == 0, err
    lines = (done.result / "result.csv").read_text().splitlines()
    evaluated = done.mode is Mode.EVAL and done.edition.hides_domains
    machine = min(done.edition.machines_of[done.mode])
    assert lines[0] == machine
    assert lines[1] == HEADINGS["evaluator" if evaluated else done.edition.result_csv]
    section = min(done.edition.sections_of(machine, done.mode))
    cells = lines[2].split(",")
    assert cells[0] == section
    pairs = scores_of(done, machine, section)
    if done.edition.rows == "machine":
        assert float(cells[1]) == pytest.approx(area(pairs))
        assert "Average" in {line.split(",")[0] for line in lines}
    elif evaluated:
        assert float(cells[1]) == pytest.approx(area(pairs))
        assert lines[-2].startswith("official score,,")
    elif done.edition.result_csv == "dcase2023":
        source = [pair for pair in pairs if pair[0].domain == "source"]
        assert float(cells[4]) == pytest.approx(area(source, 0.1))
    width = {len(row) for row in csv.reader(lines[1:2])}
    assert {len(row) for row in csv.reader(lines[2:3])} == width


def test_results_are_a_valid_submission_and_evaluate_alike_elsewhere(done: Done) -> None:
    package = done.folder / "package.zip"
    status, _, err = done.asd("submit", str(done.result), "-o", str(package))
    assert status == 0, err
    assert "checked against " + ("labels" if done.mode is Mode.EVAL else "recordings") in err
    with zipfile.ZipFile(package) as archive:
        archive.extractall(done.folder / "other")
    (other,) = (done.folder / "other").iterdir()
    found = {done.asd("evaluate", str(folder), "-q")[1] for folder in (other, done.result)}
    assert len(found) == 1


def test_a_report_counts_every_clip_once(done: Done) -> None:
    status, out, err = done.asd("report", *OPTIONS[:1], "--format", "md")
    assert status == 0, err
    assert f"{done.edition.name}, {done.mode}" in out
    status, _, err = done.asd("report", *OPTIONS[:3], "--no-audio")
    assert status == 0, err
    page = (done.result / "report.html").read_text()
    normal = sum(clip.label is Label.NORMAL for clip in done.clips)
    assert f"{normal} normal, {len(done.clips) - normal} anomalous" in page
    assert "The recording is not at hand" not in page


def test_models_and_results_of_another_edition_are_refused(done: Done) -> None:
    other = "dcase2022" if done.edition.name == "dcase2021" else "dcase2021"
    found = asd("evaluate", "--edition", other, "--mode", done.mode.value, *OPTIONS[:1])
    assert found.exit_code == 2, found.output
    assert f"holds results of {done.edition.name}, and the edition is {other}" in found.stderr
    assert f"--edition {done.edition.name}" in found.stderr


def test_a_leaderboard_and_paired_differences(done: Done) -> None:
    worse = done.folder / f"worse_{done.mode}"
    worse.mkdir(exist_ok=True)
    for path in sorted(done.result.glob("*_*.csv")):
        rows = read(path)
        shuffled = dict(zip(rows, list(rows.values())[::-1], strict=True))
        (worse / path.name).write_text("".join(f"{n},{v:g}\n" for n, v in shuffled.items()))
    folders = (str(done.result), str(worse))
    status, out, err = done.asd("evaluate", *folders, "--baseline", str(worse), "--resamples", "20",
                                "--format", "json")  # fmt: skip
    assert status == 0, err
    content = json.loads(out)
    board = content["leaderboard"]
    assert [entry["rank"] for entry in board] == sorted(entry["rank"] for entry in board)
    assert ("average_rank" in board[0]) is (done.edition.rows == "machine")
    (compared,) = content["comparison"]["systems"]
    assert compared["differences"][-1]["machine"] is None
    assert compared["differences"][-1]["difference"] is not None
