"""What to watch."""

from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.errors import UsageError
from asd_cli.pipeline.monitoring.retention import KEEP_ALL, Retention
from asd_cli.pipeline.monitoring.setup import MonitoringRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRequest:
    """A folder to watch.

    Attributes
    ----------
    folder : Path
        Where recordings arrive.
    monitoring : MonitoringRequest
        Machine, rule and outputs.
    recursive : bool
        Whether sub-folders are watched.
    once : bool
        Whether to end when all that is there is done.
    settle_seconds, poll_seconds : float
        For so long a file must not change; so often the folder is looked at.
    move_to : Path or None
        Where files are moved when they are done.
    retention : Retention
        What is kept of them there.

    Raises
    ------
    UsageError
        When limits are given without a folder that they are for.
    """

    folder: Path
    monitoring: MonitoringRequest
    recursive: bool = False
    once: bool = False
    settle_seconds: float = 1.0
    poll_seconds: float = 1.0
    move_to: Path | None = None
    retention: Retention = KEEP_ALL

    def __post_init__(self) -> None:
        """Refuse to remove recordings that were not moved out of the way."""
        if self.retention.limits and self.move_to is None:
            raise UsageError(
                "recordings are only removed from the folder that they were moved to",
                hint="give one: --move-to done/",
            )
