"""Where official labels are: a folder of files, or one list of all clips.

The forms that the field carries, all without a heading:

- 2020: ``eval_data_list.csv``; a line with a machine type alone is followed by that type's clips as
  ``name,name with label,0 or 1``.
- 2021: ``ground_truth_<machine>_section_<nn>_<domain>_test.csv`` with ``name,0 or 1``.
- 2022 and later: two folders ``ground_truth_data`` (0 normal, 1 anomaly) and
  ``ground_truth_domain`` (0 source, 1 target), both with files
  ``ground_truth_<machine>_section_<nn>_test.csv`` with ``name,0 or 1``.
- Any year, in baselines of 2023 and later and in toolkits: ``eval_data_list*.csv`` as that of 2020,
  with ``name,name with domain, label and attributes``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from asd_cli.artifacts.score_files import ScoreFileKey, parse_file_name
from asd_cli.artifacts.value_files import clip_name, parse_binary, read_rows, read_values
from asd_cli.core.errors import DataError
from asd_cli.core.types import Clip, Label
from asd_cli.datasets.dcase.editions import Edition, edition_names, load_edition
from asd_cli.datasets.dcase.names import ClipNames, parse_clip_name

_LABEL_FOLDER, _DOMAIN_FOLDER = "ground_truth_data", "ground_truth_domain"
_GROUND_TRUTH = "ground_truth"
_LIST = "eval_data_list"
_LIST_COLUMNS = (2, 3)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of the clips of a table.

    Attributes
    ----------
    labels : mapping of str to int
        Clip name to 0 (normal) or 1 (anomaly).
    domains : mapping of str to str, or None
        Clip name to ``source`` or ``target`` where a table holds both; None elsewhere.
    full_names : mapping of str to str
        Name with domain, label and attributes to the clip's name, where a list has both.
    """

    labels: Mapping[str, int]
    domains: Mapping[str, str] | None = None
    full_names: Mapping[str, str] = field(default_factory=dict)


class LabelSource(Protocol):
    """Official labels of an edition."""

    def where(self, key: ScoreFileKey) -> Path:
        """File that holds, or should hold, the labels of a table."""

    def sections(self) -> frozenset[tuple[str, str]]:
        """Machine and section of all labels that are there."""

    def read(self, key: ScoreFileKey) -> Truth | None:
        """Read the labels of a table; None where there are none, DataError when malformed."""

    def names(self, key: ScoreFileKey) -> tuple[str, ...] | None:
        """Name the clips of a table; None where there are no labels of them."""


def open_labels(place: Path, edition: Edition) -> LabelSource:
    """Find the official labels of an edition.

    Parameters
    ----------
    place : Path
        A folder, or the list itself.
    edition : Edition
        Whose labels.

    Raises
    ------
    DataError
        When a folder holds several lists and none is called after the edition's year.
    """
    if place.is_file():
        return LabelList(place, edition)
    folder = LabelFolder(place, edition)
    lists = sorted(place.glob(f"{_LIST}*.csv"))
    if edition.labels == "list-2020":
        return LabelList(_list_of(lists, edition) if lists else place / f"{_LIST}.csv", edition)
    return (
        LabelList(_list_of(lists, edition), edition) if lists and not folder.sections() else folder
    )


def _list_of(lists: list[Path], edition: Edition) -> Path:
    """Choose among lists: the only one, or the only one that has the year in its name."""
    year = edition.name.removeprefix("dcase")
    found = [path for path in lists if year in path.name] or lists
    if len(found) > 1:
        raise DataError(
            f"{found[0].parent} holds several lists of labels: "
            f"{', '.join(path.name for path in found)}",
            hint=f"name the one of {edition.name}: --ground-truth {found[0]}",
        )
    return found[0]


@dataclass(frozen=True)
class LabelFolder:
    """A file of labels for each file of scores, and of domains where those hold both."""

    folder: Path
    edition: Edition

    def where(self, key: ScoreFileKey) -> Path:
        """Give the path in the folder, or in the folder for labels in it."""
        name = key.file_name(_GROUND_TRUTH, self.edition.score_files[0])
        inner = self.folder / _LABEL_FOLDER / name
        return inner if inner.is_file() else self.folder / name

    def sections(self) -> frozenset[tuple[str, str]]:
        """Machine and section of the files that are there."""
        found = set()
        for folder in (self.folder, self.folder / _LABEL_FOLDER):
            for path in folder.glob(f"{_GROUND_TRUTH}_*.csv"):
                parsed = parse_file_name(path.name, self.edition.score_files[:1])
                if parsed is not None:
                    found.add((parsed[1].machine, parsed[1].section))
        return frozenset(found)

    def read(self, key: ScoreFileKey) -> Truth | None:
        """Read labels, and domains where the edition hides them."""
        path = self.where(key)
        if not path.is_file():
            return None
        labels = read_values(path, parse_binary)
        if not self.edition.hides_domains:
            return Truth(labels)
        return Truth(labels, self._domains(path, labels))

    def names(self, key: ScoreFileKey) -> tuple[str, ...] | None:
        """Name the clips of a file of labels."""
        path = self.where(key)
        return tuple(read_values(path, parse_binary)) if path.is_file() else None

    def _domains(self, path: Path, labels: Mapping[str, int]) -> Mapping[str, str]:
        candidates = [
            place / _DOMAIN_FOLDER / path.name
            for place in (self.folder, path.parent, self.folder.parent)
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


@dataclass(frozen=True)
class _Listed:
    """A row of a list."""

    clip: Clip
    place: str
    full_name: str
    label: int
    domain: str | None


@dataclass(frozen=True)
class LabelList:
    """One list of the clips of all machines."""

    path: Path
    edition: Edition

    def where(self, key: ScoreFileKey) -> Path:
        """Give the list."""
        del key
        return self.path

    def sections(self) -> frozenset[tuple[str, str]]:
        """Machine and section of the rows."""
        return frozenset((row.clip.machine, row.clip.section or "") for row in self._rows)

    def read(self, key: ScoreFileKey) -> Truth | None:
        """Read the rows of a machine, section and domain."""
        if not self.path.is_file():
            return None
        rows: dict[str, _Listed] = {}
        for row in self._rows:
            if (row.clip.machine, row.clip.section) != (key.machine, key.section):
                continue
            if key.domain not in {None, row.domain}:
                continue
            if row.clip.name in rows:
                raise DataError(
                    f"{row.place}: {row.clip.name} is there twice", hint="remove one of the rows"
                )
            rows[row.clip.name] = row
        if not rows:
            words = key.title.replace(
                "section", "id" if self.edition.rows == "machine" else "section"
            )
            raise DataError(f"{self.path} has no labels of {key.machine}, {words}")
        labels = {name: row.label for name, row in rows.items()}
        full_names = {row.full_name: name for name, row in rows.items()}
        if not self.edition.hides_domains:
            return Truth(labels, full_names=full_names)
        for row in rows.values():
            if row.domain is None:
                raise DataError(f"{row.place}: {row.full_name} has no domain in its name")
        domains = {name: str(row.domain) for name, row in rows.items()}
        return Truth(labels, domains, full_names)

    def names(self, key: ScoreFileKey) -> tuple[str, ...] | None:
        """Name the clips of a table that are listed."""
        if not self.path.is_file():
            return None
        truth = self.read(key)
        return None if truth is None else tuple(truth.labels)

    @cached_property
    def _rows(self) -> tuple[_Listed, ...]:
        return tuple(self._parse())

    def _parse(self) -> Iterator[_Listed]:
        machine = None
        for line, cells in read_rows(self.path).rows:
            place = f"{self.path}:{line}"
            if len([cell for cell in cells if cell]) == 1:
                machine = cells[0]
                continue
            if len(cells) not in _LIST_COLUMNS:
                raise DataError(
                    f"{place}: {len(cells)} columns where a machine type or name,name with "
                    "label are expected"
                )
            if machine is None:
                raise DataError(f"{place}: a clip stands before the first machine type")
            yield self._row(cells, place, machine)

    def _row(self, cells: tuple[str, ...], place: str, machine: str) -> _Listed:
        try:
            clip = parse_clip_name(
                Path(clip_name(cells[0])), machine=machine, names=self.edition.names
            )
            full = parse_clip_name(Path(clip_name(cells[1])), machine=machine, names=_any_names())
        except ValueError as error:
            raise DataError(f"{place}: {error}") from error
        if len(cells) == max(_LIST_COLUMNS):
            try:
                label = parse_binary(cells[2])
            except ValueError as error:
                raise DataError(f"{place}: {cells[2]!r} for {cells[0]!r} is {error}") from error
        elif full.label is None:
            raise DataError(f"{place}: {full.name} has no label in its name")
        else:
            label = int(full.label is Label.ANOMALY)
        if full.label is not None and label != int(full.label is Label.ANOMALY):
            raise DataError(f"{place}: {full.name} is labelled {label}")
        domain = full.domain or clip.domain
        return _Listed(clip, place, full.name, label, None if domain is None else domain.value)


def _any_names() -> ClipNames:
    """Names of all editions: lists of one year are written with names of another."""
    editions = [load_edition(name) for name in edition_names()]
    return ClipNames(tuple(dict.fromkeys(t for e in editions for t in e.names.templates)))
