"""Anomaly scores and decisions as CSV files, byte for byte as the baselines of DCASE write them.

An edition's files are named by a form with fields in braces, as `SCORE_FILES` of DCASE 2021;
``{rest}`` stands for anything and is read but never written. No header, one ``name,value`` row a
clip, LF line ends. Other systems' files are read as well: a byte-order mark, CRLF line ends and
blank last lines are no fault; anything else is, with its line.
"""

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from asd_cli.core.errors import DataError
from asd_cli.core.files import write_text

SCORE_FILES = "{kind}_{machine}_section_{section}_{domain}_test.csv"
"""Form of the files of DCASE 2021."""

_FIELDS = {
    "kind": "(?P<kind>anomaly_score|decision_result)",
    "machine": "(?P<machine>.+)",
    "section": "(?P<section>[0-9]{2})",
    "domain": "(?P<domain>source|target)",
    "rest": ".*",
}
Value = TypeVar("Value")

_COLUMNS = 2
SCORE, DECISION = "anomaly_score", "decision_result"


@dataclass(frozen=True, slots=True, order=True)
class ScoreFileKey:
    """Whose scores a file holds.

    Attributes
    ----------
    machine, section : str
        As in the file's name: ``fan``, ``00``.
    domain : str or None
        ``source`` or ``target``; None where one file holds all clips of a section.
    """

    machine: str
    section: str
    domain: str | None

    def file_name(self, kind: str, form: str = SCORE_FILES) -> str:
        """Name of the file of a kind: ``anomaly_score`` or ``decision_result``."""
        return form.format(
            kind=kind, machine=self.machine, section=self.section, domain=self.domain
        )

    @property
    def title(self) -> str:
        """Section and domain in words."""
        domain = "" if self.domain is None else f", {self.domain} domain"
        return f"section {self.section}{domain}"


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Scores, and decisions where there are any, of one machine, section and domain.

    Attributes
    ----------
    key : ScoreFileKey
        Whose they are.
    path : Path
        The file the scores were read from.
    scores : mapping of str to float
        Clip name to anomaly score, in the order of the file.
    decisions : mapping of str to int, or None
        Clip name to 0 (normal) or 1 (anomaly); None where there is no decision file.
    """

    key: ScoreFileKey
    path: Path
    scores: Mapping[str, float]
    decisions: Mapping[str, int] | None


def write_scores(path: Path, names: Sequence[str], scores: Iterable[np.float32]) -> None:
    """Write anomaly scores; each is the shortest text that gives its float32 again."""
    _write_rows(path, zip(names, (str(np.float32(score)) for score in scores), strict=True))


def write_decisions(path: Path, names: Sequence[str], decisions: Iterable[int]) -> None:
    """Write decisions, 0 or 1."""
    _write_rows(path, zip(names, (str(int(decision)) for decision in decisions), strict=True))


def _write_rows(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(path, text.getvalue())


def _where_scores_may_be(folder: Path) -> str:
    beside = sorted(path.parent.name for path in folder.parent.glob("*/manifest.json"))
    others = f"; or name a detector that has scored: --detector {' or '.join(beside)}"
    return "score first: asd score" + (others if beside else "")


def find_score_files(
    folder: Path, forms: Sequence[str] = (SCORE_FILES,)
) -> dict[ScoreFileKey, Path]:
    """Find the anomaly score files of a folder.

    Parameters
    ----------
    folder : Path
        Where to look.
    forms : sequence of str
        How files are named.

    Raises
    ------
    DataError
        When the folder is missing or holds none, or two files are of the same clips.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}", hint=_where_scores_may_be(folder))
    found: dict[ScoreFileKey, Path] = {}
    for path in sorted(folder.iterdir()):
        key = _score_file_key(path.name, forms)
        if key is None:
            continue
        if key in found:
            raise DataError(
                f"{found[key]} and {path.name} are both of {key.machine}, {key.title}",
                hint="leave one of them in the folder",
            )
        found[key] = path
    if not found:
        shown = forms[0].format(kind=SCORE, machine="<machine>", section="<nn>", domain="<domain>")
        raise DataError(
            f"{folder} holds no score files named {shown}",
            hint="score first: asd score; or name the folder of another system's files, and the "
            "--edition it is of",
        )
    return found


def _score_file_key(name: str, forms: Sequence[str]) -> ScoreFileKey | None:
    """Tell whose anomaly scores a file holds; the last form that fits is the most special one."""
    for form in reversed(forms):
        match = _pattern(form).fullmatch(name)
        if match and match["kind"] == SCORE:
            return ScoreFileKey(match["machine"], match["section"], match.groupdict().get("domain"))
    return None


@cache
def _pattern(form: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", form)
    return re.compile(
        "".join(_FIELDS[part] if i % 2 else re.escape(part) for i, part in enumerate(parts))
    )


def read_score_table(key: ScoreFileKey, path: Path) -> ScoreTable:
    """Read a score file and the decision file beside it, if there is one.

    Raises
    ------
    DataError
        When a row is malformed, not finite or there twice, or when the decisions are of other
        clips than the scores; names file and line.
    """
    scores = read_values(path, _finite)
    beside = path.with_name(DECISION + path.name.removeprefix(SCORE))
    decisions = read_values(beside, parse_binary) if beside.is_file() else None
    if decisions is not None and decisions.keys() != scores.keys():
        name = min(decisions.keys() ^ scores.keys())
        there, missing = (beside, path) if name in decisions else (path, beside)
        raise DataError(
            f"{name} is in {there} and not in {missing}", hint="score again: asd score --force"
        )
    return ScoreTable(key, path, scores, decisions)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def parse_binary(text: str) -> int:
    """Read a decision or label; ValueError unless it is 0 or 1."""
    value = float(text)
    if value not in {0.0, 1.0}:
        raise ValueError("neither 0 nor 1")
    return int(value)


def read_values(path: Path, parse: Callable[[str], Value]) -> dict[str, Value]:
    """Read a ``name,value`` file.

    Parameters
    ----------
    path : Path
        The file.
    parse : callable
        Turns the second column into a value; raises ValueError where it is none.

    Returns
    -------
    dict of str to value
        In the order of the file.

    Raises
    ------
    DataError
        When the file cannot be read, is empty, or a row is malformed or there twice; names the
        line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    values: dict[str, Value] = {}
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            if not row:
                continue
            place = f"{path}:{reader.line_num}"
            name, value = _read_row(row, place, parse)
            if name in values:
                raise DataError(f"{place}: {name} is there twice", hint="remove one of the rows")
            values[name] = value
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: not a CSV file: {error}") from error
    if not values:
        raise DataError(f"{path} is empty", hint="write it again: asd score --force")
    return values


def _read_row(row: Sequence[str], place: str, parse: Callable[[str], Value]) -> tuple[str, Value]:
    if len(row) != _COLUMNS:
        raise DataError(
            f"{place}: {len(row)} columns where name,value are expected",
            hint="the files have no header and two columns",
        )
    name, text = row[0].strip(), row[1].strip()
    try:
        return name, parse(text)
    except ValueError as error:
        reason = str(error) if not str(error).startswith("could not convert") else "not a number"
        raise DataError(
            f"{place}: {text!r} for {name!r} is {reason}",
            hint="the files have no header; each row is a clip's name and its value",
        ) from error
