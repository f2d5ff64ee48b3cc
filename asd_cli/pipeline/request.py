"""What extract, train, score and run are asked for."""

from dataclasses import dataclass

from asd_cli.core.types import Mode
from asd_cli.execution.executor import Engine, Executor, make_executor
from asd_cli.execution.ranks import Rank
from asd_cli.settings.model import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to extract, train, score or run.

    Attributes
    ----------
    settings : Settings
        Folders, features, detector, training.
    mode : Mode
        Development or evaluation set.
    machines : tuple of str
        Machine types; empty means all.
    device : str
        Where networks compute: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    jobs : int or None
        Worker processes, for clips in extraction and for machines in training and scoring; None
        means one for each core.
    force : bool
        Recompute even if up to date.
    skip_bad : bool
        Leave out recordings that cannot be used, and list them.
    engine : Engine
        What runs the work: processes of this machine, or Dask.
    scheduler : str or None
        Address of the scheduler of Dask; None starts workers on this machine.
    rank : Rank
        Which part of the work this process does: of extraction some units, of training and scoring
        some machines.
    """

    settings: Settings
    mode: Mode = Mode.DEV
    machines: tuple[str, ...] = ()
    device: str = "auto"
    jobs: int | None = None
    force: bool = False
    skip_bad: bool = False
    engine: Engine = Engine.PROCESSES
    scheduler: str | None = None
    rank: Rank = Rank()

    @property
    def in_units(self) -> bool:
        """Whether several processes may do parts of the same work, and so mark what is done."""
        return self.rank.is_one_of_several or self.engine is not Engine.PROCESSES

    def make_executor(self) -> Executor:
        """Give the executor; who asks closes it. Errors as in `execution.make_executor`."""
        return make_executor(self.jobs, engine=self.engine, scheduler=self.scheduler)
