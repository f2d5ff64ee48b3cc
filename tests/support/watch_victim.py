"""A process that watches a folder and kills itself at the n-th checkpoint of a name.

python -m tests.support.watch_victim ROOT NAME COUNT [once|on]
"""

import os
import signal
import sys
from pathlib import Path

from asd_cli.pipeline.monitoring.retention import KEEP_ALL
from asd_cli.pipeline.monitoring.rule_making import AlarmOptions
from asd_cli.pipeline.monitoring.setup import MonitoringRequest
from asd_cli.services.watch import WatchRequest, watch
from tests.support.monitored import MACHINE, settings


def exported() -> Path | None:
    """Give the file of `asd export` that scores; None for the model."""
    named = os.environ.get("WATCH_MODEL")
    return Path(named) if named else None


def request(root: Path, *, once: bool = True) -> WatchRequest:
    """Give the request of all tests: an alarm an hour, a program for events, files moved away."""
    return WatchRequest(
        folder=root / "in",
        monitoring=MonitoringRequest(
            machine=MACHINE, model=exported(), settings=settings(root), exec_=str(root / "told"),
            options=AlarmOptions(false_alarms="1/hour"),
        ),
        once=once, recursive=True, settle_seconds=0.2, poll_seconds=0.1, move_to=root / "done",
        retention=KEEP_ALL,
    )  # fmt: skip


def main() -> None:
    """Watch, and die."""
    root, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    seen = 0

    def checkpoint(at: str) -> None:
        nonlocal seen
        seen += at == name
        if at == name and seen >= count:
            os.kill(os.getpid(), signal.SIGKILL)

    def show(row: object) -> None:
        checkpoint("shown")

    watch(request(root, once=sys.argv[4:] != ["on"]), checkpoint=checkpoint, show=show)


if __name__ == "__main__":
    main()
