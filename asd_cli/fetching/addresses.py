"""Where files may come from: Zenodo, a mirror, or a folder; and which addresses are allowed."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from asd_cli.core.errors import DataError, UsageError
from asd_cli.fetching.record import RecordFile

ZENODO = "https://zenodo.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A server that may be asked.

    Attributes
    ----------
    base : str
        Address without a slash at its end.
    mirror : bool
        Whether the user named it for this fetch: then it may redirect elsewhere and is never sent
        the token.
    """

    base: str
    mirror: bool = False

    @property
    def vouches(self) -> bool:
        """Whether sums from it can be believed: nobody between can have changed them."""
        return self.base.startswith("https:") or is_loopback(self.base)


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
    """Understand what was given to ``--from``.

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


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def redact(text: str) -> str:
    """Hide user names and passwords in the addresses of a text."""
    return re.sub(r"(?<=://)[^/@\s]+@", "***@", text)


def record_addresses(site: Site, record: int) -> tuple[str, str]:
    """Where a record is described: itself, and the list of its files."""
    return (f"{site.base}/api/records/{record}", f"{site.base}/api/records/{record}/files")


def file_addresses(origin: Origin, file: RecordFile) -> tuple[tuple[Site, str], ...]:
    """Where a file may be had, the likeliest first.

    Zenodo honours Range only on ``/records/…``, so that comes before ``/api/…``. A mirror may be a
    plain folder of files or laid out like Zenodo.
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
    """Find a record's description saved beside archives; None when there is none."""
    names: Sequence[str] = (f"{record}.json", f"record-{record}.json")
    return next((folder / name for name in names if (folder / name).is_file()), None)
