"""Unpack verified files into a data folder and record what was installed."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from asd_cli.core.errors import DataError, IntegrityError, StorageError, UsageError
from asd_cli.core.events import Events, progress
from asd_cli.core.files import require_free_space, storage_errors
from asd_cli.datasets.dcase.editions import Edition, edition_names, load_edition
from asd_cli.fetching.archives import (
    GROUND_TRUTH,
    Placement,
    file_crc,
    is_label_file,
    list_members,
    opened,
    place_labels,
    place_recordings,
    unpack,
)
from asd_cli.fetching.paths import WORK_FOLDER, refuse_links, regular_size, require_disk
from asd_cli.fetching.plan import FileState, Needs, RequestedFile
from asd_cli.fetching.records import (
    InstalledFile,
    RecordFile,
    list_install_records,
    mark_damaged,
    saved_record_path,
    write_install_record,
)
from asd_cli.fetching.sources import Origin, find_in_folder, missing_archives

_SHOWN_PROBLEMS = 5


def find_damage(
    folder: Path, installed: Sequence[InstalledFile], *, advance: Callable[..., None]
) -> list[str]:
    """Read every file again and list those that are missing or not what they were.

    Returns
    -------
    list of str
        One line for each, naming it.
    """
    problems = []
    for entry in installed:
        path = folder / entry.path
        size = regular_size(path)
        if size is None:
            problems.append(f"{path}: missing")
        elif size != entry.size:
            problems.append(f"{path}: {size:,} bytes instead of {entry.size:,}")
        elif file_crc(path) != entry.crc:
            problems.append(f"{path}: changed (another CRC-32)")
        advance(entry.size)
    return problems


def install(
    file: RecordFile,
    source: Path,
    *,
    folder: Path,
    machine: str | None,
    edition: Edition,
    events: Events,
) -> None:
    """Put what a verified file holds into the data folder, and write its install record.

    Parameters
    ----------
    file : RecordFile
        What it is.
    source : Path
        The archive; it is not changed.
    folder : Path
        The data folder, ``dev_data`` or ``eval_data``.
    machine : str or None
        Whose recordings; None for labels.
    edition : Edition
        Names machines and folders.
    events : Events
        Progress.

    Raises
    ------
    IntegrityError
        When the archive is refused or damaged; the data folder is as it was.
    StorageError
        When the disk is too small, full or forbidden.
    """
    staging = folder / WORK_FOLDER / "staging" / file.slug
    with storage_errors(folder):
        _clear(staging)
        try:
            if source.suffix.lower() == ".zip":
                placed = _unpack(
                    file, source, staging, machine=machine, edition=edition, events=events
                )
            else:
                placed = _copy(file, source, staging)
            _merge(staging, folder)
        finally:
            _clear(staging)
        write_install_record(folder, file, placed)


def _clear(staging: Path) -> None:
    if staging.is_dir():
        shutil.rmtree(staging)


def _unpack(
    file: RecordFile,
    source: Path,
    staging: Path,
    *,
    machine: str | None,
    edition: Edition,
    events: Events,
) -> tuple[InstalledFile, ...]:
    folder = staging.parents[2]
    with opened(source) as archive:
        members = list_members(archive, source)
        placements: Sequence[Placement] = (
            place_labels(members, archive=file.name)
            if machine is None
            else place_recordings(members, machine=machine, edition=edition, archive=file.name)
        )
        files = tuple(
            InstalledFile(
                path=placement.target, size=placement.member.size, crc=placement.member.crc
            )
            for placement in placements
        )
        refuse_links(folder, [entry.path for entry in files])
        refuse_overwriting(folder, files)
        total = sum(placement.member.size for placement in placements)
        require_free_space(folder, total)
        staging.mkdir(parents=True)
        task = f"unpacking {file.name}"
        with progress(events, task, total=total, unit="bytes") as advance:
            for placement in placements:
                target = staging / placement.target
                unpack(archive, placement.member, target, advance=advance)
    return files


def _copy(file: RecordFile, source: Path, staging: Path) -> tuple[InstalledFile, ...]:
    if not is_label_file(file.path.name):
        raise DataError(
            f"{file.name} is neither an archive nor official labels",
            hint="check the edition's catalogue",
        )
    target = PurePosixPath(GROUND_TRUTH, file.path.name)
    copied = InstalledFile(path=target, size=file.size, crc=file_crc(source))
    refuse_links(staging.parents[2], [target])
    refuse_overwriting(staging.parents[2], [copied])
    (staging / target).parent.mkdir(parents=True)
    shutil.copyfile(source, staging / target)
    return (copied,)


def refuse_overwriting(folder: Path, files: Sequence[InstalledFile]) -> None:
    """Refuse to replace a file that no install record names, unless its bytes are the same.

    Parameters
    ----------
    folder : Path
        The data folder.
    files : sequence of InstalledFile
        What is about to be installed.

    Raises
    ------
    StorageError
        Naming the files that are in the way; nothing was touched.
    """
    known = {entry.path for installed in list_install_records(folder) for entry in installed.files}
    in_the_way = [
        folder / entry.path
        for entry in files
        if entry.path not in known and _differs(folder / entry.path, entry)
    ]
    parents = dict.fromkeys(folder / parent for entry in files for parent in entry.path.parents)
    in_the_way += [place for place in parents if place.exists() and not place.is_dir()]
    if in_the_way:
        more = f" (and {len(in_the_way) - 1} more)" if len(in_the_way) > 1 else ""
        raise StorageError(
            f"{in_the_way[0]}{more} stands where a fetched file belongs, and was not installed by "
            "asd fetch; nothing was overwritten",
            hint=f"move it away and fetch again: mv '{in_the_way[0]}' '{in_the_way[0]}.own'",
        )


def _differs(path: Path, entry: InstalledFile) -> bool:
    size = regular_size(path)
    if size is None:
        return path.exists()
    return size != entry.size or file_crc(path) != entry.crc


def _merge(source: Path, target: Path) -> None:
    """Rename everything in `source` to its path in `target`; new folders as one."""
    for entry in sorted(source.iterdir()):
        place = target / entry.name
        if entry.is_dir() and place.is_dir() and not place.is_symlink():
            _merge(entry, place)
        elif not entry.is_dir() and regular_size(place) is not None:
            entry.replace(place)
        elif place.exists() or place.is_symlink():
            raise StorageError(
                f"{place} stands where a fetched file belongs",
                hint=f"move it away: mv '{place}' '{place}.old'",
            )
        else:
            entry.rename(place)


def refuse_linked_folders(requested: RequestedFile, edition: Edition) -> None:
    """Refuse symbolic links where this file's content will go, before fetching it.

    Raises
    ------
    IntegrityError
        Naming the link.
    """
    places = [
        PurePosixPath(WORK_FOLDER, "archives") / requested.file.path,
        *(PurePosixPath(WORK_FOLDER, name, "x") for name in ("parts", "receipts", "staging")),
    ]
    if requested.machine is None:
        places.append(PurePosixPath(GROUND_TRUTH))
    else:
        places.extend(
            PurePosixPath(requested.machine, role)
            for role in (*edition.folders.values(), *edition.other_folders)
        )
    refuse_links(requested.folder, places)


def verify_installed(
    known: Mapping[RequestedFile, Sequence[InstalledFile]], events: Events
) -> None:
    """Require that every installed file has the size and CRC that its archive gave it.

    What is damaged is marked so in its install record, and the next fetch installs it again.

    Parameters
    ----------
    known : mapping of RequestedFile to sequence of InstalledFile
        What was installed.
    events : Events
        Progress.

    Raises
    ------
    IntegrityError
        When files are missing or changed; the first of them are named.
    """
    total = sum(entry.size for files in known.values() for entry in files)
    problems = {}
    with progress(events, "checking installed files", total=total, unit="bytes") as advance:
        for requested, files in known.items():
            found = find_damage(requested.folder, files, advance=advance)
            if found:
                problems[requested] = found
    if not problems:
        return
    for requested in problems:
        try:
            mark_damaged(requested.folder, requested.file)
        except StorageError as error:
            events.warning(f"{error.message}: it stays marked as installed")
    raise _damage(problems, total=sum(len(files) for files in known.values()))


def _damage(problems: Mapping[RequestedFile, Sequence[str]], *, total: int) -> IntegrityError:
    lines = [line for found in problems.values() for line in found]
    shown = "\n".join(f"  {line}" for line in lines[:_SHOWN_PROBLEMS])
    more = len(lines) - _SHOWN_PROBLEMS
    tail = f"\n  and {more} more" if more > 0 else ""
    stages = sorted({requested.stage.name for requested in problems})
    machines = sorted(
        {requested.machine for requested in problems if requested.machine is not None}
    )
    options = [f"--stage {name}" for name in stages] + [f"--machine {name}" for name in machines]
    return IntegrityError(
        f"{len(lines)} of {total} files are missing or damaged:\n{shown}{tail}",
        hint=f"fetch them again: asd fetch {' '.join(options)}",
    )


def require_possible(
    missing: Sequence[RequestedFile], edition: Edition, origin: Origin, needs: Needs
) -> None:
    """Refuse what cannot succeed before the first byte is fetched or written."""
    if origin.folder is not None:
        folder = origin.folder
        absent = [entry for entry in missing if find_in_folder(folder, entry.file) is None]
        if absent:
            raise missing_archives(folder, [entry.file for entry in absent])
    for entry in missing:
        refuse_linked_folders(entry, edition)
        _refuse_other_edition(entry.folder, edition)
    require_disk(needs.disk)


def _refuse_other_edition(folder: Path, edition: Edition) -> None:
    """Refuse to mix the recordings of two editions, whose clips have the same names."""
    installed = {entry.archive.record for entry in list_install_records(folder)}
    for name in edition_names():
        other = load_edition(name)
        stages = other.stages.values() if name != edition.name else ()
        records = {stage.record for stage in stages}
        if records & installed or any(
            saved_record_path(folder, record).is_file() for record in records
        ):
            raise UsageError(
                f"{folder} holds recordings of {other.name}, and {edition.name} is asked for",
                hint=f"fetch into a folder of its own: --root {edition.name}",
            )


def install_files(
    files: Sequence[RequestedFile],
    obtain: Callable[[RequestedFile], Path],
    *,
    edition: Edition,
    keep_archives: bool,
    events: Events,
) -> dict[RequestedFile, FileState]:
    """Obtain and install files of one data folder, one after the other.

    Parameters
    ----------
    files : sequence of RequestedFile
        At least one.
    obtain : callable
        Gives the path of a file's verified archive.
    edition : Edition
        Names machines and folders.
    keep_archives : bool
        Whether transferred archives are kept after they were unpacked.
    events : Events
        Progress.

    Returns
    -------
    dict
        State of each file: ``present`` if another fetch installed it meanwhile.

    Raises
    ------
    NetworkError, IntegrityError, StorageError, DataError
        As `obtain` and `install` do.
    """
    states = {}
    task = f"files for {files[0].folder.name}"
    with progress(events, task, total=len(files), unit="files") as advance:
        for entry in files:
            # Another fetch may have installed it while this one waited for the lock.
            states[entry] = entry.state()
            if states[entry] is not FileState.PRESENT:
                _install_archive(
                    entry, obtain(entry), edition=edition, keep=keep_archives, events=events
                )
                states[entry] = FileState.FETCHED
            advance(1, entry.file.name)
    return states


def _install_archive(
    requested: RequestedFile, archive: Path, *, edition: Edition, keep: bool, events: Events
) -> None:
    transferred = archive == requested.destination.archive
    try:
        install(
            requested.file,
            archive,
            folder=requested.folder,
            machine=requested.machine,
            edition=edition,
            events=events,
        )
    except IntegrityError:
        # It is what the record promised, and unusable: all one can do is fetch it again.
        if transferred:
            archive.unlink()
        raise
    if transferred and not keep:
        archive.unlink()
