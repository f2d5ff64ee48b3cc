"""The words of the field as types: mode, domain, split, label, clip."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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


SECTION, DOMAIN, CONDITION = "section", "domain", "condition"
"""Names of the attributes that DCASE readers fill; `condition` is the operating condition."""

BASELINE, NEW_BASELINE = "baseline", "new"
"""Attribute and value of clips from after maintenance, which older clips are moved to."""

GROUP = "group"
"""Name of the attribute of recordings that belong together: of a day, of an operating state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A recording or a part of one, and what is known of it.

    Attributes
    ----------
    path : Path
        The file.
    start : float
        Where the clip begins in the file, in seconds.
    duration : float or None
        Its length in seconds; None means to the end of the file.
    machine : str
        Which machine; in DCASE the machine type: ``fan``.
    split : Split
        Train or test.
    label : Label or None
        Normal or anomaly; None where it is not known.
    recording : str
        Name of the recording in its dataset: ``monday/0700.wav``. Empty means the file's name.
    attributes : mapping of str to str
        Everything else that is known: section, domain, operating condition, columns of a table.
        What is not known is missing; it is never the word "None".

    Examples
    --------
    >>> clip = Clip(path=Path("pump.wav"), start=10, duration=10, machine="pump")
    >>> clip.name, clip.section
    ('pump.wav#t=10,20', None)
    """

    path: Path
    start: float = 0.0
    duration: float | None = None
    machine: str
    split: Split = Split.TEST
    label: Label | None = None
    recording: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.path, self.start, self.duration, self.machine, self.split))

    @property
    def name(self) -> str:
        """What result rows are joined by: the recording, and of a part its media fragment.

        The fragment gives seconds to the microsecond (W3C Media Fragments URI 1.0, section 4.2.1).
        """
        recording = self.recording or self.path.name
        if not self.is_part:
            return recording
        end = "" if self.duration is None else f",{_seconds(self.start + self.duration)}"
        return f"{recording}#t={_seconds(self.start)}{end}"

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a longer recording."""
        return self.start != 0.0 or self.duration is not None

    @property
    def section(self) -> str | None:
        """Section index with leading zeros, ``00`` (DCASE 2020: machine id)."""
        return self.attributes.get(SECTION)

    @property
    def domain(self) -> Domain | None:
        """Source or target; None where it is hidden or there is none."""
        found = self.attributes.get(DOMAIN)
        return None if found is None else Domain(found)

    @property
    def condition(self) -> str | None:
        """Operating condition as the name or a list has it."""
        return self.attributes.get(CONDITION)

    def with_attributes(self, **changes: str | None) -> "Clip":
        """Change some attributes; None removes one."""
        kept = {k: v for k, v in {**self.attributes, **changes}.items() if v is not None}
        return replace(self, attributes=kept)


def _seconds(value: float) -> str:
    """Write seconds without an exponent; ``:g`` gives 1e+06 s and all seconds after it one name."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
