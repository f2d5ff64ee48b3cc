"""Archives: validated completely before the first byte is written, and where their files go."""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from asd_cli.core.errors import IntegrityError
from asd_cli.datasets.dcase.editions import Edition
from asd_cli.fetching.paths import find_collision, list_names, safe_path, shorten

_BLOCK = 1 << 20
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_LOCAL_HEADER = 30
_JUNK_NAMES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
GROUND_TRUTH = "ground_truth"
_LABELS = re.compile(r"ground_truth_\w+_section_[0-9]{2}_(source|target)_test\.csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits that no archive of recordings exceeds; a larger one is refused as a zip bomb.

    Attributes
    ----------
    members : int
        Number of entries.
    ratio : float
        Unpacked bytes per packed byte, over the complete archive.
    free_bytes : int
        Unpacked bytes up to which the ratio does not matter.
    """

    members: int = 200_000
    ratio: float = 100.0
    free_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of an archive.

    Attributes
    ----------
    path : PurePosixPath
        Its validated name.
    size : int
        Unpacked bytes.
    crc : int
        CRC-32 of its content.
    info : ZipInfo
        What the standard library needs to unpack it.
    """

    path: PurePosixPath
    size: int
    crc: int
    info: zipfile.ZipInfo


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; turn every fault of it into an `IntegrityError`.

    Raises
    ------
    IntegrityError
        When it is not a zip file, or damaged, truncated or encrypted.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError) as error:
        raise _refusal(path, f"is not a valid zip file ({error})") from error
    except (NotImplementedError, RuntimeError) as error:
        raise _refusal(path, f"cannot be unpacked ({error})") from error


def _refusal(path: Path, problem: str) -> IntegrityError:
    return IntegrityError(
        f"{path} {problem}; nothing of it was installed",
        hint="fetch it again; if that gives the same, only its publisher can fix it",
    )


def list_members(
    archive: zipfile.ZipFile, path: Path, *, limits: Limits | None = None
) -> tuple[Member, ...]:
    """Validate every entry of an archive and list its files.

    Folders and what operating systems leave behind (``__MACOSX``, ``._*``) are left out of the
    list, but validated like all others.

    Parameters
    ----------
    archive : ZipFile
        Open.
    path : Path
        Its name, for messages.
    limits : Limits, optional
        Against bombs.

    Returns
    -------
    tuple of Member

    Raises
    ------
    IntegrityError
        When any entry has an unsafe name, is a link or a device, is encrypted or packed in an
        unknown way, overlaps another, or when the archive is a zip bomb or holds no file.
    """
    infos = archive.infolist()
    _refuse_bomb(infos, path, limits or Limits())
    members = []
    for info in infos:
        name = safe_path(info.orig_filename, where=str(path))
        _refuse_entry(info, path)
        if not info.is_dir() and not _is_junk(name):
            members.append(Member(path=name, size=info.file_size, crc=info.CRC, info=info))
    if not members:
        raise _refusal(path, "is empty")
    return tuple(members)


def _refuse_bomb(infos: Sequence[zipfile.ZipInfo], path: Path, limits: Limits) -> None:
    if len(infos) > limits.members:
        raise _refusal(path, f"has {len(infos):,} entries")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > limits.free_bytes and unpacked > limits.ratio * path.stat().st_size:
        raise _refusal(path, f"would unpack to {unpacked:,} bytes: a zip bomb")
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < 0:
            raise _refusal(path, "is not a valid zip file (its beginning is missing)")
        if info.header_offset < end:
            raise _refusal(path, "has entries that overlap: a zip bomb")
        end = info.header_offset + _LOCAL_HEADER + info.compress_size


def _refuse_entry(info: zipfile.ZipInfo, path: Path) -> None:
    name = shorten(info.orig_filename)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise _refusal(path, f"holds a link or a device, {name}")
    if info.flag_bits & _ENCRYPTED:
        raise _refusal(path, f"is encrypted ({name})")
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _refusal(path, f"is packed in an unknown way ({name})")
    if info.file_size == 0 and info.CRC != 0:
        raise _refusal(path, f"has a wrong check sum ({name})")


def _is_junk(name: PurePosixPath) -> bool:
    return "__MACOSX" in name.parts or name.name.startswith("._") or name.name in _JUNK_NAMES


def unpack(
    archive: zipfile.ZipFile, member: Member, target: Path, *, advance: Callable[..., None]
) -> None:
    """Write one file; its size and CRC are checked by the standard library as it is read.

    Raises
    ------
    BadZipFile, zlib.error, EOFError
        When the content is damaged; `opened` turns them into an `IntegrityError`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(member.info) as source, target.open("xb") as sink:
        while block := source.read(_BLOCK):
            sink.write(block)
            written += len(block)
            advance(len(block))
    if written != member.size:
        raise zipfile.BadZipFile(f"{member.path} is cut short")


def file_crc(path: Path, *, advance: Callable[..., None] | None = None) -> int:
    """CRC-32 of a file, as zip archives record it."""
    crc = 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            crc = zlib.crc32(block, crc)
            if advance is not None:
                advance(len(block))
    return crc


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A file of an archive and where it goes, relative to the data folder."""

    member: Member
    target: PurePosixPath


def place_recordings(
    members: Sequence[Member], *, machine: str, edition: Edition, archive: str
) -> tuple[Placement, ...]:
    """Place the recordings of one machine.

    Everything before the edition's folders (``train``, ``test``) is replaced by the machine's name:
    archives come with one top folder, with two or with none. Files outside these folders (a README,
    lists of attributes) go to the machine's own.

    Parameters
    ----------
    members : sequence of Member
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
        foreign = others.intersection(parts[: start or -1])
        if foreign:
            raise _misplaced(archive, member, f"belongs to {min(foreign)}, not to {machine}")
        if start is None and member.path.suffix.lower() == ".wav":
            raise _misplaced(archive, member, f"is in none of {', '.join(sorted(roles))}")
        rest = parts[-1:] if start is None else parts[start:]
        placements.append(Placement(member=member, target=PurePosixPath(machine, *rest)))
    if not any(placement.target.suffix.lower() == ".wav" for placement in placements):
        raise IntegrityError(
            f"{archive} holds no recordings, but {_first_names(members)}; "
            "nothing of it was installed",
            hint="check that it is the right file",
        )
    _refuse_collisions(placements, archive)
    return tuple(placements)


def place_labels(members: Sequence[Member], *, archive: str) -> tuple[Placement, ...]:
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
            raise _misplaced(archive, member, f"and {shorten(str(twin.path))} differ in content")
    if not placements:
        raise IntegrityError(
            f"{archive} holds no ground truth, but {_first_names(members)}; "
            "nothing of it was installed",
            hint="labels are in files like ground_truth_fan_section_03_source_test.csv",
        )
    _refuse_collisions(list(placements.values()), archive)
    return tuple(placements.values())


def is_label_file(name: str) -> bool:
    """Whether a file name is that of official labels.

    Examples
    --------
    >>> is_label_file("ground_truth_fan_section_03_source_test.csv")
    True
    >>> is_label_file("readme.csv")
    False
    """
    return _LABELS.fullmatch(name) is not None


def _first_names(members: Sequence[Member]) -> str:
    return list_names([str(member.path) for member in members], limit=5)


def _misplaced(archive: str, member: Member, problem: str) -> IntegrityError:
    return IntegrityError(
        f"{archive}: {shorten(str(member.path))} {problem}; nothing of it was installed",
        hint="check that it is the right file",
    )


def _entries_for(collision: tuple[str, str], placements: Sequence[Placement]) -> list[str]:
    """Names in the archive of two colliding targets, which may be the same target twice."""
    entries = [
        shorten(placement.member.info.orig_filename, limit=200)
        for placement in placements
        if str(placement.target) in collision
    ]
    return [entries[0], entries[-1]]


def _refuse_collisions(placements: Sequence[Placement], archive: str) -> None:
    """Refuse two files for one path, also on disks that ignore case or the form of letters."""
    collision = find_collision([str(placement.target) for placement in placements])
    if collision is not None:
        first, second = _entries_for(collision, placements)
        raise IntegrityError(
            f"{archive} has two entries for one path, {first} and {second}; "
            "nothing of it was installed",
            hint="check that it is the right file",
        )
