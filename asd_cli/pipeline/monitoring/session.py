"""What `watch` and `listen` share: database, rule, outputs, and what is done between clips."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from asd_cli.core.errors import NetworkError, UsageError
from asd_cli.core.events import Events
from asd_cli.pipeline.monitoring.channels import Channel
from asd_cli.pipeline.monitoring.clips import SoundClip
from asd_cli.pipeline.monitoring.evidence import Evidence
from asd_cli.pipeline.monitoring.monitor import ClipRow, Monitor, Step
from asd_cli.pipeline.monitoring.mqtt import MqttChannel
from asd_cli.pipeline.monitoring.outbox import Outbox
from asd_cli.pipeline.monitoring.rule import AlarmState
from asd_cli.pipeline.monitoring.state_of import MonitorStatus, read_status
from asd_cli.pipeline.monitoring.store import Store
from asd_cli.pipeline.monitoring.systemd import notify

DATABASE, SOUNDS = "state.sqlite", "events"
_BEAT_SECONDS = 10.0
_PAGE_SECONDS = 60.0
# A page is drawn again sooner where a clip came since.
_NEW_PAGE_SECONDS = 10.0


class StatusOutput(Protocol):
    """Something that is told the state every few seconds: metrics, a page."""

    def update(self, status: MonitorStatus) -> None:
        """Take the state."""

    def close(self) -> None:
        """End."""


@dataclass(slots=True, kw_only=True)
class Session:
    """Monitoring of one machine, by one process.

    Attributes
    ----------
    monitor : Monitor
        Scores and decides.
    store : Store
        Remembers.
    evidence : Evidence
        Keeps the sound of events.
    outbox : Outbox
        Sends events.
    show : callable
        Called with each new row, once.
    outputs : sequence of StatusOutput
        Told the state every ten seconds.
    pages : sequence of StatusOutput
        Told the state every minute.
    stale_seconds : float
        Without sound for so long the sensor is at fault.
    newer : callable
        Gives scorer, rule and evidence of a newer version of the model; None while there is none.
    """

    monitor: Monitor
    store: Store
    evidence: Evidence
    outbox: Outbox
    show: Callable[[ClipRow], None]
    outputs: Sequence[StatusOutput] = ()
    pages: Sequence[StatusOutput] = ()
    stale_seconds: float = 3600.0
    newer: Callable[[], tuple[Monitor, Evidence] | None] = field(default=lambda: None)
    _started: float = field(default_factory=time.time)
    _beat_at: float = 0.0
    _page_at: float = 0.0
    _unshown: bool = False
    _silent: bool = False

    @property
    def channels(self) -> list[str]:
        """Names of what events are sent through."""
        return [channel.name for channel in self.outbox.channels]

    def begin(self) -> None:
        """Take over what an earlier process left."""
        self.store.set_fact("started", repr(self._started))
        self.after_clips()
        notify("READY=1")
        self.tick(force=True)

    def after_clips(self) -> None:
        """Show new rows, and send what is due."""
        self._print()
        self.outbox.deliver(time.time())

    def _print(self) -> None:
        shown = int(self.store.fact("shown") or 0)
        for row in self.store.clip_rows(after=shown):
            self.show(row.clip)
            shown = row.number
        self.store.set_fact("shown", str(shown))

    def heard(self, steps: Sequence[Step]) -> None:
        """Note that there was sound."""
        if steps:
            self._silent, self._unshown = False, True
            self.store.set_fact("heard_at", repr(time.time()))

    def tick(self, *, force: bool = False) -> None:
        """Do what is due: signs of life, requests of operators, outputs, pages."""
        now = time.time()
        if not force and now - self._beat_at < _BEAT_SECONDS:
            return
        self._beat_at = now
        notify("WATCHDOG=1")
        self._renew()
        with self.store.transaction():
            self.store.apply_requests()
            self.store.set_fact("alive_at", repr(now))
        self._watch_for_silence(now)
        self.outbox.deliver(now)
        status = read_status(self.store, now)
        for output in self.outputs:
            output.update(status)
        for channel in self.outbox.channels:
            if isinstance(channel, MqttChannel):
                with suppress(NetworkError):
                    channel.publish_state(status.document())
        due = _NEW_PAGE_SECONDS if self._unshown else _PAGE_SECONDS
        if self.pages and (force or now - self._page_at >= due):
            self._page_at, self._unshown = now, False
            for page in self.pages:
                page.update(status)

    def _renew(self) -> None:
        """Use a newer version of the model, as `asd update` makes it."""
        newer = self.newer()
        if newer is not None:
            self.monitor, self.evidence = newer
            take_over(self.store, self.monitor, self.outbox.events)

    def _watch_for_silence(self, now: float) -> None:
        """Where no sound has come for too long, the sensor is at fault."""
        last = max(float(self.store.fact("heard_at") or 0.0), self._started)
        if self._silent or now - last < self.stale_seconds:
            return
        self._silent = True
        self.lost(now, f"no sound for {now - last:.0f} s", identity=f"silence:{last:.0f}")

    def lost(self, now: float, why: str, *, identity: str) -> None:
        """Tell the rule that there is no sound."""
        silent = [
            SoundClip(start=float(number), seconds=0.0, fault=why)
            for number in range(self.monitor.rule.sensor_after)
        ]
        state = self.store.state()
        steps = list(self.monitor.take(silent, state, source="", begin=now, identity=identity))
        with self.store.transaction():
            self.store.add_steps(steps[-1:], None, self.channels)
        self.after_clips()

    def close(self) -> None:
        """Say that nobody listens any more."""
        notify("STOPPING=1")
        for output in (*self.outputs, *self.pages):
            output.close()
        for channel in self.outbox.channels:
            channel.close()
        self.store.close()


@contextmanager
def only_one(folder: Path, machine: str) -> Iterator[None]:
    """Let a single process monitor a machine; UsageError for the second."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".monitoring.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"another process monitors {machine} already", hint="see: asd status"
        ) from None
    try:
        yield
    finally:
        lock.release()


def take_over(store: Store, monitor: Monitor, events: Events) -> None:
    """Keep rule and version in the store; a new version of the model begins with a new sum.

    The same version in another file, as an exported one, continues with the state: an alarm that
    rings must not end because the model is called otherwise.
    """
    document = json.dumps(monitor.rule.document(), sort_keys=True)
    version, before = monitor.scorer.version, store.fact("version")
    changed = before is not None and _number(before) != _number(version)
    rang = changed and store.state().ringing
    with store.transaction():
        store.set_fact("machine", monitor.scorer.machine)
        store.set_fact("rule", document)
        store.set_fact("version", version)
        if changed:
            old = store.state()
            store.set_fact("state", replace(
                AlarmState(), time=old.time, shelved_until=old.shelved_until, alarms=old.alarms,
                clips=old.clips, off_clips=old.off_clips, sensor_clips=old.sensor_clips,
            ).to_json())  # fmt: skip
    if changed:
        events.note(
            f"version {_number(version)} of the model is in use now: the alarm's sum begins at 0"
            f"{', and the alarm that rang has ended' if rang else ''}; {monitor.rule.promise}"
        )


def _number(version: str) -> str:
    """Give the number of a version without what its file holds."""
    return version.partition("-")[0]


def channel_names(channels: Sequence[Channel]) -> list[str]:
    """Give the names of channels."""
    return [channel.name for channel in channels]
