"""Fetch an edition's recordings and labels, verified and in the layout that training reads."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from asd_cli.core.errors import DataError
from asd_cli.core.events import SILENT, Events
from asd_cli.datasets.dcase.editions import Edition, load_edition
from asd_cli.fetching.download import obtain
from asd_cli.fetching.http import Web
from asd_cli.fetching.install import install_files, require_possible, verify_installed
from asd_cli.fetching.paths import exclusive_fetch
from asd_cli.fetching.plan import (
    FileReport,
    FileState,
    Needs,
    RequestedFile,
    estimate_needs,
    identify_unverified,
    report_files,
    select_stage_files,
)
from asd_cli.fetching.records import (
    Record,
    has_install_record,
    installed_record,
    read_install_record,
    read_saved_record,
)
from asd_cli.fetching.request import FetchRequest, FetchResult
from asd_cli.fetching.sources import Origin, RecordLookup, parse_origin, warn_unverified

__all__ = ["FetchRequest", "FetchResult", "fetch"]

TOKEN_VARIABLE = "ZENODO_TOKEN"  # noqa: S105 - the name of a variable


def fetch(request: FetchRequest, events: Events = SILENT) -> FetchResult:
    """Fetch the recordings and labels of some stages, or find out what that would take.

    When everything is up to date, no connection is opened and nothing is written.

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
        When bytes, names or archives are not what they should be; nothing of them is installed.
    StorageError
        When the disk is too small, full or forbidden, or files that `asd` did not install stand
        where fetched ones belong.

    Examples
    --------
    >>> request = FetchRequest(stages=("dev",), machines=("fan",), dry_run=True)
    >>> fetch(request).transfer_bytes  # doctest: +SKIP
    1137000000
    """
    edition = load_edition(request.edition)
    origin = parse_origin(request.origin, base_url=request.base_url)
    if request.check:
        return _check(request, edition, origin, events)
    token = request.token or os.environ.get(TOKEN_VARIABLE)
    with closing(Web(home=origin.home, token=token, policy=request.retry)) as web:
        lookup = RecordLookup(origin, web, events)
        files = _select(request, edition, lookup.record)
        if origin.folder is not None:
            files = identify_unverified(files, origin.folder, events)
        states = {entry: entry.state() for entry in files}
        missing = [entry for entry in files if states[entry] is not FileState.PRESENT]
        local = origin.folder is not None
        needs = estimate_needs(missing, keep_archives=request.keep_archives, local=local)
        warn_unverified([entry.file for entry in missing], origin, events)
        if not missing or request.dry_run:
            return _result(edition, report_files(files, states, origin), needs)

        def obtain_archive(entry: RequestedFile) -> Path:
            return obtain(
                entry.file,
                destination=entry.destination,
                replaceable=has_install_record(entry.folder, entry.file),
                origin=origin,
                web=web,
                events=events,
            )

        require_possible(missing, edition, origin, needs)
        for folder in dict.fromkeys(entry.folder for entry in missing):
            here = [entry for entry in missing if entry.folder == folder]
            with exclusive_fetch(folder, events):
                lookup.save(folder, dict.fromkeys(entry.file.record for entry in here))
                states |= install_files(
                    here,
                    obtain_archive,
                    edition=edition,
                    keep_archives=request.keep_archives,
                    events=events,
                )
    return _result(edition, report_files(files, states, origin), needs, done=len(missing))


def _select(
    request: FetchRequest, edition: Edition, record_of: Callable[[int, Path], Record | None]
) -> list[RequestedFile]:
    return select_stage_files(
        request.stages,
        request.machines,
        edition,
        folder_of=request.data_folder,
        record_of=record_of,
    )


def _check(request: FetchRequest, edition: Edition, origin: Origin, events: Events) -> FetchResult:
    """Read again everything that was installed; what is damaged is fetched again next time."""
    files = _select(
        request,
        edition,
        lambda number, folder: (
            read_saved_record(folder, number) or installed_record(folder, number)
        ),
    )
    installed = {entry: read_install_record(entry.folder, entry.file) for entry in files}
    known = {entry: found for entry, found in installed.items() if found is not None}
    if not known:
        raise DataError(
            "nothing of this has been fetched, so there is nothing to check",
            hint=edition.fetch_command(request.stages[0]),
        )
    verify_installed(known, events)
    states = {entry: FileState.VERIFIED if entry in known else entry.state() for entry in files}
    missing = [entry for entry in files if entry not in known]
    needs = estimate_needs(missing, keep_archives=request.keep_archives, local=False)
    return _result(edition, report_files(files, states, origin), needs)


def _result(
    edition: Edition, rows: tuple[FileReport, ...], needs: Needs, *, done: int = 0
) -> FetchResult:
    complete = {FileState.PRESENT, FileState.VERIFIED}
    return FetchResult(
        edition=edition.name,
        rows=rows,
        transfer_bytes=needs.transfer,
        disk_needed=sum(needs.disk.values()),
        licence=edition.licence,
        citations=edition.citations,
        nothing_to_do=not done and all(row.state in complete for row in rows),
    )
