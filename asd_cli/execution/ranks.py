"""Which part of a list of units a process does, where several processes divide it by number.

Rank r of N takes units r, r + N, r + 2 N, …: neighbours, which are of similar size, go to
different ranks, and no rank has to know the others. So do datatrove's ``LocalPipelineExecutor``
(https://github.com/huggingface/datatrove) and job arrays of Slurm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from asd_cli.core.errors import UsageError

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Rank:
    """One of several processes that divide work.

    Attributes
    ----------
    number : int
        Which one, from 0.
    count : int
        How many there are.

    Raises
    ------
    UsageError
        When the number is not below the count.

    Examples
    --------
    >>> Rank(1, 3).of(["a", "b", "c", "d", "e"])
    ('b', 'e')
    """

    number: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers that name no rank."""
        if not 0 <= self.number < self.count:
            raise UsageError(
                f"there is no rank {self.number} of {self.count}",
                hint=f"ranks count from 0: --rank 0 to --rank {max(0, self.count - 1)}",
            )

    @property
    def is_one_of_several(self) -> bool:
        """Whether other ranks do other parts."""
        return self.count > 1

    def of(self, items: Sequence[Item]) -> tuple[Item, ...]:
        """Take this rank's part of a list that is the same for all ranks."""
        return tuple(items[self.number :: self.count])
