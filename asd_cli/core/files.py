"""Files written whole or not at all, and operating-system errors said in our own words."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from asd_cli.core.errors import StorageError, UsageError
from asd_cli.core.remote import url_of

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_UNUSABLE = {errno.ENAMETOOLONG, errno.ELOOP, errno.EIO, errno.EFBIG}
_NO_RIGHT = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn a full or forbidden disk into a `StorageError` naming `path`.

    Raises
    ------
    StorageError
        When the body fails for lack of space or permission, or because a path component is not
        a folder. Other operating-system errors pass through.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise StorageError(
                f"no space left on the disk while writing {path}",
                hint=f"free some space: df -h {path.parent}",
            ) from error
        if error.errno in _NO_RIGHT:
            raise StorageError(
                f"not permitted to use {path} ({error.strerror})",
                hint=f"choose another place or change its rights: ls -ld {path} {path.parent}",
            ) from error
        if error.errno in {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}:
            raise StorageError(
                f"cannot write {path}: {error.strerror}",
                hint=f"a file stands where a folder is needed, or the reverse: ls -ld {path}",
            ) from error
        if error.errno in _UNUSABLE:
            raise StorageError(
                f"cannot use {str(path)[:300]}: {error.strerror}",
                hint="choose another folder or name, or look at the disk",
            ) from error
        raise


def temporary_sibling(path: Path) -> Path:
    """Give a hidden, unused name in the folder of `path`, for writing before renaming."""
    return path.with_name(f".{path.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files of processes that were killed; those of living ones stay."""
    for path in folder.glob(".*.tmp"):
        owner = path.name.removesuffix(".tmp").rpartition(".")[2].partition("-")[0]
        if owner.isdigit() and not _is_alive(int(owner)):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Let the body write a temporary file that then takes the place of `path`.

    The file is flushed to the disk and renamed when the body ends well, and removed when it does
    not; a reader sees the old file or the new one, never a part.

    Parameters
    ----------
    path : Path
        The file to write; missing folders are made.

    Yields
    ------
    Path
        The temporary file's name, in the same folder.

    Raises
    ------
    StorageError
        When the disk is full or the place may not be written.
    UsageError
        When it is a URL.
    """
    if url_of(path) is not None:
        raise UsageError(
            f"{url_of(path)} is in a store, and this file is written to a disk",
            hint="name a folder of this machine",
        )
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_sibling(path)
        try:
            yield temporary
            flush_to_disk(temporary)
            temporary.replace(path)
            flush_to_disk(path.parent)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()


def flush_to_disk(path: Path) -> None:
    """Force a file's bytes, or a folder's entries, on to the disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file atomically; errors as in `atomic_path`."""
    require_working_folder()
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write a whole UTF-8 text file atomically, line ends as given; errors as in `atomic_path`."""
    write_bytes(path, content.encode("utf-8"))


def require_working_folder() -> None:
    """Refuse to work in a folder that was removed; StorageError."""
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise StorageError(
            "the working folder was removed", hint="change to one that exists: cd ~"
        ) from error


def require_free_space(folder: Path, needed: int) -> None:
    """Refuse work that would fill the disk, before its first byte.

    Parameters
    ----------
    folder : Path
        Where the bytes will go; may not exist yet.
    needed : int
        Bytes.

    Raises
    ------
    StorageError
        When less than `needed` is free.
    """
    require_working_folder()
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise StorageError(
            f"{folder} needs {needed:,} bytes and the disk has {free:,} free",
            hint=f"free some space or choose another folder: df -h {existing}",
        )
