"""What a set of recordings offers, whatever its layout."""

from pathlib import Path
from typing import Protocol

from asd_cli.core.types import Clip, Split


class Dataset(Protocol):
    """Recordings of machines as clips.

    Attributes
    ----------
    root : Path
        Where they are; two sets with different roots never share features.
    """

    @property
    def root(self) -> Path:
        """Folder or table."""

    def machines(self) -> tuple[str, ...]:
        """Names of the machines, sorted; DataError when there are none."""

    def clips(self, machine: str, split: Split) -> tuple[Clip, ...]:
        """List the clips of a machine in the order of results.

        Raises
        ------
        DataError
            When there are none.
        ProblemsError
            When files do not belong, or cannot be told what they are; all are listed.
        """
