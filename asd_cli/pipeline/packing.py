"""Recordings into tar shards: few large files that are read from start to end.

A shard has the form of WebDataset: each recording is ``key.wav`` (or ``key.flac``) and
``key.json`` with its name, size and SHA-256. Tables (``.csv``) are packed as they are, so that what
they say of recordings is known as before. Which recordings are in which shard depends on names and
sizes alone, and a shard on nothing but its recordings: the same command gives the same bytes, and a
shard that is there is kept.
"""

import io
import json
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import soundfile

from asd_cli.audio.containers import Container
from asd_cli.audio.decoding import read_file
from asd_cli.audio.reading import check_recording, read_samples
from asd_cli.core.errors import DataError, ProblemsError, UsageError
from asd_cli.core.events import Events
from asd_cli.core.files import atomic_path, write_bytes
from asd_cli.core.hashing import fingerprint, hash_bytes
from asd_cli.core.places import place_signature
from asd_cli.core.remote import url_of, write_object
from asd_cli.core.shards import Member, index_path, index_text, source_of
from asd_cli.datasets.recordings import recording_names
from asd_cli.datasets.trees import shards_of, tree_of
from asd_cli.execution.executor import Executor

_NUMBERS = re.compile(r"\{(\d+)\.\.(\d*)\}")
_TABLE = ".csv"
# A tar file has a block of 512 bytes before each member, and fills each up to such blocks; the
# description of a recording is one more member.
_BLOCK = 512
_OVERHEAD = 4 * _BLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRequest:
    """Recordings to pack.

    Attributes
    ----------
    sources : tuple of Path
        Folders and recordings; URLs as well.
    output : str
        Names of the shards: ``shards/{000000..}.tar``.
    shard_bytes : int
        Size from which the next shard is begun.
    flac : bool
        Whether 16-bit WAV files are packed as FLAC, which has the same samples.
    jobs : int or None
        Worker processes; None means one for each core.
    """

    sources: tuple[Path, ...]
    output: str
    shard_bytes: int
    flac: bool = False
    jobs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlan:
    """What goes into one shard.

    Attributes
    ----------
    path : Path
        The tar file.
    members : tuple of (str, Path)
        Name and file of each recording and table.
    flac : bool
        Whether 16-bit WAV files become FLAC.
    """

    path: Path
    members: tuple[tuple[str, Path], ...]
    flac: bool

    @property
    def source(self) -> str:
        """Hash of names, sizes and times of what is packed, and of how."""
        listed = [[name, place_signature(path)] for name, path in self.members]
        return fingerprint([listed, self.flac])


@dataclass(frozen=True, slots=True)
class PackedShards:
    """What was packed.

    Attributes
    ----------
    shards : tuple of Path
        In the order of the names.
    written : int
        How many were not there before.
    files : int
        Recordings and tables.
    """

    shards: tuple[Path, ...]
    written: int
    files: int


def pack_recordings(
    request: PackRequest, executor: Executor, advance: Callable[..., None]
) -> PackedShards:
    """Pack recordings; shards that are there are kept.

    Raises
    ------
    UsageError
        When the output does not name shards, or its numbers do not suffice.
    DataError, ProblemsError
        When there are no recordings, or several have one key.
    StorageError, NetworkError
        When a shard cannot be written.
    """
    plans = plan_shards(request)
    _require_no_others(plans, request.output)
    missing = [plan for plan in plans if source_of(plan.path) != plan.source]
    advance(sum(len(plan.members) for plan in plans) - sum(len(plan.members) for plan in missing))
    with closing(executor.submit(write_shard, missing, long=True)) as outcomes:
        for outcome in outcomes:
            advance(len(missing[outcome.index].members), missing[outcome.index].path.name)
    return PackedShards(
        tuple(plan.path for plan in plans), len(missing), sum(len(plan.members) for plan in plans)
    )


def plan_shards(request: PackRequest) -> list[ShardPlan]:
    """Divide recordings among shards, in the order of their names."""
    files = _files(request.sources)
    _require_keys(files)
    names = _shard_names(request.output)
    plans: list[ShardPlan] = []
    members: list[tuple[str, Path]] = []
    size = 0
    for number, (name, path) in enumerate(files.items(), start=1):
        members.append((name, path))
        size += max(0, place_signature(path)[0]) + _OVERHEAD
        if size >= request.shard_bytes or number == len(files):
            plan = ShardPlan(path=_next(names, request), members=tuple(members), flac=request.flac)
            plans.append(plan)
            members, size = [], 0
    return plans


def _next(names: Iterator[Path], request: PackRequest) -> Path:
    found = next(names, None)
    if found is None:
        raise UsageError(
            f"{request.output} names fewer shards than are needed",
            hint="leave the end open: {000000..}; or make larger ones: --shard-mb 1024",
        )
    return found


def _shard_names(output: str) -> Iterator[Path]:
    found = _NUMBERS.search(output)
    if found is None or not output.endswith(".tar"):
        raise UsageError(
            f"{output} does not name shards", hint="number them: -o 'shards/{000000..}.tar'"
        )
    first, last = found.groups()

    def names() -> Iterator[Path]:
        number = int(first)
        while not last or number <= int(last):
            yield Path(f"{output[: found.start()]}{number:0{len(first)}}{output[found.end() :]}")
            number += 1

    return names()


def _require_no_others(plans: Sequence[ShardPlan], output: str) -> None:
    """Refuse to write next to shards of another packing, which readers would read as well."""
    folder, planned = plans[0].path.parent, {plan.path for plan in plans}
    name = re.escape(Path(output).name)
    numbered = re.compile(re.sub(r"\\{.*\\}", r"[0-9]+", name))
    others = [p for p in shards_of(folder) if numbered.fullmatch(p.name) and p not in planned]
    if others:
        raise UsageError(
            f"{others[0]} is of another packing ({len(others)} such shards)",
            hint="remove them, or pack into another folder",
        )


def _files(sources: Sequence[Path]) -> dict[str, Path]:
    """List recordings and tables by name; of several sources names begin with that of the source.

    Order is that of the names, so that neighbours of a recording are in its shard.
    """
    found: dict[str, Path] = {}
    for source in sources:
        prefix = f"{source.name}/" if len(sources) > 1 else ""
        for name, path in {**_by_name(recording_names(source)), **_tables(source)}.items():
            if prefix + name in found:
                raise DataError(
                    f"{found[prefix + name]} and {path} would have the name {prefix}{name}",
                    hint="pack folders of different names, or each by itself",
                )
            found[prefix + name] = path
    return dict(sorted(found.items()))


def _by_name(names: Mapping[Path, str]) -> dict[str, Path]:
    return {name: path for path, name in names.items()}


def _tables(source: Path) -> dict[str, Path]:
    tree = tree_of(source)
    every = tree.below(source) if tree.is_dir(source) else iter(())
    return {
        path.relative_to(source).as_posix(): tree.source(path)
        for path in every
        if path.suffix.lower() == _TABLE
    }


def _require_keys(files: Mapping[str, Path]) -> None:
    """Refuse recordings that differ in their ending alone: a shard would join them."""
    seen: dict[str, str] = {}
    problems = []
    for name in files:
        key = _key(name)
        if key in seen:
            problems.append(f"{name} and {seen[key]} have one key, {key}")
        seen[key] = name
    if problems:
        raise ProblemsError(
            f"{len(problems)} of {len(files)} files share a key with another one",
            problems,
            hint="rename them, or pack one kind at a time",
        )


def _key(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def write_shard(plan: ShardPlan, _: Events) -> int:
    """Write a shard and then its index; gives its size in bytes. May run in a worker."""
    source = plan.source
    if url_of(plan.path) is not None:
        with tempfile.TemporaryDirectory() as folder:
            temporary = Path(folder) / plan.path.name
            with temporary.open("wb") as stream:
                index = _write(plan, stream)
            size = temporary.stat().st_size
            write_object(plan.path, temporary)
        write_object(index_path(plan.path), index_text(index, source).encode())
        return size
    with atomic_path(plan.path) as temporary, temporary.open("wb") as stream:
        index = _write(plan, stream)
    write_bytes(index_path(plan.path), index_text(index, source).encode())
    return plan.path.stat().st_size


def _write(plan: ShardPlan, stream: IO[bytes]) -> dict[str, Member]:
    index: dict[str, Member] = {}
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        add = partial(_add, archive, stream)
        for name, path in plan.members:
            content = read_file(path)
            if path.suffix.lower() == _TABLE:
                index[name] = add(name, content)
                continue
            facts = {"name": name, "bytes": len(content), "sha256": hash_bytes(content)}
            packed = as_flac(content, path) if plan.flac else None
            if packed is None:
                index[name] = add(name, content)
            else:
                index[name] = add(f"{_key(name)}.flac", packed)
            add(f"{_key(name)}.json", json.dumps(facts, sort_keys=True).encode())
    return index


def _add(archive: tarfile.TarFile, stream: IO[bytes], name: str, content: bytes) -> Member:
    """Add a member that says nothing of who packed it and when."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))
    offset = stream.tell() - -(-len(content) // _BLOCK) * _BLOCK
    return Member(name, offset, len(content))


def as_flac(content: bytes, path: Path) -> bytes | None:
    """Encode a 16-bit WAV file as FLAC; None for others, which would lose something.

    Raises
    ------
    DataError
        When it cannot be decoded.
    """
    source = check_recording(content, path)
    if source.container is not Container.WAV:
        return None
    samples, info = read_samples(source)
    if samples.dtype != np.int16 or info.subtype != "PCM_16":
        return None
    packed = io.BytesIO()
    soundfile.write(packed, samples, info.sample_rate, format="FLAC", subtype="PCM_16")
    return packed.getvalue()
