"""Several machine types in one command: at once or one after the other, the same bytes."""

from dataclasses import replace
from pathlib import Path

import pytest

import asd_cli as asd
from asd_cli.artifacts.manifest import read_manifest
from asd_cli.artifacts.model_file import read_model_file
from asd_cli.core.errors import DataError
from asd_cli.core.events import SilentEvents
from asd_cli.detectors.spec import Runtime
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.per_machine import threads_for
from tests.support.recordings import write_machine

QUICK = [
    "fit.epochs=1", "fit.lr=0.001", "fit.batch_norm=recalibrate", "fit.batch_size=8",
    "feature.n_frames=32", "feature.n_mels=64", "feature.n_hop_frames=8",
]  # fmt: skip


class Heard(SilentEvents):
    def __init__(self) -> None:
        self.tasks: list[str] = []
        self.warnings: list[str] = []

    def started(self, task: str, total: float | None, unit: str) -> None:
        self.tasks.append(task)

    def warning(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    write_machine(folder, "fan")
    write_machine(folder, "pump", train=7)
    return folder


def request(recordings: Path, folder: Path, *overrides: str, **changes: object) -> asd.RunRequest:
    places = [
        f"{name}_directory={folder / name}" for name in ("cache", "model", "result", "eval")
    ] + [f"dev_directory={recordings}"]
    loaded = asd.load_settings(overrides=[*places, *QUICK, *overrides])
    return asd.RunRequest(settings=loaded.settings, **changes)  # type: ignore[arg-type]


def outputs(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock" and path.name != "manifest.json"
    }


@pytest.mark.parametrize("detector", ["mobilenetv2", "pooled-knn"])
def test_results_do_not_depend_on_the_number_of_jobs(
    recordings: Path, tmp_path: Path, detector: str
) -> None:
    found = []
    for jobs in (1, 2):
        folder = tmp_path / str(jobs)
        asked = request(recordings, folder, f"detector={detector}", jobs=jobs)
        events = Heard()
        trained = asd.train(asked, events)
        scored = asd.score(asked, events)
        assert [machine.machine for machine in trained.machines] == ["fan", "pump"]
        assert {machine.state for machine in trained.machines} == {"trained"}
        assert [machine.machine for machine in scored.machines] == ["fan", "pump"]
        assert {"train fan", "train pump", "score fan", "score pump"} <= set(events.tasks)
        assert {m.state for m in asd.train(asked).machines} == {"up to date"}
        assert all(m.up_to_date for m in asd.score(asked).machines)
        found.append(outputs(folder))
        layout = Layout(asked.settings, asked.mode)
        torch = layout.plan.runtime is Runtime.TORCH
        assert read_model_file(layout.model("pump")).facts.training.threads == (
            1 if torch else None
        )
        manifest = read_manifest(layout.manifest)
        assert manifest is not None
        for record in manifest.machines.values():
            assert record.threads == record.training.threads == (1 if torch else None)
    assert found[0].keys() == found[1].keys()
    assert [name for name in found[0] if found[0][name] != found[1][name]] == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_scores_a_machine_as_soon_as_it_is_trained(
    recordings: Path, tmp_path: Path, jobs: int
) -> None:
    apart, together = tmp_path / "apart", tmp_path / "together"
    # Without workers, whose start takes seconds; results do not depend on their number.
    asked = request(recordings, apart, "detector=mobilenetv2", jobs=1)
    asd.train(asked)
    asd.score(asked)
    asked = request(recordings, together, "detector=mobilenetv2", jobs=jobs)
    for again in (False, True) if jobs == 1 else (False,):
        events = Heard()
        done = asd.run(replace(asked, force=again), events)
        assert {machine.state for machine in done.training.machines} == {"trained"}
        assert all(machine.up_to_date for machine in done.scoring.machines)
        assert sorted(t for t in events.tasks if t.startswith("score ")) == [
            "score fan",
            "score pump",
            "score training clips fan",
            "score training clips pump",
        ]
        if jobs == 1:
            assert events.tasks.index("score fan") < events.tasks.index("train pump")
    alone, run = outputs(apart), outputs(together)
    assert [name for name in alone if alone[name] != run[name]] == []


def test_what_cannot_be_scored_is_said_when_all_is_trained(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DataError("the test clips are gone", hint="fetch them")

    monkeypatch.setattr("asd_cli.services.score.score_once", fail)
    asked = request(recordings, tmp_path, "detector=pooled-knn", jobs=1)
    with pytest.raises(DataError, match="the test clips are gone"):
        asd.run(asked)
    assert {machine.state for machine in asd.train(asked).machines} == {"up to date"}
    assert not list((tmp_path / "result").rglob("*.csv"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_when_a_machine_fails_the_others_are_finished_and_its_error_comes_at_the_end(
    recordings: Path, tmp_path: Path, jobs: int
) -> None:
    data = tmp_path / "data"
    write_machine(data, "bearing", sections=("00",), train=4, test=1)
    for machine in ("fan", "pump"):
        (data / machine).symlink_to(recordings / machine)
    asked = request(data, tmp_path, jobs=jobs)
    events = Heard()
    with pytest.raises(DataError, match="bearing has the single section 00") as caught:
        asd.train(asked, events)
    assert "pooled-knn" in str(caught.value.hint)
    assert [text for text in events.warnings if "bearing failed, the others are finished" in text]
    layout = Layout(asked.settings, asked.mode)
    assert [layout.model(m).exists() for m in ("bearing", "fan", "pump")] == [False, True, True]


def test_one_thread_for_each_of_several_machines_and_all_for_one(
    recordings: Path, tmp_path: Path
) -> None:
    asked = request(recordings, tmp_path, device="cpu")
    assert threads_for(asked, ["fan", "pump"]) == 1
    assert threads_for(asked, ["fan"]) is None
