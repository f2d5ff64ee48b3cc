"""Transfer one file from a server to the disk: resumed, and verified by size and MD5."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import requests

from asd_cli.core.errors import IntegrityError, StorageError
from asd_cli.core.events import Events, progress
from asd_cli.core.files import storage_errors, write_text
from asd_cli.core.hashing import hash_file
from asd_cli.fetching.http import BLOCK, AbsentError, Site, Web, blocks, redact, refuse_page
from asd_cli.fetching.paths import regular_size
from asd_cli.fetching.records import RecordFile
from asd_cli.fetching.retry import (
    ResponseAction,
    RetryBudget,
    StallDetector,
    StalledError,
    TransientError,
    choose_response_action,
)
from asd_cli.fetching.sources import Origin, file_addresses, find_in_folder, missing_archives


class Step(Enum):
    """What to do next for a file."""

    VERIFY_ARCHIVE = auto()
    VERIFY_PART = auto()
    RESUME = auto()
    START = auto()


def plan_download(*, size: int, archive: int | None, part: int | None) -> Step:
    """Decide what to do for a file of a known size.

    Parameters
    ----------
    size : int
        Bytes, from the record.
    archive, part : int or None
        Bytes of what is on the disk under the final and the temporary name.

    Returns
    -------
    Step
        A file of the right size is verified, a shorter part is resumed; otherwise it starts.

    Examples
    --------
    >>> plan_download(size=100, archive=None, part=40)
    <Step.RESUME: 3>
    >>> plan_download(size=100, archive=100, part=None)
    <Step.VERIFY_ARCHIVE: 1>
    """
    if archive == size:
        return Step.VERIFY_ARCHIVE
    if part == size:
        return Step.VERIFY_PART
    return Step.RESUME if part is not None and 0 < part < size else Step.START


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where one file goes.

    Attributes
    ----------
    archive : Path
        Final name; never written to, only replaced by a verified file.
    part : Path
        What has arrived so far; its name holds the MD5, so another version is never continued.
    """

    archive: Path
    part: Path

    @property
    def validator(self) -> Path:
        """File next to the part with the entity tag or date to be sent as ``If-Range``."""
        return self.part.with_name(f"{self.part.name}.tag")

    def plan(self, size: int) -> Step:
        """Look at the disk and decide, as `plan_download` does."""
        return plan_download(
            size=size, archive=regular_size(self.archive), part=regular_size(self.part)
        )


class Download:
    """The transfer of one file.

    Parameters
    ----------
    file : RecordFile
        What to fetch, with its size and MD5.
    destination : Destination
        Where it goes.
    web : Web
        The session.
    origin : Origin
        Which servers to ask.
    events : Events
        Progress.
    budget : RetryBudget
        Tries that remain.
    """

    def __init__(
        self,
        file: RecordFile,
        *,
        destination: Destination,
        web: Web,
        origin: Origin,
        events: Events,
        budget: RetryBudget | None = None,
    ) -> None:
        self._file = file
        self._to = destination
        self._web = web
        self._addresses = list(file_addresses(origin, file))
        self._events = events
        self._budget = budget or RetryBudget(web.policy, events)
        self._digest = hashlib.md5(usedforsecurity=False)
        self._length = 0
        self._max_length = 0

    def run(self) -> None:
        """Transfer the file, verify it and give it its final name.

        Raises
        ------
        NetworkError
            When the server refuses or the retry budget is used up; what has arrived is kept.
        IntegrityError
            When the complete file has the wrong content; it is removed.
        StorageError
            When the disk is full or forbidden.
        """
        with storage_errors(self._to.part):
            self._to.part.parent.mkdir(parents=True, exist_ok=True)
            inherited = self._adopt_part()
            self._receive()
            if inherited and self._digest.hexdigest() != self._file.md5:
                # The beginning came from an earlier run and may be what is wrong.
                self._events.warning(
                    f"{self._file.name}: its earlier part is damaged; starting again"
                )
                self._restart()
                self._max_length = 0
                self._receive()
            self._settle()

    def _adopt_part(self) -> int:
        plan = plan_download(size=self._file.size, archive=None, part=regular_size(self._to.part))
        if plan is Step.START:
            self._restart()
            return 0
        with (
            progress(
                self._events,
                f"checking {self._file.name}",
                total=self._to.part.stat().st_size,
                unit="bytes",
            ) as advance,
            self._to.part.open("rb") as stream,
        ):
            while block := stream.read(BLOCK):
                self._digest.update(block)
                self._length += len(block)
                advance(len(block))
        self._max_length = self._length
        return self._length

    def _restart(self) -> None:
        self._to.part.unlink(missing_ok=True)
        self._to.validator.unlink(missing_ok=True)
        self._to.part.touch()
        self._digest = hashlib.md5(usedforsecurity=False)
        self._length = 0

    def _receive(self) -> None:
        with progress(
            self._events, f"fetching {self._file.name}", total=self._file.size, unit="bytes"
        ) as advance:
            advance(self._length)
            while self._length < self._file.size:
                try:
                    self._ask_and_append(advance)
                except TransientError as error:
                    self._account(error)
                except AbsentError:
                    if len(self._addresses) == 1:
                        raise
                    self._addresses.pop(0)

    def _account(self, error: TransientError) -> None:
        # Bytes received before are no progress: a server that ignores Range and always breaks
        # at the same position would otherwise be asked for ever.
        policy = self._web.policy
        stalled = isinstance(error, StalledError)
        enough = policy.stall_bytes if stalled else policy.renewal_bytes
        if self._length >= self._max_length + enough:
            self._budget.renew()
        self._max_length = max(self._max_length, self._length)
        self._budget.spend(error)

    def _ask_and_append(self, advance: Callable[..., None]) -> None:
        site, url = self._addresses[0]
        action = self._try(site, url, self._length, advance)
        if action is ResponseAction.REQUEST_COMPLETE:
            self._try(site, url, 0, advance)

    def _try(
        self, site: Site, url: str, offset: int, advance: Callable[..., None]
    ) -> ResponseAction:
        with self._web.get(site, url, headers=self._range_headers(offset)) as response:
            body = blocks(response, url)
            first = b"" if response.status_code == 416 else next(body, b"")
            refuse_page(response, first, url)
            action = choose_response_action(
                status=response.status_code,
                headers=response.headers,
                offset=offset,
                size=self._file.size,
                name=self._file.name,
            )
            if action is ResponseAction.REQUEST_COMPLETE:
                return action
            if action is ResponseAction.RESTART or offset == 0:
                advance(-self._length)
                self._restart()
                self._remember(response)
            self._append(first, body, advance, url)
        return action

    def _range_headers(self, offset: int) -> dict[str, str]:
        if offset == 0:
            return {}
        headers = {"Range": f"bytes={offset}-"}
        if self._to.validator.exists():
            headers["If-Range"] = self._to.validator.read_text(encoding="latin-1")
        return headers

    def _remember(self, response: requests.Response) -> None:
        """Keep a strong validator; HTTP forbids weak ones in ``If-Range``."""
        tag = response.headers.get("ETag", "")
        validator = tag if tag.startswith('"') else response.headers.get("Last-Modified", "")
        if validator and validator.isascii():
            write_text(self._to.validator, validator)

    def _append(
        self, first: bytes, body: Iterator[bytes], advance: Callable[..., None], url: str
    ) -> None:
        stall_detector = StallDetector(self._web.policy)
        with self._to.part.open("ab") as stream:
            block = first
            while block:
                if self._length + len(block) > self._file.size:
                    raise IntegrityError(
                        f"{redact(url)} sent more than the {self._file.size:,} bytes of the record",
                        hint="fetch it from elsewhere: asd fetch --from URL",
                    )
                stream.write(block)
                self._digest.update(block)
                self._length += len(block)
                advance(len(block))
                if self._length == self._file.size:
                    return
                stall_detector.arrived(len(block))
                block = next(body, b"")
        raise TransientError(
            f"the transfer of {self._file.name} was interrupted at {self._length:,} of "
            f"{self._file.size:,} bytes"
        )

    def _settle(self) -> None:
        found = self._digest.hexdigest()
        if found != self._file.md5:
            # Kept, it would be taken for complete at every later run.
            self._to.part.unlink()
            self._to.validator.unlink(missing_ok=True)
            raise checksum_error(self._file, found, self._addresses[0][1])
        self._to.archive.parent.mkdir(parents=True, exist_ok=True)
        self._to.part.replace(self._to.archive)
        self._to.validator.unlink(missing_ok=True)


def verify_file(file: RecordFile, path: Path, events: Events) -> None:
    """Require that a file on the disk has the size and MD5 of the record.

    Raises
    ------
    IntegrityError
        When its size or MD5 is another one; both are shown.
    """
    size = path.stat().st_size
    if size != file.size:
        raise IntegrityError(
            f"{path} has {size:,} bytes, the record says {file.size:,}",
            hint=f"it is incomplete or another file; fetch it again, or remove it: rm '{path}'",
        )
    with progress(events, f"checking {file.name}", total=size, unit="bytes") as advance:
        found = hash_file(path, algorithm="md5", advance=advance)
    if found != file.md5:
        raise checksum_error(file, found, str(path))


def checksum_error(file: RecordFile, found: str, where: str) -> IntegrityError:
    """Make the error for a complete file with the wrong content."""
    return IntegrityError(
        f"{file.name} from {redact(where)} is damaged: its MD5 is {found}, "
        f"the record says {file.md5}",
        hint="fetch it again; if that gives the same, from elsewhere: asd fetch --from URL",
    )


def obtain(
    file: RecordFile,
    *,
    destination: Destination,
    replaceable: bool,
    origin: Origin,
    web: Web,
    events: Events,
) -> Path:
    """Get a file's verified archive: from a folder, as it was kept, or by a transfer.

    Parameters
    ----------
    file : RecordFile
        What to get.
    destination : Destination
        Where a transfer puts it.
    replaceable : bool
        Whether another file of that name is an earlier archive of ours and may be overwritten.
    origin : Origin
        Folder or servers that have it.
    web : Web
        The session.
    events : Events
        Progress.

    Returns
    -------
    Path
        In the folder of `origin`, or ``destination.archive``.

    Raises
    ------
    DataError
        When the folder lacks it.
    NetworkError, IntegrityError, StorageError
        As `verify_file` and `Download.run` do.
    """
    if origin.folder is not None:
        path = find_in_folder(origin.folder, file)
        if path is None:
            raise missing_archives(origin.folder, [file])
        if file.verified:
            verify_file(file, path, events)
        return path
    if regular_size(destination.archive) is not None:
        try:
            verify_file(file, destination.archive, events)
        except IntegrityError as error:
            if not replaceable:
                raise StorageError(
                    f"{destination.archive} is not the archive of the record and was not put there "
                    "by asd fetch; nothing was overwritten",
                    hint=f"move it away and fetch again: "
                    f"mv '{destination.archive}' '{destination.archive}.own'",
                ) from error
            events.warning(f"{error.message}; fetching it again")
        else:
            return destination.archive
    Download(file, destination=destination, web=web, origin=origin, events=events).run()
    return destination.archive
