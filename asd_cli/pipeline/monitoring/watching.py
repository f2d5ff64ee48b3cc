"""Files of a folder through the monitor into the store: each once, whatever happens between."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from asd_cli.audio.decoding import read_info
from asd_cli.core.errors import DataError
from asd_cli.core.files import atomic_path, storage_errors
from asd_cli.core.hashing import hash_file
from asd_cli.pipeline.monitoring.clips import clips_of_file
from asd_cli.pipeline.monitoring.folder import Found, WatchedFolder
from asd_cli.pipeline.monitoring.monitor import Step
from asd_cli.pipeline.monitoring.retention import Keep, Retention
from asd_cli.pipeline.monitoring.retention import apply as clean
from asd_cli.pipeline.monitoring.session import Session
from asd_cli.pipeline.monitoring.store import FileKey, Store

SCORED, NOT_SCORED, REPEATED = "scored", "not scored", "repeated"

_CLEAN_SECONDS = 600.0

Checkpoint = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Takes complete files, one transaction each.

    Attributes
    ----------
    root : Path
        The watched folder.
    session : Session
        Scores, decides and remembers.
    move_to : Path or None
        Where files are moved when they are done.
    keep : Keep
        Which done files are kept there.
    checkpoint : callable
        Called with a name before and after each effect; tests end the process there.
    """

    root: Path
    session: Session
    move_to: Path | None = None
    keep: Keep = Keep.ALL
    checkpoint: Checkpoint = field(default=lambda _: None)

    def take(self, found: Found) -> list[Step]:
        """Take one file; gives its clips, none where nothing was new."""
        key = self._key(found)
        if key is None:
            return []
        self.checkpoint("hashed")
        apply_requests(self.session.store)
        same = self.session.store.same_sound(key.sha256)
        known = any(row["path"] == key.path for row in same)
        # What a bad sensor sends may be the same bytes each time; it counts each time.
        repeated = bool(same) and same[0]["status"] != NOT_SCORED
        steps = [] if known or repeated else self._steps(key, found)
        self.checkpoint("scored")
        if self._key(found) != key:
            return []  # it changed meanwhile, and comes again
        with self.session.store.transaction():
            self.checkpoint("begun")
            if known:
                self.session.store.touch(key)
            else:
                self.session.store.add_steps(
                    steps,
                    self.session.store.add_file(key, _status(steps), len(steps)),
                    self.session.channels,
                )
            self.checkpoint("written")
        self.checkpoint("committed")
        self._move_away(found)
        self.checkpoint("moved")
        return steps

    def _key(self, found: Found) -> FileKey | None:
        """Hash a file; None where it was removed or changed since it was found."""
        try:
            sha256 = hash_file(found.path)
            status = found.path.stat()
        except OSError:
            return None
        if (status.st_size, status.st_mtime_ns) != (found.size, found.mtime_ns):
            return None
        return FileKey(str(found.path), found.size, found.mtime_ns, sha256)

    def _steps(self, key: FileKey, found: Found) -> list[Step]:
        # A file is written until its sound ends.
        begin = found.mtime_ns / 1e9 - _seconds(found.path)
        steps = []
        for step in self.session.monitor.take(
            clips_of_file(found.path, self.session.monitor.scorer), self.session.store.state(),
            source=str(found.path), begin=begin, identity=key.sha256,
        ):  # fmt: skip
            self.session.evidence.keep(step)
            # A long file has more sound than fits into memory.
            steps.append(replace(step, clip=replace(step.clip, samples=None)))
        return steps

    def _move_away(self, found: Found) -> None:
        """Move a file to where done ones are; what is there already is not overwritten."""
        if self.move_to is None or not found.path.exists():
            return
        if self.keep is Keep.ALARMS and self.session.store.was_normal(str(found.path)):
            found.path.unlink(missing_ok=True)
            return
        target = self.move_to / found.path.relative_to(self.root)
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists() and hash_file(target) == hash_file(found.path):
                found.path.unlink()
                return
            if target.exists():
                target = target.with_stem(f"{target.stem}-{found.mtime_ns}")
            try:
                found.path.rename(target)
            except OSError:  # another disk: complete there before it goes here
                with atomic_path(target) as temporary:
                    shutil.copy2(found.path, temporary)
                found.path.unlink()


def watch_folder(
    folder: WatchedFolder, intake: Intake, session: Session, *, retention: Retention
) -> Iterator[bool]:
    """Take what is complete, again and again; the caller decides when to look next, or to end.

    Yields
    ------
    bool
        True after each file; False when all that is complete was taken.
    """
    cleaned_at = float("-inf")
    while True:
        for found in folder.ready():
            session.heard(intake.take(found))
            session.after_clips()
            session.tick()
            yield True
        session.tick()
        now = time.time()
        if intake.move_to is not None and retention.limits and now - cleaned_at > _CLEAN_SECONDS:
            cleaned_at = now
            clean(intake.move_to, retention, now)
        yield False


def apply_requests(store: Store) -> None:
    """Apply what operators asked for, if anything."""
    with store.transaction():
        store.apply_requests()


def _status(steps: Sequence[Step]) -> str:
    if not steps:
        return REPEATED
    return SCORED if any(step.row.score is not None for step in steps) else NOT_SCORED


def _seconds(path: Path) -> float:
    try:
        return read_info(path).duration
    except DataError:
        return 0.0
