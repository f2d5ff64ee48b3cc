"""`asd evaluate` with intervals, of several systems, against a baseline and published results."""

import csv
import json
from pathlib import Path

import pytest

from tests.support.command import asd
from tests.support.score_sets import write_score_set

DRAWS = ("--resamples", "60")


@pytest.fixture
def systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, shift in (("good", 1.5), ("fair", 0.8), ("same_as_fair", 0.8)):
        write_score_set(
            tmp_path / name, machines=("fan", "pump"), sections=("00",), clips=20, shift=shift
        )
    return tmp_path


def test_intervals_in_every_format(systems: Path) -> None:
    asked = ("evaluate", "good", "--confidence", "0.9", *DRAWS)
    text = asd(*asked)
    assert text.exit_code == 4, text.output  # two machines are not the edition
    assert "(90 %: " in text.stdout
    assert "20 + 20 clips" in text.stdout
    assert "|confidence:0.9|resamples:60|bootstrap_seed:13711" in text.stdout
    assert max(len(line) for line in text.stdout.splitlines() if "signature" not in line) <= 100
    (system,) = json.loads(asd(*asked, "--format", "json").stdout)["systems"]
    found = system["intervals"]
    assert (found["confidence"], found["resamples"], found["seed"]) == (0.9, 60, 13711)
    assert found["official_score"][0] < system["official_score"] < found["official_score"][1]
    assert [(r["machine"], r["section"], r["domain"]) for r in found["rows"]] == [
        (r["machine"], r["section"], r["domain"]) for r in system["rows"]
    ]
    assert len(found["means"]) == len(system["means"])
    rows = list(csv.DictReader(asd(*asked, "--format", "csv").stdout.splitlines()))
    for row in rows:
        if row["auc"]:
            assert float(row["auc_low"]) <= float(row["auc"]) <= float(row["auc_high"])
    assert float(rows[-1]["auc_low"]) == pytest.approx(found["official_score"][0])
    assert " [." in asd(*asked, "--format", "md").stdout


def test_intervals_are_the_same_again_and_follow_the_seed(systems: Path) -> None:
    asked = ("evaluate", "good", "--confidence", "0.95", *DRAWS, "--format", "json")
    first = asd(*asked).stdout
    assert asd(*asked).stdout == first
    assert asd(*asked, "--set", "seed=5").stdout != first


def test_without_confidence_there_are_no_intervals(systems: Path) -> None:
    result = asd("evaluate", "good", "--format", "json")
    content = json.loads(result.stdout)
    assert content.keys() == {"schema", "systems"}
    assert "intervals" not in content["systems"][0]
    assert "confidence" not in result.stdout


def test_several_systems_give_a_leaderboard(systems: Path) -> None:
    result = asd("evaluate", "fair", "good", "same_as_fair")
    assert result.exit_code == 4
    assert result.stdout.startswith("leaderboard")
    assert result.stdout.index("good") < result.stdout.index("fair")
    assert "source harmonic mean" not in result.stdout
    assert "source harmonic mean" in asd("evaluate", "fair", "good", "-v").stdout
    board = json.loads(asd("evaluate", "fair", "good", "same_as_fair", "--format", "json").stdout)
    assert [(s["rank"], s["name"]) for s in board["leaderboard"]] == [
        (1, "good"), (2, "fair"), (2, "same_as_fair"),
    ]  # fmt: skip
    assert board["leaderboard"][0]["interval"] is None
    assert [system["name"] for system in board["systems"]] == ["fair", "good", "same_as_fair"]
    assert asd("evaluate", "fair", "good", "-q").stdout.count("\n") == 2


def test_systems_on_other_clips_are_said_to_be(systems: Path) -> None:
    write_score_set(systems / "part", machines=("fan",), sections=("00",), clips=20)
    result = asd("evaluate", "good", "part")
    assert "part was not scored on the same clips as good" in result.stderr
    result = asd("evaluate", "part", "--baseline", "good", *DRAWS, "--format", "json")
    assert "part and good cannot be compared on pump" in result.stderr
    comparison = json.loads(result.stdout)["comparison"]
    fan, pump, every = comparison["systems"][0]["differences"]
    assert fan["difference"] is not None
    assert (pump["difference"], every["difference"], every["p_value"]) == (None, None, None)


@pytest.mark.parametrize("baseline", ["fair", "./fair/"])
def test_differences_to_a_baseline(systems: Path, baseline: str) -> None:
    asked = ("evaluate", "good", "fair", "same_as_fair", "--baseline", baseline, *DRAWS)
    text = asd(*asked).stdout
    assert "official score minus that of fair (paired bootstrap)" in text
    comparison = json.loads(asd(*asked, "--format", "json").stdout)["comparison"]
    assert comparison["baseline"] == "fair"
    good, same = comparison["systems"]
    assert [d["machine"] for d in good["differences"]] == ["fan", "pump", None]
    overall = good["differences"][-1]
    assert 0 < overall["interval"][0] < overall["difference"] < overall["interval"][1]
    assert overall["p_value"] == pytest.approx(1 / 61)
    assert [d["difference"] for d in same["differences"]] == [0, 0, 0]
    assert {d["p_value"] for d in same["differences"]} == {1}
    rows = list(csv.DictReader(asd(*asked, "--format", "csv").stdout.splitlines()))
    (row,) = (r for r in rows if r["system"] == "good" and r["p_value"] and not r["machine"])
    assert row["kind"] == "official score minus that of fair"
    assert float(row["auc"]) == pytest.approx(overall["difference"])


def test_a_baseline_that_is_not_named_goes_first(systems: Path) -> None:
    content = json.loads(
        asd("evaluate", "good", "--baseline", "fair", *DRAWS, "--format", "json").stdout
    )
    assert [system["name"] for system in content["systems"]] == ["fair", "good"]


def test_folders_of_one_name_are_told_apart(systems: Path) -> None:
    for team in ("a", "b"):
        (systems / team).mkdir()
    (systems / "good").rename(systems / "a" / "result")
    (systems / "fair").rename(systems / "b" / "result")
    board = json.loads(asd("evaluate", "a/result", "b/result", "--format", "json").stdout)
    assert [entry["name"] for entry in board["leaderboard"]] == ["a/result", "b/result"]


def test_published_results_stand_beside(systems: Path) -> None:
    text = asd("evaluate", "good", "--published").stdout
    for words in ("MobileNetV2 baseline", "57.6–58.0", "arXiv:2106.04492", "61.56 / 63.02",
                  "evaluated here, without ToyCar"):  # fmt: skip
        assert words in " ".join(text.split())
    published = json.loads(asd("evaluate", "good", "--published", "--format", "json").stdout)[
        "published"
    ]
    assert {"system": "MobileNetV2 baseline", "percent": "57.6–58.0",
            "source": "Kawaguchi et al. 2021, arXiv:2106.04492"} in published["official_scores"]  # fmt: skip
    assert published["systems"][0]["means"][2]["machine"] == "fan"


def test_published_results_are_not_of_a_synthetic_set(systems: Path) -> None:
    (systems / "dev_data").mkdir()
    (systems / "dev_data" / "synthetic.json").write_text("{}")
    write_score_set(
        systems / "result" / "dev" / "mobilenetv2", machines=("fan",), sections=("00",), clips=5
    )
    assert "on a synthetic set" in asd("evaluate", "--published").stderr
    assert "on a synthetic set" not in asd("evaluate", "good", "--published").stderr


def test_own_results_can_be_compared_and_get_their_result_csv(systems: Path) -> None:
    own = systems / "result" / "dev" / "mobilenetv2"
    write_score_set(own, machines=("fan",), sections=("00",), clips=5)
    write_score_set(systems / "other", machines=("fan", "pump"), sections=("00",), clips=5)
    result = asd("evaluate", "--baseline", "other", *DRAWS)
    assert result.exit_code == 4, result.output
    assert "pump" not in (own / "result.csv").read_text()
    assert not (systems / "other" / "result.csv").exists()


def test_latex_of_one_and_of_several(systems: Path) -> None:
    (systems / "fair").rename(systems / "50%_fair")
    for folders in (("good",), ("good", "50%_fair")):
        text = asd("evaluate", *folders, "--format", "latex").stdout
        assert text.startswith("% edition:dcase2021|mode:dev|")
        assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
        assert r"\toprule" in text
    assert r"50\%\_fair" in text
    assert r"\textbf{" in text


@pytest.mark.parametrize(("arguments", "said"), [
    (("--confidence", "95"), "not between 0 and 1"),
    (("--confidence", "0"), "not between 0 and 1"),
    (("--resamples", "100"), "add --confidence"),
    (("--baseline", "nothing"), "is no system"),
    (("--baseline", "good"), "nothing to compare"),
])  # fmt: skip
def test_what_contradicts_itself_exits_2(
    systems: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = asd("evaluate", "good", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_hostile_system_names_are_inert(systems: Path) -> None:
    for name in ("=cmd", "[red]<b>", "a\x1b[31mb", "x}\\input{y"):
        write_score_set(systems / name, machines=("fan",), sections=("00",), clips=5)
    folders = ("=cmd", "[red]<b>", "a\x1b[31mb", "x}\\input{y")
    for format_ in ("text", "md", "latex", "csv"):
        for more in ((), ("--baseline", "=cmd", *DRAWS)):
            result = asd("evaluate", *folders, *more, "--format", format_)
            assert result.exit_code == 4
            if format_ != "csv":
                assert "\x1b" not in result.stdout
            if format_ == "md":
                assert "<b>" not in result.stdout
            if format_ == "latex":
                assert "\\input" not in result.stdout
            if format_ == "csv":
                assert {row["system"] for row in csv.DictReader(result.stdout.splitlines())} >= {
                    "'=cmd"
                }
