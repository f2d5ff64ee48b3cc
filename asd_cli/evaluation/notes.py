"""What one should know of a figure besides the figure."""

from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    """What a note is about."""

    UNDEFINED = "undefined"
    CONSTANT = "constant"
    INTERPOLATED = "interpolated"
    INVERTED = "inverted"
    REPEATED = "repeated"
    RESTRICTED = "restricted"
    MISSING_MACHINE = "missing-machine"
    MISSING_SECTION = "missing-section"
    MISSING_DOMAIN = "missing-domain"
    MISSING_CLIPS = "missing-clips"
    UNKNOWN_ROWS = "unknown-rows"
    MISSING_DECISIONS = "missing-decisions"
    MIXED = "mixed"
    OUTDATED = "outdated"


PARTIAL = frozenset({
    NoteKind.MISSING_MACHINE,
    NoteKind.MISSING_SECTION,
    NoteKind.MISSING_DOMAIN,
    NoteKind.MISSING_CLIPS,
    NoteKind.UNKNOWN_ROWS,
})  # fmt: skip
"""Kinds of notes that say that the official score is of other clips than it should be."""

INCOMPLETE = PARTIAL | {NoteKind.MISSING_DECISIONS, NoteKind.MIXED, NoteKind.OUTDATED}
"""Kinds of notes that say that an evaluation is not complete, of one piece and up to date."""


@dataclass(frozen=True, slots=True)
class Note:
    """A remark on the figures of a machine.

    Attributes
    ----------
    kind : NoteKind
        What it is about; decisions hang on it, never on the text.
    machine : str
        Whose figures.
    text : str
        The remark in words.
    """

    kind: NoteKind
    machine: str
    text: str

    def __str__(self) -> str:
        return self.text
