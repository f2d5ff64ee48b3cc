"""What a Zenodo record says about its files: names, sizes, MD5 sums.

The API has answered in several shapes over the years: ``files`` with ``key`` and ``size``, or with
``filename`` and ``filesize``; ``entries`` as a list or a mapping; sums with and without ``md5:``.
The first answer is frozen into a file beside the data, so that what is verified once stays
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
from asd_cli.fetching.paths import WORK_FOLDER, regular_size, safe_path, shorten

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
    """

    record: int
    path: PurePosixPath
    size: int
    md5: str

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
    """

    id: int
    files: tuple[RecordFile, ...]


def parse_record(text: str | bytes, *, record: int, where: str) -> Record | None:
    """Read an answer of the record API, or a frozen one.

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
    folded = [file.name.casefold() for file in files]
    if len(set(folded)) != len(folded):
        raise IntegrityError(
            f"{where} lists the same file name twice; nothing was written",
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
    """Where the data folder keeps what a record said."""
    return folder / WORK_FOLDER / f"record-{record}.json"


def read_saved_record(folder: Path, record: int) -> Record | None:
    """Read what was frozen by `freeze`; None when nothing was.

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
    """Keep what a record said beside the data; an existing copy is left as it is.

    Parameters
    ----------
    folder : Path
        The data folder.
    record : Record
        What was said.
    origin : str
        Who said it, without credentials.

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


def install_record_path(folder: Path, file: RecordFile) -> Path:
    """Where the receipt for a file of a record lies; its name holds the file's MD5."""
    return folder / WORK_FOLDER / "receipts" / f"{file.slug}.json"


def write_install_record(folder: Path, file: RecordFile, placed: Sequence[InstalledFile]) -> None:
    """Note that everything of `file` is in place.

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
        "files": [[str(entry.path), entry.size, entry.crc] for entry in placed],
    }
    write_text(install_record_path(folder, file), json.dumps(content, ensure_ascii=True) + "\n")


def read_install_record(folder: Path, file: RecordFile) -> tuple[InstalledFile, ...] | None:
    """List what came out of `file`; None when it was never put in place.

    Raises
    ------
    IntegrityError
        When the receipt is damaged.
    """
    path = install_record_path(folder, file)
    try:
        content = json.loads(path.read_bytes())
        return tuple(
            InstalledFile(path=PurePosixPath(name), size=int(size), crc=int(crc))
            for name, size, crc in content["files"]
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{path} is damaged", hint=f"remove it and fetch again: rm '{path}'"
        ) from error


def remove_install_record(folder: Path, file: RecordFile) -> None:
    """Forget that `file` is in place, so that the next fetch brings it again.

    Raises
    ------
    StorageError
        When the folder cannot be written.
    """
    path = install_record_path(folder, file)
    with storage_errors(path):
        path.unlink(missing_ok=True)


def is_installed(folder: Path, file: RecordFile) -> bool:
    """Whether everything that came out of `file` is still there, judged by sizes."""
    placed = read_install_record(folder, file)
    return placed is not None and all(
        regular_size(folder / entry.path) == entry.size for entry in placed
    )
