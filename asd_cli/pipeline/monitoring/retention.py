"""Which recordings that are done are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from asd_cli.core.errors import UsageError

_DAY = 86400.0
_GB = 1e9


class Keep(StrEnum):
    """Which done recordings are kept at all."""

    ALL = "all"
    ALARMS = "alarms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is kept of the folder that done recordings are moved to.

    Attributes
    ----------
    keep : Keep
        All, or only those during which the machine was not normal.
    days, gigabytes : float or None
        No longer and no more than this; the oldest go first.

    Raises
    ------
    UsageError
        When a limit is not above 0.
    """

    keep: Keep = Keep.ALL
    days: float | None = None
    gigabytes: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits that keep nothing."""
        if any(limit is not None and limit <= 0 for limit in (self.days, self.gigabytes)):
            raise UsageError("limits of what is kept lie above 0", hint="--keep-days 30")

    @property
    def limits(self) -> bool:
        """Whether anything is ever removed."""
        return self != KEEP_ALL


KEEP_ALL = Retention()


def to_remove(
    files: Sequence[tuple[Path, int, float]], retention: Retention, now: float
) -> list[Path]:
    """Decide which files go.

    Parameters
    ----------
    files : sequence of (path, bytes, time)
        Done recordings.
    retention : Retention
        Days and gigabytes.
    now : float
        In seconds since 1970.

    Examples
    --------
    >>> files = [(Path("old"), 10, 0.0), (Path("new"), 10, 90000.0)]
    >>> to_remove(files, Retention(days=1), 100000.0)
    [PosixPath('old')]
    """
    newest = sorted(files, key=lambda file: (-file[2], str(file[0])))
    kept, gone = 0.0, []
    for path, size, time in newest:
        old = retention.days is not None and now - time > retention.days * _DAY
        kept += size
        much = retention.gigabytes is not None and kept > retention.gigabytes * _GB
        if old or much:
            gone.append(path)
    return gone


def apply(folder: Path, retention: Retention, now: float) -> int:
    """Remove what goes from a folder of done recordings; gives how many files that were."""
    files = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            files.append((path, status.st_size, status.st_mtime))
    gone = to_remove(files, retention, now)
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
