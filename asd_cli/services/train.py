"""`asd train`: train a model of normal sound for each machine."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from asd_cli.core.events import SILENT, Events
from asd_cli.core.files import remove_abandoned
from asd_cli.execution.executor import Executor
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.per_machine import (
    MachineTask,
    StoredClips,
    for_each_machine,
)
from asd_cli.pipeline.request import RunRequest
from asd_cli.pipeline.shared_networks import claimed_network, train_network
from asd_cli.pipeline.tasks import training_tasks
from asd_cli.pipeline.training import (
    TrainedMachine,
    require_no_other_edition,
    train_machine,
    up_to_date_model,
)
from asd_cli.training.devices import require_device_name

__all__ = ["FollowUp", "TrainResult", "TrainedMachine", "train"]


@dataclass(frozen=True, slots=True)
class TrainResult:
    """Models of all machines, and the recordings that were left out."""

    machines: tuple[TrainedMachine, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What is done with each machine as soon as it is trained, while others still are.

    Attributes
    ----------
    work : callable
        ``work(machine, events)`` in the process that trained the machine; picklable.
    keep : callable
        Takes its result in the process that began everything; not called with None.
    """

    work: Any
    keep: Any


def train(
    request: RunRequest,
    events: Events = SILENT,
    *,
    follow_up: FollowUp | None = None,
    executor: Executor | None = None,
) -> TrainResult:
    """Train a model for each machine, unless an up-to-date one is there.

    A model is up to date while settings, recordings and versions are those it was made with. An
    interrupted run is resumed. Of several machines as many are trained at once as
    `RunRequest.jobs` says, each with one thread; the models do not depend on how many.

    Parameters
    ----------
    request : RunRequest
        What to train.
    events : Events
        Told of progress.
    follow_up : FollowUp, optional
        Follows on each training, but not on a model that was up to date.
    executor : Executor, optional
        Where to work; processes of this machine by default.

    Raises
    ------
    DataError, ProblemsError
        When recordings are missing or unusable, or a detector cannot be trained on them.
    UsageError
        When an interrupted run had other settings.
    StorageError
        When a model cannot be written.
    """
    if executor is None:
        with closing(request.make_executor()) as made:
            return train(request, events, follow_up=follow_up, executor=made)
    layout = Layout(request.settings, request.mode)
    require_device_name(request.device)
    skipped = list(_train_bases(layout, request, events, executor))
    machines = request.rank.of(layout.machines(request.machines))
    if not request.force:
        for machine in machines:
            require_no_other_edition(layout, machine)
    tasks, bad = training_tasks(layout, machines, request, events, executor)
    skipped.extend(bad)
    trained: dict[str, TrainedMachine] = {}
    outdated: list[MachineTask] = []
    for task in tasks:
        known = None if request.force else up_to_date_model(layout, task)
        if known is not None:
            trained[task.machine] = known
            for note in known.threshold.notes:
                events.warning(f"{task.machine}: {note}")
        else:
            outdated.append(task)
    remove_abandoned(layout.model_directory)
    if outdated and layout.plan.trains_shared_network:
        stores = {n: clips.open() for task in tasks[:1] for n, clips in _all_clips(task).items()}
        with claimed_network(layout, request):
            train_network(layout, stores, request=request, events=events)

    def keep(result: tuple[TrainedMachine, Any]) -> None:
        machine, followed = result
        trained[machine.machine] = machine
        if follow_up is not None and followed is not None:
            follow_up.keep(followed)

    work = partial(_train_and_follow, request, None if follow_up is None else follow_up.work)
    for_each_machine(
        work, outdated, request=request, executor=executor, events=events, done=keep,
        claims=layout.model_directory,
    )  # fmt: skip
    kept = tuple(dict.fromkeys(skipped))
    return TrainResult(tuple(trained[machine] for machine in machines), kept)


def _train_bases(
    layout: Layout, request: RunRequest, events: Events, executor: Executor
) -> Iterator[str]:
    """Train what the detector builds on; gives the recordings left out."""
    for name in layout.plan.bases:
        settings = layout.member(name).settings
        member = replace(request, settings=settings, force=False)
        yield from train(member, events, executor=executor).skipped


def _all_clips(task: MachineTask) -> dict[str, StoredClips]:
    return {task.machine: task.clips, **dict(task.others)}


def _train_and_follow(
    request: RunRequest, follow: Any, task: MachineTask, events: Events
) -> tuple[TrainedMachine, Any]:
    trained = train_machine(request, task, events)
    return trained, None if follow is None else follow(task.machine, events)
