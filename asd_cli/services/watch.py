"""`asd watch`: score new files of a folder, each once, and announce changes of the machine."""

import time
from collections.abc import Callable
from pathlib import Path

from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.interrupts import deferred_interrupts
from asd_cli.pipeline.monitoring.folder import WatchedFolder
from asd_cli.pipeline.monitoring.monitor import ClipRow
from asd_cli.pipeline.monitoring.retention import Keep, Retention
from asd_cli.pipeline.monitoring.session import Session
from asd_cli.pipeline.monitoring.setup import MonitoringRequest, monitoring
from asd_cli.pipeline.monitoring.watch_request import WatchRequest
from asd_cli.pipeline.monitoring.watching import Checkpoint, Intake, watch_folder

__all__ = ["Keep", "MonitoringRequest", "Retention", "WatchRequest", "watch"]


def retention_of(keep: str, days: float | None, gigabytes: float | None) -> Retention:
    """Read what is kept; UsageError where that cannot be."""
    if keep not in set(Keep):
        raise UsageError(f"{keep!r} cannot be kept", hint=f"use {' or '.join(Keep)}: --keep all")
    return Retention(keep=Keep(keep), days=days, gigabytes=gigabytes)


def watch(
    request: WatchRequest,
    events: Events = SILENT,
    *,
    show: Callable[[ClipRow], None] = lambda _: None,
    checkpoint: Checkpoint = lambda _: None,
) -> None:
    """Watch a folder until the process is asked to end.

    Parameters
    ----------
    request : WatchRequest
        What to watch.
    events : Events
        Told the promise, and of failures.
    show : callable
        Called with each clip once, in the order they were taken.
    checkpoint : callable
        Called with the name of each step of a file; tests end the process there.

    Raises
    ------
    DataError
        When there is no such folder or model.
    UsageError
        When another process monitors the machine, or an option cannot be used.
    """
    root = request.folder.absolute()
    if not root.is_dir():
        raise DataError(f"there is no folder {root}", hint="make it, or name another")
    mode = "once" if request.once else "watch"
    with (
        deferred_interrupts() as stop,
        monitoring(request.monitoring, events, show, mode=mode) as session,
    ):
        intake = _intake(request, root, session, checkpoint)
        folder = WatchedFolder(
            root=root,
            # Known files are moved too: an earlier process may have ended before it did.
            known=session.store.known if intake.move_to is None else lambda *_: False,
            recursive=request.recursive,
            settle_seconds=request.settle_seconds,
            excluded=intake.move_to,
        )
        for taken in watch_folder(folder, intake, session, retention=request.retention):
            stop.act()
            if taken:
                continue
            if request.once and not folder.settling:
                break
            _pause(request.poll_seconds, lambda: stop.received)


def _intake(request: WatchRequest, root: Path, session: Session, checkpoint: Checkpoint) -> Intake:
    move_to = request.move_to.absolute() if request.move_to else None
    return Intake(
        root=root, session=session, move_to=move_to, keep=request.retention.keep,
        checkpoint=checkpoint,
    )  # fmt: skip


def _pause(seconds: float, ended: Callable[[], bool]) -> None:
    """Sleep, and wake up soon after a signal."""
    until = time.monotonic() + seconds
    while not ended() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))
