"""Sweeps: which runs there are, what they come to, and that nothing is done twice."""

import json
import math
from pathlib import Path

import pytest

import asd_cli as asd
from asd_cli.artifacts.manifest import read_manifest
from asd_cli.core.errors import DataError
from asd_cli.execution.ranks import Rank
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.sweeping import (
    SweepRequest,
    make_variants,
    plan_of_sweep,
    summary,
    sweep_units,
)
from asd_cli.services.sweep import sweep
from tests.support.command import asd as command
from tests.support.recordings import write_machine


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for machine in ("fan", "pump"):
        write_machine(folder, machine, train=4, test=2, seconds=1.0)
    return folder


def request(recordings: Path, folder: Path, rank: Rank = Rank()) -> SweepRequest:
    places = [f"{n}_directory={folder / n}" for n in ("cache", "model", "result", "eval")]

    def load(changes: object, detector: str, seed: int) -> asd.Settings:
        given = [f"{key}={value}" for key, value in dict(changes).items()]  # type: ignore[call-overload]
        return asd.load_settings(
            overrides=[*places, f"dev_directory={recordings}", f"detector={detector}",
                       f"seed={seed}", *given]
        ).settings  # fmt: skip

    variants = make_variants(
        ["pooled-knn", "pooled-gmm"], [1, 2], {"feature.n_mels": ["32"]},
        folder=folder / "sweep", load=load,
    )  # fmt: skip
    run = asd.RunRequest(settings=load({}, "pooled-knn", 1), jobs=1, rank=rank)
    return SweepRequest(run=run, variants=variants, folder=folder / "sweep")


def scores_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".csv", ".safetensors", ".html"}
    }


@pytest.mark.slow
def test_ranks_do_a_sweep_as_one_process_does(recordings: Path, tmp_path: Path) -> None:
    alone = sweep(request(recordings, tmp_path / "alone"))
    assert (alone.units, alone.left) == (8, 0)
    assert len(alone.summaries) == 2 * 5
    assert {row.seeds for row in alone.summaries} == {2}
    first = sweep(request(recordings, tmp_path / "ranks", Rank(0, 2)))
    assert (first.left, first.summaries, first.page) == (4, (), None)
    plan = plan_of_sweep(request(recordings, tmp_path / "ranks", Rank(1, 2)))
    assert [(work.units, work.done, work.own) for work in plan.work] == [(4, 2, 2)] * 2
    assert plan.ranks == 4
    assert all(work.seconds is not None and work.seconds > 0 for work in plan.work)
    second = sweep(request(recordings, tmp_path / "ranks", Rank(1, 2)))
    assert second.summaries == alone.summaries
    one, other = (scores_in(tmp_path / name / "sweep") for name in ("alone", "ranks"))
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name] and "html" not in name] == []
    assert second.page is not None
    assert second.page.read_text(encoding="utf-8").count("pooled-gmm") > 1
    before = {name: (tmp_path / "ranks" / "sweep" / name).stat().st_mtime_ns for name in other
              if name.endswith("safetensors")}  # fmt: skip
    assert sweep(request(recordings, tmp_path / "ranks")).summaries == alone.summaries
    assert before == {
        name: (tmp_path / "ranks" / "sweep" / name).stat().st_mtime_ns for name in before
    }


def test_runs_are_those_of_train_and_score(recordings: Path, tmp_path: Path) -> None:
    asked = request(recordings, tmp_path)
    sweep(SweepRequest(run=asked.run, variants=asked.variants[:1], folder=asked.folder))
    variant = asked.variants[0]
    alone = asd.RunRequest(
        settings=variant.settings.model_copy(
            update={"model_directory": tmp_path / "model", "result_directory": tmp_path / "result"}
        ),
        jobs=1,
    )
    asd.train(alone)
    asd.score(alone)
    one, other = Layout(variant.settings, asd.Mode.DEV), Layout(alone.settings, asd.Mode.DEV)
    for machine in ("fan", "pump"):
        assert one.model(machine).read_bytes() == other.model(machine).read_bytes()
    manifests = [read_manifest(layout.manifest) for layout in (one, other)]
    assert manifests[0] is not None
    assert manifests[1] is not None
    files = [{m: record.files for m, record in found.machines.items()} for found in manifests]  # type: ignore[union-attr]
    assert files[0] == files[1]


def test_what_decides_a_unit_is_in_its_key(recordings: Path, tmp_path: Path) -> None:
    keys = {unit.key for unit in sweep_units(request(recordings, tmp_path))}
    assert len(keys) == 8
    assert keys == {unit.key for unit in sweep_units(request(recordings, tmp_path / "other"))}
    path = next(recordings.glob("fan/train/*.wav"))
    content = path.read_bytes()
    try:
        path.write_bytes(content + b"\0\0")
        changed = {unit.key for unit in sweep_units(request(recordings, tmp_path))}
        assert len(keys - changed) == 4, "those of fan"
    finally:
        path.write_bytes(content)


@pytest.mark.slow
def test_a_unit_that_fails_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_machine(data, "fan", train=4, test=1, seconds=1.0)
    write_machine(data, "pump", sections=("00",), train=4, test=1, seconds=1.0)
    result = command(
        "sweep", "--detector", "mobilenetv2", "--seeds", "1", "--jobs", "1", "-o",
        str(tmp_path / "sweep"), f"--set=dev_directory={data}", f"--set=cache_directory={tmp_path}",
        "--set=fit.epochs=1", "--set=feature.n_frames=32", "--set=feature.n_mels=64",
        "--set=feature.n_hop_frames=8",
    )  # fmt: skip
    assert result.exit_code == 3
    assert "pump by mobilenetv2, seed 1 failed: pump has the single section" in result.stderr
    assert len(list((tmp_path / "sweep" / "units").glob("*.done.json"))) == 1


def test_the_command_prints_the_table_and_the_plan(recordings: Path, tmp_path: Path) -> None:
    words = (
        "sweep", "--detector", "pooled-knn", "--seeds", "3,5", "--vary", "feature.n_mels=32",
        "-o", str(tmp_path / "sweep"), f"--set=dev_directory={recordings}",
        f"--set=cache_directory={tmp_path}", "--jobs", "1",
    )  # fmt: skip
    plan = command(*words, "--dry-run")
    assert "train and score by pooled-knn feature.n_mels=32: 0 of 4 units done" in plan.stdout
    assert not (tmp_path / "sweep").exists()
    done = json.loads(command(*words, "--format", "json").stdout)
    assert (done["schema"], done["units"], done["page"]) == ("asd.sweep/1", 4, None)
    row = done["summaries"][0]
    assert (row["group"], row["figure"]) == ("pooled-knn feature.n_mels=32", "AUC of fan")
    assert (row["seeds"], row["deviation"]) == (2, 0.0)
    assert "AUC of pump" in command(*words).stdout
    stored = command(*words, "-o", "s3://bucket/sweep")
    assert stored.exit_code == 2
    assert "is in a store" in stored.stderr
    for wrong in (["--seeds", "a"], ["--seeds", "1,1"], ["--vary", "feature.n_mels"]):
        assert command(*words, *wrong).exit_code == 2


def test_intervals_of_means_are_students() -> None:
    # Student's t of 4 degrees of freedom at 97.5 %: 2.776 (Fisher & Yates, table III).
    found = summary("a", "b", [1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.deviation == pytest.approx(math.sqrt(2.5))
    assert found.high is not None
    assert found.high == pytest.approx(3 + 2.7764451 * math.sqrt(2.5 / 5))
    single = summary("a", "b", [0.5])
    assert (single.deviation, single.low, single.high) == (None, None, None)


def test_without_recordings_a_sweep_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no data folder"):
        sweep(request(tmp_path / "none", tmp_path))
