"""A folder in an object store that is worked on as a copy on this disk.

Models and results are changed in place, under locks, and in many small steps, which no object store
can do. So what is in the store is copied here before, and what changed is copied back after the
work, however that ended; what a killed process left here is copied back by the next one.

Two machines that change the same JSON file (the list of what was scored) are joined entry by entry:
each keeps what it changed itself. Of other files the later one stays; machines that are divided by
ranks write different ones.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asd_cli.core.files import write_bytes, write_text
from asd_cli.core.hashing import fingerprint
from asd_cli.core.remote import (
    facts_of,
    forget_listings,
    list_below,
    read_object,
    remove_object,
    url_of,
    write_object,
)

_RECORD = ".mirror.json"
_BASES = ".mirror"
_KEY_DIGITS = 12
# Locks and unfinished files are of this disk alone.
_OWN_ENDINGS = (".lock", ".claim", ".tmp", ".partial")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A folder in a store and its copy.

    Attributes
    ----------
    url : Path
        The folder in the store.
    local : Path
        The copy.
    """

    url: Path
    local: Path

    @classmethod
    def below(cls, url: Path, folder: Path) -> "Mirror":
        """Give the copy of a URL a folder of its own below another one."""
        return cls(url, folder / "stores" / fingerprint(url_of(url))[:_KEY_DIGITS])

    def pull(self) -> None:
        """Copy what is new in the store.

        Raises
        ------
        NetworkError, StorageError, UsageError
            As `asd_cli.core.remote`.
        """
        self.push()  # what a killed process left
        record = self._record()
        forget_listings()
        there = list_below(self.url)
        for name, facts in there.items():
            known = record.get(name)
            if known is not None and known["stamp"] == [facts.size, facts.stamp]:
                continue
            content = read_object(self.url / name)
            write_bytes(self.local / name, content)
            self._keep_base(name, content)
            record[name] = {"stamp": [facts.size, facts.stamp], "here": self._here(name)}
        for name in [name for name in record if name not in there]:
            (self.local / name).unlink(missing_ok=True)
            del record[name]
        self._write_record(record)

    def push(self) -> None:
        """Copy what changed here, and remove what was removed here; errors as `pull`."""
        record = self._record()
        changed = [n for n in self._names() if record.get(n, {}).get("here") != self._here(n)]
        removed = [name for name in record if not (self.local / name).is_file()]
        if not changed and not removed:
            return
        forget_listings()
        there = list_below(self.url)
        for name in changed:
            content = (self.local / name).read_bytes()
            facts = there.get(name)
            stamp = None if facts is None else [facts.size, facts.stamp]
            if stamp is not None and name.endswith(".json"):
                content = self._joined(name, content, record.get(name, {}).get("stamp"), stamp)
            write_object(self.url / name, content)
            self._keep_base(name, content)
        for name in removed:
            if name in there:
                remove_object(self.url / name)
            del record[name]
        forget_listings()
        list_below(self.url)
        for name in changed:
            facts = facts_of(self.url / name)
            if facts is not None:
                record[name] = {"stamp": [facts.size, facts.stamp], "here": self._here(name)}
        self._write_record(record)

    def _joined(self, name: str, ours: bytes, known: object, stamp: object) -> bytes:
        """Join what another machine has changed since."""
        if known == stamp:
            return ours
        base = self.local / _BASES / name
        before = base.read_bytes() if base.is_file() else b"{}"
        joined = join_json(before, ours, read_object(self.url / name))
        write_bytes(self.local / name, joined)
        return joined

    def _keep_base(self, name: str, content: bytes) -> None:
        if name.endswith(".json"):
            write_bytes(self.local / _BASES / name, content)

    def _names(self) -> Iterator[str]:
        for path in sorted(self.local.rglob("*")):
            name = path.relative_to(self.local).as_posix()
            own = name.startswith((_RECORD, f"{_BASES}/")) or name.endswith(_OWN_ENDINGS)
            if not own and path.is_file():
                yield name

    def _here(self, name: str) -> list[int]:
        known = (self.local / name).stat()
        return [known.st_size, known.st_mtime_ns]

    def _record(self) -> dict[str, Any]:
        try:
            content = json.loads((self.local / _RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write_record(self, record: dict[str, Any]) -> None:
        write_text(self.local / _RECORD, json.dumps(record, sort_keys=True) + "\n")


def join_json(before: bytes, ours: bytes, theirs: bytes) -> bytes:
    """Join two changes of one JSON document: an entry that we did not change is theirs.

    The form is that of ours: its indentation and order.

    Examples
    --------
    >>> join_json(b'{"a": 1, "b": 1}', b'{"a": 2, "b": 1}', b'{"a": 1, "b": 3, "c": 4}')
    b'{"a": 2, "b": 3, "c": 4}'
    """
    try:
        values = [json.loads(content) for content in (before, ours, theirs)]
    except ValueError:
        return ours
    joined = _join(*values)
    if joined == values[1]:
        return ours
    indented = ours.startswith((b"{\n", b"[\n"))
    spaces = len(ours.split(b"\n")[1]) - len(ours.split(b"\n")[1].lstrip()) if indented else None
    end = "\n" if ours.endswith(b"\n") else ""
    return (json.dumps(joined, indent=spaces, ensure_ascii=False) + end).encode()


def _join(before: Any, ours: Any, theirs: Any) -> Any:
    if not all(isinstance(value, dict) for value in (ours, theirs)):
        return theirs if ours == before else ours
    known = before if isinstance(before, dict) else {}
    joined = {}
    for key in dict.fromkeys([*ours, *theirs]):
        if key in ours and key in theirs:
            joined[key] = _join(known.get(key), ours[key], theirs[key])
        elif key not in known or (key in ours and ours[key] != known[key]):
            joined[key] = ours[key] if key in ours else theirs[key]
    return joined


_open: dict[Path, Mirror] = {}


def open_mirror(url: Path, folder: Path) -> Path:
    """Give the copy of a folder in a store, up to date; `publish_all` copies changes back."""
    if url not in _open:
        mirror = Mirror.below(url, folder)
        mirror.pull()
        _open[url] = mirror
    return _open[url].local


def publish_all() -> None:
    """Copy what changed in all copies back to their stores."""
    try:
        for mirror in _open.values():
            mirror.push()
    finally:
        _open.clear()
