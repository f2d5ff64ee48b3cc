"""From a proven file to recordings in place: unpack beside, rename, write the receipt.

A kill at any moment leaves no receipt, and the next run does the same again: files already renamed
are replaced by themselves.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from asd_cli.core.errors import DataError, StorageError
from asd_cli.core.events import Events, progress
from asd_cli.core.files import require_free_space, storage_errors
from asd_cli.datasets.dcase.editions import Edition
from asd_cli.fetching.archives import file_crc, list_members, opened, unpack
from asd_cli.fetching.layout import (
    GROUND_TRUTH,
    Placement,
    is_label_file,
    place_labels,
    place_recordings,
)
from asd_cli.fetching.paths import WORKPLACE, refuse_links, regular_size
from asd_cli.fetching.receipts import PlacedFile, write_receipt
from asd_cli.fetching.record import RecordFile


def install(
    file: RecordFile,
    source: Path,
    *,
    folder: Path,
    machine: str | None,
    edition: Edition,
    events: Events,
) -> None:
    """Put what a proven file holds into the data folder, and note it.

    Parameters
    ----------
    file : RecordFile
        What it is.
    source : Path
        Where it lies; stays there.
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
    staging = folder / WORKPLACE / "staging" / file.slug
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
        write_receipt(folder, file, placed)


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
) -> tuple[PlacedFile, ...]:
    folder = staging.parents[2]
    with opened(source) as archive:
        members = list_members(archive, source)
        placements: Sequence[Placement] = (
            place_labels(members, archive=file.name)
            if machine is None
            else place_recordings(members, machine=machine, edition=edition, archive=file.name)
        )
        refuse_links(folder, [placement.target for placement in placements])
        total = sum(placement.member.size for placement in placements)
        require_free_space(folder, total)
        staging.mkdir(parents=True)
        task = f"unpacking {file.name}"
        with progress(events, task, total=total, unit="bytes") as advance:
            for placement in placements:
                target = staging / placement.target
                unpack(archive, placement.member, target, advance=advance)
    return tuple(
        PlacedFile(path=placement.target, size=placement.member.size, crc=placement.member.crc)
        for placement in placements
    )


def _copy(file: RecordFile, source: Path, staging: Path) -> tuple[PlacedFile, ...]:
    if not is_label_file(file.path.name):
        raise DataError(
            f"{file.name} is neither an archive nor official labels",
            hint="check the edition's catalogue",
        )
    target = PurePosixPath(GROUND_TRUTH, file.path.name)
    refuse_links(staging.parents[2], [target])
    (staging / target).parent.mkdir(parents=True)
    shutil.copyfile(source, staging / target)
    return (PlacedFile(path=target, size=file.size, crc=file_crc(staging / target)),)


def _merge(source: Path, target: Path) -> None:
    """Rename everything in `source` to its place in `target`, whole folders where they are new."""
    for entry in sorted(source.iterdir()):
        place = target / entry.name
        if entry.is_dir() and place.is_dir() and not place.is_symlink():
            _merge(entry, place)
        elif not entry.is_dir() and regular_size(place) is not None:
            entry.replace(place)
        elif place.exists() or place.is_symlink():
            raise StorageError(
                f"{place} stands where fetched recordings belong",
                hint=f"move it away: mv '{place}' '{place}.old'",
            )
        else:
            entry.rename(place)
