"""Which recordings of a machine of one's own belong together: those of a day, of a state."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asd_cli.core.errors import DataError, ProblemsError
from asd_cli.core.types import Clip

FOLDERS = "folders"
_COLUMNS = ("path", "group")


@dataclass(frozen=True, slots=True)
class Groups:
    """Which recordings belong together.

    Attributes
    ----------
    by_folder : bool
        Those of one folder.
    names : mapping of str to str
        From a table: recording to group. A recording is named by its name in the data set, or by
        the end of its path: ``a.wav``, ``monday/a.wav``.
    table : Path or None
        Where that is from.
    """

    by_folder: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    table: Path | None = None

    @classmethod
    def read(cls, text: str | None) -> "Groups":
        """Read what ``--groups`` says: ``folders``, or a CSV file with the columns path and group.

        Raises
        ------
        DataError
            When the file cannot be read or lacks a column.
        ProblemsError
            When rows are malformed or contradict each other; all are listed with their lines.
        """
        if text is None:
            return cls()
        if text == FOLDERS:
            return cls(by_folder=True)
        path = Path(text)
        names: dict[str, str] = {}
        problems: list[str] = []
        for line, row in _rows(path):
            problem = _problem(row, names)
            if problem:
                problems.append(f"{path}:{line}: {problem}")
            else:
                names[_plain(row[0])] = row[1]
        if problems:
            raise ProblemsError(
                f"{len(problems)} rows of {path} cannot be read",
                problems,
                hint="list one recording in each row: path,group",
            )
        return cls(names=names, table=path)

    def of(self, clip: Clip) -> str | None:
        """Name the group of a recording; None where it has none."""
        if self.by_folder:
            return clip.path.parent.as_posix()
        key = self._key(clip)
        return None if key is None else self.names[key]

    def _key(self, clip: Clip) -> str | None:
        """Find the row of a recording: its name, else the longest end of its path."""
        if not self.names:
            return None
        parts = clip.path.absolute().parts
        ends = ("/".join(parts[begin:]) for begin in range(1, len(parts)))
        keys = (clip.recording, clip.path.absolute().as_posix(), *ends)
        return next((key for key in keys if key in self.names), None)

    def require_used(self, clips: Iterable[Clip]) -> None:
        """Refuse rows that are of none of the recordings.

        Raises
        ------
        ProblemsError
            Names them.
        """
        used = {self._key(clip) for clip in clips}
        unused = [name for name in self.names if name not in used]
        if unused:
            raise ProblemsError(
                f"{len(unused)} rows of {self.table} name no recording",
                unused,
                hint="name recordings by the end of their path: monday/a.wav",
            )


def absolute_groups(text: str | None) -> str | None:
    """Give what ``--groups`` says so that it means the same in another working folder."""
    return text if text in {None, FOLDERS} else str(Path(str(text)).absolute())


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Give line, and cells of path and group, of each row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            header = [name.strip().lower() for name in next(rows, [])]
            missing = any(header.count(name) != 1 for name in _COLUMNS)
            count = 0
            for row in rows if not missing else ():
                if not any(cell.strip() for cell in row):
                    continue
                count += 1
                cells = [row[header.index(name)].strip() if len(row) == len(header) else ""
                         for name in _COLUMNS]  # fmt: skip
                yield rows.line_num, cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read: {error}",
            hint=f"give a CSV file with the columns path and group, or --groups {FOLDERS}",
        ) from error
    if missing or not count:
        raise DataError(
            f"{path}:1: the columns path and group are needed, and a row below them",
            hint="list one recording in each row",
        )


def _problem(row: list[str], names: Mapping[str, str]) -> str:
    name, group = row
    if not name or not group:
        return "a path and a group are needed, and as many cells as columns"
    known = names.get(_plain(name))
    return f"{name} is in the group {known} already" if known not in {None, group} else ""


def _plain(name: str) -> str:
    return Path(name).as_posix()
