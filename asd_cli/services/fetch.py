"""Fetch an edition's recordings and labels, verified and in the layout that training reads."""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from asd_cli.core.errors import DataError, IntegrityError, UsageError
from asd_cli.core.events import SILENT, Events, progress
from asd_cli.datasets.dcase.editions import (
    DEFAULT_EDITION,
    Edition,
    Stage,
    edition_names,
    load_edition,
)
from asd_cli.fetching.download import Download, Step, verify_file
from asd_cli.fetching.http import Web, redact
from asd_cli.fetching.install import install, read_install_record
from asd_cli.fetching.paths import exclusive_fetch
from asd_cli.fetching.plan import (
    FileState,
    Needs,
    RequestedFile,
    estimate_needs,
    missing_archives,
    plan_stages,
    refuse_linked_folders,
    require_disk,
    select_files,
    verify_installed,
)
from asd_cli.fetching.records import Record, read_saved_record, save_record, saved_record_path
from asd_cli.fetching.retry import RetryPolicy
from asd_cli.fetching.sources import (
    ZENODO,
    Origin,
    file_addresses,
    find_in_folder,
    look_up,
    parse_origin,
)

TOKEN_VARIABLE = "ZENODO_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """What to fetch.

    Attributes
    ----------
    stages : tuple of str
        Stages of the edition; ``all`` for every one.
    machines : tuple of str
        Machine types; empty for all.
    root : Path
        Folder that relative data folders are relative to.
    dev_directory, eval_directory : Path
        Data folders.
    edition : str
        Name in the catalogue.
    origin : str or None
        Folder, ``file://`` address or mirror that has the archives; None for Zenodo.
    dry_run : bool
        Only find out what would be done; nothing is written.
    check : bool
        Only verify what is there, byte for byte, without the network.
    keep_archives : bool
        Keep archives in the data folder's ``.asd-fetch/archives``.
    base_url : str
        Zenodo, or what stands for it.
    token : str or None
        Zenodo access token; None for the one in ``ZENODO_TOKEN``.
    retry : RetryPolicy
        Timeouts and retries.
    """

    stages: tuple[str, ...]
    machines: tuple[str, ...] = ()
    root: Path = field(default_factory=Path)
    dev_directory: Path = Path("dev_data")
    eval_directory: Path = Path("eval_data")
    edition: str = DEFAULT_EDITION
    origin: str | None = None
    dry_run: bool = False
    check: bool = False
    keep_archives: bool = False
    base_url: str = ZENODO
    token: str | None = field(default=None, repr=False)
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRow:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchResult:
    """What was found and done.

    Attributes
    ----------
    edition : str
        Name in the catalogue.
    rows : tuple of FetchRow
        One for each file, in the order of stages and machines.
    total_bytes : int
        Size of all files.
    transfer_bytes : int
        What was still to come over the network at the start.
    disk_needed : int
        What the disk had to have free at the start; estimated.
    urls : tuple of str
        Addresses of all files, for other downloaders.
    licence : str
        Of recordings and labels.
    citations : tuple of str
        What to cite.
    nothing_to_do : bool
        Whether everything was in place at the start.
    """

    edition: str
    rows: tuple[FetchRow, ...]
    total_bytes: int
    transfer_bytes: int
    disk_needed: int
    urls: tuple[str, ...]
    licence: str
    citations: tuple[str, ...]
    nothing_to_do: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What every file of a fetch has in common.

    Attributes
    ----------
    origin : Origin
        Where files come from.
    web : Web
        The session.
    edition : Edition
        Names machines and folders.
    keep_archives : bool
        Whether archives stay after they were unpacked.
    events : Events
        Progress.
    """

    origin: Origin
    web: Web
    edition: Edition
    keep_archives: bool
    events: Events

    def bring(self, requested: RequestedFile) -> None:
        """Get one file and install what it holds.

        Raises
        ------
        NetworkError, IntegrityError, StorageError, DataError
            As `Download.run`, `verify_file` and `install` do.
        """
        source = self._obtain(requested)
        own = source == requested.destination.archive
        try:
            install(
                requested.file,
                source,
                folder=requested.folder,
                machine=requested.machine,
                edition=self.edition,
                events=self.events,
            )
        except IntegrityError:
            # It is what the record promised, and unusable: fetching it again is all one can do.
            if own:
                source.unlink()
            raise
        if own and not self.keep_archives:
            source.unlink()

    def _obtain(self, requested: RequestedFile) -> Path:
        if self.origin.folder is not None:
            path = find_in_folder(self.origin.folder, requested.file)
            if path is None:
                raise missing_archives(self.origin.folder, [requested])
            verify_file(requested.file, path, self.events)
            return path
        destination = requested.destination
        if destination.plan(requested.file.size) is Step.VERIFY_ARCHIVE:
            try:
                verify_file(requested.file, destination.archive, self.events)
            except IntegrityError as error:
                self.events.warning(f"{error.message}; fetching it again")
            else:
                return destination.archive
        Download(
            requested.file,
            destination=destination,
            web=self.web,
            origin=self.origin,
            events=self.events,
        ).run()
        return destination.archive


def fetch(request: FetchRequest, events: Events = SILENT) -> FetchResult:
    """Bring the recordings of some stages into place, or say what that would take.

    With everything in place no connection is opened and nothing is written.

    Parameters
    ----------
    request : FetchRequest
        What to fetch, from where, to where.
    events : Events
        Progress of transfers, checks and unpacking.

    Returns
    -------
    FetchResult

    Raises
    ------
    UsageError
        On an unknown edition, stage, machine or address.
    DataError
        When a record or a folder lacks what was asked for.
    NetworkError
        When a server cannot be reached or refuses; what has arrived is kept for the next run.
    IntegrityError
        When bytes, names or archives are not what they should be; nothing of them is in place.
    StorageError
        When the disk is too small, full or forbidden.
    """
    edition = load_edition(request.edition)
    origin = parse_origin(request.origin, base_url=request.base_url)
    if request.check:
        return _check(request, edition, origin, events)
    token = request.token or os.environ.get(TOKEN_VARIABLE)
    with closing(Web(home=origin.home, token=token, policy=request.retry)) as web:
        records = _Records(request, origin, web, events)
        requested = _select(request, edition, records)
        states = {entry: entry.state() for entry in requested}
        missing = [entry for entry in requested if states[entry] is not FileState.PRESENT]
        needs = estimate_needs(
            missing, keep_archives=request.keep_archives, local=origin.folder is not None
        )
        rows = _rows(requested, states, origin)
        if missing and not request.dry_run:
            _require_possible(missing, edition, origin, needs)
            supply = Supply(
                origin=origin,
                web=web,
                edition=edition,
                keep_archives=request.keep_archives,
                events=events,
            )
            for folder in dict.fromkeys(entry.folder for entry in missing):
                here = [entry for entry in missing if entry.folder == folder]
                with exclusive_fetch(folder, events):
                    records.save_record(here)
                    states |= _bring(here, supply, events)
            rows = _rows(requested, states, origin)
    return _result(edition, rows, needs, nothing_to_do=not missing)


class _Records:
    """What the records of some stages say, frozen beside the data or freshly asked for."""

    def __init__(self, request: FetchRequest, origin: Origin, web: Web, events: Events) -> None:
        self._request = request
        self._origin = origin
        self._web = web
        self._events = events
        self._fresh: dict[int, tuple[Record, str]] = {}

    def of(self, stage: Stage) -> Record:
        """Give a stage's record."""
        frozen = read_saved_record(_folder(self._request, stage), stage.record)
        if frozen is not None:
            return frozen
        if stage.record not in self._fresh:
            self._fresh[stage.record] = look_up(
                stage.record, origin=self._origin, web=self._web, events=self._events
            )
        return self._fresh[stage.record][0]

    def save_record(self, requested: Sequence[RequestedFile]) -> None:
        """Keep what was asked for beside the data that it is about."""
        for entry in requested:
            if entry.file.record in self._fresh:
                record, source = self._fresh[entry.file.record]
                save_record(entry.folder, record, origin=source)


def _folder(request: FetchRequest, stage: Stage) -> Path:
    of_dev = stage.holds == "dev"
    return request.root / (request.dev_directory if of_dev else request.eval_directory)


def _select(request: FetchRequest, edition: Edition, records: _Records) -> list[RequestedFile]:
    return [
        entry
        for stage, machines in plan_stages(request.stages, request.machines, edition)
        for entry in select_files(
            stage, records.of(stage), machines, folder=_folder(request, stage)
        )
    ]


def _require_possible(
    missing: Sequence[RequestedFile], edition: Edition, origin: Origin, needs: Needs
) -> None:
    """Refuse what cannot succeed before the first byte is fetched or written."""
    if origin.folder is not None:
        folder = origin.folder
        absent = [entry for entry in missing if find_in_folder(folder, entry.file) is None]
        if absent:
            raise missing_archives(folder, absent)
    for entry in missing:
        refuse_linked_folders(entry, edition)
        _refuse_other_edition(entry.folder, edition)
    require_disk(needs)


def _refuse_other_edition(folder: Path, edition: Edition) -> None:
    """Refuse to mix the recordings of two editions, whose clips have the same names."""
    for name in edition_names():
        other = load_edition(name)
        stages = other.stages.values() if name != edition.name else ()
        if any(saved_record_path(folder, stage.record).is_file() for stage in stages):
            raise UsageError(
                f"{folder} holds recordings of {other.name}, and {edition.name} is asked for",
                hint=f"fetch into a folder of its own: --root {edition.name}",
            )


def _bring(
    requested: Sequence[RequestedFile], supply: Supply, events: Events
) -> dict[RequestedFile, FileState]:
    states = {}
    task = f"files for {requested[0].folder.name}"
    with progress(events, task, total=len(requested), unit="files") as advance:
        for entry in requested:
            # Another fetch may have brought it while this one waited for the lock.
            states[entry] = entry.state()
            if states[entry] is not FileState.PRESENT:
                supply.bring(entry)
                states[entry] = FileState.FETCHED
            advance(1, entry.file.name)
    return states


def _check(request: FetchRequest, edition: Edition, origin: Origin, events: Events) -> FetchResult:
    """Read everything again that was put in place; what is damaged is fetched again next time."""
    requested = _select_known(request, edition)
    placed = {entry: read_install_record(entry.folder, entry.file) for entry in requested}
    known = {entry: files for entry, files in placed.items() if files is not None}
    if not known:
        raise DataError(
            "nothing of this has been fetched, so there is nothing to check",
            hint=edition.fetch_command(request.stages[0]),
        )
    verify_installed(known, events)
    states = {entry: FileState.VERIFIED if entry in known else entry.state() for entry in requested}
    missing = [entry for entry in requested if entry not in known]
    needs = estimate_needs(missing, keep_archives=request.keep_archives, local=False)
    return _result(edition, _rows(requested, states, origin), needs, nothing_to_do=not missing)


def _select_known(request: FetchRequest, edition: Edition) -> list[RequestedFile]:
    requested: list[RequestedFile] = []
    for stage, machines in plan_stages(request.stages, request.machines, edition):
        folder = _folder(request, stage)
        record = read_saved_record(folder, stage.record)
        if record is not None:
            requested.extend(select_files(stage, record, machines, folder=folder))
    return requested


def _rows(
    requested: Sequence[RequestedFile], states: Mapping[RequestedFile, FileState], origin: Origin
) -> tuple[FetchRow, ...]:
    done = {FileState.PRESENT, FileState.FETCHED, FileState.VERIFIED}
    return tuple(
        FetchRow(
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


def _result(
    edition: Edition, rows: tuple[FetchRow, ...], needs: Needs, *, nothing_to_do: bool
) -> FetchResult:
    return FetchResult(
        edition=edition.name,
        rows=rows,
        total_bytes=sum(row.size for row in rows),
        transfer_bytes=needs.transfer,
        disk_needed=sum(needs.disk.values()),
        urls=tuple(row.url for row in rows),
        licence=edition.licence,
        citations=edition.citations,
        nothing_to_do=nothing_to_do,
    )
