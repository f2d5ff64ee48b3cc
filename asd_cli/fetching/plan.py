"""Which files a fetch needs, where they belong, and which of them are available."""

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.events import Events
from asd_cli.datasets.dcase.editions import Edition, Stage
from asd_cli.fetching.download import Destination, Step
from asd_cli.fetching.http import redact
from asd_cli.fetching.paths import WORK_FOLDER, list_names, regular_size
from asd_cli.fetching.records import Record, RecordFile, is_installed
from asd_cli.fetching.sources import Origin, file_addresses, identify

ALL_STAGES = "all"
_GROUND_TRUTH = "ground-truth"
# Recordings are noise and deflate to three quarters at best; only the archive knows exactly.
_UNPACKED_RATIO = 1.5


class FileState(StrEnum):
    """How far a file of a record has come."""

    PRESENT = "present"
    PARTIAL = "partial"
    MISSING = "missing"
    FETCHED = "fetched"
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedFile:
    """One file of a record that a stage needs.

    Attributes
    ----------
    stage : Stage
        Part of the edition.
    machine : str or None
        Whose recordings it holds; None for labels.
    file : RecordFile
        What it is.
    folder : Path
        The data folder that takes what it holds.
    """

    stage: Stage
    machine: str | None
    file: RecordFile
    folder: Path

    @property
    def destination(self) -> Destination:
        """Where the file itself goes while it is needed."""
        work_folder = self.folder / WORK_FOLDER
        return Destination(
            archive=work_folder / "archives" / self.file.path,
            part=work_folder / "parts" / f"{self.file.slug}.part",
        )

    def state(self) -> FileState:
        """Look at the disk: installed, partly transferred, or missing."""
        if is_installed(self.folder, self.file):
            return FileState.PRESENT
        return FileState.PARTIAL if self.bytes_here() else FileState.MISSING

    def bytes_here(self) -> int:
        """Bytes that need not be transferred again."""
        match self.destination.plan(self.file.size):
            case Step.VERIFY_ARCHIVE | Step.VERIFY_PART:
                return self.file.size
            case Step.RESUME:
                return regular_size(self.destination.part) or 0
            case Step.START:
                return 0


def select_stages(names: Iterable[str], edition: Edition) -> tuple[Stage, ...]:
    """Look up stages by name, in the order of the catalogue; ``all`` means every one.

    Raises
    ------
    UsageError
        When there is no such stage, or none was named.
    """
    requested = set(names)
    if _GROUND_TRUTH in requested and _GROUND_TRUTH not in edition.stages:
        raise UsageError(
            f"the labels of {edition.name} are in no record that may be fetched",
            hint=f"they are published at {edition.ground_truth}; download them and name their "
            f"folder: asd evaluate{edition.option} --mode eval --ground-truth DIR",
        )
    unknown = sorted(requested - {ALL_STAGES} - set(edition.stages))
    if unknown:
        raise UsageError(
            f"there is no stage {unknown[0]!r}", hint=_suggest(unknown[0], list(edition.stages))
        )
    if not requested:
        raise UsageError(
            "no stage was named",
            hint=f"asd fetch --stage dev; there are {', '.join((*edition.stages, ALL_STAGES))}",
        )
    return tuple(stage for stage in edition.stages.values() if requested & {stage.name, ALL_STAGES})


def select_machines(names: Iterable[str], edition: Edition) -> tuple[str, ...]:
    """Check machine types; none named means all.

    Raises
    ------
    UsageError
        When the edition has no such machine.

    Examples
    --------
    >>> from asd_cli.datasets.dcase.editions import load_edition
    >>> select_machines(["valve", "fan"], load_edition("dcase2021"))
    ('fan', 'valve')
    """
    requested = set(names)
    unknown = sorted(requested - set(edition.machines))
    if unknown:
        raise UsageError(
            f"{unknown[0]} is not a machine of {edition.name}",
            hint=f"{_suggest(unknown[0], edition.machines)}; recordings of your own machine need "
            "no fetch",
        )
    return tuple(name for name in edition.machines if not requested or name in requested)


def _suggest(name: str, known: Sequence[str]) -> str:
    by_folded = {entry.casefold(): entry for entry in known}
    near = difflib.get_close_matches(name.casefold(), list(by_folded), n=3)
    listed = f"there are {', '.join(known)}"
    if not near:
        return listed
    return f"did you mean {' or '.join(by_folded[entry] for entry in near)}? {listed}"


def plan_stages(
    names: Iterable[str], machines: Iterable[str], edition: Edition
) -> tuple[tuple[Stage, tuple[str, ...]], ...]:
    """Choose stages and the machine types of each: the two sets may have different ones.

    Raises
    ------
    UsageError
        As `select_stages` and `select_machines`; also when a stage that was named has none of the
        machines, or with ``all`` no stage has.
    """
    asked, requested = set(names), select_machines(machines, edition)
    plan = []
    for stage in select_stages(asked, edition):
        known = edition.machines_of[stage.mode]
        found = tuple(machine for machine in requested if machine in known)
        if found:
            plan.append((stage, found))
        elif ALL_STAGES not in asked:
            raise UsageError(
                f"the stage {stage.name} of {edition.name} has no {', '.join(requested)}",
                hint=f"it has {', '.join(known)}",
            )
    return tuple(plan)


def select_files(
    stage: Stage, record: Record, machines: Sequence[str], *, folder: Path
) -> tuple[RequestedFile, ...]:
    """Find the files of a record that a stage needs.

    The first of the stage's patterns that matches counts: labels are published as one archive or
    as loose files, recordings under names whose words were swapped once. When none matches, the
    newest revision of a name (``dev_data_fan_r2.zip``) counts.

    Raises
    ------
    DataError
        When the record has nothing for one of the machines.
    """
    chosen: dict[str, RequestedFile] = {}
    for machine in machines:
        files = _matching(stage, record, machine)
        if not files and record.partial:
            continue
        if not files:
            raise DataError(
                f"{record.origin} has no file for {machine} (looked for "
                f"{', '.join(stage.archives).format(machine=machine)}); it holds "
                f"{list_names([file.name for file in record.files]) or 'no archive'}",
                hint="leave this machine out with --machine, or check the record's page",
            )
        owner = None if stage.holds == _GROUND_TRUTH else machine
        for file in files:
            chosen[file.name] = RequestedFile(stage=stage, machine=owner, file=file, folder=folder)
    return tuple(chosen.values())


def select_stage_files(
    names: Iterable[str],
    machines: Iterable[str],
    edition: Edition,
    *,
    folder_of: Callable[[Stage], Path],
    record_of: Callable[[int, Path], Record | None],
) -> list[RequestedFile]:
    """Find the files of all requested stages; a stage without a known record has none.

    Parameters
    ----------
    names, machines : iterable of str
        As in `plan_stages`.
    edition : Edition
        Says what its stages hold.
    folder_of : callable
        Gives the data folder of a stage.
    record_of : callable
        Gives the record with an id, or None; takes the id and the data folder.

    Raises
    ------
    UsageError, DataError
        As `plan_stages` and `select_files` do.
    """
    files: list[RequestedFile] = []
    for stage, known in plan_stages(names, machines, edition):
        folder = folder_of(stage)
        record = record_of(stage.record, folder)
        if record is not None:
            own = _without_other_stages(record, stage, edition)
            files.extend(select_files(stage, own, known, folder=folder))
    return files


def identify_unverified(
    files: Iterable[RequestedFile], folder: Path, events: Events
) -> list[RequestedFile]:
    """Compute the MD5 sums of archives that were given without their record."""
    return [
        entry if entry.file.verified else replace(entry, file=identify(entry.file, folder, events))
        for entry in files
    ]


def _without_other_stages(record: Record, stage: Stage, edition: Edition) -> Record:
    """Leave out what belongs to other stages: a folder may hold the archives of all of them."""
    if record.folder is None or stage.holds != _GROUND_TRUTH:
        return record
    others = [
        pattern.format(machine="*").replace(".zip", "*.zip")
        for other in edition.stages.values()
        if other.name != stage.name
        for pattern in other.archives
        if "{machine}" in pattern
    ]
    own = [
        file
        for file in record.files
        if not any(fnmatchcase(file.path.name, shape) for shape in others)
    ]
    return replace(record, files=tuple(own))


def _matching(stage: Stage, record: Record, machine: str) -> list[RecordFile]:
    shapes = [pattern.format(machine=machine) for pattern in stage.archives]
    revisions = [
        shape.replace(".zip", "_r[0-9]*.zip")
        for shape in shapes
        if shape.endswith(".zip") and "*" not in shape
    ]
    for shape in (*shapes, *revisions):
        found = [file for file in record.files if fnmatchcase(file.path.name, shape)]
        if found:
            newest = shape.endswith(("_r*.zip", "_r[0-9]*.zip"))
            return [max(found, key=_revision)] if newest else found
    return []


def _revision(file: RecordFile) -> int:
    number = re.search(r"_r([0-9]+)\.zip$", file.path.name)
    return int(number[1]) if number else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the rest of a fetch costs.

    Attributes
    ----------
    transfer : int
        Bytes still to come over the network.
    disk : mapping of Path to int
        Bytes that each data folder still takes at the worst moment.
    """

    transfer: int
    disk: Mapping[Path, int]


def estimate_needs(missing: Iterable[RequestedFile], *, keep_archives: bool, local: bool) -> Needs:
    """Add up what is still to come, before the first byte of it.

    Parameters
    ----------
    missing : iterable of RequestedFile
        Files that are not installed.
    keep_archives : bool
        Whether archives are kept after they were unpacked.
    local : bool
        Whether archives are read from a folder given by the user.

    Returns
    -------
    Needs
    """
    transfer = 0
    unpacked: defaultdict[Path, int] = defaultdict(int)
    archives: defaultdict[Path, list[int]] = defaultdict(list)
    for requested in missing:
        to_come = 0 if local else requested.file.size - requested.bytes_here()
        transfer += to_come
        archives[requested.folder].append(to_come)
        unpacked[requested.folder] += int(requested.file.size * _UNPACKED_RATIO)
    together = sum if keep_archives else max
    return Needs(
        transfer=transfer,
        disk={folder: size + together(archives[folder]) for folder, size in unpacked.items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """One file of a record.

    Attributes
    ----------
    stage : str
        Which part of the edition it belongs to.
    machine : str or None
        Whose recordings it holds; None for labels.
    name : str
        As the record writes it.
    size : int
        Bytes.
    md5 : str
        From the record.
    state : FileState
        ``present``, ``partial`` or ``missing`` before; ``fetched`` or ``verified`` after.
    bytes_here : int
        Bytes that need not be transferred; the complete size when installed.
    verified : bool
        Whether size and MD5 are those of the record; otherwise they are of the given archive.
    url : str
        Where it is published.
    folder : Path
        Data folder that takes its content.
    """

    stage: str
    machine: str | None
    name: str
    size: int
    md5: str
    state: FileState
    bytes_here: int
    verified: bool
    url: str
    folder: Path


def report_files(
    requested: Sequence[RequestedFile], states: Mapping[RequestedFile, FileState], origin: Origin
) -> tuple[FileReport, ...]:
    """Describe each requested file and its state, in the order given."""
    done = {FileState.PRESENT, FileState.FETCHED, FileState.VERIFIED}
    return tuple(
        FileReport(
            stage=entry.stage.name,
            machine=entry.machine,
            name=entry.file.name,
            size=entry.file.size,
            md5=entry.file.md5,
            state=states[entry],
            bytes_here=entry.file.size if states[entry] in done else entry.bytes_here(),
            verified=entry.file.verified,
            url=redact(file_addresses(origin, entry.file)[0][1]),
            folder=entry.folder,
        )
        for entry in requested
    )
