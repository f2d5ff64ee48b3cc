from pathlib import Path

import pytest

import asd_cli as asd
from asd_cli.artifacts.model_file import read_model_file
from asd_cli.core.errors import ConfigError
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.pseudo_anomalies import plan_tasks
from asd_cli.services.select import select
from asd_cli.testing import make_recordings
from tests.support.features import make_store
from tests.support.recordings import write_machine


def request(folder: Path, detector: str, *overrides: str) -> asd.RunRequest:
    given = [
        f"detector={detector}", f"dev_directory={folder / 'data'}",
        f"cache_directory={folder / 'cache'}", f"model_directory={folder / 'model'}",
        f"result_directory={folder / 'result'}", *overrides,
    ]  # fmt: skip
    settings = asd.load_settings(overrides=given, environment={}).settings
    return asd.RunRequest(settings=settings, device="cpu", jobs=1)


@pytest.fixture
def two_machines(tmp_path: Path) -> Path:
    for machine in ("fan", "pump"):
        write_machine(tmp_path / "data", machine)
    return tmp_path


def test_what_stands_for_anomalies_was_not_trained_on(tmp_path: Path) -> None:
    fan = make_recordings(tmp_path, machine="fan", sections=("00", "01", "02"))
    pump = make_recordings(tmp_path, machine="pump", seed=50)
    trials = plan_tasks(fan, {"pump": pump}, seed=1)
    assert [trial.kind for trial in trials] == [
        "section", "section", "section", "machine", "attribute"
    ]  # fmt: skip
    for trial in trials:
        learnt = {clip.path for clip in trial.train.clips}
        normal = {clip.path for clip in trial.normal.clips}
        strange = {clip.path for store in trial.anomalies for clip in store.clips}
        assert learnt
        assert normal
        assert strange
        assert not learnt & normal
        assert not (learnt | normal) & strange
        known = {clip.section for clip in trial.train.clips}
        assert {clip.section for s in trial.anomalies for clip in s.clips} <= known
        if trial.kind == "section":
            assert trial.left_out not in known


def test_clips_of_one_kind_allow_no_trial() -> None:
    store = make_store(sections=("00",))
    assert plan_tasks(store, {}, seed=1) == ()


def test_a_classifier_that_cannot_be_tried_is_last(two_machines: Path) -> None:
    asked = request(
        two_machines, "auto", "select.candidates=[mobilenetv2, pooled-knn]", "feature.n_mels=64",
        "feature.n_frames=32",
    )  # fmt: skip
    for selection in select(asked):
        assert selection.best == "pooled-knn"
        assert selection.ranks[-1].candidate == "mobilenetv2"
        assert selection.ranks[-1].score is None
        assert "single section" in selection.ranks[-1].reason


def test_auto_trains_what_is_chosen_and_scores_with_it(two_machines: Path) -> None:
    asked = request(
        two_machines, "auto", "select.candidates=['pooled-knn:pooling.kind=max', pooled-gmm]"
    )
    asd.train(asked)
    bundle = read_model_file(Layout(asked.settings, asked.mode).model("fan"))
    chosen = bundle.facts.selection["chosen"]
    assert chosen in {"pooled-knn:pooling.kind=max", "pooled-gmm"}
    assert bundle.facts.training.detector == chosen.partition(":")[0]
    assert {machine.state for machine in asd.train(asked).machines} == {"up to date"}
    scored = asd.score(asked)
    assert {machine.clips for machine in scored.machines} == {24}


@pytest.mark.parametrize("candidate", ["pooled-knn:nothing", "pooled-knn:feature.n_mels=8", "auto"])
def test_a_wrong_candidate_is_refused(two_machines: Path, candidate: str) -> None:
    with pytest.raises(ConfigError, match="candidates"):
        select(request(two_machines, "auto", f"select.candidates=['{candidate}']"))


def test_an_ensemble_uses_the_models_of_its_members(two_machines: Path) -> None:
    asked = request(two_machines, "pooled-knn,pooled-gmm")
    asd.train(request(two_machines, "pooled-knn"))
    member = two_machines / "model" / "dev" / "pooled-knn" / "model_fan.safetensors"
    before = member.stat().st_mtime_ns
    asd.train(asked)
    assert member.stat().st_mtime_ns == before
    assert (two_machines / "model" / "dev" / "pooled-knn+pooled-gmm").is_dir()
    assert {machine.clips for machine in asd.score(asked).machines} == {24}


def test_weights_must_fit_the_members(two_machines: Path) -> None:
    asked = request(two_machines, "pooled-knn,pooled-gmm", "ensemble.weights=[1.0]")
    with pytest.raises(ConfigError, match="for 2 detectors"):
        asd.train(asked)


def test_one_network_is_trained_for_all_machines(two_machines: Path) -> None:
    asked = request(
        two_machines, "discriminative", "fit.epochs=1", "fit.batch_size=8", "feature.n_mels=64",
        "discriminative.min_batches=1", "discriminative.resolutions=[256]",
    )  # fmt: skip
    asd.train(asked)
    folder = two_machines / "model" / "dev" / "discriminative"
    assert {path.name for path in folder.glob("*.safetensors")} == {
        "network.safetensors", "model_fan.safetensors", "model_pump.safetensors"
    }  # fmt: skip
    fan, pump = (read_model_file(folder / f"model_{name}.safetensors") for name in ("fan", "pump"))
    weights = [name for name in fan.tensors if name.startswith("detector.network.")]
    assert weights
    assert all((fan.tensors[name] == pump.tensors[name]).all() for name in weights)
    assert {machine.clips for machine in asd.score(asked).machines} == {24}
