"""The grammar of clip names, both ways.

A DCASE 2021 name is::

    section_<section>_<domain>_<split>[_<label>]_<number>[_<attributes>].wav

The label is missing in the test clips of the evaluation set; only training clips carry attributes.
"""

import re
from pathlib import Path

from asd_cli.core.types import Clip, Domain, Label, Split

_NAME = re.compile(
    r"section_(?P<section>[0-9]{2})"
    r"_(?P<domain>source|target)"
    r"_(?P<split>train|test)"
    r"(?:_(?P<label>normal|anomaly))?"
    r"_(?P<number>[0-9]{4})"
    r"(?:_(?P<attributes>.*))?"
    r"\.wav",
    re.DOTALL,
)
GRAMMAR = "section_00_source_train_normal_0000_<attributes>.wav"


def parse_clip_name(path: Path, *, machine: str) -> Clip:
    """Read what a file name says about a clip.

    Parameters
    ----------
    path : Path
        The file; only its last part is read.
    machine : str
        Machine type, which the name does not hold.

    Returns
    -------
    Clip
        With `path` as given.

    Raises
    ------
    ValueError
        When the name does not follow the grammar; the message says how one looks.
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path.name!r} is not a clip name like {GRAMMAR}")
    if match["label"] and re.search(r"(^|_)(normal|anomaly)(_|$)", match["attributes"] or ""):
        raise ValueError(f"{path.name!r} has more than one label")
    return Clip(
        path=path,
        machine=machine,
        section=match["section"],
        domain=Domain(match["domain"]),
        split=Split(match["split"]),
        label=Label(match["label"]) if match["label"] else None,
        number=int(match["number"]),
        attributes=match["attributes"] or "",
    )


def format_clip_name(
    *,
    section: str,
    domain: Domain,
    split: Split,
    label: Label | None,
    number: int,
    attributes: str = "",
) -> str:
    """Write a clip name; the inverse of `parse_clip_name`."""
    parts = ["section", section, domain, split]
    if label is not None:
        parts.append(label)
    parts.append(f"{number:04d}")
    if attributes:
        parts.append(attributes)
    return "_".join(parts) + ".wav"
