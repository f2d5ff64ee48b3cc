"""What was put in place, from which archive: written last, so that its presence means done."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from asd_cli.core.errors import IntegrityError
from asd_cli.core.files import storage_errors, write_text
from asd_cli.fetching.archives import file_crc
from asd_cli.fetching.paths import WORKPLACE, regular_size
from asd_cli.fetching.record import RecordFile

_SCHEMA = "asd.receipt/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFile:
    """One file in the data folder.

    Attributes
    ----------
    path : PurePosixPath
        Relative to the data folder.
    size : int
        Bytes.
    crc : int
        CRC-32 of the content.
    """

    path: PurePosixPath
    size: int
    crc: int


def receipt_path(folder: Path, file: RecordFile) -> Path:
    """Where the receipt for a file of a record lies; its name holds the file's MD5."""
    return folder / WORKPLACE / "receipts" / f"{file.slug}.json"


def write_receipt(folder: Path, file: RecordFile, placed: Sequence[PlacedFile]) -> None:
    """Note that everything of `file` is in place.

    Raises
    ------
    StorageError
        When the folder cannot be written.
    """
    content = {
        "schema": _SCHEMA,
        "record": file.record,
        "name": file.name,
        "size": file.size,
        "md5": file.md5,
        "files": [[str(entry.path), entry.size, entry.crc] for entry in placed],
    }
    write_text(receipt_path(folder, file), json.dumps(content, ensure_ascii=True) + "\n")


def read_receipt(folder: Path, file: RecordFile) -> tuple[PlacedFile, ...] | None:
    """List what came out of `file`; None when it was never put in place.

    Raises
    ------
    IntegrityError
        When the receipt is damaged.
    """
    path = receipt_path(folder, file)
    try:
        content = json.loads(path.read_bytes())
        return tuple(
            PlacedFile(path=PurePosixPath(name), size=int(size), crc=int(crc))
            for name, size, crc in content["files"]
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{path} is damaged", hint=f"remove it and fetch again: rm '{path}'"
        ) from error


def remove_receipt(folder: Path, file: RecordFile) -> None:
    """Forget that `file` is in place, so that the next fetch brings it again.

    Raises
    ------
    StorageError
        When the folder cannot be written.
    """
    path = receipt_path(folder, file)
    with storage_errors(path):
        path.unlink(missing_ok=True)


def is_in_place(folder: Path, file: RecordFile) -> bool:
    """Whether everything that came out of `file` is still there, judged by sizes."""
    placed = read_receipt(folder, file)
    return placed is not None and all(
        regular_size(folder / entry.path) == entry.size for entry in placed
    )


def find_damage(
    folder: Path, placed: Sequence[PlacedFile], *, advance: Callable[..., None]
) -> list[str]:
    """Read every file again and list those that are missing or not what they were.

    Returns
    -------
    list of str
        One line for each, naming it.
    """
    problems = []
    for entry in placed:
        path = folder / entry.path
        size = regular_size(path)
        if size is None:
            problems.append(f"{path}: missing")
        elif size != entry.size:
            problems.append(f"{path}: {size:,} bytes instead of {entry.size:,}")
        elif file_crc(path) != entry.crc:
            problems.append(f"{path}: changed (another CRC-32)")
        advance(entry.size)
    return problems
