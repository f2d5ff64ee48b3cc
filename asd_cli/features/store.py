"""The feature store: all features of a machine's training or test clips in one mapped file.

``<name>.<content>.npy`` holds the log-mel spectrograms of all clips one after the other;
``<name>.<content>.json`` says which rows are whose, from which bytes and with which parameters they
were made, and a checksum of each clip's rows. ``<content>`` is a fingerprint of the recordings and
the parameters: a file is never replaced by other content, so that whoever opened it, or opens it by
name, always reads the features of the recordings that were meant, whatever other runs do.

While a store is being made its rows are appended to ``<name>.npy.partial`` and each finished clip
is listed in ``<name>.jsonl.partial``, so that a killed run is resumed.

Rows are appended with ordinary writes: a full disk is an error then, where a write through a
memory map would end the process.
"""

import glob
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from asd_cli.audio.quality import Suspicion
from asd_cli.core.errors import DataError
from asd_cli.core.files import flush_to_disk, storage_errors, write_text
from asd_cli.core.types import Clip
from asd_cli.features.store_index import StoreEntry, StoreIndex

# Raise it as well when other recordings count as suspicious: what was found is kept in the store.
_FORMAT = 3
_FLOAT_BYTES = 4
_CONTENT_DIGITS = 16


@dataclass(frozen=True, slots=True)
class FeatureStore:
    """Features of a list of clips.

    Attributes
    ----------
    clips : tuple of Clip
        In the order of the rows.
    data : ndarray [shape=(n_rows, n_mels), dtype=float32]
        Log-mel in decibels, memory-mapped and read-only.
    offsets, frames : ndarray [shape=(n_clips,), dtype=int64]
        First row and number of rows of each clip.
    fingerprint : str
        Of the recordings' names and bytes and of the recipe.
    hashes : tuple of str
        SHA-256 of the bytes of each recording; empty where features were not read from a store.
    checksums : tuple of int
        CRC-32 of the rows of each clip; empty where features were not read from a store.
    waveforms : tuple of ndarray or None
        Samples of each clip [dtype=float32, full scale 1] where they are in memory and not in
        files.
    """

    clips: tuple[Clip, ...]
    data: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.int64]
    frames: npt.NDArray[np.int64]
    fingerprint: str
    hashes: tuple[str, ...] = ()
    checksums: tuple[int, ...] = ()
    waveforms: tuple[npt.NDArray[np.float32], ...] | None = None

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> npt.NDArray[np.float32]:
        """Features of one clip [shape=(n_frames, n_mels)], a view."""
        start = self.offsets[index]
        return self.data[start : start + self.frames[index]]

    @property
    def names(self) -> tuple[str, ...]:
        """File names of the clips."""
        return tuple(clip.name for clip in self.clips)

    def select(self, chosen: Sequence[int]) -> "FeatureStore":
        """Keep some of the clips; the rows stay where they are."""
        picked = np.asarray(chosen, np.int64)
        return replace(
            self,
            clips=tuple(self.clips[i] for i in chosen),
            offsets=self.offsets[picked],
            frames=self.frames[picked],
            hashes=tuple(self.hashes[i] for i in chosen) if self.hashes else (),
            checksums=tuple(self.checksums[i] for i in chosen) if self.checksums else (),
            waveforms=None if self.waveforms is None else tuple(self.waveforms[i] for i in chosen),
        )


def _index_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _partial_path(name: Path) -> Path:
    return name.with_name(f"{name.name}.npy.partial")


def _journal_path(name: Path) -> Path:
    return name.with_name(f"{name.name}.jsonl.partial")


def lock_path(name: Path) -> Path:
    """Name the file that a run locks while it fills a store."""
    return name.with_name(f"{name.name}.lock")


def read_index(path: Path) -> StoreIndex | None:
    """Read the index beside a store; None where there is none that can be used."""
    try:
        content = json.loads(_index_path(path).read_text(encoding="utf-8"))
        if content["format"] != _FORMAT or not path.exists():
            return None
        return StoreIndex(
            parameters=content["recipe"],
            n_mels=content["n_mels"],
            entries=tuple(StoreEntry.from_dict(entry) for entry in content["entries"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def intact(path: Path, index: StoreIndex) -> bool:
    """Tell whether a store's rows are those its index was written for."""
    try:
        with path.open("rb") as stream:
            shape = _read_header(stream)
            rows = sum(entry.frames for entry in index.entries)
            offsets = [0, *accumulate(entry.frames for entry in index.entries)][:-1]
            if shape != (rows, index.n_mels) or offsets != [e.offset for e in index.entries]:
                return False
            return all(
                zlib.crc32(stream.read(entry.frames * index.n_mels * _FLOAT_BYTES)) == entry.crc32
                for entry in index.entries
            )
    except (OSError, ValueError):
        return False


def open_store(path: Path, clips: Sequence[Clip]) -> FeatureStore:
    """Open the features of some clips, all of which must be in the store.

    Raises
    ------
    DataError
        When the store is not there any more.
    """
    index = read_index(path)
    if index is None:
        raise DataError(
            f"the features {path} are gone: recordings or the cache changed while they were used",
            hint="run the command again",
        )
    by_name = index.by_name
    entries = [by_name[clip.name] for clip in clips]
    used = StoreIndex(index.parameters, index.n_mels, tuple(entries))
    return FeatureStore(
        clips=tuple(clips),
        data=np.load(path, mmap_mode="r", allow_pickle=False),
        offsets=np.array([entry.offset for entry in entries], np.int64),
        frames=np.array([entry.frames for entry in entries], np.int64),
        fingerprint=used.fingerprint,
        hashes=tuple(entry.sha256 for entry in entries),
        checksums=tuple(entry.crc32 for entry in entries),
    )


def find_stores(name: Path) -> list[Path]:
    """List the complete stores of a name, the newest first.

    Parameters
    ----------
    name : Path
        Folder and name, without the part that stands for the content.
    """
    pattern = f"{glob.escape(name.name)}.{'[0-9a-f]' * _CONTENT_DIGITS}.npy"
    found = [path for path in name.parent.glob(pattern) if _index_path(path).is_file()]
    return sorted(found, key=lambda path: _index_path(path).stat().st_mtime_ns, reverse=True)


def remove_store(path: Path) -> None:
    """Remove a store that is no longer needed; who has it open keeps reading it."""
    _index_path(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


@dataclass(slots=True)
class StoreWriter:
    """A store in the making; see `write_store`.

    Attributes
    ----------
    entries : list of StoreEntry
        Clips that are in it, those of a killed run first.
    """

    name: Path
    parameters: str
    n_mels: int
    entries: list[StoreEntry]
    data: IO[bytes]
    journal: IO[bytes]

    @property
    def rows(self) -> int:
        """Rows written so far."""
        return sum((self.entries[-1].offset, self.entries[-1].frames)) if self.entries else 0

    def append(
        self,
        name: str,
        sha256: str,
        rows: npt.NDArray[np.float32],
        suspicions: tuple[Suspicion, ...] = (),
    ) -> None:
        """Add one clip's rows [shape=(n_frames, n_mels)]; StorageError when the disk is full."""
        content = np.ascontiguousarray(rows, np.float32).data.cast("B")
        entry = StoreEntry(name, sha256, self.rows, len(rows), zlib.crc32(content), suspicions)
        with storage_errors(self.name):
            _write_all(self.data, content)
            _write_all(self.journal, _journal_line(entry.as_dict()))
        self.entries.append(entry)

    def append_store(self, path: Path, index: StoreIndex) -> bool:
        """Add all clips of another store; False, and nothing added, where its rows are damaged.

        Raises
        ------
        StorageError
            When the disk is full.
        """
        size = self.n_mels * _FLOAT_BYTES
        begin, before = self.data.tell(), self.rows
        with storage_errors(self.name), path.open("rb") as stream:
            rows = sum(entry.frames for entry in index.entries)
            whole = _header_or_none(stream) == (rows, self.n_mels)
            for entry in index.entries if whole else ():
                content = stream.read(entry.frames * size)
                whole = whole and zlib.crc32(content) == entry.crc32
                _write_all(self.data, content)
            if not whole:
                self.data.truncate(begin)
                self.data.seek(begin)
                return False
        self.entries += [replace(e, offset=before + e.offset) for e in index.entries]
        return True

    def finish(self) -> Path:
        """Give the store the name of its content; returns its path."""
        index = StoreIndex(self.parameters, self.n_mels, tuple(self.entries))
        path = self.name.with_name(f"{self.name.name}.{index.fingerprint[:_CONTENT_DIGITS]}.npy")
        with storage_errors(path):
            self.data.seek(0)
            _write_header(self.data, (self.rows, self.n_mels))
            flush_to_disk(_partial_path(self.name))
            # A store without its index counts as incomplete, so the rows come first.
            _partial_path(self.name).replace(path)
            write_text(_index_path(path), _index_text(index))
            _journal_path(self.name).unlink(missing_ok=True)
        return path


@contextmanager
def write_store(name: Path, *, parameters: str, n_mels: int) -> Iterator[StoreWriter]:
    """Begin a store, or resume the one that a killed run left.

    Parameters
    ----------
    name : Path
        Folder and name, without the part that stands for the content.
    parameters : str
        Fingerprint of the feature parameters.
    n_mels : int
        Columns.

    Yields
    ------
    StoreWriter
        Nothing is visible until its `finish` was called.

    Raises
    ------
    StorageError
        When the disk is full or the folder may not be written.
    """
    with ExitStack() as stack:
        with storage_errors(name):
            name.parent.mkdir(parents=True, exist_ok=True)
            entries = list(_recover(name, parameters, n_mels))
            rows = sum(entry.frames for entry in entries)
            _partial_path(name).touch()
            data = stack.enter_context(_partial_path(name).open("r+b", buffering=0))
            _write_header(data, (rows, n_mels))
            data.truncate(data.tell() + rows * n_mels * _FLOAT_BYTES)
            data.seek(0, os.SEEK_END)
            journal = stack.enter_context(_journal_path(name).open("wb", buffering=0))
            _write_all(journal, _journal_line(parameters))
            for entry in entries:
                _write_all(journal, _journal_line(entry.as_dict()))
        yield StoreWriter(name, parameters, n_mels, entries, data, journal)


def discard_partial(name: Path) -> None:
    """Forget what an unfinished run left behind."""
    _partial_path(name).unlink(missing_ok=True)
    _journal_path(name).unlink(missing_ok=True)


def _recover(name: Path, parameters: str, n_mels: int) -> Iterator[StoreEntry]:
    """Give the entries of an unfinished run whose rows are complete."""
    try:
        lines = _journal_path(name).read_bytes().splitlines()
        stream = _partial_path(name).open("rb")
    except OSError:
        return
    with stream:
        try:
            begun_with = json.loads(lines[0]) if lines else None
            if begun_with != parameters or _read_header(stream)[1] != n_mels:
                return
            for line in lines[1:]:
                entry = StoreEntry.from_dict(json.loads(line))
                content = stream.read(entry.frames * n_mels * _FLOAT_BYTES)
                if zlib.crc32(content) != entry.crc32:
                    return
                yield entry
        except (ValueError, TypeError, KeyError):
            return


def _journal_line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _index_text(index: StoreIndex) -> str:
    content = {
        "format": _FORMAT,
        "recipe": index.parameters,
        "n_mels": index.n_mels,
        "entries": [entry.as_dict() for entry in index.entries],
    }
    return json.dumps(content, indent=0, sort_keys=True) + "\n"


def _write_header(stream: IO[bytes], shape: tuple[int, int]) -> None:
    """Write a .npy header; numpy pads it so that a larger first axis still fits."""
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)


def _header_or_none(stream: IO[bytes]) -> tuple[int, ...] | None:
    try:
        return _read_header(stream)
    except (OSError, ValueError):
        return None


def _read_header(stream: IO[bytes]) -> tuple[int, ...]:
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"unexpected .npy version {version}")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    if fortran_order or dtype != np.float32:
        raise ValueError("not a C-ordered float32 array")
    return tuple(shape)


def _write_all(stream: IO[bytes], content: bytes | memoryview) -> None:
    """Write every byte; an unbuffered stream may take fewer at a time."""
    view = memoryview(content)
    while view:
        view = view[stream.write(view) :]
