"""Everything that monitoring of a machine remembers: one SQLite file, one transaction a file.

Rows, state of the alarm and what is to be sent are written together, so that a process that is
killed at any moment finds either all of a file's effects or none, and does the same again.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from asd_cli.core.errors import DataError, IntegrityError, StorageError
from asd_cli.core.files import storage_errors
from asd_cli.pipeline.monitoring.monitor import ClipRow, Event, Step
from asd_cli.pipeline.monitoring.rule import AlarmRule, AlarmState, Condition

SCHEMA_VERSION = 1
_WAIT_SECONDS = 30.0
_TABLES = """
CREATE TABLE files (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  sha256 TEXT NOT NULL, status TEXT NOT NULL, clips INTEGER NOT NULL, UNIQUE (path, sha256)
);
CREATE INDEX files_sha256 ON files (sha256);
CREATE TABLE clips (
  id INTEGER PRIMARY KEY, file INTEGER REFERENCES files (id), source TEXT NOT NULL,
  time REAL NOT NULL, start REAL NOT NULL, seconds REAL NOT NULL, score REAL, p_value REAL,
  level REAL, condition TEXT NOT NULL, total REAL NOT NULL, drift REAL NOT NULL,
  reason TEXT NOT NULL
);
CREATE INDEX clips_time ON clips (time);
CREATE TABLE events (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time REAL NOT NULL, condition TEXT NOT NULL,
  document TEXT NOT NULL
);
CREATE TABLE outbox (
  event TEXT NOT NULL, channel TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
  due REAL NOT NULL DEFAULT 0, problem TEXT NOT NULL DEFAULT '', PRIMARY KEY (event, channel)
);
CREATE TABLE operator (
  number INTEGER PRIMARY KEY, time REAL NOT NULL, action TEXT NOT NULL, until REAL
);
CREATE TABLE counts (name TEXT PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class FileKey:
    """A file as it is now, and what it holds.

    Attributes
    ----------
    path : str
        Absolute.
    size, mtime_ns : int
        From the folder.
    sha256 : str
        Of its bytes.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Pending:
    """Something to send.

    Attributes
    ----------
    event, channel : str
        Which event, through what.
    tries : int
        That failed.
    document : str
        JSON.
    """

    event: str
    channel: str
    tries: int
    document: str


@dataclass(frozen=True, slots=True)
class NumberedClip:
    """A clip and its number in the order they were taken."""

    number: int
    clip: ClipRow


class Store:
    """The database of a machine.

    Parameters
    ----------
    path : Path
        Its file; made when it is not there, unless `read_only`.
    read_only : bool
        Look only.

    Raises
    ------
    DataError
        When there is none to look at.
    IntegrityError
        When it is no such database, or of a newer version.
    StorageError
        When it may not be written, or another process keeps it for too long.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        if read_only and not path.is_file():
            raise DataError(
                f"nothing has been monitored: there is no {path}",
                hint="start with: asd watch FOLDER --machine NAME",
            )
        with storage_errors(path), self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            address = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
            self._db = sqlite3.connect(
                address, timeout=_WAIT_SECONDS, isolation_level=None, uri=True
            )
            self._db.row_factory = sqlite3.Row
            if not read_only:
                self._prepare()
            self._check()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        # A killed process loses nothing; a power cut may lose the last files, which come again.
        self._db.execute("PRAGMA synchronous=NORMAL")
        if not self._db.execute("PRAGMA user_version").fetchone()[0]:
            script = f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version={SCHEMA_VERSION};COMMIT;"
            self._db.executescript(script)

    def _check(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise IntegrityError(
                f"{self.path} has form {version}, and this version knows {SCHEMA_VERSION}",
                hint="use the version of asd that wrote it, or move the file away",
            )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StorageError(
                f"{self.path} cannot be used: {error}", hint=f"look at it: ls -l '{self.path}'"
            ) from error
        except sqlite3.DatabaseError as error:
            raise IntegrityError(
                f"{self.path} is damaged: {error}", hint="move it away; files are scored again"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all that the body writes, or nothing."""
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Run a query."""
        with self._errors():
            return self._db.execute(query, values).fetchall()

    def fact(self, name: str) -> str | None:
        """Give a fact by its name."""
        found = self.rows("SELECT value FROM facts WHERE name = ?", name)
        return None if not found else str(found[0][0])

    def set_fact(self, name: str, value: str) -> None:
        """Keep a fact."""
        self._write("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, value)

    def _write(self, statement: str, *values: object) -> int:
        with self._errors():
            return int(self._db.execute(statement, values).lastrowid or 0)

    def state(self) -> AlarmState:
        """Give the state of the alarm."""
        text = self.fact("state")
        return AlarmState() if text is None else AlarmState.from_json(text)

    def rule(self) -> AlarmRule | None:
        """Give the rule in use; None before monitoring began."""
        text = self.fact("rule")
        return None if text is None else AlarmRule.read(json.loads(text))

    def known(self, path: str, size: int, mtime_ns: int) -> bool:
        """Whether a file of that name, size and time is there."""
        query = "SELECT 1 FROM files WHERE path = ? AND size = ? AND mtime_ns = ?"
        return bool(self.rows(query, path, size, mtime_ns))

    def same_sound(self, sha256: str) -> list[sqlite3.Row]:
        """Give the files of the same bytes."""
        return self.rows("SELECT * FROM files WHERE sha256 = ? ORDER BY id", sha256)

    def was_normal(self, path: str) -> bool:
        """Whether all clips of a file came while the machine was normal or off."""
        query = (
            "SELECT COUNT(*) FROM clips c JOIN files f ON f.id = c.file WHERE f.path = ? "
            "AND c.condition NOT IN ('normal', 'off')"
        )
        return int(self.rows(query, path)[0][0]) == 0

    def touch(self, key: FileKey) -> None:
        """Remember the new time of a file whose bytes are known under its name."""
        self._write("UPDATE files SET size = ?, mtime_ns = ? WHERE path = ? AND sha256 = ?",
                    key.size, key.mtime_ns, key.path, key.sha256)  # fmt: skip

    def add_file(self, key: FileKey, status: str, clips: int) -> int:
        """Add a file; gives its number."""
        self._count(f"files:{status}")
        return self._write(
            "INSERT INTO files (path, size, mtime_ns, sha256, status, clips) VALUES (?,?,?,?,?,?)",
            key.path, key.size, key.mtime_ns, key.sha256, status, clips,
        )  # fmt: skip

    def add_steps(self, steps: Sequence[Step], file: int | None, channels: Sequence[str]) -> None:
        """Add clips, the events they brought, and what is to be sent; and the state after them."""
        for step in steps:
            self._add_clip(step.row, file)
            self._count(f"clips:{step.row.condition}")
            if step.event is not None:
                self._add_event(step.event, channels)
        if steps:
            self.set_fact("state", steps[-1].state.to_json())

    def _add_clip(self, row: ClipRow, file: int | None) -> None:
        values = asdict(row)
        values["condition"] = str(row.condition)
        names = ", ".join(values)
        marks = ", ".join("?" for _ in values)
        self._write(f"INSERT INTO clips (file, {names}) VALUES (?, {marks})",  # noqa: S608
                    file, *values.values())  # fmt: skip

    def _add_event(self, event: Event, channels: Sequence[str]) -> None:
        document = json.dumps(event.document())
        self._write(
            "INSERT OR IGNORE INTO events (id, time, condition, document) VALUES (?, ?, ?, ?)",
            event.id, event.row.time, event.condition, document,
        )  # fmt: skip
        for channel in channels:
            self._write(
                "INSERT OR IGNORE INTO outbox (event, channel) VALUES (?, ?)", event.id, channel
            )

    def clip_rows(
        self, *, after: int = 0, since: float = float("-inf")
    ) -> Iterator["NumberedClip"]:
        """Give the clips after a number and since a time, in the order they were taken."""
        query = "SELECT * FROM clips WHERE id > ? AND time >= ? ORDER BY id"
        with self._errors():
            for row in self._db.execute(query, (after, since)):
                values = {name: row[name] for name in ClipRow.__dataclass_fields__}
                values["condition"] = Condition(values["condition"])
                yield NumberedClip(row["id"], ClipRow(**values))

    def due(self, now: float) -> list[Pending]:
        """List what is to be sent now, the oldest first."""
        found = self.rows(
            "SELECT o.event, o.channel, o.tries, e.document FROM outbox o JOIN events e "
            "ON e.id = o.event WHERE o.due <= ? ORDER BY e.number", now,
        )  # fmt: skip
        return [Pending(*row) for row in found]

    def sent(self, item: Pending) -> None:
        """Take something out of the outbox."""
        self._write("DELETE FROM outbox WHERE event = ? AND channel = ?", item.event, item.channel)

    def failed(self, item: Pending, due: float, problem: str) -> None:
        """Keep something for later."""
        self._write(
            "UPDATE outbox SET tries = tries + 1, due = ?, problem = ? WHERE event = ? "
            "AND channel = ?", due, problem[:500], item.event, item.channel,
        )  # fmt: skip

    def ask(self, time: float, action: str, until: float | None = None) -> None:
        """Remember what an operator asks for: ``acknowledge``, ``shelve``."""
        self._write("INSERT INTO operator (time, action, until) VALUES (?, ?, ?)", time, action,
                    until)  # fmt: skip

    def apply_requests(self) -> bool:
        """Apply what operators asked for since the last time; in a transaction. Whether any."""
        last = int(self.fact("operator") or 0)
        asked = self.rows("SELECT * FROM operator WHERE number > ? ORDER BY number", last)
        if not asked:
            return False
        state = self.state()
        for request in asked:
            if request["action"] == "acknowledge":
                state = state.acknowledge()
            else:
                state = state.shelve(request["until"])
        self.set_fact("state", state.to_json())
        self.set_fact("operator", str(asked[-1]["number"]))
        return True

    def _count(self, name: str) -> None:
        """Count one more: counting millions of rows every few seconds would take too long."""
        self._write(
            "INSERT INTO counts VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET number = number + 1",
            name,
        )

    def count(self, kind: str) -> dict[str, int]:
        """Give how many ``files`` or ``clips`` there are of each status or condition."""
        found = self.rows("SELECT * FROM counts WHERE name LIKE ? ORDER BY name", f"{kind}:%")
        return {str(name).partition(":")[2]: int(number) for name, number in found}
