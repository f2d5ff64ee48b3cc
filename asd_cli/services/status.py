"""`asd status`: how monitored machines are, and what operators ask for."""

import re
import time
from dataclasses import dataclass

from asd_cli.core.errors import DataError, UsageError
from asd_cli.pipeline.monitoring.session import DATABASE
from asd_cli.pipeline.monitoring.setup import monitoring_folder
from asd_cli.pipeline.monitoring.state_of import MonitorStatus, read_status
from asd_cli.pipeline.monitoring.store import Store
from asd_cli.settings.model import Settings

_UNITS = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """Machines to look at.

    Attributes
    ----------
    settings : Settings
        Say where results are.
    machines : tuple of str
        Which; all that are monitored by default.
    acknowledge : bool
        Say that an alarm was seen.
    shelve : str or None
        Announce no alarm for so long: ``8h``, ``30min``, ``0``.
    """

    settings: Settings
    machines: tuple[str, ...] = ()
    acknowledge: bool = False
    shelve: str | None = None


def machine_status(request: StatusRequest) -> tuple[MonitorStatus, ...]:
    """Give the state of machines, after noting what the operator asks for.

    Raises
    ------
    DataError
        When none is monitored.
    UsageError
        When a time cannot be read, or it is not clear which alarm was seen.
    """
    machines = request.machines or _monitored(request.settings)
    changes = request.acknowledge or request.shelve is not None
    if changes and len(machines) != 1:
        raise UsageError("say which machine is meant", hint=f"--machine '{machines[0]}'")
    now = time.time()
    until = None if request.shelve is None else _until(request.shelve, now)
    found = []
    for machine in machines:
        store = Store(monitoring_folder(request.settings, machine) / DATABASE,
                      read_only=not changes)  # fmt: skip
        try:
            if request.acknowledge:
                store.ask(now, "acknowledge")
            if request.shelve is not None:
                store.ask(now, "shelve", until)
            found.append(read_status(store, now))
        finally:
            store.close()
    return tuple(found)


def _monitored(settings: Settings) -> tuple[str, ...]:
    root = settings.result_directory / "own"
    names = sorted(path.parent.name for path in root.glob(f"*/{DATABASE}"))
    if not names:
        raise DataError(
            f"no machine is monitored: there is no {DATABASE} below {root}",
            hint="start with: asd watch FOLDER --machine NAME",
        )
    return tuple(names)


def _until(text: str, now: float) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)?", text.strip())
    if not found or (found[2] is None and float(found[1]) != 0):
        raise UsageError(f"{text!r} is no time", hint="give one: --shelve 8h; 0 ends it")
    seconds = float(found[1]) * _UNITS[found[2] or "s"]
    return now + seconds if seconds else None
