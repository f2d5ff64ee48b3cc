"""What one should know of a figure besides the figure."""

from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    """What a note is about."""

    UNDEFINED = "undefined"
    CONSTANT = "constant"
    INTERPOLATED = "interpolated"
    MISSING_DOMAIN = "missing-domain"


INCOMPLETE = frozenset({NoteKind.MISSING_DOMAIN})
"""Kinds of notes that say that something is missing from the figures."""


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
