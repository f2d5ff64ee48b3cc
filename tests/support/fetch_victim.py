"""A fetch in a process of its own that can be told to die at an exact moment.

    python -m tests.support.fetch_victim ROOT URL MOMENT COUNT

At the COUNT-th time that MOMENT comes, the process kills itself with SIGKILL: a moment is the name
of a function of `os` (``replace``, ``rename``, ``unlink``, ``mkdir``), before it is carried out, or
the beginning of a task's name, when that task advances. ``never`` lets it live. Notes are printed,
and at the end whether there was nothing to do.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asd_cli.core.events import SilentEvents
from asd_cli.fetching.retry import RetryPolicy
from asd_cli.services.fetch import FetchRequest, fetch

SYSTEM_CALLS = ("replace", "rename", "unlink", "mkdir")


class Fuse:
    """Kills this process after a count."""

    def __init__(self, count: int) -> None:
        self.left = count

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class DeadlyEvents(SilentEvents):
    """Burns a fuse when one task advances."""

    def __init__(self, task: str, fuse: Fuse) -> None:
        self._task = task
        self._fuse = fuse

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        if task.startswith(self._task):
            self._fuse.burn()

    def note(self, message: str) -> None:
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()


def _deadly(real: Callable[..., Any], fuse: Fuse) -> Callable[..., Any]:
    def call(*given: Any, **named: Any) -> Any:
        fuse.burn()
        return real(*given, **named)

    return call


def main(root: str, url: str, moment: str, count: str) -> None:
    """Fetch, and die on time."""
    fuse = Fuse(int(count))
    if moment in SYSTEM_CALLS:
        setattr(os, moment, _deadly(getattr(os, moment), fuse))
    result = fetch(
        FetchRequest(
            stages=("dev",),
            machines=("fan",),
            root=Path(root),
            base_url=url,
            retry=RetryPolicy(pause=0.0, pause_limit=0.0),
        ),
        DeadlyEvents(moment, fuse),
    )
    sys.stdout.write(f"nothing_to_do={result.nothing_to_do}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
