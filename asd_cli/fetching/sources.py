"""Where records and archives come from: Zenodo, a mirror or a folder."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from asd_cli.core.errors import DataError, IntegrityError, NetworkError, ProblemsError, UsageError
from asd_cli.core.events import Events, progress
from asd_cli.core.hashing import hash_file
from asd_cli.fetching.http import AbsentError, Site, Web, blocks, is_loopback, redact, refuse_page
from asd_cli.fetching.paths import shorten
from asd_cli.fetching.records import (
    Record,
    RecordFile,
    parse_record,
    read_saved_record,
    save_record,
)
from asd_cli.fetching.retry import RetryBudget, TransientError

ZENODO = "https://zenodo.org"
_MAX_ANSWER = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where this fetch gets its files.

    Attributes
    ----------
    home : Site
        Zenodo, or what stands for it.
    mirror : Site or None
        Asked first, when the user named one.
    folder : Path or None
        Archives fetched by other means; then no server is asked for files.
    """

    home: Site
    mirror: Site | None = None
    folder: Path | None = None


def parse_origin(text: str | None, *, base_url: str = ZENODO) -> Origin:
    """Parse what was given to ``--from``.

    Parameters
    ----------
    text : str or None
        A folder, a ``file://`` address, a mirror's address, or nothing.
    base_url : str
        Zenodo, or a server on this machine that stands for it.

    Raises
    ------
    UsageError
        When an address has a scheme other than https, http (mirrors) or file.
    DataError
        When the folder does not exist.

    Examples
    --------
    >>> parse_origin(None).home.base
    'https://zenodo.org'
    >>> parse_origin("https://mirror.example/asd/").mirror.base
    'https://mirror.example/asd'
    """
    home = _home(base_url)
    if text is None:
        return Origin(home=home)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text)
    if scheme is None:
        return Origin(home=home, folder=_existing(Path(text)))
    parts = urlsplit(text)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        return Origin(home=home, folder=_existing(Path(unquote(parts.path))))
    if parts.scheme in {"http", "https"} and parts.hostname:
        return Origin(home=home, mirror=Site(base=text.rstrip("/"), mirror=True))
    raise UsageError(
        f"archives cannot be fetched from {redact(text)}",
        hint="--from takes a folder, file:///folder, https://mirror or http://mirror",
    )


def _home(base_url: str) -> Site:
    parts = urlsplit(base_url)
    if parts.hostname and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(base_url))
    ):
        return Site(base=base_url.rstrip("/"))
    raise UsageError(
        f"{redact(base_url)} is not an https address", hint=f"Zenodo itself is {ZENODO}"
    )


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise DataError(
            f"there is no folder {folder} to take archives from",
            hint="--from takes a folder that holds the zip files, or a mirror's address",
        )
    return folder


def record_addresses(site: Site, record: int) -> tuple[str, str]:
    """Where a record is described: itself, and the list of its files."""
    return (f"{site.base}/api/records/{record}", f"{site.base}/api/records/{record}/files")


def file_addresses(origin: Origin, file: RecordFile) -> tuple[tuple[Site, str], ...]:
    """Addresses of a file, the best first.

    Zenodo honours Range only on ``/records/…``, so that comes before ``/api/…``. A mirror may be a
    plain folder of files or laid out like Zenodo.

    Examples
    --------
    >>> file = RecordFile(record=4562016, path=PurePosixPath("a.zip"), size=3, md5="0" * 32)
    >>> file_addresses(parse_origin(None), file)[0][1]
    'https://zenodo.org/records/4562016/files/a.zip'
    """
    name = quote(file.name)
    page, content = (
        f"records/{file.record}/files/{name}",
        f"api/records/{file.record}/files/{name}/content",
    )
    if origin.mirror is not None:
        paths = (name, page, content)
        return tuple((origin.mirror, f"{origin.mirror.base}/{path}") for path in paths)
    return tuple((origin.home, f"{origin.home.base}/{path}") for path in (page, content))


def find_in_folder(folder: Path, file: RecordFile) -> Path | None:
    """Find a file that was fetched by other means; None when it is not there."""
    candidates = (folder / file.path, folder / file.path.name)
    return next((path for path in candidates if path.is_file()), None)


def find_record_in_folder(folder: Path, record: int) -> Path | None:
    """Find a record's description saved next to archives; None when there is none."""
    names: Sequence[str] = (f"{record}.json", f"record-{record}.json")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def missing_archives(folder: Path, missing: Sequence[RecordFile]) -> ProblemsError:
    """Say which archives a folder given to ``--from`` lacks."""
    return ProblemsError(
        f"{folder} lacks {len(missing)} archive{'s' * (len(missing) > 1)}",
        [f"{file.name} ({file.size:,} bytes)" for file in missing],
        hint="list their addresses: asd fetch --print-urls; or leave machines out with --machine",
    )


class RecordLookup:
    """The records of one fetch: the saved copy in a data folder, or looked up once.

    Parameters
    ----------
    origin : Origin
        Where to look.
    web : Web
        The session.
    events : Events
        Progress.
    """

    def __init__(self, origin: Origin, web: Web, events: Events) -> None:
        self._origin = origin
        self._web = web
        self._events = events
        self._found: dict[int, tuple[Record, str]] = {}

    def record(self, number: int, folder: Path) -> Record:
        """Give a record; errors as in `look_up`.

        Parameters
        ----------
        number : int
            Id of the record.
        folder : Path
            Data folder that may have a saved copy.
        """
        saved = read_saved_record(folder, number)
        if saved is not None:
            return saved
        if number not in self._found:
            self._found[number] = look_up(
                number, origin=self._origin, web=self._web, events=self._events
            )
        return self._found[number][0]

    def save(self, folder: Path, numbers: Iterable[int]) -> None:
        """Save those of some records that were looked up in the data folder they are about."""
        for number in numbers:
            record, source = self._found.get(number, (None, ""))
            # What stands for an unknown record must not be taken for it later.
            if record is not None and record.folder is None:
                save_record(folder, record, origin=source)


def look_up(record: int, *, origin: Origin, web: Web, events: Events) -> tuple[Record, str]:
    """Ask what a record holds.

    With a folder no server is asked: without the record in it, its archives are listed as they are.
    Sums are taken from a mirror only when nobody on the way to it can have changed them;
    otherwise, and when it does not describe records, Zenodo is asked.

    Returns
    -------
    record : Record
        The record.
    source : str
        Where it came from, without credentials.

    Raises
    ------
    NetworkError
        When nobody answers, or not with a record.
    IntegrityError
        When the answer is unsafe.
    """
    if origin.folder is not None:
        path = find_record_in_folder(origin.folder, record)
        if path is None:
            return list_archives(origin.folder, record), str(origin.folder)
        found = parse_record(path.read_bytes(), record=record, where=str(path))
        if found is None:
            raise IntegrityError(
                f"{path} lists no files", hint=_describe_saving(origin.folder, origin.home, record)
            )
        return found, str(path)
    if origin.mirror is not None and origin.mirror.is_trusted:
        try:
            return _ask(record, origin.mirror, web, events), redact(origin.mirror.base)
        except AbsentError:
            events.note(f"{redact(origin.mirror.base)} has no checksums; asking {origin.home.base}")
    return _ask(record, origin.home, web, events), redact(origin.home.base)


def list_archives(folder: Path, record: int) -> Record:
    """List the archives of a folder instead of a record that is not known.

    Sizes are those of the files; MD5 sums are left out until `identify` computes them.
    """
    files = tuple(
        RecordFile(
            record=record,
            path=PurePosixPath(path.name),
            size=path.stat().st_size,
            md5="",
            verified=False,
        )
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in {".zip", ".csv"} and path.is_file()
    )
    return Record(id=record, files=files, folder=folder)


def identify(file: RecordFile, folder: Path, events: Events) -> RecordFile:
    """Compute the MD5 sum of an archive in a folder that has no record."""
    path = folder / file.path
    with progress(events, f"reading {file.name}", total=file.size, unit="bytes") as advance:
        return replace(file, md5=hash_file(path, algorithm="md5", advance=advance))


def warn_unverified(files: Sequence[RecordFile], origin: Origin, events: Events) -> None:
    """Say which archives of a folder cannot be verified, and how they can be."""
    unverified = [file for file in files if not file.verified]
    for record in dict.fromkeys(file.record for file in unverified):
        if origin.folder is not None:
            names = [shorten(file.name) for file in unverified if file.record == record]
            events.warning(
                f"not verified: {', '.join(names)} in {origin.folder}, as record {record} is not "
                f"known here; {_describe_saving(origin.folder, origin.home, record)}"
            )


def _describe_saving(folder: Path, home: Site, record: int) -> str:
    address = record_addresses(home, record)[0]
    return (
        "sizes and MD5 sums are in the record; save it next to the archives: "
        f"curl -o '{folder / f'{record}.json'}' {address}"
    )


def _ask(record: int, site: Site, web: Web, events: Events) -> Record:
    for address in record_addresses(site, record):
        text = _read(site, address, web, events)
        found = parse_record(text, record=record, where=redact(address))
        if found is not None:
            return found
    raise NetworkError(
        f"record {record} at {redact(site.base)} lists no files",
        hint="it may be restricted: set ZENODO_TOKEN to an access token",
    )


def _read(site: Site, address: str, web: Web, events: Events) -> bytes:
    budget = RetryBudget(web.policy, events)
    with progress(events, f"asking {redact(site.base)}", total=None, unit="bytes"):
        while True:
            try:
                return _read_once(site, address, web)
            except TransientError as error:
                budget.spend(error)


def _read_once(site: Site, address: str, web: Web) -> bytes:
    text = bytearray()
    with web.get(site, address, headers={"Accept": "application/json"}) as response:
        for block in blocks(response, address):
            text += block
            if len(text) > _MAX_ANSWER:
                raise IntegrityError(
                    f"{redact(address)} sent an answer without end", hint="check the address"
                )
        refuse_page(response, bytes(text[:512]), address)
    return bytes(text)
