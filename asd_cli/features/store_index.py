"""What a feature store holds: clips, the bytes they were made from, and what is odd about them."""

from dataclasses import dataclass
from typing import Any

from asd_cli.audio.quality import Suspicion, SuspicionKind
from asd_cli.core.hashing import combine


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """One clip in a store.

    Attributes
    ----------
    name : str
        File name.
    sha256 : str
        Of the recording's bytes.
    offset, frames : int
        First row and number of rows.
    crc32 : int
        Of the rows' bytes.
    suspicions : tuple of Suspicion
        What is odd about the recording.
    """

    name: str
    sha256: str
    offset: int
    frames: int
    crc32: int
    suspicions: tuple[Suspicion, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give the fields by name; `dataclasses.asdict` takes ten times as long."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return fields | {"suspicions": [[odd.kind.value, odd.text] for odd in self.suspicions]}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "StoreEntry":
        """Read what `as_dict` gave; KeyError, TypeError or ValueError where it is not that."""
        found = tuple(Suspicion(SuspicionKind(kind), text) for kind, text in fields["suspicions"])
        return cls(**{**fields, "suspicions": found})


@dataclass(frozen=True, slots=True)
class StoreIndex:
    """What a store holds.

    Attributes
    ----------
    parameters : str
        Fingerprint of the feature parameters.
    n_mels : int
        Columns.
    entries : tuple of StoreEntry
        In the order of the clips.
    """

    parameters: str
    n_mels: int
    entries: tuple[StoreEntry, ...]

    @property
    def fingerprint(self) -> str:
        """Identity of the recordings and of the parameters."""
        return combine(
            [("recipe", self.parameters), *((entry.name, entry.sha256) for entry in self.entries)]
        )

    @property
    def by_name(self) -> dict[str, StoreEntry]:
        """Entries by file name."""
        return {entry.name: entry for entry in self.entries}
