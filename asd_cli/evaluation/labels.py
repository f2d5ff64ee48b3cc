"""True labels of test clips: from their names, or from official ground-truth files."""

import difflib
from collections.abc import Mapping
from pathlib import Path

from asd_cli.artifacts.score_files import ScoreTable, parse_binary, read_values
from asd_cli.core.errors import DataError
from asd_cli.core.types import Label
from asd_cli.data.names import parse_clip_name

Labels = Mapping[str, int]


def labels_from_names(table: ScoreTable) -> Labels:
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
    labels = {}
    for line, name in enumerate(table.scores, start=1):
        place = f"{table.path}:{line}"
        try:
            clip = parse_clip_name(Path(name), machine=table.key.machine)
        except ValueError as error:
            raise DataError(
                f"{place}: {error}", hint="the first column holds the names of the WAV files"
            ) from error
        if (clip.section, clip.domain) != (table.key.section, table.key.domain):
            raise DataError(
                f"{place}: {name} is not of section {table.key.section}, {table.key.domain} domain"
            )
        if clip.label is None:
            raise DataError(
                f"{place}: {name} has no label in its name",
                hint="evaluate with the official labels: asd evaluate --mode eval, after "
                "asd fetch --stage ground-truth",
            )
        labels[name] = int(clip.label is Label.ANOMALY)
    return labels


def labels_from_files(table: ScoreTable, folder: Path) -> Labels:
    """Read the official ground truth of one table and match it with the scores by name.

    Parameters
    ----------
    table : ScoreTable
        The scores.
    folder : Path
        Holds ``ground_truth_<machine>_section_<nn>_<domain>_test.csv``.

    Returns
    -------
    mapping of str to int
        Clip name to 0 (normal) or 1 (anomaly).

    Raises
    ------
    DataError
        When the labels are missing, malformed, or of other clips than the scores.
    """
    path = folder / table.key.file_name("ground_truth")
    if not path.is_file():
        raise DataError(
            f"there are no labels {path}",
            hint="fetch them: asd fetch --stage ground-truth; or say where they lie: "
            "--ground-truth DIR",
        )
    labels = read_values(path, parse_binary)
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
    return labels
