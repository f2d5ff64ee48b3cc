"""True labels and domains of test clips: from their names, or from official labels."""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from asd_cli.artifacts.score_files import ScoreTable, split_by_domain
from asd_cli.core.errors import DataError
from asd_cli.core.types import Clip, Label
from asd_cli.datasets.dcase.editions import Edition, edition_names, load_edition
from asd_cli.datasets.dcase.names import parse_clip_name
from asd_cli.evaluation.label_sources import LabelSource, Truth, open_labels

Labels = Mapping[str, int]
Domains = Mapping[str, str]


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


def _parse(name: str, place: str, table: ScoreTable, edition: Edition) -> Clip:
    try:
        return parse_clip_name(Path(name), machine=table.key.machine, names=edition.names)
    except ValueError as error:
        raise DataError(
            f"{place}: {error}",
            hint="the first column holds the names of the WAV files"
            + _other_edition(name, table.key.machine),
        ) from error


def _clip(name: str, place: str, table: ScoreTable, edition: Edition) -> Clip:
    clip = _parse(name, place, table, edition)
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
    return join_labels(table, open_labels(folder, edition), edition)[1]


def join_labels(
    table: ScoreTable, source: LabelSource, edition: Edition
) -> tuple[ScoreTable, Truth]:
    """Match the scores of a table with official labels, by name.

    Returns
    -------
    (ScoreTable, Truth)
        The table with the clips called as in the labels: scores may be of names with domain, label
        and attributes where a list of labels has both.

    Raises
    ------
    DataError
        When the labels are missing, malformed, or of other clips than the scores.
    """
    path, truth = source.where(table.key), source.read(table.key)
    if truth is None:
        raise DataError(
            f"there are no labels {path}",
            hint=f"get them: asd evaluate --mode eval {_how_to_get_labels(edition)}; or say where "
            "they lie: --ground-truth DIR",
        )
    table = _with_names_of(table, truth)
    _require_same_clips(table, truth.labels, path)
    return table, truth


def _with_names_of(table: ScoreTable, truth: Truth) -> ScoreTable:
    """Call the clips of a table as the labels do."""
    names = {
        name: name if name in truth.labels else truth.full_names.get(name, name)
        for name in table.scores
    }
    if len(set(names.values())) < len(names):
        twice = next(n for n, other in names.items() if n != other and other in names)
        raise DataError(f"{table.path}: {twice} and {names[twice]} are the same clip")
    decisions = table.decisions
    return replace(
        table,
        scores={names[name]: score for name, score in table.scores.items()},
        decisions=None
        if decisions is None
        else {names[name]: decided for name, decided in decisions.items()},
    )


def tables_of(table: ScoreTable, edition: Edition) -> tuple[ScoreTable, ...]:
    """Take a file of both domains apart where the edition measures each domain's clips alone.

    Raises
    ------
    DataError
        When a clip's name does not say the domain.
    """
    if edition.rows != "by-domain" or table.key.domain is not None:
        return (table,)
    domains = {}
    for line, name in enumerate(table.scores, start=1):
        place = f"{table.path}:{line}"
        clip = _parse(name, place, table, edition)
        if clip.domain is None:
            raise DataError(f"{place}: {name} has no domain in its name")
        domains[name] = clip.domain.value
    return tuple(split_by_domain(table, domains))


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
