"""Whether to ask a server again, when, and what its answer may be used for."""

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from asd_cli.core.errors import IntegrityError, NetworkError
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


class Verdict(Enum):
    """What an answer's body is good for."""

    APPEND = auto()
    START_OVER = auto()
    ASK_WHOLE = auto()


def judge_answer(
    *, status: int, headers: Mapping[str, str], offset: int, size: int, name: str
) -> Verdict:
    """Decide what the body of an answer may be used for.

    Only the status and ``Content-Range`` count: servers announce ranges they do not honour, and
    honour ranges they do not announce.

    Parameters
    ----------
    status : int
        200, 206 or 416.
    headers : mapping
        Of the answer.
    offset : int
        First byte that was asked for; 0 when the whole file was.
    size : int
        Bytes of the file, from the record.
    name : str
        Of the file, for messages.

    Returns
    -------
    Verdict
        A 206 is appended only when it begins exactly at `offset`.

    Raises
    ------
    IntegrityError
        When the server holds a file of another size.
    PassingError
        When a part came though none was asked for.
    """
    if status == 200:
        _require_size(_whole_number(headers.get("Content-Length")), size, name)
        return Verdict.START_OVER
    found = re.fullmatch(
        r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", headers.get("Content-Range", "").strip()
    )
    _require_size(_whole_number(found[2]) if found else None, size, name)
    if status == 206 and found is not None and found[1] is not None and int(found[1]) == offset:
        return Verdict.APPEND
    if offset == 0:
        raise PassingError(f"the server sent a wrong part of {name}")
    return Verdict.ASK_WHOLE


def _whole_number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch("[0-9]{1,18}", text) else None


def _require_size(held: int | None, size: int, name: str) -> None:
    if held is not None and held != size:
        raise IntegrityError(
            f"{name}: the server holds {held:,} bytes, the record says {size:,}",
            hint="fetch it from elsewhere: asd fetch --from URL",
        )
