"""The bytes of a recording: in memory, or in an open file where only what is looked at is read.

A map of the file would do the same, but the system ends a process that looks at a mapped file
which another program has made shorter.
"""

import os
import struct
from pathlib import Path
from typing import Any

from asd_cli.core.errors import DataError

_WINDOW = 2**16


class FileContent:
    """The bytes of an open file, by slices.

    Parameters
    ----------
    descriptor : int
        Of a regular file; it stays open for as long as this is used.
    path : Path
        Its name, for messages.

    Raises
    ------
    DataError
        From any slice: when the file has become shorter.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"RIFF----WAVE") and file.flush()
    ...     content = FileContent(file.fileno(), Path(file.name))
    ...     content[8:12], len(content), content.rfind(b"F")
    (b'WAVE', 12, 3)
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor, self._path = descriptor, path
        self._size = os.fstat(descriptor).st_size

    def __len__(self) -> int:
        return self._size

    def __bytes__(self) -> bytes:
        return self[:]

    def __getitem__(self, asked: slice) -> bytes:
        start, stop, _ = asked.indices(self._size)
        parts, left = [], max(0, stop - start)
        while left:
            part = os.pread(self._descriptor, left, stop - left)
            if not part:
                raise DataError(
                    f"{self._path} became shorter while it was read",
                    hint="wait until the program that writes it is done",
                )
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def rfind(self, pattern: bytes, start: int = 0, end: int | None = None) -> int:
        """Find the last place of some bytes, as that of `bytes`; -1 where they are not."""
        end = self._size if end is None else end
        while end - start >= len(pattern):
            begin = max(start, end - _WINDOW)
            found = self[begin:end].rfind(pattern)
            if found >= 0:
                return begin + found
            if begin == start:
                break
            end = begin + len(pattern) - 1
        return -1


Content = bytes | FileContent


def unpack(form: str, content: Content, position: int) -> tuple[Any, ...]:
    """Read numbers at a position, as `struct.unpack_from`; struct.error past the end."""
    return struct.unpack(form, content[position : position + struct.calcsize(form)])
