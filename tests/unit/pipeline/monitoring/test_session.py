"""A session between clips: newer models, silence, requests of operators."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from asd_cli.core.events import SilentEvents
from asd_cli.pipeline.monitoring.monitor import ClipRow
from asd_cli.pipeline.monitoring.rule import Condition
from asd_cli.pipeline.monitoring.session import Session, take_over
from asd_cli.pipeline.monitoring.setup import MQTT_PASSWORD, monitoring, secret
from asd_cli.pipeline.monitoring.state_of import Overall, read_status
from asd_cli.pipeline.own.request import registry_of
from asd_cli.services.watch import watch
from tests.support import monitored
from tests.support.watch_victim import request


class Notes(SilentEvents):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture
def shown() -> list[ClipRow]:
    return []


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def session(place: Path, shown: list[ClipRow], notes: Notes) -> Iterator[Session]:
    """A session after an alarm."""
    for number in range(12):
        monitored.write(place / "in" / f"{number:03}.wav", number, loud=1 if number < 4 else 4)
    watch(request(place))
    with monitoring(request(place).monitoring, notes, shown.append, mode="watch") as opened:
        yield opened


def test_the_same_version_in_another_file_leaves_an_alarm_ringing(
    session: Session, notes: Notes
) -> None:
    number, _, _ = session.monitor.scorer.version.partition("-")
    with session.store.transaction():
        session.store.set_fact("version", f"{number}-exported")
    before = session.store.state()
    take_over(session.store, session.monitor, notes)
    assert before.ringing
    assert session.store.state() == before
    assert not any("in use now" in note for note in notes.notes)


def test_a_newer_version_of_the_model_is_used_and_begins_with_a_new_sum(
    session: Session, place: Path, notes: Notes
) -> None:
    assert session.store.state().ringing
    registry = registry_of(monitored.settings(place))
    before = session.monitor.scorer.version
    registry.publish(registry.load(monitored.MACHINE))
    session.tick(force=True)
    assert session.monitor.scorer.version != before
    state = session.store.state()
    assert (state.ringing, state.total, state.alarms, state.clips) == (False, 0.0, 1, 12)
    assert any("version 2 of the model is in use now" in note for note in notes.notes)
    session.tick(force=True)
    assert len([note for note in notes.notes if "in use now" in note]) == 1


def test_a_damaged_model_leaves_the_one_in_use(session: Session, place: Path) -> None:
    registry = registry_of(monitored.settings(place))
    (registry.folder(monitored.MACHINE) / "current").write_text("v0009.safetensors")
    before = session.monitor.scorer.version
    session.tick(force=True)
    assert session.monitor.scorer.version == before


def test_silence_is_announced_once(session: Session, shown: list[ClipRow]) -> None:
    session.lost(time.time(), "no sound for 60 s", identity="one")
    session.lost(time.time(), "no sound for 90 s", identity="two")
    assert [row.reason for row in shown] == ["no sound for 60 s", "no sound for 90 s"]
    # An alarm stays one while nothing can be known of the machine.
    assert session.store.state().condition is Condition.ALARM


def test_operators_are_listened_to_while_no_clip_comes(session: Session) -> None:
    session.store.ask(time.time(), "shelve", time.time() + 60)
    session.store.ask(time.time(), "acknowledge")
    session.tick(force=True)
    state = session.store.state()
    assert (state.acknowledged, state.announced) == (True, Condition.NORMAL)
    assert read_status(session.store, time.time()).overall is Overall.OK


def test_who_does_not_listen_any_more_is_stale(session: Session) -> None:
    now = time.time()
    assert read_status(session.store, now).overall is Overall.ALARM
    later = read_status(session.store, now + 300)
    assert (later.overall, later.why.startswith("nobody has listened")) == (Overall.STALE, True)
    assert read_status(session.store, now + 4000).why.startswith("no sound for")


def test_secrets_come_from_the_environment_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert secret(MQTT_PASSWORD) == ""
    monkeypatch.setenv(MQTT_PASSWORD, "one")
    assert secret(MQTT_PASSWORD) == "one"
    (tmp_path / "secret").write_text("two\n")
    monkeypatch.setenv(f"{MQTT_PASSWORD}_FILE", str(tmp_path / "secret"))
    assert secret(MQTT_PASSWORD) == "two"
