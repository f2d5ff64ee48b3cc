"""Files of ``name,value`` rows: anomaly scores, decisions and labels, as the challenge has them.

The official form has no header, UTF-8, commas and one row a clip. Forms that other tools write are
read as well and remarked on: UTF-16, tabs, and names with the folder before them. A byte-order
mark, CRLF line ends and blank lines count for nothing. Anything else is a problem with its line.
"""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from asd_cli.core.errors import DataError
from asd_cli.core.text import parse_decimal

Value = TypeVar("Value")

_COLUMNS = 2
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a text file.

    Attributes
    ----------
    rows : tuple of (int, tuple of str)
        Line number and stripped cells of each row that is not blank.
    remarks : tuple of str
        How the file differs from the official form.
    """

    rows: tuple[tuple[int, tuple[str, ...]], ...]
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class ValueFile(Generic[Value]):
    """What a ``name,value`` file holds.

    Attributes
    ----------
    values : dict of str to value
        By clip name, in the order of the file; without those that are malformed.
    lines : dict of str to int
        Line of each name, also where its value is malformed.
    problems : list of (str, str)
        Place and what is wrong there.
    remarks : list of str
        How the file differs from the official form, though it can be read.
    """

    values: dict[str, Value] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def read_rows(path: Path) -> Table:
    """Read the rows of a comma- or tab-separated file.

    Raises
    ------
    DataError
        When it cannot be read, or is neither text in UTF-8 nor in UTF-16.
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is not a regular file", hint=f"look at it: ls -ld '{path}'")
    try:
        content = path.read_bytes()
        wide = content.startswith(_UTF16_MARKS) and content not in _UTF16_MARKS
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if "\0" in text:
        raise DataError(f"{path} cannot be read: it is no text in UTF-8", hint="save it as UTF-8")
    first = next((line for line in text.splitlines() if line.strip()), "")
    tabs = "\t" in first.strip() and "," not in first
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if tabs else ",")
    rows: list[tuple[int, tuple[str, ...]]] = []
    try:
        rows.extend(
            (reader.line_num, tuple(cell.strip() for cell in row))
            for row in reader
            if any(cell.strip() for cell in row)
        )
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: not a CSV file: {error}") from error
    remarks = ("is in UTF-16 and not in UTF-8",) * wide
    return Table(tuple(rows), remarks + ("has tabs and not commas between columns",) * tabs)


def scan_values(path: Path, parse: Callable[[str], Value]) -> ValueFile[Value]:
    """Read a ``name,value`` file and list everything that is wrong with it.

    Parameters
    ----------
    path : Path
        The file.
    parse : callable
        Turns the second column into a value; its ValueError says what the text is not.

    Returns
    -------
    ValueFile

    Raises
    ------
    DataError
        When the file cannot be read at all.
    """
    table = read_rows(path)
    found: ValueFile[Value] = ValueFile(remarks=list(table.remarks))
    for line, row in table.rows:
        place = f"{path}:{line}"
        if len(row) != _COLUMNS:
            found.problems.append((place, f"{len(row)} columns where name,value are expected"))
            continue
        name, text = clip_name(row[0]), row[1]
        if name != row[0] and not any("folders" in remark for remark in found.remarks):
            found.remarks.append(f"has folders before names, as {row[0]} in line {line}")
        if name in found.lines:
            first = found.lines[name]
            found.problems.append((place, f"{name} is there twice, first in line {first}"))
            continue
        found.lines[name] = line
        try:
            found.values[name] = parse(text)
        except ValueError as error:
            found.problems.append((place, f"{text!r} for {name!r} is {error}"))
    if not found.lines and not found.problems:
        found.problems.append((str(path), "is empty"))
    return found


def read_values(path: Path, parse: Callable[[str], Value]) -> dict[str, Value]:
    """Read a ``name,value`` file.

    Parameters
    ----------
    path, parse
        As of `scan_values`.

    Returns
    -------
    dict of str to value
        In the order of the file.

    Raises
    ------
    DataError
        When the file cannot be read, is empty, or a row is malformed or there twice; names file
        and line.
    """
    found = scan_values(path, parse)
    if found.problems:
        place, what = found.problems[0]
        more = f" (and {len(found.problems) - 1} more)" if len(found.problems) > 1 else ""
        joined = f"{place} {what}" if place == str(path) else f"{place}: {what}"
        raise DataError(
            joined + more,
            hint="the files have no header; each row is a clip's name and its value, as 0.25",
        )
    return found.values


def clip_name(cell: str) -> str:
    r"""Give the file name of a clip that may be written with its folder.

    Examples
    --------
    >>> clip_name(r"C:\data\section_00_0000.wav"), clip_name("test/section_00_0000.wav")
    ('section_00_0000.wav', 'section_00_0000.wav')
    """
    return re.split(r"[\\/]", cell)[-1]


def parse_score(text: str) -> float:
    """Read a score: a decimal, as `asd_cli.core.text.parse_decimal`."""
    return parse_decimal(text)


def parse_binary(text: str) -> int:
    """Read a decision or label; ValueError unless it is 0 or 1."""
    value = parse_score(text)
    if value not in {0.0, 1.0}:
        raise ValueError("neither 0 nor 1")
    return int(value)


def join_names(names: Sequence[str], shown: int = 3) -> str:
    """List names, the first few of many."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
