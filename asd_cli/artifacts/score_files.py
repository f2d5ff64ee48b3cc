"""Anomaly scores and decisions as CSV files, byte for byte as the baselines of DCASE write them.

An edition's files are named by a form with fields in braces, as `SCORE_FILES` of DCASE 2021;
``{rest}`` stands for anything and is read but never written. No header, one ``name,value`` row a
clip, LF line ends. Other systems' files are read as well, see `asd_cli.artifacts.value_files`. No
file that calls itself anomaly scores or decisions is passed over: it is read, or it is an error.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from asd_cli.artifacts.value_files import parse_binary, parse_score, read_values
from asd_cli.core.errors import DataError
from asd_cli.core.files import write_text

SCORE_FILES = "{kind}_{machine}_section_{section}_{domain}_test.csv"
"""Form of the files of DCASE 2021."""

_FIELDS = {
    "kind": "(?P<kind>anomaly_score|decision_result|ground_truth)",
    "machine": "(?P<machine>.+)",
    "section": "(?P<section>[0-9]{2})",
    "domain": "(?P<domain>source|target)",
    "rest": ".*",
}
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


def write_scores(path: Path, names: Sequence[str], scores: Iterable[np.floating]) -> None:
    """Write anomaly scores; each is the shortest text that gives its float32 or float64 again."""
    _write_rows(path, zip(names, (str(score) for score in scores), strict=True))


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
    folder: Path, forms: Sequence[str] = (SCORE_FILES,), machines: Sequence[str] = ()
) -> dict[ScoreFileKey, Path]:
    """Find the anomaly score files of a folder.

    Parameters
    ----------
    folder : Path
        Where to look.
    forms : sequence of str
        How files are named.
    machines : sequence of str
        Machine types that are known, for other spellings of them.

    Raises
    ------
    DataError
        When the folder is missing or holds none; when a file that calls itself scores or decisions
        has no such name, or a machine in another spelling; when two files are of the same clips;
        when there are decisions without scores.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}", hint=_where_scores_may_be(folder))
    found: dict[ScoreFileKey, Path] = {}
    decided: dict[ScoreFileKey, Path] = {}
    for path in sorted(folder.iterdir()):
        if not is_named_like_results(path.name) or path.is_dir():
            continue
        kind, key = _require_key(path, forms)
        same = found if kind == SCORE else decided
        if key in same:
            raise _both_of(same[key], path, key)
        same[key] = path
    if not found and not decided:
        raise DataError(
            f"{folder} holds no score files named {_shown(forms[0])}",
            hint="score first: asd score; or name the folder of another system's files, and the "
            "--edition it is of",
        )
    _require_one_spelling(found, machines)
    _require_apart(found)
    _require_scores(found, decided)
    return found


def is_named_like_results(name: str) -> bool:
    """Whether a file calls itself anomaly scores or decisions, in whatever form."""
    return name.casefold().startswith((SCORE, DECISION))


def _require_key(path: Path, forms: Sequence[str]) -> tuple[str, ScoreFileKey]:
    parsed = parse_file_name(path.name, forms)
    if parsed is None or parsed[0] not in {SCORE, DECISION}:
        raise DataError(
            f"{path} is not named as a file of scores or decisions is: {_shown(forms[0])}",
            hint="rename it, or move it out of the folder; or choose the --edition it is of",
        )
    return parsed


def _shown(form: str) -> str:
    return form.format(kind=SCORE, machine="<machine>", section="<nn>", domain="<domain>")


def _both_of(first: Path, second: Path, key: ScoreFileKey) -> DataError:
    return DataError(
        f"{first} and {second.name} are both of {key.machine}, {key.title}",
        hint="leave one of them in the folder",
    )


def _require_one_spelling(found: Mapping[ScoreFileKey, Path], machines: Sequence[str]) -> None:
    """Refuse machine types that differ from known ones in spelling alone."""
    known = {_spelling(machine): machine for machine in machines}
    for key, path in found.items():
        right = known.get(_spelling(key.machine), key.machine)
        if right != key.machine:
            raise DataError(
                f"{path}: the machine is called {right} and not {key.machine}",
                hint=f"rename the files: {path.name.replace(key.machine, right, 1)}",
            )


def _spelling(machine: str) -> str:
    return re.sub(r"[\W_]", "", machine.casefold())


def _require_apart(found: Mapping[ScoreFileKey, Path]) -> None:
    """Refuse a file of both domains next to one of a single domain of the same section."""
    both = {(key.machine, key.section): path for key, path in found.items() if key.domain is None}
    for key, path in found.items():
        other = both.get((key.machine, key.section))
        if key.domain is not None and other is not None:
            raise _both_of(other, path, key)


def _require_scores(
    found: Mapping[ScoreFileKey, Path], decided: Mapping[ScoreFileKey, Path]
) -> None:
    for key, path in decided.items():
        expected = None if key not in found else decisions_beside(found[key])
        if path != expected:
            wanted = path.name.replace(DECISION, SCORE, 1) if expected is None else expected.name
            raise DataError(
                f"{path} has no scores: there is no {wanted}"
                if expected is None
                else f"{path} is of the scores {found[key].name}, and is not called {wanted}",
                hint="add the scores, or move the decisions out of the folder"
                if expected is None
                else f"rename it: {wanted}",
            )


def decisions_beside(path: Path) -> Path:
    """Where the decisions that belong to a file of scores are."""
    return path.with_name(DECISION + path.name[len(SCORE) :])


def parse_file_name(name: str, forms: Sequence[str]) -> tuple[str, ScoreFileKey] | None:
    """Read kind and key from a file's name; the last form that fits is the most special one.

    Examples
    --------
    >>> parse_file_name("anomaly_score_fan_section_00_source_test.csv", [SCORE_FILES])
    ('anomaly_score', ScoreFileKey(machine='fan', section='00', domain='source'))
    """
    for form in reversed(forms):
        match = _pattern(form).fullmatch(name)
        if match:
            domain = match.groupdict().get("domain")
            return match["kind"], ScoreFileKey(match["machine"], match["section"], domain)
    return None


@cache
def _pattern(form: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", form)
    return re.compile(
        "".join(_FIELDS[part] if i % 2 else re.escape(part) for i, part in enumerate(parts))
    )


def read_score_table(key: ScoreFileKey, path: Path) -> ScoreTable:
    """Read a score file and the decision file next to it, if there is one.

    Raises
    ------
    DataError
        When a row is malformed, not finite or there twice, or when the decisions are of other
        clips than the scores; names file and line.
    """
    scores = read_values(path, parse_score)
    beside = decisions_beside(path)
    decisions = read_values(beside, parse_binary) if beside.is_file() else None
    if decisions is not None and decisions.keys() != scores.keys():
        name = min(decisions.keys() ^ scores.keys())
        there, missing = (beside, path) if name in decisions else (path, beside)
        raise DataError(
            f"{name} is in {there} and not in {missing}", hint="score again: asd score --force"
        )
    return ScoreTable(key, path, scores, decisions)


def split_by_domain(table: ScoreTable, domains: Mapping[str, str]) -> Iterator[ScoreTable]:
    """Take a table of both domains apart.

    Parameters
    ----------
    table : ScoreTable
        Without a domain.
    domains : mapping of str to str
        Clip name to ``source`` or ``target``.

    Yields
    ------
    ScoreTable
        One for each domain that is there.
    """
    for domain in sorted(set(domains.values())):
        names = [name for name in table.scores if domains[name] == domain]
        decisions = table.decisions
        yield ScoreTable(
            ScoreFileKey(table.key.machine, table.key.section, domain),
            table.path,
            {name: table.scores[name] for name in names},
            None if decisions is None else {name: decisions[name] for name in names},
        )
