"""Carry out a fetch for one data folder: one at a time, each file proven and then installed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from asd_cli.core.errors import IntegrityError, ProblemsError
from asd_cli.core.events import Events
from asd_cli.core.files import storage_errors
from asd_cli.datasets.dcase.editions import Edition
from asd_cli.fetching.addresses import Origin, find_in_folder
from asd_cli.fetching.decisions import Step
from asd_cli.fetching.download import Download, prove
from asd_cli.fetching.http import Web
from asd_cli.fetching.install import install
from asd_cli.fetching.layout import GROUND_TRUTH
from asd_cli.fetching.paths import WORKPLACE, refuse_links
from asd_cli.fetching.stages import Wanted


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

    def bring(self, wanted: Wanted) -> None:
        """Get one file and install what it holds.

        Raises
        ------
        NetworkError, IntegrityError, StorageError, DataError
            As `Download.run`, `prove` and `install` do.
        """
        source = self._obtain(wanted)
        own = source == wanted.destination.archive
        try:
            install(
                wanted.file,
                source,
                folder=wanted.folder,
                machine=wanted.machine,
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

    def _obtain(self, wanted: Wanted) -> Path:
        if self.origin.folder is not None:
            path = find_in_folder(self.origin.folder, wanted.file)
            if path is None:
                raise missing_archives(self.origin.folder, [wanted])
            prove(wanted.file, path, self.events)
            return path
        destination = wanted.destination
        if destination.plan(wanted.file.size) is Step.PROVE_ARCHIVE:
            try:
                prove(wanted.file, destination.archive, self.events)
            except IntegrityError as error:
                self.events.warning(f"{error.message}; fetching it again")
            else:
                return destination.archive
        Download(
            wanted.file,
            destination=destination,
            web=self.web,
            origin=self.origin,
            events=self.events,
        ).run()
        return destination.archive


def missing_archives(folder: Path, missing: Sequence[Wanted]) -> ProblemsError:
    """Say which archives a folder given to ``--from`` lacks."""
    return ProblemsError(
        f"{folder} lacks {len(missing)} archive{'s' * (len(missing) > 1)}",
        [f"{wanted.file.name} ({wanted.file.size:,} bytes)" for wanted in missing],
        hint="list their addresses: asd fetch --print-urls; or leave machines out with --machine",
    )


def refuse_linked_folders(wanted: Wanted, edition: Edition) -> None:
    """Refuse symbolic links where this file's content will go, before fetching it.

    Raises
    ------
    IntegrityError
        Naming the link.
    """
    places = [
        PurePosixPath(WORKPLACE, "archives") / wanted.file.path,
        *(PurePosixPath(WORKPLACE, name, "x") for name in ("parts", "receipts", "staging")),
    ]
    if wanted.machine is None:
        places.append(PurePosixPath(GROUND_TRUTH))
    else:
        places.extend(
            PurePosixPath(wanted.machine, role)
            for role in (*edition.folders.values(), *edition.other_folders)
        )
    refuse_links(wanted.folder, places)


@contextmanager
def sole_fetch(folder: Path, events: Events) -> Iterator[None]:
    """Be the only fetch at work in a data folder; wait for another to end.

    The system frees the lock of a killed process.

    Raises
    ------
    StorageError
        When the folder cannot be written.
    """
    workplace = folder / WORKPLACE
    with storage_errors(workplace):
        workplace.mkdir(parents=True, exist_ok=True)
        lock = FileLock(workplace / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            events.note(f"another asd fetch is at work in {folder}; waiting for it")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()
