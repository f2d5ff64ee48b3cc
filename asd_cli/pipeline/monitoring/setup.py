"""A monitoring session from what was asked for: model, rule, database and outputs."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.errors import DataError, IntegrityError, UsageError
from asd_cli.core.events import Events
from asd_cli.core.hashing import hash_file
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.monitoring.channels import Channel, ExecChannel, WebhookChannel
from asd_cli.pipeline.monitoring.evidence import Evidence
from asd_cli.pipeline.monitoring.exported import read_exported
from asd_cli.pipeline.monitoring.monitor import ClipRow, Monitor
from asd_cli.pipeline.monitoring.mqtt import MqttChannel
from asd_cli.pipeline.monitoring.outbox import Outbox
from asd_cli.pipeline.monitoring.rule_making import AlarmOptions
from asd_cli.pipeline.monitoring.scorer import ClipScorer, ModelScorer, rule_of
from asd_cli.pipeline.monitoring.session import (
    DATABASE,
    SOUNDS,
    Session,
    StatusOutput,
    only_one,
    take_over,
)
from asd_cli.pipeline.monitoring.store import Store
from asd_cli.pipeline.own.request import registry_of
from asd_cli.settings.model import Settings

WEBHOOK_TOKEN, MQTT_USER, MQTT_PASSWORD = (
    "ASD_WEBHOOK_TOKEN", "ASD_MQTT_USER", "ASD_MQTT_PASSWORD",
)  # fmt: skip
_FILE = "_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringRequest:
    """What to monitor, and where results go.

    Attributes
    ----------
    machine : str
        Whose model is used.
    settings : Settings
        Say where models and results are.
    options : AlarmOptions
        The alarm rule.
    exec_, webhook, mqtt, metrics : str or None
        A program; an address; ``HOST[:PORT]`` of a broker and of the metrics.
    page : Path or None
        A page that is written each minute.
    serve : str or None
        ``HOST:PORT`` on which the page is shown.
    stale_seconds : float
        Without sound for so long the sensor is at fault.
    device : str
        Where networks compute.
    model : Path or None
        A file of `asd export` that scores instead of the model; it names the machine.
    """

    machine: str
    settings: Settings
    options: AlarmOptions = AlarmOptions()
    exec_: str | None = None
    webhook: str | None = None
    mqtt: str | None = None
    metrics: str | None = None
    page: Path | None = None
    serve: str | None = None
    stale_seconds: float = 3600.0
    device: str = "auto"
    model: Path | None = None

    @property
    def folder(self) -> Path:
        """Where everything of the machine is kept."""
        return monitoring_folder(self.settings, self.machine)


def monitoring_folder(settings: Settings, machine: str) -> Path:
    """Name the folder in which monitoring of a machine keeps what it needs."""
    registry_of(settings).folder(machine)  # refuses names that can be none of a folder
    return settings.result_directory / "own" / machine


def secret(name: str) -> str:
    """Read a secret from the environment, or the file that ``NAME_FILE`` names; empty for none.

    Raises
    ------
    DataError
        When there is no such file.
    """
    named = os.environ.get(name + _FILE)
    if not named:
        return os.environ.get(name, "")
    try:
        return Path(named).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise DataError(
            f"{name}{_FILE} names a file that cannot be read: {error.strerror}",
            hint="give the path of a file that holds the secret",
        ) from error


@contextmanager
def monitoring(
    request: MonitoringRequest, events: Events, show: Callable[[ClipRow], None], *, mode: str
) -> Iterator[Session]:
    """Open a session; everything is ended when the body is.

    Parameters
    ----------
    request : MonitoringRequest
        What is asked for.
    events : Events
        Told the promise, and of failures.
    show : callable
        Called with each new row.
    mode : str
        ``watch``, ``once`` or ``listen``, for `asd status`.

    Raises
    ------
    DataError
        When there is no model.
    UsageError
        When another process monitors the machine, or an option cannot be used.
    """
    models = _Models(request)
    model = models.load()
    monitor, evidence = models.use(model)
    channels = _channels(request)
    with only_one(request.folder, request.machine):
        store = Store(request.folder / DATABASE)
        session = Session(
            monitor=monitor, store=store, evidence=evidence,
            outbox=Outbox(store, channels, events), show=show,
            outputs=_outputs(request), pages=_pages(request, store, model, evidence),
            stale_seconds=request.stale_seconds, newer=models.newer,
        )  # fmt: skip
        try:
            take_over(store, monitor, events)
            store.set_fact("mode", mode)
            store.set_fact("stale_seconds", repr(request.stale_seconds))
            events.note(f"{request.machine}: {monitor.rule.promise}")
            session.begin()
            yield session
            session.tick(force=True)
        finally:
            session.close()


@dataclass(slots=True)
class _Models:
    """Versions of the machine's model, or of its exported file, as they come into use."""

    request: MonitoringRequest
    used: tuple[object, ...] = ()

    def load(self) -> Model | None:
        """Read the version in use; None where an exported file scores."""
        self.used = self._now()
        if self.request.model is not None:
            return None
        return Model.load(self._path(), device=self.request.device)

    def use(self, model: Model | None) -> tuple[Monitor, Evidence]:
        """Make what scores and decides by the version that was read last."""
        scorer: ClipScorer
        if model is not None:
            scorer = ModelScorer(model, hash_file(self._path()))
            rule = rule_of(model, self.request.options)
        else:
            scorer = exported = read_exported(self._path())
            rule = exported.rule(self.request.options)
        evidence = Evidence(self.request.folder / SOUNDS, scorer.sample_rate)
        return Monitor(scorer, rule), evidence

    def newer(self) -> tuple[Monitor, Evidence] | None:
        """Read the version in use where it is another one.

        Damaged ones are not used, nor exported files whose rule is not what was asked for.
        """
        try:
            return None if self._now() == self.used else self.use(self.load())
        except (DataError, IntegrityError, UsageError):
            return None

    def _path(self) -> Path:
        if self.request.model is not None:
            return self.request.model
        return registry_of(self.request.settings).path(self.request.machine)

    def _now(self) -> tuple[object, ...]:
        """Say which version is in use: versions of a model have names of their own."""
        if self.request.model is None:
            return (self._path(),)
        try:
            facts = self.request.model.stat()
        except OSError:  # replaced at this moment, or gone: what is read already goes on
            return self.used
        return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _channels(request: MonitoringRequest) -> list[Channel]:
    channels: list[Channel] = []
    if request.exec_:
        channels.append(ExecChannel(request.exec_))
    if request.webhook:
        channels.append(WebhookChannel(request.webhook, secret(WEBHOOK_TOKEN)))
    if request.mqtt:
        channels.append(
            MqttChannel(request.mqtt, request.machine, secret(MQTT_USER), secret(MQTT_PASSWORD))
        )
    return channels


def _outputs(request: MonitoringRequest) -> list[StatusOutput]:
    if request.metrics is None:
        return []
    from asd_cli.pipeline.monitoring.metrics import Metrics

    return [Metrics(request.metrics)]


def _pages(
    request: MonitoringRequest, store: Store, model: Model | None, evidence: Evidence
) -> list[StatusOutput]:
    if request.page is None:
        if request.serve is not None:
            raise UsageError("there is no page to serve", hint="give one: --page status.html")
        return []
    if model is None:
        raise UsageError(
            "a page shows what the model holds, and an exported file does not",
            hint="watch with the model: --machine NAME; or leave --page out",
        )
    from asd_cli.pipeline.monitoring.page import StatusPage
    from asd_cli.pipeline.monitoring.serving import PageServer

    page = StatusPage(request.page, store, model, evidence)
    return [page, *([PageServer(request.serve, request.page)] if request.serve else [])]
