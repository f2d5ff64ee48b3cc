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
class RetryPolicy:
    """How long to wait for a server, in seconds unless stated otherwise.

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


class TransientError(NetworkError):
    """A fault that may be gone at the next attempt.

    Parameters
    ----------
    message : str
        What went wrong.
    wait : float, optional
        Seconds that the server asked for.
    hint : str
        What to do when no attempt succeeds.

    Attributes
    ----------
    attempts : int or None
        Most tries for faults of this kind; None leaves it to the policy.
    """

    attempts: int | None = None

    def __init__(
        self,
        message: str,
        *,
        wait: float | None = None,
        hint: str = "nothing is lost: the same command resumes the transfer",
    ) -> None:
        super().__init__(message, hint=hint)
        self.wait = wait


class UnknownHostError(TransientError):
    """The name of a server is not known: most often there is no network at all.

    Parameters
    ----------
    host : str
        The name.
    """

    # A network that is not there seldom comes within a minute.
    attempts = 2

    def __init__(self, host: str) -> None:
        super().__init__(
            f"no network, or no server called {host}",
            hint="from files that were brought here otherwise: asd fetch --from DIR; behind a "
            "proxy: set HTTPS_PROXY",
        )


class StalledError(TransientError):
    """Bytes arrive, but too slowly."""


class RetryBudget:
    """Attempts that remain, restored whenever there is progress.

    Parameters
    ----------
    policy : RetryPolicy
        How many tries and how long the pauses.
    events : Events
        Told of every pause.
    sleep : callable
        Takes seconds.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        events: Events = SILENT,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._policy = policy
        self._events = events
        self._sleep = sleep
        self._spent = 0

    def renew(self) -> None:
        """Restore all attempts."""
        self._spent = 0

    def spend(self, error: TransientError) -> None:
        """Pause before the next try.

        Raises
        ------
        TransientError
            `error` itself, when no try is left.
        """
        self._spent += 1
        if self._spent >= min(self._policy.attempts, error.attempts or self._policy.attempts):
            raise error
        seconds = pause_before_retry(self._policy, tries=self._spent, asked=error.wait)
        self._events.note(f"{error.message}; trying again in {seconds:.0f} s")
        self._sleep(seconds)


def pause_before_retry(policy: RetryPolicy, *, tries: int, asked: float | None) -> float:
    """Seconds to wait after `tries` failures: what the server asked for, or a growing, random one.

    Half of the pause is random, so that many clients of one failure do not come back together.

    Examples
    --------
    >>> policy = RetryPolicy(pause=1.0, retry_after_limit=300.0)
    >>> pause_before_retry(policy, tries=1, asked=1000.0)
    300.0
    >>> 2.0 <= pause_before_retry(policy, tries=3, asked=None) <= 4.0
    True
    """
    if asked is not None:
        return min(max(asked, 0.0), policy.retry_after_limit)
    longest = min(policy.pause * 2.0 ** (tries - 1), policy.pause_limit)
    return longest * random.uniform(0.5, 1.0)


class StallDetector:
    """Detect a transfer that is alive but too slow.

    Parameters
    ----------
    policy : RetryPolicy
        The period and the least number of bytes in it.
    clock : callable
        Gives seconds.
    """

    def __init__(self, policy: RetryPolicy, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
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
        if self._clock() - self._since < self._policy.stall:
            return
        if self._bytes < self._policy.stall_bytes:
            raise StalledError(
                f"the transfer stalled: {self._bytes:,} bytes in {self._policy.stall:g} s"
            )
        self._since, self._bytes = self._clock(), 0


class ResponseAction(Enum):
    """What the body of an answer may be used for."""

    APPEND = auto()
    RESTART = auto()
    REQUEST_COMPLETE = auto()


def choose_response_action(
    *, status: int, headers: Mapping[str, str], offset: int, size: int, name: str
) -> ResponseAction:
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
        First byte that was asked for; 0 for the complete file.
    size : int
        Bytes of the file, from the record.
    name : str
        Of the file, for messages.

    Returns
    -------
    ResponseAction
        A 206 is appended only when it begins exactly at `offset`.

    Examples
    --------
    >>> headers = {"Content-Range": "bytes 40-99/100"}
    >>> choose_response_action(status=206, headers=headers, offset=40, size=100, name="x.zip")
    <ResponseAction.APPEND: 1>
    >>> choose_response_action(status=200, headers={}, offset=40, size=100, name="x.zip")
    <ResponseAction.RESTART: 2>

    Raises
    ------
    IntegrityError
        When the server holds a file of another size.
    TransientError
        When a part came though none was asked for.
    """
    if status == 200:
        _require_size(_parse_count(headers.get("Content-Length")), size, name)
        return ResponseAction.RESTART
    found = re.fullmatch(
        r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", headers.get("Content-Range", "").strip()
    )
    _require_size(_parse_count(found[2]) if found else None, size, name)
    if status == 206 and found is not None and found[1] is not None and int(found[1]) == offset:
        return ResponseAction.APPEND
    if offset == 0:
        raise TransientError(f"the server sent a wrong part of {name}")
    return ResponseAction.REQUEST_COMPLETE


def _parse_count(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch("[0-9]{1,18}", text) else None


def _require_size(held: int | None, size: int, name: str) -> None:
    if held is not None and held != size:
        raise IntegrityError(
            f"{name}: the server holds {held:,} bytes, the record says {size:,}",
            hint="fetch it from elsewhere: asd fetch --from URL",
        )
