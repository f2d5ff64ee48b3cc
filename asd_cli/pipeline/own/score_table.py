"""Tables of scores of recordings: a row a clip, written part by part.

CSV needs nothing; Parquet needs pandas and pyarrow. Neither is ever in memory as a whole: a table
is joined from the tables of its units.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from asd_cli.core.errors import UsageError
from asd_cli.core.files import atomic_path, write_bytes
from asd_cli.core.text import printable
from asd_cli.pipeline.own.scoring import ScoredFile

COLUMNS = (
    "file", "start", "end", "score", "p_value", "anomalous", "reason", "file_status",
    "file_p_value", "remarks",
)  # fmt: skip
_KINDS = {"start": "float64", "end": "float64", "score": "float64", "p_value": "float64",
          "anomalous": "boolean", "file_p_value": "float64"}  # fmt: skip
_BATCH_ROWS = 10_000

Row = Mapping[str, Any]


class TableForm(StrEnum):
    """How a table is written."""

    CSV = ".csv"
    PARQUET = ".parquet"


def form_of(path: Path) -> TableForm:
    """Give the form that a name asks for.

    Raises
    ------
    UsageError
        When it ends otherwise, or what Parquet needs is not installed.
    """
    try:
        form = TableForm(path.suffix.lower())
    except ValueError as error:
        raise UsageError(
            f"{path} is neither .csv nor .parquet", hint="name the table: -o scores.csv"
        ) from error
    if form is TableForm.PARQUET:
        from importlib.util import find_spec

        if find_spec("pyarrow") is None:
            raise UsageError(
                f"{path} needs pyarrow", hint="pip install 'asd-cli[parquet]'; or name a .csv"
            )
    return form


def rows_of(file: ScoredFile) -> Iterator[dict[str, Any]]:
    """Give one row a clip, or one for a file that was not scored."""
    common = {
        "file": str(file.path),
        "file_status": str(file.status),
        "file_p_value": file.p_value,
        "remarks": "; ".join(file.remarks),
    }
    if not file.parts:
        empty: dict[str, Any] = dict.fromkeys(COLUMNS)
        yield {**empty, **common, "reason": file.reason}
    for part in file.parts:
        own = {
            "start": part.start, "end": part.end, "score": part.score, "p_value": part.p_value,
            "anomalous": part.anomalous, "reason": part.reason,
        }  # fmt: skip
        both = {**own, **common}
        yield {name: both[name] for name in COLUMNS}


def as_csv(rows: Sequence[Row]) -> str:
    """Write rows with a heading; control characters of names are escaped."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {k: printable(v) if isinstance(v, str) else v for k, v in row.items()} for row in rows
    )
    return text.getvalue()


def write_part(path: Path, rows: Sequence[Row], form: TableForm) -> None:
    """Write the table of one unit; StorageError where the disk is full."""
    if form is TableForm.CSV:
        write_bytes(path, as_csv(rows).encode())
        return
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=list(COLUMNS))
    kinds = {name: _KINDS.get(name, "string") for name in COLUMNS}
    with atomic_path(path) as temporary:
        frame.astype(kinds).to_parquet(temporary, index=False)


def join_parts(path: Path, parts: Sequence[Path], form: TableForm) -> None:
    """Write one table of many, one part in memory at a time; StorageError as `write_part`."""
    with atomic_path(path) as temporary:
        if form is TableForm.CSV:
            _join_csv(temporary, parts)
        else:
            _join_parquet(temporary, parts)


def _join_csv(path: Path, parts: Sequence[Path]) -> None:
    with path.open("wb") as out:
        for number, part in enumerate(parts):
            with part.open("rb") as stream:
                heading = stream.readline()
                if number == 0:
                    out.write(heading)
                while block := stream.read(1 << 20):
                    out.write(block)


def _join_parquet(path: Path, parts: Sequence[Path]) -> None:
    import pyarrow.parquet as pq

    first = pq.ParquetFile(parts[0])
    with pq.ParquetWriter(path, first.schema_arrow) as writer:
        for part in parts:
            for batch in pq.ParquetFile(part).iter_batches(_BATCH_ROWS):
                writer.write_batch(batch)
