"""Files in object stores, by URL: ``s3://bucket/key``, ``gs://…``, ``memory://…``, ``file:///…``.

fsspec (https://filesystem-spec.readthedocs.io) does the work; credentials and endpoints come from
the environment that its packages read (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, …). A URL is
kept as a `Path`, which writes one slash after the colon; `url_of` gives the URL back.

A folder is listed once, with everything below it, and the list is kept for a minute. A file system
is made in the process and thread that uses it: one that crosses a fork can wait for ever.
"""

import re
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asd_cli.core.errors import DataError, NetworkError, StorageError, UsageError

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

PROTOCOLS = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory", "file", "http", "https")
_URL = re.compile(rf"({'|'.join(PROTOCOLS)}):/+(.*)", re.DOTALL)
_KEPT_S = 60.0
# Shards are read one member after the other: so much of one is fetched at once, at first and then.
_MIN_WINDOW, _MAX_WINDOW = 4 << 20, 32 << 20
# The first member of a tar file begins here at the latest, but for very long names.
_BEGINNING = 4096


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """What a listing says of a file.

    Attributes
    ----------
    size : int
        Bytes; -1 where the store does not say.
    stamp : str
        Tag or time of its content.
    """

    size: int
    stamp: str


def url_of(path: Path) -> str | None:
    """Give the URL that a path stands for; None for a path of this machine.

    Examples
    --------
    >>> url_of(Path("s3://bucket/fan/train")), url_of(Path("recordings/fan"))
    ('s3://bucket/fan/train', None)
    """
    found = _URL.fullmatch(path.as_posix())
    if found is None:
        return None
    slashes = ":///" if found[1] == "file" else "://"
    return f"{found[1]}{slashes}{found[2]}"


def list_below(root: Path) -> Mapping[str, RemoteFile]:
    """List all files below a folder by one request of its prefix, or the files that it is.

    Returns
    -------
    mapping of str to RemoteFile
        By the path below the folder, sorted; empty where there is no such folder.

    Raises
    ------
    NetworkError
        When the store does not answer.
    UsageError
        When the package for the store is not installed.
    """
    with _lock:
        known = _listings.get(root)
        if known is not None and time.monotonic() - known[0] < _KEPT_S:
            return known[1]
    with _errors(root):
        system, place = _open(root)
        system.invalidate_cache()
        try:
            found = system.find(place, detail=True)
        except FileNotFoundError:
            found = {}
    prefix = system._strip_protocol(place).rstrip("/")
    files = {
        name[len(prefix) :].lstrip("/"): _facts(info)
        for name, info in sorted(found.items())
        if info.get("type", "file") == "file"
    }
    with _lock:
        _listings[root] = time.monotonic(), files
    return files


def facts_of(path: Path) -> RemoteFile | None:
    """Look a file up in the list of a folder above it; its own folder is listed where none is."""
    with _lock:
        now = time.monotonic()
        known = [(folder, files) for folder in path.parents if (pair := _listings.get(folder))
                 for when, files in [pair] if now - when < _KEPT_S]  # fmt: skip
    folder, files = known[0] if known else (path.parent, list_below(path.parent))
    return files.get(path.relative_to(folder).as_posix())


def forget_listings() -> None:
    """Look at stores again, after something was written; what was read is forgotten too."""
    with _lock:
        _listings.clear()
    _threads.__dict__.clear()


def read_object(path: Path) -> bytes:
    """Read a whole file; the last one is kept, since clips of one recording follow each other.

    Raises
    ------
    DataError
        When there is no such file.
    NetworkError, UsageError
        As `list_below`.
    """
    last: tuple[Path, bytes] | None = getattr(_threads, "last", None)
    if last is not None and last[0] == path:
        return last[1]
    with _errors(path):
        system, place = _open(path)
        content: bytes = system.cat_file(place)
    _threads.last = path, content
    return content


def read_range(path: Path, start: int, size: int) -> bytes:
    """Read a part of a file, fewer bytes at its end; errors as `read_object`.

    Parts that follow each other are cut from windows that grow, and the next window is fetched
    while the last one is used.
    """
    reader: _Reader | None = getattr(_threads, "reader", None)
    if reader is None or reader.path != path:
        reader = _threads.reader = _Reader(path)
    return reader.read(start, size)


class _Reader:
    """Windows of one file that is read from start to end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _errors(path):
            self._system, self._place = _open(path)
        known = facts_of(path)
        self._length = -1 if known is None else known.size
        self._start, self._data, self._bytes = 0, b"", _MIN_WINDOW
        self._ahead: Future[bytes] | None = None

    def read(self, start: int, size: int) -> bytes:
        """Give a part of the file."""
        found = b""
        with _errors(self.path):
            while len(found) < size:
                position = start + len(found) - self._start
                if position == len(self._data) and self._data:
                    self._advance()
                elif not 0 <= position < len(self._data):
                    self._jump(start + len(found), size - len(found))
                position = start + len(found) - self._start
                more = self._data[position : position + size - len(found)]
                if not more:
                    break
                found += more
        return found

    def _jump(self, start: int, size: int) -> None:
        # Who begins at the beginning reads all of it.
        self._bytes = max(size, _MAX_WINDOW if start <= _BEGINNING else _MIN_WINDOW)
        self._ahead = None
        self._start, self._data = start, self._fetch(start)
        self._look_ahead()

    def _advance(self) -> None:
        end = self._start + len(self._data)
        data = self._fetch(end) if self._ahead is None else self._ahead.result()
        self._start, self._data, self._ahead = end, data, None
        self._bytes = max(self._bytes, min(2 * self._bytes, _MAX_WINDOW))
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Fetch the next window while this one is used, once it is clear that it will be."""
        end = self._start + len(self._data)
        if self._bytes >= _MAX_WINDOW and end < self._length:
            self._ahead = _fetching().submit(self._fetch, end)

    def _fetch(self, start: int) -> bytes:
        if 0 <= self._length <= start:
            return b""
        content: bytes = self._system.cat_file(self._place, start=start, end=start + self._bytes)
        return content


def write_object(path: Path, content: bytes | Path) -> None:
    """Write a whole file: under a temporary key, then by a copy inside the store.

    Parameters
    ----------
    path : Path
        What to write.
    content : bytes or Path
        Its bytes, or the file of this machine that has them.

    Raises
    ------
    StorageError
        When it may not be written.
    NetworkError, UsageError
        As `list_below`.
    """
    with _errors(path):
        system, place = _open(path)
        folder, _, name = place.rpartition("/")
        temporary = f"{folder}/.{name}.{secrets.token_hex(4)}.tmp"
        system.makedirs(folder, exist_ok=True)
        try:
            if isinstance(content, Path):
                system.put_file(str(content), temporary)
            else:
                system.pipe_file(temporary, content)
            system.copy(temporary, place)
        finally:
            if system.exists(temporary):
                system.rm_file(temporary)
    forget_listings()


def remove_object(path: Path) -> None:
    """Remove a file; errors as `write_object`."""
    with _errors(path):
        system, place = _open(path)
        system.rm_file(place)
    forget_listings()


_lock = threading.Lock()
_listings: dict[Path, tuple[float, Mapping[str, RemoteFile]]] = {}
_threads = threading.local()


@cache
def _fetching() -> "ThreadPoolExecutor":
    """Give the threads that fetch ahead."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(4, thread_name_prefix="asd-fetch")


def _open(path: Path) -> tuple[Any, str]:
    """Give the file system of a URL, and the place in it."""
    url = url_of(path)
    if url is None:
        raise ValueError(f"{path} is no URL")
    try:
        import fsspec

        system, place = fsspec.url_to_fs(url)
    except ImportError as error:
        package = "s3" if url.startswith("s3") else url.partition(":")[0]
        raise UsageError(
            f"{url} needs a package that is not installed: {error}",
            hint="pip install 'asd-cli[s3]'" if package == "s3" else f"pip install {package}fs",
        ) from error
    return system, place


def _facts(info: Mapping[str, Any]) -> RemoteFile:
    stamps = (info.get(key) for key in ("ETag", "etag", "LastModified", "mtime", "created"))
    size = info.get("size")
    stamp = next((str(stamp) for stamp in stamps if stamp), "")
    return RemoteFile(-1 if size is None else int(size), stamp)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Turn errors of a store into ours."""
    url = url_of(path)
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"there is no {url}", hint="look at the name and the bucket") from error
    except PermissionError as error:
        raise StorageError(
            f"not permitted to use {url} ({error})",
            hint="look at the credentials in the environment",
        ) from error
    except _failures() as error:
        raise NetworkError(
            f"{url} cannot be reached: {type(error).__name__}: {error}",
            hint="look at the network, AWS_ENDPOINT_URL and the credentials",
        ) from error


def _failures() -> tuple[type[Exception], ...]:
    """Give what a store raises: errors of the system, and of packages that are loaded by now."""
    names = {"botocore.exceptions": ("BotoCoreError", "ClientError"), "aiohttp": ("ClientError",)}
    found = tuple(
        getattr(sys.modules[module], name)
        for module, every in names.items()
        if module in sys.modules
        for name in every
    )
    return OSError, *found
