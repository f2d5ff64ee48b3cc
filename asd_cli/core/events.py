"""What long work tells whoever started it.

Work takes an `Events` value and never prints: the command line renders events as progress bars, a
library user gets silence or a callback.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Events(Protocol):
    """Receiver of progress and messages."""

    def started(self, task: str, total: float | None, unit: str) -> None:
        """Begin a task; `total` is None where the end is not known."""

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        """Move a task on by `amount` units; `detail` says what is being done now."""

    def finished(self, task: str) -> None:
        """End a task, whether it was completed or interrupted."""

    def note(self, message: str) -> None:
        """Tell something worth knowing."""

    def warning(self, message: str) -> None:
        """Tell something that the user may have to act on."""


class SilentEvents:
    """Events that nobody listens to."""

    def started(self, task: str, total: float | None, unit: str) -> None:
        """Do nothing."""

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        """Do nothing."""

    def finished(self, task: str) -> None:
        """Do nothing."""

    def note(self, message: str) -> None:
        """Do nothing."""

    def warning(self, message: str) -> None:
        """Do nothing."""


SILENT: Events = SilentEvents()


class LabelledEvents:
    """Events whose tasks carry a label, so that the same task can run for several machines at once.

    Parameters
    ----------
    events : Events
        Who listens.
    label : str
        Comes after the name of every task.
    """

    def __init__(self, events: Events, label: str) -> None:
        self._events, self._label = events, label

    def started(self, task: str, total: float | None, unit: str) -> None:
        """Begin the labelled task."""
        self._events.started(f"{task} {self._label}", total, unit)

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        """Move the labelled task on."""
        self._events.advanced(f"{task} {self._label}", amount, detail)

    def finished(self, task: str) -> None:
        """End the labelled task."""
        self._events.finished(f"{task} {self._label}")

    def note(self, message: str) -> None:
        """Pass a message on as it is."""
        self._events.note(message)

    def warning(self, message: str) -> None:
        """Pass a warning on as it is."""
        self._events.warning(message)


Advance = Callable[..., None]


@contextmanager
def progress(events: Events, task: str, *, total: float | None, unit: str) -> Iterator[Advance]:
    """Report a task from start to end, however it ends.

    Parameters
    ----------
    events : Events
        Who listens.
    task : str
        Name of the task, unique among those running at once.
    total : float or None
        Number of units in the whole task, None where not known.
    unit : str
        What is counted: ``clips``, ``bytes``, ``batches``.

    Yields
    ------
    callable
        ``advance(amount=1, detail="")``.
    """

    def advance(amount: float = 1, detail: str = "") -> None:
        events.advanced(task, amount, detail)

    events.started(task, total, unit)
    try:
        yield advance
    finally:
        events.finished(task)
