"""Recordings inside tar shards: which there are, and their bytes.

A shard is a tar file in the form of WebDataset (https://github.com/webdataset/webdataset): files
whose names differ in the ending alone belong together, ``key.wav`` or ``key.flac`` and
``key.json``. What ``key.json`` calls ``name`` is the name that the recording had before it was
packed. Next to ``000000.tar`` may lie ``000000.index.json``, which `asd pack` writes: with it
nothing has to be read of a shard to know what is in it.

A recording in a shard has the path ``000000.tar/key.wav``.
"""

import json
import tarfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock, local
from typing import IO, Any

from asd_cli.core.errors import DataError
from asd_cli.core.remote import facts_of, read_object, read_range, url_of

TAR = ".tar"
FORMAT = "asd.shard/1"
_KEPT = 64
_FIELDS = 4


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a shard.

    Attributes
    ----------
    member : str
        Its name there.
    offset, size : int
        Its bytes.
    """

    member: str
    offset: int
    size: int


ShardIndex = Mapping[str, Member]
"""Members by the name that they had before they were packed, in the order of the shard."""


def index_path(shard: Path) -> Path:
    """Name the index of a shard."""
    return shard.with_name(f"{shard.name.removesuffix(TAR)}.index.json")


def index_text(index: ShardIndex, source: str) -> str:
    """Write an index as JSON, one member a line; `source` is a hash of what was packed."""
    lines = [
        json.dumps([name, found.member, found.offset, found.size]) for name, found in index.items()
    ]
    head = f'{{"format": "{FORMAT}", "source": "{source}", "members": [\n'
    return head + ",\n".join(lines) + "\n]}\n"


def source_of(shard: Path) -> str | None:
    """Give the hash of what a shard was packed from; None where it or its index is not there."""
    if signature_of(shard)[0] < 0:
        return None
    content = _read_index_file(index_path(shard))
    return None if content is None else str(content.get("source"))


def split_member(path: Path) -> tuple[Path, str] | None:
    """Divide a path into a shard and the name of a member; None where it has no shard.

    Examples
    --------
    >>> split_member(Path("s/000000.tar/fan/1.wav"))
    (PosixPath('s/000000.tar'), 'fan/1.wav')
    """
    text = path.as_posix()
    if f"{TAR}/" not in text:
        return None
    shard, _, member = text.partition(f"{TAR}/")
    return Path(shard + TAR), member


def read_index(shard: Path) -> ShardIndex:
    """List the members of a shard: by its index, or by reading it once.

    Raises
    ------
    DataError
        When it is no tar file, was cut short, or its index is damaged.
    NetworkError, StorageError
        When it cannot be reached or read.
    """
    key = shard, signature_of(shard)
    with _lock:
        if key in _indices:
            _indices.move_to_end(key)
            return _indices[key]
    index = _index_beside(shard)
    if index is None:
        index = _scan(shard)
    with _lock:
        _indices[key] = index
        while len(_indices) > _KEPT:
            _indices.popitem(last=False)
    return index


def read_member(shard: Path, member: str) -> bytes:
    """Read one file of a shard; errors as `read_index`, and DataError where it is not there."""
    found = _by_member(shard).get(member)
    if found is None:
        raise DataError(f"there is no {member} in {shard}", hint="look at its index, or pack again")
    if url_of(shard) is not None:
        # Its header is read first, then all of it, and then each clip of it.
        last: tuple[Path, Member, bytes] | None = getattr(_threads, "last", None)
        if last is not None and last[:2] == (shard, found):
            return last[2]
        content = read_range(shard, found.offset, found.size)
        _threads.last = shard, found, content
    else:
        with shard.open("rb") as stream:
            stream.seek(found.offset)
            content = stream.read(found.size)
    if len(content) < found.size:
        raise DataError(
            f"{shard} is cut short: {member} has {found.size} bytes and {len(content)} are there",
            hint="copy or pack it again",
        )
    return content


def signature_of(shard: Path) -> tuple[int, str]:
    """Give size and time of a shard, of a remote one its tag; (-1, "") where it is not there."""
    if url_of(shard) is not None:
        found = facts_of(shard)
        return (-1, "") if found is None else (found.size, found.stamp)
    try:
        known = shard.stat()
    except OSError:
        return -1, ""
    return known.st_size, str(known.st_mtime_ns)


_lock = Lock()
_threads = local()
_indices: OrderedDict[tuple[Path, tuple[int, str]], ShardIndex] = OrderedDict()
_members: dict[int, tuple[ShardIndex, dict[str, Member]]] = {}


def _by_member(shard: Path) -> dict[str, Member]:
    index = read_index(shard)
    with _lock:
        known = _members.get(id(index))
        if known is None or known[0] is not index:
            if len(_members) >= _KEPT:
                _members.clear()
            known = index, {found.member: found for found in index.values()}
            _members[id(index)] = known
        return known[1]


def _index_beside(shard: Path) -> ShardIndex | None:
    content = _read_index_file(index_path(shard))
    if content is None:
        return None
    members = (tuple(member) for member in content["members"])
    return {name: Member(str(m), int(offset), int(size)) for name, m, offset, size in members}


def _read_index_file(path: Path) -> dict[str, Any] | None:
    if signature_of(path)[0] < 0:
        return None
    try:
        read = json.loads(read_object(path) if url_of(path) is not None else path.read_bytes())
        known = isinstance(read, dict) and read.get("format") == FORMAT
        if not known or not all(len(member) == _FIELDS for member in read["members"]):
            raise ValueError(f"it is no {FORMAT}")
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is damaged: {error}", hint="remove it: the shard itself is read instead"
        ) from error
    return dict(read)


def _scan(shard: Path) -> ShardIndex:
    """Read the heads of all members, and what ``.json`` members say of names."""
    try:
        if url_of(shard) is not None:
            import fsspec

            with fsspec.open(url_of(shard), "rb") as stream:
                return _scanned(stream)
        with shard.open("rb") as stream:
            return _scanned(stream)
    except tarfile.TarError as error:
        raise DataError(
            f"{shard} is no tar file, or was cut short: {error}", hint="copy or pack it again"
        ) from error
    except OSError as error:
        raise DataError(f"{shard} cannot be read: {error}", hint="copy or pack it again") from error


def _scanned(stream: IO[bytes]) -> ShardIndex:
    found: list[Member] = []
    names: dict[str, str] = {}
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for entry in archive:
            if not entry.isfile():
                continue
            if entry.name.endswith(".json"):
                content = archive.extractfile(entry)
                names |= _name_in(entry.name, b"" if content is None else content.read())
            else:
                found.append(Member(entry.name, entry.offset_data, entry.size))
    return {names.get(_key(member.member), member.member): member for member in found}


def _name_in(member: str, content: bytes) -> dict[str, str]:
    try:
        facts = json.loads(content)
    except ValueError:
        return {}
    name = facts.get("name") if isinstance(facts, dict) else None
    return {_key(member): name} if isinstance(name, str) else {}


def _key(member: str) -> str:
    return str(PurePosixPath(member).with_suffix(""))
