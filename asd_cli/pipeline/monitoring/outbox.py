"""Events on their way out: tried again, later and later, until they are delivered or too old."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from asd_cli.core.errors import NetworkError
from asd_cli.core.events import Events
from asd_cli.pipeline.monitoring.channels import Channel
from asd_cli.pipeline.monitoring.store import Store

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 5.0, 3600.0
# Some six days of tries: after that nobody waits for the news.
MAX_TRIES = 150


def wait_seconds(tries: int) -> float:
    """Give the time until the next try.

    Examples
    --------
    >>> [wait_seconds(tries) for tries in (0, 1, 2, 20)]
    [5.0, 10.0, 20.0, 3600.0]
    """
    return min(_FIRST_WAIT_SECONDS * 2.0 ** min(tries, 12), _LONGEST_WAIT_SECONDS)


@dataclass(frozen=True, slots=True)
class Outbox:
    """Sends what the store keeps for sending.

    Attributes
    ----------
    store : Store
        Keeps it.
    channels : sequence of Channel
        Send it.
    events : Events
        Told of failures.
    """

    store: Store
    channels: Sequence[Channel]
    events: Events

    def deliver(self, now: float) -> int:
        """Send what is due; a channel that fails is left alone until its time. Gives the count."""
        by_name = {channel.name: channel for channel in self.channels}
        failed: set[str] = set()
        sent = 0
        for item in self.store.due(now):
            channel = by_name.get(item.channel)
            if channel is None or item.channel in failed:
                continue
            try:
                channel.send(json.loads(item.document))
            except NetworkError as error:
                failed.add(item.channel)
                self._failed(item.tries, error)
                if item.tries + 1 >= MAX_TRIES:
                    self.store.sent(item)
                else:
                    self.store.failed(item, now + wait_seconds(item.tries), error.message)
                continue
            self.store.sent(item)
            sent += 1
        return sent

    def _failed(self, tries: int, error: NetworkError) -> None:
        last = tries + 1 >= MAX_TRIES
        what = "given up" if last else f"next try in {wait_seconds(tries):g} s"
        if last or tries in {0, 5, 20}:
            self.events.warning(f"an event was not delivered: {error.message}; {what}")
