"""`asd score`: anomaly scores and decisions of the test clips, as CSV files."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from asd_cli.artifacts.manifest import MachineRecord, read_manifest
from asd_cli.artifacts.threshold import Threshold
from asd_cli.core.errors import AsdError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.files import remove_abandoned
from asd_cli.detectors.plans import Ensemble
from asd_cli.execution.executor import Executor
from asd_cli.execution.ranks import Rank
from asd_cli.pipeline.identity import scoring_inputs
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.per_machine import MachineTask, for_each_machine
from asd_cli.pipeline.request import RunRequest
from asd_cli.pipeline.score_records import (
    keep_record,
    score_once,
    trained_clips,
    uncertain,
    up_to_date_record,
)
from asd_cli.pipeline.systems import require_edition, require_same_run
from asd_cli.pipeline.tasks import scoring_tasks
from asd_cli.services.train import FollowUp, train
from asd_cli.training.devices import require_device_name


@dataclass(frozen=True, slots=True)
class ScoredMachine:
    """One machine's scores.

    Attributes
    ----------
    machine : str
        Machine type.
    up_to_date : bool
        Whether there was nothing to do.
    clips, flagged : int
        Test clips, and those whose score is above the threshold.
    threshold : Threshold
        What decided.
    files : tuple of str
        Names of the CSV files.
    """

    machine: str
    up_to_date: bool
    clips: int
    flagged: int
    threshold: Threshold
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """Scores of all machines, where they are, and the recordings that were left out."""

    directory: Path
    machines: tuple[ScoredMachine, ...]
    skipped: tuple[str, ...]


def score(
    request: RunRequest, events: Events = SILENT, *, executor: Executor | None = None
) -> ScoreResult:
    """Score the test clips of each machine with its model.

    Parameters
    ----------
    request : RunRequest
        What to score.
    events : Events
        Told of progress.
    executor : Executor, optional
        Where to work; processes of this machine by default.

    Raises
    ------
    DataError, ProblemsError
        When models or recordings are missing or unusable.
    UsageError
        When a model was trained with other feature settings, or was not trained on a section.
    IntegrityError
        When a model is damaged.
    """
    if executor is None:
        with closing(request.make_executor()) as made:
            return score(request, events, executor=made)
    layout = Layout(request.settings, request.mode)
    require_device_name(request.device)
    machines = request.rank.of(layout.machines(request.machines))
    _combine_members(layout, request, events, executor)
    manifest = read_manifest(layout.manifest)
    require_edition(manifest, layout.result_directory, layout)
    require_same_run(manifest, layout)
    trained_on = {machine: trained_clips(layout, machine) for machine in machines}
    tasks = scoring_tasks(layout, request, events, executor)
    scored: dict[str, ScoredMachine] = {}
    outdated: list[MachineTask] = []
    for task in tasks:
        for text in uncertain(layout, task, trained_on[task.machine]):
            events.warning(text)
        inputs = scoring_inputs(layout, task.machine, task.store())
        known = None if request.force else up_to_date_record(layout, task.machine, inputs)
        if known is not None:
            scored[task.machine] = _summary(task.machine, known, up_to_date=True)
        else:
            outdated.append(task)
    remove_abandoned(layout.result_directory)

    def keep(result: tuple[str, MachineRecord]) -> None:
        keep_record(layout, *result)
        scored[result[0]] = _summary(*result, up_to_date=False)

    work = partial(score_once, request)
    for_each_machine(
        work, outdated, request=request, executor=executor, events=events, done=keep,
        claims=layout.result_directory,
    )  # fmt: skip
    skipped = tuple(text for task in tasks for text in task.left_out)
    every = tuple(scored[machine] for machine in machines)
    return ScoreResult(layout.result_directory, every, skipped)


def score_once_trained(request: RunRequest, events: Events, executor: Executor) -> FollowUp:
    """Score each machine in the process that trained it, while others are still in training.

    Missing features of the test clips are extracted now.

    Raises
    ------
    DataError, ProblemsError, UsageError
        As `score`, but for models, which need not be there yet.
    """
    layout = Layout(request.settings, request.mode)
    manifest = read_manifest(layout.manifest)
    require_edition(manifest, layout.result_directory, layout)
    require_same_run(manifest, layout)
    tasks = {task.machine: task for task in scoring_tasks(layout, request, events, executor)}

    def keep(result: tuple[str, MachineRecord]) -> None:
        keep_record(layout, *result)

    return FollowUp(partial(_score_if_possible, request, tasks), keep)


def _score_if_possible(
    request: RunRequest, tasks: Mapping[str, MachineTask], machine: str, events: Events
) -> tuple[str, MachineRecord] | None:
    """Score one machine; None where it cannot be: `score`, which comes later, says why."""
    try:
        return score_once(request, tasks[machine], events)
    except AsdError:
        return None


def _summary(machine: str, record: MachineRecord, *, up_to_date: bool) -> ScoredMachine:
    return ScoredMachine(
        machine, up_to_date, record.clips, record.flagged, record.threshold, tuple(record.files)
    )


def _combine_members(
    layout: Layout, request: RunRequest, events: Events, executor: Executor
) -> None:
    """Make the model of an ensemble whose members are trained; nothing is trained for it."""
    if not isinstance(layout.plan, Ensemble) or not layout.plan.bases:
        return
    missing: Sequence[str] = [
        machine
        for machine in request.rank.of(layout.machines(request.machines))
        if not layout.model(machine).exists()
        and all(layout.member(n).model(machine).exists() for n in layout.plan.bases)
    ]
    if missing:
        members = replace(request, machines=tuple(missing), force=False, rank=Rank())
        train(members, events, executor=executor)
