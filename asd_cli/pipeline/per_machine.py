"""Work on several machines at once, and what becomes of the others when one fails."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from asd_cli.core.errors import AsdError
from asd_cli.core.events import Events, LabelledEvents
from asd_cli.core.memory import keep_freed_memory
from asd_cli.core.types import Clip
from asd_cli.detectors.spec import Runtime
from asd_cli.execution.executor import Engine, Executor, SerialExecutor
from asd_cli.execution.markers import Markers
from asd_cli.execution.units import retried
from asd_cli.features.store import FeatureStore, open_store
from asd_cli.pipeline.request import RunRequest

Result = TypeVar("Result")

# Another number of threads sums in another order. With one thread for each machine, whether they
# come one after the other or at once, results do not depend on --jobs.
_THREADS_OF_SEVERAL = 1


@dataclass(frozen=True, slots=True)
class StoredClips:
    """Clips whose features are stored.

    Attributes
    ----------
    store : Path
        The store.
    clips : tuple of Clip
        Those that could be used.
    """

    store: Path
    clips: tuple[Clip, ...]

    def open(self) -> FeatureStore:
        """Open the features; DataError when they are gone."""
        return open_store(self.store, self.clips)


@dataclass(frozen=True, slots=True)
class MachineTask:
    """One machine whose features are extracted.

    Attributes
    ----------
    machine : str
        Machine type.
    clips : StoredClips
        Its training or test clips.
    threads : int or None
        How many torch computes with; None leaves it to torch.
    others : tuple of (str, StoredClips)
        Other machines that are used as well, and their training clips.
    left_out : tuple of str
        Why recordings of the machine were left out.
    """

    machine: str
    clips: StoredClips
    threads: int | None
    others: tuple[tuple[str, StoredClips], ...] = ()
    left_out: tuple[str, ...] = ()

    def store(self) -> FeatureStore:
        """Open the features of the machine's clips."""
        return self.clips.open()

    def other_stores(self) -> dict[str, FeatureStore]:
        """Open the features of the other machines, by name."""
        return {name: clips.open() for name, clips in self.others}


@dataclass(frozen=True, slots=True)
class _MachineOutcome(Generic[Result]):
    """What came of one machine: a result or an error."""

    machine: str
    result: Result | None = None
    error: AsdError | None = None


def threads_for(request: RunRequest, machines: Sequence[str]) -> int | None:
    """Choose torch's number of threads: one for each of several machines, all for a single one.

    It depends on the machines that were asked for and not on how many are left to do or run at
    once, so that a resumed run computes as the one that was interrupted.
    """
    if len(machines) <= 1:
        return None
    if request.settings.plan.runtime is Runtime.NUMPY:
        return _THREADS_OF_SEVERAL
    from asd_cli.training.devices import resolve_device

    return _THREADS_OF_SEVERAL if resolve_device(request.device).type == "cpu" else None


def for_each_machine(
    work: Callable[[MachineTask, Events], Result],
    tasks: Sequence[MachineTask],
    *,
    request: RunRequest,
    executor: Executor,
    events: Events,
    claims: Path,
    done: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Do a picklable piece of work for every machine, several at once where cores allow.

    A graphics processor is used by one process. When a machine fails the others are finished.

    Parameters
    ----------
    work : callable
        Is given a task and the events to report to.
    tasks : sequence of MachineTask
        One for each machine.
    request : RunRequest
        Gives the detector and the device.
    executor : Executor
        Where to work.
    events : Events
        Told of progress, and of each failure when it happens.
    claims : Path
        Folder that machines are claimed in while they are worked on, where several processes may
        do the same (`RunRequest.in_units`).
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

    def received(outcome: _MachineOutcome[Result]) -> None:
        if outcome.result is not None:
            done(outcome.result)
        elif outcome.error is not None and len(tasks) > 1:
            events.warning(
                f"{outcome.machine} failed, the others are finished: {outcome.error.message}"
            )

    runtime = request.settings.plan.runtime
    at_once = all(task.threads == _THREADS_OF_SEVERAL for task in tasks)
    chosen = executor if at_once or request.engine is not Engine.PROCESSES else SerialExecutor()
    found: dict[int, _MachineOutcome[Result]] = {}
    attempts = chosen.submit(
        partial(_attempt, work, runtime, claims if request.in_units else None),
        tasks,
        events=events,
        long=runtime is Runtime.TORCH,
    )
    with closing(attempts):
        for outcome in attempts:
            found[outcome.index] = outcome.result
            received(outcome.result)
    ordered = [found[index] for index in sorted(found)]
    for attempt in ordered:
        if attempt.error is not None:
            raise attempt.error
    return [attempt.result for attempt in ordered if attempt.result is not None]


def _attempt(
    work: Callable[[MachineTask, Events], Result],
    runtime: Runtime,
    claims: Path | None,
    task: MachineTask,
    events: Events,
) -> _MachineOutcome[Result]:
    def do() -> Result:
        with runtime_ready(runtime, task.threads):
            return work(task, LabelledEvents(events, task.machine))

    try:
        if claims is None:
            return _MachineOutcome(task.machine, result=do())
        with Markers(claims).claimed(f".{task.machine}", wait=True):
            result = retried(do, task.machine, events)
        return _MachineOutcome(task.machine, result=result)
    except AsdError as error:
        return _MachineOutcome(task.machine, error=error)


@contextmanager
def runtime_ready(runtime: Runtime, threads: int | None) -> Iterator[None]:
    """Prepare the library that a detector computes with; torch is loaded for no other one."""
    keep_freed_memory()
    if runtime is Runtime.NUMPY:
        yield
        return
    from asd_cli.training.devices import deterministic_kernels

    with deterministic_kernels(threads):
        yield
