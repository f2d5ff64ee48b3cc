"""How long to wait for a server, how often to try again, and when to stop."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from asd_cli.core.errors import NetworkError
from asd_cli.core.events import SILENT, Events


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for a server, in seconds unless said otherwise.

    Attributes
    ----------
    attempts : int
        Tries without progress before giving up.
    pause, pause_limit : float
        First pause between tries, doubled each time, and the longest.
    retry_after_limit : float
        Longest pause that a server may ask for.
    connect, read : float
        Longest wait for a connection, and for the next bytes.
    stall, stall_bytes : float, int
        At least so many bytes must come in each such period.
    renewal_bytes : int
        New bytes that give all attempts back; after a stall it takes `stall_bytes`.
    """

    attempts: int = 6
    pause: float = 1.0
    pause_limit: float = 60.0
    retry_after_limit: float = 300.0
    connect: float = 20.0
    read: float = 60.0
    stall: float = 60.0
    stall_bytes: int = 1 << 16
    renewal_bytes: int = 1 << 10


class PassingError(NetworkError):
    """A fault that may be gone at the next try.

    Parameters
    ----------
    message : str
        What went wrong.
    wait : float, optional
        Seconds that the server asked for.
    """

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        super().__init__(
            message,
            hint="nothing is lost: the same command goes on where this one stopped",
        )
        self.wait = wait


class StalledError(PassingError):
    """Bytes come, but far too few of them."""


class Budget:
    """Tries that are left, given back whenever there is progress.

    Parameters
    ----------
    patience : Patience
        How many tries and how long the pauses.
    events : Events
        Told of every pause.
    sleep : callable
        Takes seconds.
    """

    def __init__(
        self,
        patience: Patience,
        events: Events = SILENT,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._patience = patience
        self._events = events
        self._sleep = sleep
        self._spent = 0

    def renew(self) -> None:
        """Give all tries back."""
        self._spent = 0

    def spend(self, error: PassingError) -> None:
        """Pause before the next try.

        Raises
        ------
        PassingError
            `error` itself, when no try is left.
        """
        self._spent += 1
        if self._spent >= self._patience.attempts:
            raise error
        seconds = pause_before_retry(self._patience, tries=self._spent, asked=error.wait)
        self._events.note(f"{error.message}; trying again in {seconds:.0f} s")
        self._sleep(seconds)


def pause_before_retry(patience: Patience, *, tries: int, asked: float | None) -> float:
    """Seconds to wait after `tries` failures: what the server asked for, or a growing, random one.

    Half of the pause is random, so that many clients of one failure do not come back together.
    """
    if asked is not None:
        return min(max(asked, 0.0), patience.retry_after_limit)
    longest = min(patience.pause * 2.0 ** (tries - 1), patience.pause_limit)
    return longest * random.uniform(0.5, 1.0)


class Pace:
    """Watch over a transfer that is alive but far too slow.

    Parameters
    ----------
    patience : Patience
        The period and the least number of bytes in it.
    clock : callable
        Gives seconds.
    """

    def __init__(self, patience: Patience, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._since = clock()
        self._bytes = 0

    def arrived(self, count: int) -> None:
        """Count bytes.

        Raises
        ------
        StalledError
            When a period has passed with too few of them.
        """
        self._bytes += count
        if self._clock() - self._since < self._patience.stall:
            return
        if self._bytes < self._patience.stall_bytes:
            raise StalledError(
                f"the transfer stalled: {self._bytes:,} bytes in {self._patience.stall:g} s"
            )
        self._since, self._bytes = self._clock(), 0
