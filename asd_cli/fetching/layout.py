"""Where the files of an archive belong in a data folder, whatever the archive's own folders."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from asd_cli.core.errors import IntegrityError
from asd_cli.datasets.dcase.editions import Edition
from asd_cli.fetching.archives import Member
from asd_cli.fetching.paths import shorten

GROUND_TRUTH = "ground_truth"
_LABELS = re.compile(r"ground_truth_\w+_section_[0-9]{2}_(source|target)_test\.csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A file of an archive and where it goes, relative to the data folder."""

    member: Member
    target: PurePosixPath


def place_recordings(
    members: Iterable[Member], *, machine: str, edition: Edition, archive: str
) -> tuple[Placement, ...]:
    """Place the recordings of one machine.

    Everything before the edition's folders (``train``, ``test``) is replaced by the machine's name:
    archives come with one top folder, with two or with none. Files outside these folders (a README,
    lists of attributes) go to the machine's own.

    Parameters
    ----------
    members : iterable of Member
        Of the archive.
    machine : str
        Whose recordings they are, from the archive's name.
    edition : Edition
        Names machines and folders.
    archive : str
        Name, for messages.

    Returns
    -------
    tuple of Placement

    Raises
    ------
    IntegrityError
        When there is no recording, one lies outside the known folders or under another machine's
        name, or two files would go to one place.
    """
    roles = {*edition.folders.values(), *edition.other_folders}
    others = set(edition.machines) - {machine}
    placements = []
    for member in members:
        parts = member.path.parts
        start = next((at for at, part in enumerate(parts[:-1]) if part in roles), None)
        stranger = others.intersection(parts[: start or -1])
        if stranger:
            raise _misplaced(archive, member, f"belongs to {min(stranger)}, not to {machine}")
        if start is None and member.path.suffix.lower() == ".wav":
            raise _misplaced(archive, member, f"is in none of {', '.join(sorted(roles))}")
        rest = parts[-1:] if start is None else parts[start:]
        placements.append(Placement(member=member, target=PurePosixPath(machine, *rest)))
    if not any(placement.target.suffix.lower() == ".wav" for placement in placements):
        raise IntegrityError(
            f"{archive} holds no recordings; nothing of it was put in place",
            hint="check that it is the right file",
        )
    _refuse_collisions([placement.target for placement in placements], archive)
    return tuple(placements)


def place_labels(members: Iterable[Member], *, archive: str) -> tuple[Placement, ...]:
    """Place the official labels that an archive holds, and nothing else of it.

    Raises
    ------
    IntegrityError
        When there are none, or two different files have one name.
    """
    placements: dict[PurePosixPath, Placement] = {}
    for member in members:
        if not is_label_file(member.path.name):
            continue
        target = PurePosixPath(GROUND_TRUTH, member.path.name)
        twin = placements.setdefault(target, Placement(member=member, target=target)).member
        if (twin.size, twin.crc) != (member.size, member.crc):
            raise _misplaced(archive, member, "is there twice, with different content")
    if not placements:
        raise IntegrityError(
            f"{archive} holds no ground truth; nothing of it was put in place",
            hint="labels are in files like ground_truth_fan_section_03_source_test.csv",
        )
    _refuse_collisions(list(placements), archive)
    return tuple(placements.values())


def is_label_file(name: str) -> bool:
    """Whether a file name is that of official labels."""
    return _LABELS.fullmatch(name) is not None


def _misplaced(archive: str, member: Member, problem: str) -> IntegrityError:
    return IntegrityError(
        f"{archive}: {shorten(str(member.path))} {problem}; nothing of it was put in place",
        hint="check that it is the right file",
    )


def _refuse_collisions(targets: Sequence[PurePosixPath], archive: str) -> None:
    """Refuse two files in one place, on disks that ignore case too."""
    files = {str(target).casefold() for target in targets}
    folders = {str(parent).casefold() for target in targets for parent in target.parents}
    if len(files) != len(targets) or files & folders:
        raise IntegrityError(
            f"{archive} has several files for one place; nothing of it was put in place",
            hint="check that it is the right file",
        )
