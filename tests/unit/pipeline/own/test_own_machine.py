"""A model of a machine of one's own: trained, scored, changed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asd_cli.core.errors import DataError, ProblemsError, UsageError
from asd_cli.core.events import SILENT
from asd_cli.detectors.ensemble import EnsembleDetector
from asd_cli.execution.executor import SerialExecutor
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.own.changes import after_maintenance, with_more_normal
from asd_cli.pipeline.own.registry import Registry
from asd_cli.pipeline.own.request import OwnTrainRequest, registry_of
from asd_cli.pipeline.own.scoring import FileScorer, ScoredFile, Status
from asd_cli.pipeline.own.training import OwnTrained, train_own
from asd_cli.settings.model import Settings
from tests.support.fan import Fault, fan, write

RATE = 16000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of a fan: 10 of 4 s."""
    root = tmp_path_factory.mktemp("own")
    for number in range(10):
        write(root / "normal" / f"{number:02}.wav", fan(4.0, RATE, number), RATE)
    return root


def request_in(root: Path, **changes: object) -> OwnTrainRequest:
    settings = Settings(
        detector="pooled-knn",
        model_directory=root / "model",
        cache_directory=root / "cache",
    )
    known = OwnTrainRequest(
        sources=(root / "normal",), machine="fan 3", settings=settings, clip_seconds=2.0,
        false_alarm_rate=0.05,
    )  # fmt: skip
    return replace(known, **changes)  # type: ignore[arg-type]


def train(request: OwnTrainRequest) -> OwnTrained:
    return train_own(request, SILENT, SerialExecutor())


@pytest.fixture(scope="module")
def trained(place: Path) -> OwnTrained:
    return train(request_in(place))


def score(model: Model, path: Path, rate: float = 0.05) -> ScoredFile:
    return FileScorer(model, rate).score(path)


def test_the_model_knows_what_it_was_made_from(trained: OwnTrained) -> None:
    own = trained.model.facts.own
    assert own is not None
    assert (own.recordings, own.clip_seconds, own.seconds, own.version) == (10, 2.0, 40.0, 1)
    assert trained.model.features.sample_rate == RATE
    assert trained.model.threshold.kind == "interval"
    assert trained.model.facts.mode is None
    assert trained.model.facts.calibration is not None
    assert len(set(trained.model.facts.calibration.units)) == 10


def test_the_reason_names_the_member_of_an_ensemble_that_found_the_fault(
    place: Path, tmp_path: Path
) -> None:
    settings = Settings(
        detector="level+pooled-knn",
        model_directory=tmp_path / "model",
        cache_directory=tmp_path / "cache",
    )
    model = train(request_in(place, settings=settings)).model
    path = write(tmp_path / "broken.wav", fan(2.0, RATE, 78, Fault(level=0.1)), RATE)
    detector = model.restore()
    assert isinstance(detector, EnsembleDetector)
    said = detector.contributions(model.prepare([path]))
    most = said.members[int(np.argmax(said.values[0]))]
    assert score(model, path).reason.endswith(f"(found by {most})")
    assert model.explain(path).member == most


def test_training_again_says_what_an_update_had_taught_and_is_left_out(
    place: Path, tmp_path: Path
) -> None:
    settings = Settings(
        detector="pooled-knn",
        model_directory=tmp_path / "model",
        cache_directory=tmp_path / "cache",
    )
    request = request_in(place, settings=settings)
    first = train(request)
    assert not any("also knew" in text for text in first.warnings)
    alarm = write(tmp_path / "false alarm.wav", fan(4.0, RATE, 60), RATE)
    taught = train(replace(request, sources=(*request.sources, alarm), reason="normal: it"))
    assert not any("also knew" in text for text in taught.warnings)
    again = train(request)
    assert f"version 2 also knew {alarm}" in again.warnings[0]
    assert "asd models rollback 'fan 3'" in again.warnings[0]


def test_training_again_does_nothing_until_something_changes(
    place: Path, trained: OwnTrained
) -> None:
    again = train(request_in(place))
    assert again.up_to_date
    assert again.path == trained.path
    other = train(request_in(place, false_alarm_rate=0.1))
    assert not other.up_to_date
    assert registry_of(request_in(place).settings).rollback("fan 3", 1).number == 1


def test_a_fault_in_the_middle_is_found_with_its_time_and_band(
    place: Path, trained: OwnTrained, tmp_path: Path
) -> None:
    broken = fan(13.0, RATE, 77, Fault(start=6.0, end=8.0, level=0.1))
    found = score(trained.model, write(tmp_path / "shift.wav", broken, RATE))
    assert found.status is Status.ANOMALOUS
    assert found.worst is not None
    assert (found.worst.start, found.worst.end) == (6.0, 8.0)
    assert [part.anomalous for part in found.parts].count(True) == 1
    assert "kHz: up to" in found.reason
    assert "louder than 0" in found.reason
    assert "found by" not in found.reason, "there is one detector alone"
    # The last part covers the end, over some of the one before.
    assert (found.parts[-1].start, found.parts[-1].end) == (11.0, 13.0)


def test_the_p_value_of_a_file_counts_its_parts(trained: OwnTrained, tmp_path: Path) -> None:
    found = score(trained.model, write(tmp_path / "ok.wav", fan(8.0, RATE, 50), RATE))
    assert found.status is Status.NORMAL
    lowest = min(part.p_value for part in found.parts)
    assert found.p_value == trained.model.normal_scores.of_parts(lowest, 4)
    assert lowest < found.p_value <= 4 * lowest


def test_a_stricter_rate_gives_fewer_anomalies(trained: OwnTrained, tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", fan(2.0, RATE, 51, Fault(level=0.004)), RATE)
    p = score(trained.model, path).p_value
    assert p is not None
    assert score(trained.model, path, rate=min(0.99, p * 1.01)).status is Status.ANOMALOUS
    assert score(trained.model, path, rate=p * 0.99).status is Status.NORMAL


def test_files_of_another_rate_and_more_channels_are_resampled_as_in_training(
    trained: OwnTrained, tmp_path: Path
) -> None:
    path = write(tmp_path / "stereo.flac", fan(4.0, 44100, 52), 44100, stereo=True)
    found = score(trained.model, path)
    assert found.score is not None
    assert len(found.parts) == 2
    assert found.remarks == ("44100 Hz, used at 16000 Hz",)


def test_a_file_that_is_shorter_than_the_clips_of_the_model_is_said(
    trained: OwnTrained, tmp_path: Path
) -> None:
    found = score(trained.model, write(tmp_path / "short.wav", fan(1.5, RATE, 55), RATE))
    assert found.score is not None
    assert found.remarks == ("1.5 s, shorter than the clips of 2 s that the model was trained on",)


@pytest.mark.parametrize(
    ("seconds", "rate", "reason"),
    [(0.5, RATE, "needs 1 s or more"), (4.0, 8000, "8000 Hz; the model needs 16000 Hz")],
)
def test_what_cannot_be_compared_is_not_scored(
    trained: OwnTrained, tmp_path: Path, seconds: float, rate: int, reason: str
) -> None:
    found = score(trained.model, write(tmp_path / "x.wav", fan(seconds, rate, 53), rate))
    assert found.status is Status.NOT_SCORED
    assert reason in found.reason
    assert found.score is None


def test_silence_and_clipping_are_said(trained: OwnTrained, tmp_path: Path) -> None:
    silent = score(trained.model, write(tmp_path / "0.wav", np.zeros(2 * RATE, np.float32), RATE))
    assert any("all samples are zero" in remark for remark in silent.remarks)
    loud = np.clip(30 * fan(2.0, RATE, 54), -1, 1)
    clipped = score(trained.model, write(tmp_path / "1.wav", loud, RATE))
    assert any("clipped" in remark for remark in clipped.remarks)


def test_an_unreadable_file_is_named_with_the_reason(trained: OwnTrained, tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("hello")
    found = score(trained.model, tmp_path / "x.wav")
    assert found.status is Status.NOT_SCORED
    assert "is not a recording" in found.reason


def test_the_same_clip_has_the_same_score_in_training_and_later(
    place: Path, trained: OwnTrained
) -> None:
    # A clip that was trained on is its own nearest neighbour.
    found = score(trained.model, place / "normal" / "03.wav")
    assert found.score == pytest.approx(0.0, abs=1e-3)


def test_a_model_of_a_challenge_set_is_refused(trained: OwnTrained) -> None:
    facts = replace(trained.model.facts, own=None, edition="dcase2021")
    with pytest.raises(UsageError, match="dcase2021"):
        FileScorer(replace(trained.model, facts=facts), 0.05)


def test_more_normal_recordings_make_a_version_that_knows_them(
    place: Path, trained: OwnTrained, tmp_path: Path
) -> None:
    new_state = write(tmp_path / "other state.wav", fan(8.0, RATE, 60, Fault(level=0.03)), RATE)
    before = score(trained.model, new_state)
    assert before.status is Status.ANOMALOUS
    settings = request_in(place).settings
    updated = train(with_more_normal(trained.model, (new_state,), settings))
    assert updated.model.facts.own is not None
    assert updated.model.facts.own.recordings == 11
    assert "other state.wav" in updated.model.facts.own.reason
    assert score(updated.model, new_state).status is Status.NORMAL
    registry_of(settings).rollback("fan 3", 1)


def test_after_maintenance_few_recordings_give_the_centre(
    place: Path, trained: OwnTrained, tmp_path: Path
) -> None:
    changed = Fault(level=0.03)
    few = [write(tmp_path / f"{n}.wav", fan(4.0, RATE, 70 + n, changed), RATE) for n in range(3)]
    later = write(tmp_path / "later.wav", fan(4.0, RATE, 80, changed), RATE)
    settings = request_in(place).settings
    asked = after_maintenance(
        trained.model, tuple(few), settings, reason="bearing replaced", alone=False
    )
    moved = train(asked)
    assert score(trained.model, later).status is Status.ANOMALOUS
    assert score(moved.model, later).status is Status.NORMAL
    # What was normal before is not normal any more.
    assert score(moved.model, place / "normal" / "00.wav").status is Status.ANOMALOUS
    assert moved.model.facts.own is not None
    assert moved.model.facts.own.reason == "bearing replaced"
    registry_of(settings).rollback("fan 3", 1)


def test_changes_need_the_recordings_of_before(place: Path, trained: OwnTrained) -> None:
    own = trained.model.facts.own
    assert own is not None
    gone = replace(own, sources=("/nowhere/at all",))
    model = replace(trained.model, facts=replace(trained.model.facts, own=gone))
    with pytest.raises(DataError, match="are gone: /nowhere/at all"):
        with_more_normal(model, (place / "normal",), request_in(place).settings)


def test_exact_copies_count_once(place: Path, tmp_path: Path) -> None:
    root = tmp_path / "copies"
    for number in range(5):
        write(root / "normal" / f"{number}.wav", fan(2.0, RATE, number), RATE)
    (root / "normal" / "again.wav").write_bytes((root / "normal" / "3.wav").read_bytes())
    found = train(request_in(root))
    assert found.clips == 5
    assert any("1 clips are copies" in note for note in found.notes)


def test_few_recordings_are_warned_of(tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path / "normal" / f"{number}.wav", fan(6.0, RATE, number), RATE)
    found = train(request_in(tmp_path))
    assert any("2 recordings: a threshold needs about 5" in w for w in found.warnings)


def test_one_clip_is_too_little(tmp_path: Path) -> None:
    write(tmp_path / "normal" / "0.wav", fan(2.0, RATE, 1), RATE)
    with pytest.raises(DataError, match="too little"):
        train(request_in(tmp_path))


def test_a_bad_recording_stops_training_unless_it_may_be_left_out(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / "normal" / f"{number}.wav", fan(4.0, RATE, number), RATE)
    (tmp_path / "normal" / "bad.wav").write_bytes(b"RIFF")
    with pytest.raises(ProblemsError, match="1 of 5 recordings"):
        train(request_in(tmp_path))
    found = train(request_in(tmp_path, skip_bad=True))
    assert found.recordings == 4
    assert len(found.skipped) == 1


def test_recordings_of_a_lower_rate_are_left_out_by_name(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path / "normal" / f"{number:02}.wav", fan(2.0, RATE, number), RATE)
    write(tmp_path / "normal" / "old.wav", fan(2.0, 8000, 50), 8000)
    with pytest.raises(ProblemsError) as caught:
        train(request_in(tmp_path))
    assert any("old.wav has 8000 Hz" in problem for problem in caught.value.problems)
    assert train(request_in(tmp_path, skip_bad=True)).recordings == 20


def test_settings_fix_the_rate(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path / "normal" / f"{number}.wav", fan(2.0, RATE, number), RATE)
    request = request_in(tmp_path)
    settings = Settings.model_validate(
        {**request.settings.run_values(), "parameters": {"feature.sample_rate": 8000}}
    )
    assert train(replace(request, settings=settings)).model.features.sample_rate == 8000


def test_settings_that_are_not_used_are_named(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path / "normal" / f"{number}.wav", fan(2.0, RATE, number), RATE)
    request = request_in(tmp_path)
    given = {"threshold": "quantile", "decision_threshold": 0.5, "feature.n_mels": 64}
    settings = Settings.model_validate({**request.settings.run_values(), "parameters": given})
    found = train(replace(request, settings=settings))
    (said,) = [note for note in found.notes if "do not use" in note]
    assert "decision_threshold, threshold" in said
    assert found.model.threshold.kind == "interval"
    assert found.model.features.n_mels == 64


@pytest.mark.parametrize("name", ["", " ", "../x", "a/b", ".hidden", "x" * 101, "a\nb"])
def test_names_that_are_no_folders_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a machine"):
        Registry(tmp_path).folder(name)


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0, float("nan")])
def test_a_rate_outside_0_to_1_is_refused(place: Path, rate: float) -> None:
    with pytest.raises(UsageError, match="not between 0 and 1"):
        request_in(place, false_alarm_rate=rate)


def test_versions_are_kept_and_chosen(place: Path, trained: OwnTrained, tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    paths = [registry.publish(trained.model) for _ in range(3)]
    assert [version.number for version in registry.versions("fan 3")] == [1, 2, 3]
    assert registry.path("fan 3") == paths[2]
    assert registry.rollback("fan 3").path == paths[1]
    assert registry.path("fan 3") == paths[1]
    with pytest.raises(UsageError, match="in use"):
        registry.remove("fan 3", 2)
    assert registry.remove("fan 3", 3) == (paths[2],)
    assert registry.publish(trained.model).name == "v0003.safetensors"
    with pytest.raises(DataError, match="no version 9"):
        registry.rollback("fan 3", 9)
    registry.remove("fan 3")
    assert registry.machines() == ()
    with pytest.raises(DataError, match="no model of fan 3"):
        registry.load("fan 3")
