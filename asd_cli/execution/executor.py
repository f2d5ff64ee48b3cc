"""Where jobs run: one contract, and the executor that runs them in this process."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from asd_cli.core.errors import UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.execution.cores import available_cores

Item = TypeVar("Item")
Result = TypeVar("Result")
Job = Callable[[Item, Events], Result]


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Result]):
    """The result of a job.

    Attributes
    ----------
    index : int
        Place of the item among those that were given.
    result : value
        What the job returned.
    """

    index: int
    result: Result


class Executor(Protocol):
    """A place where jobs run.

    Attributes
    ----------
    workers : int
        How many jobs run at once.
    """

    workers: int

    def submit(
        self,
        job: Job[Item, Result],
        items: Iterable[Item],
        *,
        events: Events = SILENT,
        long: bool = False,
    ) -> Generator[Outcome[Result], None, None]:
        """Do a job for every item.

        Parameters
        ----------
        job : callable
            Picklable; is given an item and the events to report to. A long one looks for signals
            (`asd_cli.core.interrupts.deferred_interrupts`) and ends early on a stop.
        items : iterable
            Picklable; taken as they are needed.
        events : Events
            Told of what the jobs report, from this thread.
        long : bool
            Whether each job takes minutes, so that several are begun at once in any case.

        Yields
        ------
        Outcome
            As jobs end; `in_order` gives the results in the order of the items.

        Raises
        ------
        ResourceError
            When a worker was killed or had too little memory.
        KeyboardInterrupt, Terminated
            On a signal, after the running jobs were asked to stop and have ended.
        Exception
            The first that a job raises, after the others were stopped likewise.
        """

    def close(self) -> None:
        """End workers that were kept for further jobs."""


class SerialExecutor:
    """Jobs run in this process, one after the other (`Executor`)."""

    workers = 1

    def submit(
        self,
        job: Job[Item, Result],
        items: Iterable[Item],
        *,
        events: Events = SILENT,
        long: bool = False,
    ) -> Generator[Outcome[Result], None, None]:
        """Do the job for every item in turn; errors are the job's own."""
        for index, item in enumerate(items):
            yield Outcome(index, job(item, events))

    def close(self) -> None:
        """Do nothing: there are no workers."""


def in_order(
    outcomes: Generator[Outcome[Result], None, None],
) -> Generator[Result, None, None]:
    """Give results in the order of the items; those that come early wait.

    Examples
    --------
    >>> def outcomes():
    ...     yield Outcome(1, "b")
    ...     yield Outcome(0, "a")
    >>> list(in_order(outcomes()))
    ['a', 'b']
    """
    waiting: dict[int, Result] = {}
    following = 0
    try:
        for outcome in outcomes:
            waiting[outcome.index] = outcome.result
            while following in waiting:
                yield waiting.pop(following)
                following += 1
    finally:
        outcomes.close()


class Verb(StrEnum):
    """What is done in units."""

    EXTRACT = "extract"
    TRAIN = "train"
    SCORE = "score"


class Engine(StrEnum):
    """What runs jobs."""

    PROCESSES = "processes"
    DASK = "dask"
    SLURM = "slurm"


def make_executor(
    jobs: int | None, *, engine: Engine = Engine.PROCESSES, scheduler: str | None = None
) -> Executor:
    """Choose where to run jobs.

    Parameters
    ----------
    jobs : int or None
        How many at once; None means one for each core.
    engine : Engine
        Processes of this machine, or Dask.
    scheduler : str, optional
        Address of the scheduler of Dask; by default workers are started on this machine.

    Raises
    ------
    UsageError
        When the engine is not installed, or runs whole commands and no jobs (``slurm``).
    NetworkError
        When the scheduler does not answer.
    """
    workers = available_cores() if jobs is None else jobs
    if engine is Engine.DASK:
        from asd_cli.execution.dask_executor import DaskExecutor

        return DaskExecutor(scheduler, workers=workers)
    if engine is Engine.SLURM:
        raise UsageError("slurm runs ranks of a command", hint="use: asd … --executor slurm")
    if workers <= 1:
        return SerialExecutor()
    from asd_cli.execution.processes import ProcessExecutor

    return ProcessExecutor(workers)
