"""Work on several machine types at once, and what becomes of the others when one fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from asd_cli.core.errors import AsdError
from asd_cli.core.events import Events, LabelledEvents
from asd_cli.core.types import Clip
from asd_cli.execution.executor import SerialExecutor, make_executor
from asd_cli.features.store import FeatureStore, open_store
from asd_cli.pipeline.layout import RunRequest, Workspace
from asd_cli.training.devices import deterministic_kernels, resolve_device

Result = TypeVar("Result")

# Another number of threads sums in another order. With one thread for each machine, whether they
# come one after the other or at once, results do not depend on --jobs.
_THREADS_OF_SEVERAL = 1


@dataclass(frozen=True, slots=True)
class MachineTask:
    """One machine type whose features are extracted.

    Attributes
    ----------
    machine : str
        Machine type.
    clips : tuple of (str, tuple of Clip)
        Role of each folder, as ``train``, and its usable clips.
    threads : int or None
        How many to compute with; None leaves it to torch.
    others : tuple of (str, tuple of Clip)
        Other machines that are heard as well, and their usable training clips.
    """

    machine: str
    clips: tuple[tuple[str, tuple[Clip, ...]], ...]
    threads: int | None
    others: tuple[tuple[str, tuple[Clip, ...]], ...] = ()

    def stores(self, workspace: Workspace) -> list[FeatureStore]:
        """Open the features of each folder."""
        return [open_store(workspace.store(self.machine, role), c) for role, c in self.clips]

    def other_stores(self, workspace: Workspace, role: str) -> dict[str, FeatureStore]:
        """Open the features of the other machines, by name."""
        return {name: open_store(workspace.store(name, role), c) for name, c in self.others}


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[Result]):
    """What came of one machine: a result or an error."""

    machine: str
    result: Result | None = None
    error: AsdError | None = None


def threads_for(request: RunRequest, machines: Sequence[str]) -> int | None:
    """Choose the number of threads: one for each of several machines, all of them for a single one.

    It depends on the machines that were asked for and not on how many are left to do or run at
    once, so that a run that is gone on with computes as the one that was broken off.
    """
    several = len(machines) > 1 and resolve_device(request.device).type == "cpu"
    return _THREADS_OF_SEVERAL if several else None


def for_each_machine(
    work: Callable[[MachineTask, Events], Result],
    tasks: Sequence[MachineTask],
    *,
    request: RunRequest,
    events: Events,
    done: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Do a picklable piece of work for every machine, several at once where cores allow.

    A graphics processor is used by one process. When a machine fails the others go on.

    Parameters
    ----------
    work : callable
        Is given a task and the events to report to.
    tasks : sequence of MachineTask
        One a machine.
    request : RunRequest
        Gives the number of jobs and the device.
    events : Events
        Told of progress, and of each failure when it happens.
    done : callable
        Called here with each result as it comes.

    Returns
    -------
    list
        One result a task, in their order.

    Raises
    ------
    AsdError
        That of the first machine that failed, when all others are done.
    """

    def received(outcome: _Outcome[Result]) -> None:
        if outcome.result is not None:
            done(outcome.result)
        elif outcome.error is not None and len(tasks) > 1:
            events.warning(f"{outcome.machine} failed, the others go on: {outcome.error.message}")

    side_by_side = all(task.threads == _THREADS_OF_SEVERAL for task in tasks)
    executor = make_executor(request.jobs) if side_by_side else SerialExecutor()
    outcomes = executor.run(partial(_attempt, work), tasks, events=events, done=received)
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    return [outcome.result for outcome in outcomes if outcome.result is not None]


def _attempt(
    work: Callable[[MachineTask, Events], Result], task: MachineTask, events: Events
) -> _Outcome[Result]:
    try:
        with deterministic_kernels(task.threads):
            result = work(task, LabelledEvents(events, task.machine))
            return _Outcome(task.machine, result=result)
    except AsdError as error:
        return _Outcome(task.machine, error=error)
