"""What changed on each machine from one system, or an earlier run, to another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from asd_cli.evaluation.labelled import BoolArray, LabelledScores

# Names of clips that are shown of one kind.
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ChangedClips:
    """Clips whose decision is another one.

    Attributes
    ----------
    kind : str
        ``now found``, ``now missed``, ``new false alarms`` or ``false alarms gone``.
    count : int
        How many.
    names : tuple of str
        The first of them.
    """

    kind: str
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MachineChange:
    """A machine in two systems.

    Attributes
    ----------
    system, machine : str
        The second system, and whose clips.
    before, after : float or None
        Harmonic mean of the AUC in the first and in the second.
    clips : tuple of ChangedClips
        One for each kind that there is; empty where no decision changed.
    decided : bool
        Whether both have decisions.
    """

    system: str
    machine: str
    before: float | None
    after: float | None
    clips: tuple[ChangedClips, ...]
    decided: bool

    @property
    def difference(self) -> float | None:
        """AUC gained; None where one is undefined."""
        return None if self.before is None or self.after is None else self.after - self.before


def changed_clips(
    first: Sequence[LabelledScores], second: Sequence[LabelledScores]
) -> tuple[ChangedClips, ...]:
    """List the clips of a machine that are decided otherwise.

    Parameters
    ----------
    first, second : sequence of LabelledScores
        The same clips in the same order, with decisions; each clip counts in its own row alone.
    """
    kinds = {
        "now found": (True, True),
        "now missed": (True, False),
        "new false alarms": (False, True),
        "false alarms gone": (False, False),
    }
    found = []
    for kind, (anomalous, flagged) in kinds.items():
        names = list(_names(first, second, anomalous=anomalous, flagged=flagged))
        if names:
            found.append(ChangedClips(kind, len(names), tuple(names[:_SHOWN])))
    return tuple(found)


def _names(
    first: Sequence[LabelledScores],
    second: Sequence[LabelledScores],
    *,
    anomalous: bool,
    flagged: bool,
) -> Iterator[str]:
    for before, after in zip(first, second, strict=True):
        if before.decisions is None or after.decisions is None:
            continue
        other: BoolArray = (before.decisions != after.decisions) & before.own
        chosen = other & (after.decisions == flagged) & (before.truth == anomalous)
        yield from (before.names[index] for index in np.flatnonzero(chosen))
