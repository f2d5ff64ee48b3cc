"""Which files a fetch needs, where they belong, and which of them are there already."""

import difflib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.files import require_free_space
from asd_cli.datasets.dcase.editions import Edition, Stage
from asd_cli.fetching.download import Destination, Step
from asd_cli.fetching.http import redact
from asd_cli.fetching.paths import WORK_FOLDER, regular_size
from asd_cli.fetching.records import Record, RecordFile, is_installed
from asd_cli.fetching.sources import Origin, file_addresses

ALL_STAGES = "all"
_GROUND_TRUTH = "ground-truth"
# Recordings are noise and deflate to three quarters at best; the archive tells exactly.
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
        """Look at the disk: in place, begun, or not there."""
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
            hint=f"they are published at {edition.ground_truth}; get them there and say where they "
            f"lie: asd evaluate{edition.option} --mode eval --ground-truth DIR",
        )
    _require_known(requested - {ALL_STAGES}, list(edition.stages), "stage")
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
    """
    requested = set(names)
    _require_known(requested, edition.machines, "machine")
    return tuple(name for name in edition.machines if not requested or name in requested)


def _require_known(requested: Iterable[str], known: Sequence[str], kind: str) -> None:
    for name in sorted(set(requested) - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        raise UsageError(
            f"there is no {kind} {name!r}",
            hint=f"did you mean {near[0]!r}? " * bool(near) + f"there are {', '.join(known)}",
        )


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
    as loose files, recordings under names whose words were swapped once.

    Raises
    ------
    DataError
        When the record has nothing for one of the machines.
    """
    chosen: dict[str, RequestedFile] = {}
    for machine in machines:
        files = _matching(stage, record, machine)
        if not files:
            raise DataError(
                f"record {record.id} has no file for {machine} "
                f"(looked for {', '.join(stage.archives).format(machine=machine)})",
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
            files.extend(select_files(stage, record, known, folder=folder))
    return files


def _matching(stage: Stage, record: Record, machine: str) -> list[RecordFile]:
    for pattern in stage.archives:
        shape = pattern.format(machine=machine)
        found = [file for file in record.files if fnmatchcase(file.path.name, shape)]
        if found:
            return found
    return []


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
        Files that are not in place.
    keep_archives : bool
        Whether archives stay beside what was unpacked from them.
    local : bool
        Whether archives lie in a folder already and are read there.

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


def require_disk(needs: Needs) -> None:
    """Refuse a fetch that the disk cannot hold; folders on one disk are added up.

    Raises
    ------
    StorageError
        Naming the folder, what it needs and what is free.
    """
    together: defaultdict[int, int] = defaultdict(int)
    for folder, size in needs.disk.items():
        existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        device = existing.stat().st_dev
        together[device] += size
        require_free_space(folder, together[device])


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
        Bytes that need not be transferred; the whole size when in place.
    url : str
        Where it can be had.
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
            url=redact(file_addresses(origin, entry.file)[0][1]),
            folder=entry.folder,
        )
        for entry in requested
    )
