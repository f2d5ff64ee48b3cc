"""Records: what Zenodo publishes (names, sizes, MD5 sums), and what was installed from it.

The API has answered in several shapes over the years: ``files`` with ``key`` and ``size``, or with
``filename`` and ``filesize``; ``entries`` as a list or a mapping; sums with and without ``md5:``.
The first answer is saved next to the data, so that what was verified once stays
verifiable without the network.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from asd_cli.core.errors import IntegrityError, NetworkError
from asd_cli.core.files import storage_errors, write_text
from asd_cli.core.hashing import fingerprint
from asd_cli.fetching.paths import (
    WORK_FOLDER,
    find_collision,
    regular_size,
    safe_path,
    shorten,
)

_SCHEMA = "asd.record/1"
# Schema and folder keep the names that version 0.1 wrote, so that its files stay readable.
_INSTALL_SCHEMA = "asd.receipt/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFile:
    """One file of a record.

    Attributes
    ----------
    record : int
        Id of the record.
    path : PurePosixPath
        Its validated name; Zenodo allows folders in it.
    size : int
        Bytes.
    md5 : str
        32 hexadecimal digits.
    verified : bool
        Whether size and MD5 are those of the record. False for an archive that was given without
        its record: they are then computed from the archive itself.
    """

    record: int
    path: PurePosixPath
    size: int
    md5: str
    verified: bool = True

    @property
    def name(self) -> str:
        """Name as the record writes it."""
        return str(self.path)

    @property
    def slug(self) -> str:
        """Plain file name that no other file of any record has."""
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", self.path.name)[:80]
        return f"{plain}.{fingerprint([self.record, self.name, self.md5])[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A published set of files.

    Attributes
    ----------
    id : int
        Zenodo's number.
    files : tuple of RecordFile
        In the order of the record.
    folder : Path or None
        Folder whose archives stand for a record that is not known; None for a record.
    partial : bool
        Whether only those of its files are known that were installed.
    """

    id: int
    files: tuple[RecordFile, ...]
    folder: Path | None = None
    partial: bool = False

    @property
    def origin(self) -> str:
        """What holds the files, for messages."""
        return f"record {self.id}" if self.folder is None else str(self.folder)


def parse_record(text: str | bytes, *, record: int, where: str) -> Record | None:
    """Read an answer of the record API, or a saved one.

    Parameters
    ----------
    text : str or bytes
        JSON.
    record : int
        The id that was asked for.
    where : str
        Where the text came from, for messages.

    Returns
    -------
    Record or None
        None when it is a record that does not list its files (they have their own address).

    Raises
    ------
    NetworkError
        When the text is not a record, or a file has no size or no MD5.
    IntegrityError
        When it is another record, or a name in it is unsafe or written twice.

    Examples
    --------
    >>> entry = {"key": "a.zip", "size": 3, "checksum": "md5:" + "0" * 32}
    >>> text = json.dumps({"id": 7, "files": [entry]})
    >>> parse_record(text, record=7, where="example").files[0].name
    'a.zip'
    """
    answer = _json_object(text, where)
    if str(answer.get("id", record)) != str(record):
        raise IntegrityError(
            f"{where} answered with record {shorten(str(answer['id']))} instead of {record}",
            hint="check the address, and whether the record was replaced by another",
        )
    entries = _entries(answer)
    if entries is None:
        return None
    files = tuple(_parse_file(entry, record=record, where=where) for entry in entries)
    collision = find_collision([file.name for file in files])
    if collision is not None:
        first, second = (shorten(name, limit=200) for name in collision)
        raise IntegrityError(
            f"{where} lists the same file name twice, {first} and {second}; nothing was written",
            hint="check the address; a record never has two files of one name",
        )
    return Record(id=record, files=files)


def _json_object(text: str | bytes, where: str) -> Mapping[str, object]:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _not_a_record(where, "JSON was expected") from error
    if not isinstance(answer, dict):
        raise _not_a_record(where, "a JSON object was expected")
    return answer


def _not_a_record(where: str, problem: str) -> NetworkError:
    return NetworkError(
        f"{where} did not answer with a record: {problem}",
        hint="the site may be asking for a pause or a login; try again later, or give archives "
        "fetched by other means: asd fetch --from DIR",
    )


def _entries(answer: Mapping[str, object]) -> list[object] | None:
    found = answer.get("entries", answer.get("files"))
    if isinstance(found, dict):
        found = found.get("entries")
    if isinstance(found, dict):
        return [{"key": key, **value} for key, value in found.items() if isinstance(value, dict)]
    return found if isinstance(found, list) and found else None


def _parse_file(entry: object, *, record: int, where: str) -> RecordFile:
    if not isinstance(entry, dict):
        raise _not_a_record(where, "a list of files was expected")
    name = entry.get("key", entry.get("filename"))
    if not isinstance(name, str):
        raise _not_a_record(where, "a file has no name")
    size = entry.get("size", entry.get("filesize"))
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise _not_a_record(where, f"{shorten(name)} has no size")
    md5 = str(entry.get("checksum")).lower().removeprefix("md5:")
    if not re.fullmatch("[0-9a-f]{32}", md5):
        raise _not_a_record(where, f"{shorten(name)} has no MD5 sum")
    return RecordFile(
        record=record, path=safe_path(name, where=f"record {record}"), size=size, md5=md5
    )


def saved_record_path(folder: Path, record: int) -> Path:
    """Where the data folder keeps its copy of a record."""
    return folder / WORK_FOLDER / f"record-{record}.json"


def read_saved_record(folder: Path, record: int) -> Record | None:
    """Read the copy that `save_record` wrote; None when there is none.

    Raises
    ------
    IntegrityError
        When the file is damaged.
    """
    path = saved_record_path(folder, record)
    try:
        return parse_record(path.read_bytes(), record=record, where=str(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except NetworkError as error:
        raise IntegrityError(
            f"{path} is damaged", hint=f"remove it and fetch again: rm '{path}'"
        ) from error


def save_record(folder: Path, record: Record, *, origin: str) -> None:
    """Save a record next to the data; an existing copy is kept.

    Parameters
    ----------
    folder : Path
        The data folder.
    record : Record
        The record.
    origin : str
        Where it came from, without credentials.

    Raises
    ------
    StorageError
        When the folder cannot be written.
    """
    path = saved_record_path(folder, record.id)
    if path.exists():
        return
    entries = [
        {"key": file.name, "size": file.size, "checksum": f"md5:{file.md5}"}
        for file in record.files
    ]
    content = {"schema": _SCHEMA, "id": record.id, "origin": origin, "files": entries}
    write_text(path, json.dumps(content, indent=1) + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledFile:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallRecord:
    """What was installed from one archive.

    Attributes
    ----------
    archive : RecordFile
        The file that it came from.
    files : tuple of InstalledFile
        In the order of the archive.
    """

    archive: RecordFile
    files: tuple[InstalledFile, ...]


def install_record_path(folder: Path, file: RecordFile) -> Path:
    """Where the install record of a file lies; its name holds the file's MD5."""
    return folder / WORK_FOLDER / "receipts" / f"{file.slug}.json"


def write_install_record(
    folder: Path, file: RecordFile, installed: Sequence[InstalledFile]
) -> None:
    """Record that everything of `file` is installed.

    Raises
    ------
    StorageError
        When the folder cannot be written.
    """
    content = {
        "schema": _INSTALL_SCHEMA,
        "record": file.record,
        "name": file.name,
        "size": file.size,
        "md5": file.md5,
        "files": [[str(entry.path), entry.size, entry.crc] for entry in installed],
    }
    path = install_record_path(folder, file)
    write_text(path, json.dumps(content, ensure_ascii=True) + "\n")
    with storage_errors(path):
        _damaged_path(path).unlink(missing_ok=True)


def read_install_record(folder: Path, file: RecordFile) -> tuple[InstalledFile, ...] | None:
    """List what was installed from `file`; None when nothing was or it is marked as damaged.

    Raises
    ------
    IntegrityError
        When the install record is damaged.
    """
    try:
        return _parse_install_record(install_record_path(folder, file)).files
    except (FileNotFoundError, NotADirectoryError):
        return None


def _parse_install_record(path: Path) -> InstallRecord:
    try:
        content = json.loads(path.read_bytes())
        return InstallRecord(
            archive=RecordFile(
                record=int(content["record"]),
                path=PurePosixPath(content["name"]),
                size=int(content["size"]),
                md5=str(content["md5"]),
                verified=False,
            ),
            files=tuple(
                InstalledFile(path=PurePosixPath(name), size=int(size), crc=int(crc))
                for name, size, crc in content["files"]
            ),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{path} is damaged", hint=f"remove it and fetch again: rm '{path}'"
        ) from error


def mark_damaged(folder: Path, file: RecordFile) -> None:
    """Mark what came out of `file` as damaged, so that the next fetch installs it again.

    The list of files is kept: they are still ours, and may be overwritten.

    Raises
    ------
    StorageError
        When the folder cannot be written.
    """
    path = install_record_path(folder, file)
    with storage_errors(path):
        path.replace(_damaged_path(path))


def _damaged_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def has_install_record(folder: Path, file: RecordFile) -> bool:
    """Whether `file` was installed once, in whatever state its content is now."""
    path = install_record_path(folder, file)
    return path.is_file() or _damaged_path(path).is_file()


def list_install_records(folder: Path) -> tuple[InstallRecord, ...]:
    """Read all install records of a data folder, also of content that is damaged.

    Raises
    ------
    IntegrityError
        When one of them cannot be read.
    """
    names = (folder / WORK_FOLDER / "receipts").glob("*")
    return tuple(
        _parse_install_record(path)
        for path in sorted(names)
        # Temporary files of a process that was killed begin with a dot.
        if path.name.endswith((".json", ".json.damaged")) and not path.name.startswith(".")
    )


def is_installed(folder: Path, file: RecordFile) -> bool:
    """Whether everything installed from `file` is still there with its size."""
    installed = read_install_record(folder, file)
    return installed is not None and all(
        regular_size(folder / entry.path) == entry.size for entry in installed
    )


def installed_record(folder: Path, record: int) -> Record | None:
    """Give the files of a record that were installed; None when none was."""
    files = tuple(
        installed.archive
        for installed in list_install_records(folder)
        if installed.archive.record == record
    )
    return Record(id=record, files=files, partial=True) if files else None
