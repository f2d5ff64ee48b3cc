"""The words of the field as types: mode, domain, split, label, clip."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Mode(StrEnum):
    """Which part of a challenge's data a command works on."""

    DEV = "dev"
    EVAL = "eval"


class Domain(StrEnum):
    """Condition of a recording: the one that training knows, or the shifted one."""

    SOURCE = "source"
    TARGET = "target"


class Split(StrEnum):
    """What a recording is for."""

    TRAIN = "train"
    TEST = "test"


class Label(StrEnum):
    """State of the machine in a recording."""

    NORMAL = "normal"
    ANOMALY = "anomaly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One recording and everything its place and name say about it.

    Attributes
    ----------
    path : Path
        The WAV file.
    machine : str
        Machine type, the name of the folder: ``fan``.
    section : str
        Section index (2020: machine id) as written in the name, with leading zeros: ``00``.
    domain : Domain or None
        Source or target; None where the edition hides it or knows none.
    split : Split
        Train or test.
    label : Label or None
        Normal or anomaly; None where the challenge keeps it back.
    number : int
        Running number within section, domain, split and label.
    attributes : str
        Operating conditions: what follows the number in the name, without the joining underscore,
        or what a file beside the folder lists; may be empty.
    """

    path: Path
    machine: str
    section: str
    domain: Domain | None
    split: Split
    label: Label | None
    number: int
    attributes: str = ""

    @property
    def name(self) -> str:
        """File name, by which result rows are joined."""
        return self.path.name
