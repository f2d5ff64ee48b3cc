"""Long lists of recordings, read from a CSV file without holding it in memory."""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from asd_cli.core.errors import DataError

ROWS_PER_UNIT = 1000
_UNSUPPORTED = ("start", "duration")


@dataclass(frozen=True, slots=True)
class IndexPart:
    """Consecutive rows of a list.

    Attributes
    ----------
    path : Path
        The CSV file; has a column ``path``, relative to the file.
    offset, rows : int
        Where the first row begins, in bytes, and how many there are.
    digest : str
        SHA-256 of the rows' bytes and of the heading.
    """

    path: Path
    offset: int
    rows: int
    digest: str


def index_parts(path: Path, rows_per_unit: int = ROWS_PER_UNIT) -> Iterator[IndexPart]:
    """Divide a list; of a list of any length nothing but a row is in memory.

    Raises
    ------
    DataError
        When the file cannot be read, has no column ``path``, or lists parts of recordings.
    """
    try:
        with path.open("rb") as stream:
            heading = stream.readline()
            _columns(path, heading)
            offset, count, digest = stream.tell(), 0, hashlib.sha256(heading)
            for record in _records(stream):
                digest.update(record)
                count += 1
                if count == rows_per_unit:
                    yield IndexPart(path, offset, count, digest.hexdigest())
                    offset, count, digest = stream.tell(), 0, hashlib.sha256(heading)
            if count:
                yield IndexPart(path, offset, count, digest.hexdigest())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def recordings_of(part: IndexPart) -> list[Path]:
    """Give the recordings that some rows list.

    Raises
    ------
    DataError
        When a row has no path, or the file changed.
    """
    with part.path.open("rb") as stream:
        heading = stream.readline()
        names = _columns(part.path, heading)
        stream.seek(part.offset)
        records = [next(_records(stream), b"") for _ in range(part.rows)]
    if hashlib.sha256(heading + b"".join(records)).hexdigest() != part.digest:
        raise DataError(f"{part.path} changed while it was read", hint="run the command again")
    rows = csv.DictReader([r.decode("utf-8") for r in records], fieldnames=names)
    found = [row["path"] for row in rows]
    if not all(found):
        raise DataError(f"{part.path}: a row after byte {part.offset} has no path")
    return [part.path.parent / name for name in found]


def _columns(path: Path, heading: bytes) -> list[str]:
    names = next(csv.reader([heading.decode("utf-8-sig")]), [])
    if "path" not in names:
        raise DataError(
            f"{path}:1: there is no column called path", hint="list one recording in each row"
        )
    parts = [name for name in _UNSUPPORTED if name in names]
    if parts:
        raise DataError(
            f"{path}:1: the column {parts[0]} is of parts of recordings, and complete ones are "
            "scored",
            hint="leave the column out",
        )
    return names


def _records(stream: IO[bytes]) -> Iterator[bytes]:
    """Give records: a quoted cell may hold ends of lines."""
    record = b""
    while line := stream.readline():
        record += line
        if record.count(b'"') % 2 == 0:
            if record.strip():
                yield record
            record = b""
    if record:
        yield record
