"""Completion markers: which units of work are done, whoever did them.

A marker is a small JSON file that is named after what its unit is made from, so that other
recordings or other settings make another unit. It is written after the unit's result, completely or
not at all: a unit with a marker is done, one without is to be done, whatever was killed in between.

While a unit is worked on its file of that name with the ending ``.claim`` is locked. The lock ends
with the process, however that ends. It keeps two processes of one file system from doing the same
unit; where it cannot, both write the same bytes.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from asd_cli.core.errors import UsageError
from asd_cli.core.files import storage_errors, write_text
from asd_cli.core.remote import url_of

_SUFFIX = ".done.json"


@dataclass(frozen=True, slots=True)
class Markers:
    """The markers in a folder.

    Attributes
    ----------
    folder : Path
        Need not be there yet.

    Raises
    ------
    UsageError
        When it is a URL: object stores have no locks.
    """

    folder: Path

    def __post_init__(self) -> None:
        """Refuse stores."""
        if url_of(self.folder) is not None:
            raise UsageError(
                f"{url_of(self.folder)} is in a store, where units cannot be locked",
                hint="name a folder of this machine, for several machines on a shared disk",
            )

    def keys(self) -> frozenset[str]:
        """List the units that are done, by one look at the folder."""
        with storage_errors(self.folder):
            if not self.folder.is_dir():
                return frozenset()
            names = [path.name for path in self.folder.iterdir()]
        return frozenset(n.removesuffix(_SUFFIX) for n in names if n.endswith(_SUFFIX))

    def read(self, key: str) -> dict[str, Any] | None:
        """Give what a unit came to; None where it is not done, or its marker is damaged."""
        try:
            content = json.loads(self._path(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def write(self, key: str, content: Mapping[str, Any]) -> None:
        """Mark a unit as done; StorageError where the folder may not be written."""
        write_text(self._path(key), json.dumps(content, sort_keys=True) + "\n")

    def remove(self, key: str) -> None:
        """Forget that a unit is done."""
        self._path(key).unlink(missing_ok=True)

    @contextmanager
    def claimed(self, key: str, *, wait: bool) -> Iterator[bool]:
        """Keep other processes from a unit while the body runs.

        Parameters
        ----------
        key : str
            The unit.
        wait : bool
            Whether to wait while another process has it.

        Yields
        ------
        bool
            False where another process has it and `wait` is False.

        Raises
        ------
        StorageError
            When the folder may not be written.
        """
        with storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / f"{key}.claim")
            try:
                lock.acquire(timeout=-1 if wait else 0)
            except Timeout:
                yield False
                return
        try:
            yield True
        finally:
            lock.release()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"
