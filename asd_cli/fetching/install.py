"""Unpack verified files into a data folder and record what was installed."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from asd_cli.core.errors import DataError, IntegrityError, StorageError
from asd_cli.core.events import Events, progress
from asd_cli.core.files import require_free_space, storage_errors, write_text
from asd_cli.datasets.dcase.editions import Edition
from asd_cli.fetching.archives import (
    GROUND_TRUTH,
    Placement,
    file_crc,
    is_label_file,
    list_members,
    opened,
    place_labels,
    place_recordings,
    unpack,
)
from asd_cli.fetching.paths import WORK_FOLDER, refuse_links, regular_size
from asd_cli.fetching.records import RecordFile

_SCHEMA = "asd.receipt/1"


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
        "schema": _SCHEMA,
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


def find_damage(
    folder: Path, placed: Sequence[InstalledFile], *, advance: Callable[..., None]
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


def install(
    file: RecordFile,
    source: Path,
    *,
    folder: Path,
    machine: str | None,
    edition: Edition,
    events: Events,
) -> None:
    """Put what a proven file holds into the data folder, and note it.

    Parameters
    ----------
    file : RecordFile
        What it is.
    source : Path
        Where it lies; stays there.
    folder : Path
        The data folder, ``dev_data`` or ``eval_data``.
    machine : str or None
        Whose recordings; None for labels.
    edition : Edition
        Names machines and folders.
    events : Events
        Progress.

    Raises
    ------
    IntegrityError
        When the archive is refused or damaged; the data folder is as it was.
    StorageError
        When the disk is too small, full or forbidden.
    """
    staging = folder / WORK_FOLDER / "staging" / file.slug
    with storage_errors(folder):
        _clear(staging)
        try:
            if source.suffix.lower() == ".zip":
                placed = _unpack(
                    file, source, staging, machine=machine, edition=edition, events=events
                )
            else:
                placed = _copy(file, source, staging)
            _merge(staging, folder)
        finally:
            _clear(staging)
        write_install_record(folder, file, placed)


def _clear(staging: Path) -> None:
    if staging.is_dir():
        shutil.rmtree(staging)


def _unpack(
    file: RecordFile,
    source: Path,
    staging: Path,
    *,
    machine: str | None,
    edition: Edition,
    events: Events,
) -> tuple[InstalledFile, ...]:
    folder = staging.parents[2]
    with opened(source) as archive:
        members = list_members(archive, source)
        placements: Sequence[Placement] = (
            place_labels(members, archive=file.name)
            if machine is None
            else place_recordings(members, machine=machine, edition=edition, archive=file.name)
        )
        refuse_links(folder, [placement.target for placement in placements])
        total = sum(placement.member.size for placement in placements)
        require_free_space(folder, total)
        staging.mkdir(parents=True)
        task = f"unpacking {file.name}"
        with progress(events, task, total=total, unit="bytes") as advance:
            for placement in placements:
                target = staging / placement.target
                unpack(archive, placement.member, target, advance=advance)
    return tuple(
        InstalledFile(path=placement.target, size=placement.member.size, crc=placement.member.crc)
        for placement in placements
    )


def _copy(file: RecordFile, source: Path, staging: Path) -> tuple[InstalledFile, ...]:
    if not is_label_file(file.path.name):
        raise DataError(
            f"{file.name} is neither an archive nor official labels",
            hint="check the edition's catalogue",
        )
    target = PurePosixPath(GROUND_TRUTH, file.path.name)
    refuse_links(staging.parents[2], [target])
    (staging / target).parent.mkdir(parents=True)
    shutil.copyfile(source, staging / target)
    return (InstalledFile(path=target, size=file.size, crc=file_crc(staging / target)),)


def _merge(source: Path, target: Path) -> None:
    """Rename everything in `source` to its place in `target`, whole folders where they are new."""
    for entry in sorted(source.iterdir()):
        place = target / entry.name
        if entry.is_dir() and place.is_dir() and not place.is_symlink():
            _merge(entry, place)
        elif not entry.is_dir() and regular_size(place) is not None:
            entry.replace(place)
        elif place.exists() or place.is_symlink():
            raise StorageError(
                f"{place} stands where fetched recordings belong",
                hint=f"move it away: mv '{place}' '{place}.old'",
            )
        else:
            entry.rename(place)
