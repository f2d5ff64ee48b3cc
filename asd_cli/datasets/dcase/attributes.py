"""Operating conditions of clips, as DCASE 2022 and later list them beside the folders.

``<machine>/attributes_<section>.csv`` has a row a clip: its path and, in pairs, the name and the
value of each attribute::

    file_name,d1p,d1v,d2p,d2v
    fan/train/section_00_source_train_normal_0000_m-n_W.wav,m-n,W,,

From 2024 on some machines have none: names then say ``noAttribute``.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from asd_cli.core.errors import DataError
from asd_cli.core.places import is_ordinary, read_place
from asd_cli.core.types import CONDITION, Clip
from asd_cli.datasets.trees import Tree

NO_ATTRIBUTE = "noAttribute"
_FILE_NAME = "file_name"


def read_attributes(path: Path, source: Path | None = None) -> dict[str, dict[str, str]]:
    """Read a file of attributes.

    Parameters
    ----------
    path : Path
        Its name, for messages.
    source : Path, optional
        Where its bytes are, if not there.

    Returns
    -------
    dict of str to dict
        File name of a clip to attribute and value.

    Raises
    ------
    DataError
        When the file cannot be read or a row contradicts another; names file and line.
    """
    try:
        where = source or path
        content = where.read_bytes() if is_ordinary(where) else read_place(where)
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read: {error}", hint="fetch it again, or remove it"
        ) from error
    if not rows or not rows[0] or rows[0][0].strip() != _FILE_NAME:
        raise DataError(
            f"{path}:1: the heading {_FILE_NAME},d1p,d1v,… is expected",
            hint="fetch the file again, or remove it",
        )
    pairs = [
        (index, index + 1)
        for index, heading in enumerate(rows[0][:-1])
        if heading.strip().startswith("d") and heading.strip().endswith("p")
    ]
    found: dict[str, dict[str, str]] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        name = row[0].strip().rpartition("/")[2]
        values = {
            row[key].strip(): row[value].strip()
            for key, value in pairs
            if value < len(row) and row[key].strip() not in {"", NO_ATTRIBUTE}
        }
        if found.setdefault(name, values) != values:
            raise DataError(
                f"{path}:{line}: {name} is there twice, with other attributes",
                hint="remove one of the rows",
            )
    return found


def attributes_of(clips: Sequence[Clip], folder: Path, tree: Tree) -> list[Clip]:
    """Add to clips what `folder` lists of them, where their names hold no attributes.

    Raises
    ------
    DataError
        As `read_attributes`.
    """
    listed: dict[str, Mapping[str, str]] = {}
    for path in tree.children(folder):
        if path.match("attributes_*.csv"):
            listed.update(read_attributes(path, tree.source(path)))
    return [_with_attributes(clip, listed.get(clip.name, {})) for clip in clips]


def _with_attributes(clip: Clip, listed: Mapping[str, str]) -> Clip:
    named = None if clip.condition == NO_ATTRIBUTE else clip.condition
    text = named or "_".join(part for pair in listed.items() for part in pair) or None
    # A listed attribute never takes the place of what the reader itself fills in.
    own = {name: value for name, value in listed.items() if name not in clip.attributes}
    return clip.with_attributes(**{**own, CONDITION: text})
