"""True labels and domains of test clips: from their names, or from official ground-truth files.

The files that the official evaluators read, all without a heading:

- 2020: ``eval_data_list.csv``; a line with a machine type alone is followed by that type's clips as
  ``name,name with label,0 or 1``.
- 2021: ``ground_truth_<machine>_section_<nn>_<domain>_test.csv`` with ``name,0 or 1``.
- 2022 and later: two folders ``ground_truth_data`` (0 normal, 1 anomaly) and
  ``ground_truth_domain`` (0 source, 1 target), both with files
  ``ground_truth_<machine>_section_<nn>_test.csv`` with ``name,0 or 1``.
"""

import csv
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from asd_cli.artifacts.score_files import ScoreFileKey, ScoreTable, parse_binary, read_values
from asd_cli.core.errors import DataError
from asd_cli.core.types import Clip, Label
from asd_cli.datasets.dcase.editions import Edition, edition_names, load_edition
from asd_cli.datasets.dcase.names import parse_clip_name

Labels = Mapping[str, int]
Domains = Mapping[str, str]

_LABEL_FOLDER, _DOMAIN_FOLDER = "ground_truth_data", "ground_truth_domain"
_LIST_2020 = "eval_data_list.csv"
_LIST_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of the clips of a table.

    Attributes
    ----------
    labels : mapping of str to int
        Clip name to 0 (normal) or 1 (anomaly).
    domains : mapping of str to str, or None
        Clip name to ``source`` or ``target`` where a table holds both; None elsewhere.
    """

    labels: Labels
    domains: Domains | None = None


def labels_from_names(table: ScoreTable, edition: Edition | None = None) -> Labels:
    """Read the labels that development clips carry in their names.

    Returns
    -------
    mapping of str to int
        Clip name to 0 (normal) or 1 (anomaly).

    Raises
    ------
    DataError
        When a name is no clip's, has no label, or belongs to another section or domain.
    """
    return truth_from_names(table, edition or load_edition()).labels


def labels_from_files(table: ScoreTable, folder: Path, edition: Edition | None = None) -> Labels:
    """Read the official labels of one table and match them with the scores by name.

    Parameters
    ----------
    table : ScoreTable
        The scores.
    folder : Path
        Holds what the edition's official evaluator reads.
    edition : Edition, optional
        DCASE 2021 by default.

    Returns
    -------
    mapping of str to int
        Clip name to 0 (normal) or 1 (anomaly).

    Raises
    ------
    DataError
        When the labels are missing, malformed, or of other clips than the scores.
    """
    return truth_from_files(table, folder, edition or load_edition()).labels


def truth_from_names(table: ScoreTable, edition: Edition) -> Truth:
    """Read labels and domains that development clips carry in their names.

    Raises
    ------
    DataError
        As `labels_from_names`; also when a name has no domain and the edition asks for it.
    """
    clips = {
        name: _clip(name, f"{table.path}:{line}", table, edition)
        for line, name in enumerate(table.scores, start=1)
    }
    labels = {name: int(clip.label is Label.ANOMALY) for name, clip in clips.items()}
    if not edition.hides_domains:
        return Truth(labels)
    return Truth(labels, {name: str(clip.domain) for name, clip in clips.items()})


def _clip(name: str, place: str, table: ScoreTable, edition: Edition) -> Clip:
    try:
        clip = parse_clip_name(Path(name), machine=table.key.machine, names=edition.names)
    except ValueError as error:
        raise DataError(
            f"{place}: {error}",
            hint="the first column holds the names of the WAV files"
            + _other_edition(name, table.key.machine),
        ) from error
    domain = None if edition.hides_domains else clip.domain
    if (clip.section, domain) != (table.key.section, table.key.domain):
        raise DataError(f"{place}: {name} is not of {table.key.title}")
    if clip.label is None or (edition.hides_domains and clip.domain is None):
        raise DataError(
            f"{place}: {name} has no {'domain' if clip.label else 'label'} in its name",
            hint="evaluate with the official labels: asd evaluate --mode eval, "
            + _how_to_get_labels(edition),
        )
    return clip


def _other_edition(name: str, machine: str) -> str:
    """Say which editions have clips of such a name, where any has."""
    found = []
    for edition in map(load_edition, edition_names()):
        try:
            parse_clip_name(Path(name), machine=machine, names=edition.names)
        except ValueError:
            continue
        found.append(f"--edition {edition.name}")
    return f"; this one is as in: {', '.join(found)}" if found else ""


def _how_to_get_labels(edition: Edition) -> str:
    if "ground-truth" in edition.stages:
        return f"after {edition.fetch_command('ground-truth')}"
    return f"with --ground-truth DIR; they are published at {edition.ground_truth}"


def truth_from_files(table: ScoreTable, folder: Path, edition: Edition) -> Truth:
    """Read the official labels, and domains, of one table and match them with the scores by name.

    Raises
    ------
    DataError
        As `labels_from_files`.
    """
    path = label_file(table.key, folder, edition)
    if not path.is_file():
        raise DataError(
            f"there are no labels {path}",
            hint=f"get them: asd evaluate --mode eval {_how_to_get_labels(edition)}; or say where "
            "they lie: --ground-truth DIR",
        )
    labels = read_labels(path, table.key, edition)
    _require_same_clips(table, labels, path)
    if not edition.hides_domains:
        return Truth(labels)
    return Truth(labels, _read_domains(path, folder, labels))


def label_file(key: ScoreFileKey, folder: Path, edition: Edition) -> Path:
    """Where the labels of a table lie: in `folder`, or in the folder for labels in it."""
    if edition.labels == "list-2020":
        return folder / _LIST_2020
    name = key.file_name("ground_truth", edition.score_files[0])
    inner = folder / _LABEL_FOLDER / name
    return inner if inner.is_file() else folder / name


def read_labels(path: Path, key: ScoreFileKey, edition: Edition) -> dict[str, int]:
    """Read a file of official labels; of the list of 2020 the rows of a machine and id.

    Raises
    ------
    DataError
        When it cannot be read or a row is malformed or there twice; names file and line.
    """
    if edition.labels == "list-2020":
        return _read_list(path, key.machine, key.section, edition)
    return read_values(path, parse_binary)


def _read_domains(path: Path, folder: Path, labels: Labels) -> Domains:
    candidates = [
        place / _DOMAIN_FOLDER / path.name for place in (folder, path.parent, folder.parent)
    ]
    beside = next((c for c in candidates if c.is_file()), None)
    if beside is None:
        raise DataError(
            f"there are no domains {candidates[0]}",
            hint="the official evaluator's folders ground_truth_data and ground_truth_domain "
            "belong side by side",
        )
    domains = read_values(beside, parse_binary)
    strange = sorted(domains.keys() ^ labels.keys())
    if strange:
        there, missing = (beside, path) if strange[0] in domains else (path, beside)
        raise DataError(f"{strange[0]} is in {there} and not in {missing}")
    return {name: "target" if value else "source" for name, value in domains.items()}


def _require_same_clips(table: ScoreTable, labels: Labels, path: Path) -> None:
    unscored = [name for name in labels if name not in table.scores]
    if unscored:
        raise DataError(
            f"{table.path}: {len(unscored)} of {len(labels)} clips have no score, the first of "
            f"them {unscored[0]}",
            hint="score all clips of the set: asd score --mode eval",
        )
    for line, name in enumerate(table.scores, start=1):
        if name not in labels:
            near = difflib.get_close_matches(name, labels, n=1)
            raise DataError(
                f"{table.path}:{line}: {name} is not among the labels of {path}",
                hint=f"the nearest name there is {near[0]}" if near else None,
            )


def _read_list(path: Path, machine: str, section: str, edition: Edition) -> dict[str, int]:
    """Read the labels of a machine and id from the list of DCASE 2020."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    labels: dict[str, int] = {}
    current = None
    for line, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len([cell for cell in cells if cell]) == 1:
            current = cells[0]
            continue
        name, label = _list_row(cells, f"{path}:{line}", machine, edition)
        if current != machine or name.section != section:
            continue
        if name.name in labels:
            raise DataError(
                f"{path}:{line}: {name.name} is there twice", hint="remove one of the rows"
            )
        labels[name.name] = label
    if not labels:
        raise DataError(f"{path} has no labels of {machine}, id {section}")
    return labels


def _list_row(cells: list[str], place: str, machine: str, edition: Edition) -> tuple[Clip, int]:
    if len(cells) != _LIST_COLUMNS:
        raise DataError(f"{place}: {len(cells)} columns where a machine type or "
                        "name,name with label,label are expected")  # fmt: skip
    try:
        clip = parse_clip_name(Path(cells[0]), machine=machine, names=edition.names)
        return clip, parse_binary(cells[2])
    except ValueError as error:
        raise DataError(f"{place}: {cells[2]!r} for {cells[0]!r}: {error}") from error
