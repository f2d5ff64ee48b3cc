"""New recordings in a folder: found, and complete.

A folder is listed again when its time has changed, and every half minute in any case, so that
nothing depends on notifications, which network folders do not send. A file is ready when its size
and time have not changed for a moment and its container is as long as its header says.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asd_cli.audio.decoding import read_info
from asd_cli.core.errors import DataError
from asd_cli.core.recordings import is_recording_name

_ENDINGS = (".part", ".tmp", ".partial", ".crdownload")
# A header without a length, or one that promises more, is believed after so long.
_BELIEVED_SECONDS = 30.0
_ALL_AGAIN_SECONDS = 30.0
_COARSE_NS = 2_000_000_000

Known = Callable[[str, int, int], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """A file, as the folder shows it."""

    path: Path
    size: int
    mtime_ns: int


@dataclass(slots=True)
class WatchedFolder:
    """Looks for new recordings.

    Attributes
    ----------
    root : Path
        The folder.
    known : callable
        Whether a file of a path, size and time was done already.
    recursive : bool
        Whether sub-folders are watched.
    settle_seconds : float
        For so long a file must not change.
    excluded : Path or None
        A folder that is not watched: where files are moved to.

    Raises
    ------
    DataError
        From `ready`, when the folder cannot be listed.
    """

    root: Path
    known: Known
    recursive: bool = False
    settle_seconds: float = 1.0
    excluded: Path | None = None
    _folders: dict[Path, "_Folder"] = field(default_factory=dict)
    _pending: dict[Path, tuple[int, int, float]] = field(default_factory=dict)
    _all_at: float = float("-inf")

    @property
    def settling(self) -> bool:
        """Whether a file has changed a moment ago, so that it may be complete soon."""
        now = time.monotonic()
        return any(now - since < self.settle_seconds for *_, since in self._pending.values())

    def ready(self, now: float | None = None) -> Iterator[Found]:
        """Give the files that are complete now, the oldest first.

        Parameters
        ----------
        now : float, optional
            On a clock that never falls, in seconds.
        """
        now = time.monotonic() if now is None else now
        self._look(now)
        complete: list[Found] = []
        for path, (size, mtime_ns, since) in list(self._pending.items()):
            found = _stat(path)
            if found is None:
                del self._pending[path]
            elif (found.size, found.mtime_ns) != (size, mtime_ns):
                self._pending[path] = (found.size, found.mtime_ns, now)
            elif now - since >= self.settle_seconds and _is_complete(found, now - since):
                complete.append(found)
        complete.sort(key=lambda found: (found.mtime_ns, str(found.path)))
        for found in complete:
            self._pending.pop(found.path, None)
            yield found

    def _look(self, now: float) -> None:
        """List the folders that have changed."""
        everything = now - self._all_at >= _ALL_AGAIN_SECONDS
        if everything:
            self._all_at = now
        todo = [self.root]
        while todo:
            folder = todo.pop()
            seen = self._folders.get(folder)
            if everything or seen is None or _time_of(folder) != seen.mtime_ns:
                seen = self._list(folder, now)
            todo.extend(seen.children if self.recursive else ())

    def _list(self, folder: Path, now: float) -> "_Folder":
        """List a folder; one that went away meanwhile is empty, but for the watched one."""
        try:
            before = _time_of(folder)
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            if folder != self.root:
                return self._folders.pop(folder, _Folder(0, ()))
            raise DataError(
                f"{folder} cannot be listed: {error.strerror}",
                hint=f"look at it: ls -ld '{folder}'",
            ) from error
        for entry in entries:
            if _is_candidate(entry.name):
                self._consider(Path(entry.path), now)
        children = tuple(
            Path(entry.path)
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            and Path(entry.path) != self.excluded
        )  # fmt: skip
        # Times of folders are coarse: one that changed just now may change again unseen.
        settled = time.time_ns() - before > _COARSE_NS
        self._folders[folder] = _Folder(before if settled else -1, children)
        return self._folders[folder]

    def _consider(self, path: Path, now: float) -> None:
        if path in self._pending:
            return
        found = _stat(path)
        if found is None or self.known(str(path), found.size, found.mtime_ns):
            return
        self._pending[path] = (found.size, found.mtime_ns, self._unchanged_since(found, now))

    def _unchanged_since(self, found: Found, now: float) -> float:
        """Believe the time of a file that is older than a moment: it need not be waited for."""
        age = time.time() - found.mtime_ns / 1e9
        return now - age if age > 0 else now


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder when it was listed last."""

    mtime_ns: int
    children: tuple[Path, ...]


def _time_of(folder: Path) -> int:
    """Give the time of the last change of a folder's list; -2 where there is no such folder."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return -2


def _is_candidate(name: str) -> bool:
    hidden = name.startswith(".") or name.lower().endswith(_ENDINGS)
    return not hidden and is_recording_name(Path(name))


def _stat(path: Path) -> Found | None:
    """Look at a regular file; None where there is none, or an empty one."""
    try:
        status = path.stat()
    except OSError:
        return None
    regular = os.path.isfile(path)  # noqa: PTH113 - a name of a device is no recording
    return Found(path, status.st_size, status.st_mtime_ns) if regular else None


def _is_complete(found: Found, unchanged_seconds: float) -> bool:
    """Whether the container is as long as it says; after a while what is there is believed."""
    if unchanged_seconds >= _BELIEVED_SECONDS:
        return True
    try:
        return not read_info(found.path).size_unknown
    except DataError:
        return False
