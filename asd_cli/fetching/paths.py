"""Names chosen by others, and the places in a data folder that they may lead to."""

import os
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from asd_cli.core.errors import IntegrityError
from asd_cli.core.events import Events
from asd_cli.core.files import require_free_space, storage_errors

WORK_FOLDER = ".asd-fetch"
"""Folder inside a data folder for what fetching needs: hidden, and on the same disk."""
_MAX_PART_BYTES = 255
_MAX_NAME = 1024


def safe_path(name: str, *, where: str) -> PurePosixPath:
    """Accept a relative path from a record or an archive only if it stays where it is put.

    The rules are those of the strictest system, so that an archive refused on one machine is
    refused on all.

    Parameters
    ----------
    name : str
        As written in the record or the archive, with ``/`` between its parts.
    where : str
        What holds the name, for the message.

    Returns
    -------
    PurePosixPath
        Relative, without ``.`` and ``..``.

    Raises
    ------
    IntegrityError
        When the name is empty, absolute, climbs with ``..``, holds a drive, a backslash or a
        control character, or is longer than file systems allow.

    Examples
    --------
    >>> str(safe_path("./fan//train/a.wav", where="a.zip"))
    'fan/train/a.wav'
    >>> safe_path("../a.wav", where="a.zip")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    asd_cli.core.errors.IntegrityError: a.zip holds the name '../a.wav', which climbs out of ...
    """
    fault = _fault_of(name)
    if fault is not None:
        raise IntegrityError(
            f"{where} holds the name {shorten(name)}, which {fault}; nothing of it was written",
            hint="do not use it; only its publisher can fix it",
        )
    return PurePosixPath(*(part for part in name.split("/") if part not in {"", "."}))


def _fault_of(name: str) -> str | None:
    parts = [part for part in name.split("/") if part not in {"", "."}]
    longest = max((len(part.encode(errors="replace")) for part in parts), default=0)
    faults = {
        "has a control character": any(ord(sign) < 32 or ord(sign) == 127 for sign in name),
        "is absolute": name.startswith("/"),
        "names nothing": not parts,
        "climbs out of its folder": ".." in parts,
        "has a drive, a backslash or a colon": "\\" in name or ":" in name,
        "is not text": any("\ud800" <= sign <= "\udfff" for sign in name),
        "is too long": longest > _MAX_PART_BYTES or len(name) > _MAX_NAME,
    }
    return next((fault for fault, found in faults.items() if found), None)


def shorten(name: str, *, limit: int = 60) -> str:
    r"""Show a name from outside in quotes on one line, in ASCII, at most `limit` characters long.

    Examples
    --------
    >>> shorten("fan/\x1b[31m.wav")
    "'fan/\\x1b[31m.wav'"
    >>> shorten("section_00_source_train_normal_0000.wav", limit=20)
    "'section...0000.wav'"
    """
    shown = ascii(name)
    if len(shown) <= limit:
        return shown
    tail = (limit - 3) // 2
    return f"{shown[: limit - 3 - tail - 1]}...{shown[-tail - 1 :]}"


def list_names(names: Sequence[str], *, limit: int = 10) -> str:
    """List the first names from outside on one line, and count the rest.

    Examples
    --------
    >>> list_names(["a.zip", "b.zip", "c.zip"], limit=2)
    "'a.zip', 'b.zip' and 1 more"
    """
    shown = ", ".join(shorten(name) for name in names[:limit])
    more = len(names) - limit
    return f"{shown} and {more} more" if more > 0 else shown


def find_collision(names: Iterable[str]) -> tuple[str, str] | None:
    """Find two names that are one file on some disks, or a file where another needs a folder.

    Some file systems ignore case, and some the difference between composed (NFC) and decomposed
    (NFD) letters; both are ignored here.

    Parameters
    ----------
    names : iterable of str
        Names of files, with ``/`` between their parts.

    Returns
    -------
    tuple of str or None
        The first two names that collide, as they were given.

    Examples
    --------
    >>> find_collision(["fan/a.wav", "fan/A.wav"])
    ('fan/a.wav', 'fan/A.wav')
    >>> find_collision(["fan", "fan/a.wav"])
    ('fan', 'fan/a.wav')
    >>> find_collision(["fan/a.wav", "fan/b.wav"]) is None
    True
    """
    files: dict[PurePosixPath, str] = {}
    folders: dict[PurePosixPath, str] = {}
    for name in names:
        path = PurePosixPath(_fold(name))
        other = files.get(path) or folders.get(path)
        if other is None:
            other = next((files[parent] for parent in path.parents if parent in files), None)
        if other is not None:
            return other, name
        files[path] = name
        folders |= dict.fromkeys(path.parents, name)
    return None


def _fold(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name)
    return unicodedata.normalize("NFD", decomposed.casefold())


def refuse_links(folder: Path, targets: Iterable[PurePosixPath]) -> None:
    """Refuse to write through a symbolic link that stands inside `folder`.

    `folder` itself may be a link: that is the user's choice of a disk.

    Raises
    ------
    IntegrityError
        When a target or a folder on the way to it is a symbolic link.
    """
    places = {place for target in targets for place in (target, *target.parents)}
    for place in sorted(places - {PurePosixPath(".")}):
        if (folder / place).is_symlink():
            raise IntegrityError(
                f"{folder / place} is a symbolic link; nothing is written through it",
                hint=f"replace it by a real folder or remove it: rm '{folder / place}'",
            )


def regular_size(path: Path) -> int | None:
    """Size of a regular file in bytes; None when there is none, or a link or folder instead."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


@contextmanager
def exclusive_fetch(folder: Path, events: Events) -> Iterator[None]:
    """Be the only running fetch of a data folder; wait for another to end.

    The system frees the lock of a killed process.

    Raises
    ------
    StorageError
        When the folder cannot be written.
    """
    work_folder = folder / WORK_FOLDER
    with storage_errors(work_folder):
        work_folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(work_folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            events.note(f"another asd fetch is running in {folder}; waiting for it")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def require_disk(disk: Mapping[Path, int]) -> None:
    """Refuse a fetch that the disk cannot hold; folders on one disk are added up.

    Parameters
    ----------
    disk : mapping of Path to int
        Bytes that each data folder needs.

    Raises
    ------
    StorageError
        Naming the folder, what it needs and what is free.
    """
    together: defaultdict[int, int] = defaultdict(int)
    for folder, size in disk.items():
        existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        device = existing.stat().st_dev
        together[device] += size
        require_free_space(folder, together[device])
