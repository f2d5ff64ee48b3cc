"""Monitoring by an exported file does what monitoring by the model does."""

import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from asd_cli.core.errors import DataError, UsageError
from asd_cli.pipeline.monitoring.exported import ExportedScorer, read_exported
from asd_cli.pipeline.monitoring.rule_making import AlarmOptions
from asd_cli.pipeline.monitoring.scorer import ModelScorer, rule_of
from asd_cli.pipeline.monitoring.setup import MonitoringRequest, _Models
from asd_cli.pipeline.own.registry import Registry
from asd_cli.services.export import Description, ExportRequest, export
from asd_cli.services.watch import watch
from tests.support import monitored
from tests.support.command import asd
from tests.support.watch_victim import request
from tests.unit.pipeline.monitoring.test_watching import (
    CHECKPOINTS,
    arrive,
    remembered,
    rows,
    run,
)

HOURLY = AlarmOptions(false_alarms="1/hour")


@pytest.fixture(scope="module")
def file(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "pump.onnx"
    export(
        ExportRequest(
            machine=monitored.MACHINE, settings=monitored.settings(models.parent), output=path,
            description=Description(alarms=HOURLY),
        )
    )  # fmt: skip
    return path


def test_scores_levels_and_the_rule_are_those_of_the_model(models: Path, file: Path) -> None:
    model = Registry(models / "own").load(monitored.MACHINE)
    ours, theirs = ModelScorer(model), read_exported(file)
    assert (theirs.machine, theirs.channel, theirs.clip_seconds) == ("pump", "mean", 1.0)
    assert (theirs.sample_rate, theirs.min_seconds) == (ours.sample_rate, ours.min_seconds)
    assert theirs.rule(HOURLY) == rule_of(model, HOURLY)
    for seed, loud in ((1, 1.0), (2, 4.0)):
        clip = monitored.sound(seed, loud=loud)
        known, found = ours.score(clip), theirs.score(clip)
        assert found.score == pytest.approx(known.score, rel=1e-4)
        assert found.p_value == pytest.approx(known.p_value, rel=1e-3)
        assert found.level == pytest.approx(known.level, abs=0.011)
    assert "dB louder than normal" in theirs.reason(clip)
    with pytest.raises(DataError, match="cannot be scored: 3 samples"):
        theirs.score(clip[:3])


def test_delays_can_be_changed_and_the_rate_cannot(file: Path) -> None:
    scorer = read_exported(file)
    changed = scorer.rule(replace(HOURLY, clear_after=3, latch=True))
    assert (changed.clear_after, changed.latch) == (3, True)
    assert scorer.rule(AlarmOptions()) == scorer.rule(HOURLY)
    for other in ({"false_alarms": "1/day"}, {"rule": "3of5"}, {"spacing_seconds": 60.0}):
        with pytest.raises(UsageError, match="holds its alarm rule"):
            scorer.rule(AlarmOptions(**other))


def test_what_is_no_exported_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"\x00" * 100)
    with pytest.raises(DataError, match=r"x\.onnx is no file of asd export"):
        read_exported(tmp_path / "x.onnx")
    with pytest.raises(DataError, match="there is no file"):
        read_exported(tmp_path / "y.onnx")


def test_the_command_watches_without_the_model(
    place: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same conditions, clip by clip; and a page needs the model."""
    arrive(place)
    watch(replace(request(place), move_to=None))
    query = "SELECT condition FROM clips ORDER BY id"
    known = rows(place, query)
    assert ("alarm",) in known
    shutil.rmtree(place / "model")
    shutil.rmtree(place / "result")
    monkeypatch.chdir(place)
    result = asd("watch", "in", "--model", str(file), "--once", "--settle", "0.1")
    assert result.exit_code == 0, result.output
    assert rows(place, query) == known
    refused = asd("watch", "in", "--model", str(file), "--once", "--page", "status.html")
    assert refused.exit_code == 2
    assert "an exported file does not" in refused.stderr


def test_a_file_that_is_replaced_comes_into_use_once_it_is_complete(
    models: Path, file: Path, tmp_path: Path
) -> None:
    used = tmp_path / "pump.onnx"
    shutil.copy(file, used)
    settings = monitored.settings(models.parent)
    session = _Models(MonitoringRequest(machine="pump", settings=settings, model=used))
    before, _ = session.use(session.load())
    assert session.newer() is None
    used.write_bytes(file.read_bytes()[:1000])
    assert session.newer() is None
    export(ExportRequest(machine="pump", settings=settings, output=used))
    found = session.newer()
    assert found is not None
    assert found[0].scorer.version != before.scorer.version
    assert found[0].rule.false_alarm_seconds > before.rule.false_alarm_seconds
    used.unlink()
    assert session.newer() is None


@pytest.mark.slow
def test_a_watcher_with_an_exported_file_that_is_killed_does_the_same_as_one_that_is_not(
    place: Path, models: Path, file: Path, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("WATCH_MODEL", str(file))
    arrive(place)
    watch(request(place))
    expected = remembered(place)
    assert [event[2] for event in expected["events"]] == ["warning", "alarm"]
    other = tmp_path_factory.mktemp("killed")
    (other / "told").write_text((place / "told").read_text().replace(str(place), str(other)))
    (other / "told").chmod(0o755)
    (other / "in").mkdir()
    arrive(other)
    killed = [run(other, name, 2) for name in CHECKPOINTS]
    assert killed == [-signal.SIGKILL] * len(CHECKPOINTS)
    assert run(other, "never", 1) == 0
    assert remembered(other) == expected


def test_a_file_of_a_challenge_has_no_rule(file: Path) -> None:
    import onnx

    model = onnx.load(file)
    kept = [entry for entry in model.metadata_props if entry.key != "asd.alarm_rule"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    with pytest.raises(UsageError, match="is not of a machine of your own"):
        ExportedScorer(model.SerializeToString(), "fan.onnx")
