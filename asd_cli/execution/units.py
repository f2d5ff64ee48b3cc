"""Long work as a list of units that are done once, by whichever process comes to them.

A unit is about a minute of work and is the same in every process: its key is a hash of what it is
made from. A run does the units that have no marker, on any executor and in any number of processes;
what was interrupted is all that is done again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic

from asd_cli.core.errors import AsdError, IncompleteError, NetworkError, ResourceError
from asd_cli.core.events import Events
from asd_cli.execution.executor import Executor, Item, Result
from asd_cli.execution.markers import Markers

TRIES = 3
_WAIT_S = 0.5

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unit(Generic[Item]):
    """A piece of work.

    Attributes
    ----------
    key : str
        Hash of everything that decides the result.
    label : str
        What it is called in messages: ``fan train 1 of 3``.
    size : int
        Clips.
    folder : Path
        Where its marker is.
    item : value
        What the job is given; picklable.
    """

    key: str
    label: str
    size: int
    folder: Path
    item: Item

    @property
    def markers(self) -> Markers:
        """The markers among which its own is."""
        return Markers(self.folder)


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of a unit: its marker's content, an error, or neither where another has it."""

    content: Content | None = None
    error: AsdError | None = None
    elsewhere: bool = False


def do_units(
    job: Callable[[Item, Events], Content],
    units: Sequence[Unit[Item]],
    *,
    executor: Executor,
    events: Events,
    each: Callable[[Unit[Item], Content], None] = lambda *_: None,
) -> None:
    """Do the units that are not done yet.

    Units that another process works on are left until the others are done, and waited for then.

    Parameters
    ----------
    job : callable
        ``job(item, events)`` writes a unit's result and gives the content of its marker; picklable.
    units : sequence of Unit
        This process's part.
    executor : Executor
        Where to work.
    events : Events
        Told of what units report, and of each failure when it happens.
    each : callable
        Called here with each unit as it is done, and its marker's content.

    Raises
    ------
    AsdError
        Of the unit that failed, when all others are done.
    IncompleteError
        Names the units, where several failed.
    """
    failed: list[tuple[Unit[Item], AsdError]] = []
    left = list(units)
    for wait in (False, True):
        chosen, left = left, []
        work = partial(_do, job, wait)
        outcomes = executor.submit(work, chosen, events=events, long=True)
        with closing(outcomes):
            for outcome in outcomes:
                unit, done = chosen[outcome.index], outcome.result
                if done.elsewhere:
                    left.append(unit)
                elif done.content is not None:
                    each(unit, done.content)
                elif done.error is not None:
                    failed.append((unit, done.error))
                    events.warning(f"{unit.label} failed: {done.error.message}")
    if len(failed) == 1:
        raise failed[0][1]
    if failed:
        raise IncompleteError(
            f"{len(failed)} of {len(units)} units failed; the others are done",
            [f"{unit.label}: {error.message}" for unit, error in failed],
            hint=failed[0][1].hint or "run the command again: it does what is missing",
        )


def _do(
    job: Callable[[Item, Events], Content],
    wait: bool,
    unit: Unit[Item],
    events: Events,
) -> _Done:
    """Do one unit and write its marker; may run in a worker."""
    markers = unit.markers
    try:
        with markers.claimed(unit.key, wait=wait) as mine:
            known = markers.read(unit.key)
            if known is not None:
                return _Done(known)
            if not mine:
                return _Done(elsewhere=True)
            begun = time.monotonic()
            found = retried(lambda: job(unit.item, events), unit.label, events)
            seconds = round(time.monotonic() - begun, 3)
            content = {**found, "label": unit.label, "size": unit.size, "seconds": seconds}
            markers.write(unit.key, content)
            return _Done(content)
    except AsdError as error:
        return _Done(error=error)


def retried(work: Callable[[], Result], label: str, events: Events) -> Result:
    """Do work again where a disk, a network or memory failed it, three times in all.

    What is wrong with recordings or settings is as wrong the next time, and is raised at once.
    """
    for attempt in range(1, TRIES):
        try:
            return work()
        except (NetworkError, ResourceError) as error:
            events.note(f"{label} is tried again: {error.message}")
            time.sleep(_WAIT_S * attempt)
    return work()
