"""A table of recordings as a dataset: one row a clip."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.errors import DataError, ProblemsError
from asd_cli.core.text import parse_decimal
from asd_cli.core.types import Clip, Label, Split

_OWN = ("path", "start", "duration", "machine", "split", "label")
_LABELS = {"normal": Label.NORMAL, "anomaly": Label.ANOMALY, "anomalous": Label.ANOMALY,
           "abnormal": Label.ANOMALY, "0": Label.NORMAL, "1": Label.ANOMALY}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDataset:
    """Clips listed in a CSV or Parquet file (`asd_cli.datasets.base.Dataset`).

    The columns are ``path`` (relative paths are relative to the table) and, where they are known,
    ``start`` and ``duration`` in seconds, ``machine``, ``split`` (``train`` or ``test``) and
    ``label`` (``normal`` or ``anomaly``). Every further column is an attribute; an empty cell is a
    missing value.

    Attributes
    ----------
    root : Path
        The table.
    machine : str or None
        Machine of rows without one; None for the name of the table.

    Examples
    --------
    >>> TableDataset(root=Path("clips.csv"), machine="pump").machine
    'pump'
    """

    root: Path
    machine: str | None = None

    def machines(self) -> tuple[str, ...]:
        """Names in the column ``machine``, sorted."""
        return tuple(sorted({clip.machine for clip in self._rows()}))

    def clips(self, machine: str, split: Split) -> tuple[Clip, ...]:
        """List the rows of a machine and split in the order of the table.

        Raises
        ------
        DataError
            When there are none, or the table cannot be read.
        ProblemsError
            When rows are malformed; all are listed with their lines.
        """
        found = tuple(c for c in self._rows() if c.machine == machine and c.split is split)
        if not found:
            raise DataError(
                f"{self.root} has no {split} clips of {machine}",
                hint=f"its machines: {', '.join(self.machines())}",
            )
        return found

    def passed_over(self, machine: str, split: Split) -> Mapping[str, int]:
        """Count the rows that `clips` does not list, by why: of another machine or split."""
        others = Counter(
            f"of the machine {clip.machine}" if clip.machine != machine else f"for {clip.split}"
            for clip in self._rows()
            if clip.machine != machine or clip.split is not split
        )
        return dict(others)

    def _rows(self) -> list[Clip]:
        clips: list[Clip] = []
        problems: list[str] = []
        for line, row in _read(self.root):
            try:
                clips.append(self._clip(row))
            except ValueError as error:
                problems.append(f"{self.root}:{line}: {error}")
        if problems:
            raise ProblemsError(
                f"{len(problems)} rows of {self.root} cannot be read",
                problems,
                hint=f"the columns are {', '.join(_OWN)} and attributes",
            )
        if not clips:
            raise DataError(f"{self.root} has no rows", hint="list one clip in each row")
        return clips

    def _clip(self, row: Mapping[str, str]) -> Clip:
        if not row.get("path"):
            raise ValueError("there is no path")
        start, duration = (_seconds(row, name) for name in ("start", "duration"))
        label = row.get("label", "").lower()
        if label and label not in _LABELS:
            raise ValueError(f"the label {row['label']!r} is neither normal nor anomaly")
        split = row.get("split", "").lower() or Split.TRAIN
        if split not in {*Split}:
            raise ValueError(f"the split {row['split']!r} is neither train nor test")
        return Clip(
            path=self.root.parent / row["path"],
            start=start or 0.0,
            duration=duration,
            machine=row.get("machine") or self.machine or self.root.stem,
            split=Split(split),
            label=_LABELS[label] if label else None,
            recording=row["path"],
            attributes={k: v for k, v in row.items() if k not in _OWN and v},
        )


def _seconds(row: Mapping[str, str], name: str) -> float | None:
    text = row.get(name, "")
    if not text:
        return None
    try:
        value = parse_decimal(text)
    except ValueError:
        value = -1.0
    if value < 0 or (name == "duration" and value == 0):
        raise ValueError(f"{name} is {text!r}, not a number of seconds")
    return value


def _read(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Give lines and rows of a table with cells as text; DataError when it cannot be read."""
    if path.suffix.lower() in {".parquet", ".pq"}:
        yield from enumerate(_read_parquet(path), start=2)
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            _require_columns(path, reader.fieldnames or ())
            names = [_column(name) for name in reader.fieldnames or ()]
            for row in reader:
                # What has no column stands under None.
                if extra := row.pop(None, None):
                    raise DataError(
                        f"{path}:{reader.line_num}: more cells than columns: {extra}",
                        hint="put a path with a comma into quotation marks",
                    )
                cells = [(value or "").strip() for value in row.values()]
                yield reader.line_num, dict(zip(names, cells, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read: {error}", hint="save it as CSV in UTF-8"
        ) from error


def _read_parquet(path: Path) -> Iterator[Mapping[str, str]]:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        raise DataError(
            f"{path}: reading Parquet needs pyarrow", hint="pip install pyarrow; or save it as CSV"
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}", hint="save it as CSV") from error
    _require_columns(path, list(frame.columns))
    for row in frame.to_dict("records"):
        yield {_column(str(k)): "" if pd.isna(v) else str(v).strip() for k, v in row.items()}


def _column(name: str) -> str:
    """Give a column's name; those that mean something are also known in capitals."""
    plain = name.strip()
    return plain.lower() if plain.lower() in _OWN else plain


def _require_columns(path: Path, names: Sequence[object]) -> None:
    known = [_column(str(name)) for name in names]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise DataError(
            f"{path}:1: two columns are called {twice[0]}", hint="give each column its own name"
        )
    if "path" not in known:
        raise DataError(
            f"{path}:1: there is no column called path",
            hint=f"the columns are {', '.join(_OWN)} and attributes",
        )
