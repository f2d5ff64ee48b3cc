"""Let a piece of work end before Ctrl-C or a termination signal takes effect."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(BaseException):
    """The process was asked to end by SIGTERM; like KeyboardInterrupt, not an error."""


class StopRequest:
    """Remembers a signal until the work asks for it."""

    def __init__(self) -> None:
        self._signal: int | None = None

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal; the second one ends the work at once."""
        if self._signal is not None:
            _raise(number)
        self._signal = number

    @property
    def received(self) -> bool:
        """Whether a signal has come."""
        return self._signal is not None

    def act(self) -> None:
        """Raise what the signal stands for, if one has come."""
        if self._signal is not None:
            _raise(self._signal)


def raise_when_terminated() -> None:
    """Make SIGTERM raise `Terminated` in this process's main thread."""
    signal.signal(signal.SIGTERM, lambda number, _frame: _raise(number))


def _raise(number: int) -> None:
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


@contextmanager
def deferred_interrupts() -> Iterator[StopRequest]:
    """Hold SIGINT and SIGTERM back while the body runs.

    Only the main thread may do so; in any other the body runs as it is.

    Yields
    ------
    StopRequest
        Ask it between steps.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    previous = {
        number: signal.signal(number, request.receive) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def signals_held_back(*numbers: signal.Signals) -> Iterator[None]:
    """Start processes in the body that these signals never reach.

    A process inherits which signals are blocked; nothing that it does itself comes early enough.
    What arrives meanwhile reaches this process afterwards.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
