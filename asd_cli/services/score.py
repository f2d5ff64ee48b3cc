"""`asd score`: anomaly scores and decisions of the test clips, as CSV files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from asd_cli.artifacts.manifest import MachineRecord, Manifest, read_manifest, update_manifest
from asd_cli.artifacts.threshold import Threshold
from asd_cli.core.errors import AsdError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.files import remove_abandoned
from asd_cli.core.hashing import hash_file
from asd_cli.core.types import Split
from asd_cli.detectors.plans import Ensemble
from asd_cli.execution.executor import Executor, make_executor
from asd_cli.pipeline.extraction import ExtractionContext
from asd_cli.pipeline.identity import scoring_inputs
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.per_machine import MachineTask, for_each_machine, threads_for
from asd_cli.pipeline.recording_checks import (
    TRAINING_CLIPS,
    TrainedOn,
    names_by_hash,
    other_recordings,
    trained_and_tested,
)
from asd_cli.pipeline.request import RunRequest
from asd_cli.pipeline.scoring import score_machine, usable_model
from asd_cli.pipeline.systems import require_edition, require_same_run
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
        with closing(make_executor(request.jobs)) as made:
            return score(request, events, executor=made)
    layout = Layout(request.settings, request.mode)
    require_device_name(request.device)
    machines = layout.machines(request.machines)
    _combine_members(layout, request, events, executor)
    manifest = read_manifest(layout.manifest)
    require_edition(manifest, layout.result_directory, layout)
    require_same_run(manifest, layout)
    trained_on = {machine: _trained_on(layout, machine) for machine in machines}
    tasks = _open_tasks(layout, request, events, executor)
    scored: dict[str, ScoredMachine] = {}
    outdated: list[MachineTask] = []
    for task in tasks:
        for text in _doubtful(layout, task, trained_on[task.machine]):
            events.warning(text)
        inputs = scoring_inputs(layout, task.machine, task.store())
        known = None if request.force else _up_to_date_record(layout, task.machine, inputs)
        if known is not None:
            scored[task.machine] = _summary(task.machine, known, up_to_date=True)
        else:
            outdated.append(task)
    remove_abandoned(layout.result_directory)

    def keep(result: tuple[str, MachineRecord]) -> None:
        keep_record(layout, *result)
        scored[result[0]] = _summary(*result, up_to_date=False)

    work = partial(score_machine, request)
    for_each_machine(work, outdated, request=request, executor=executor, events=events, done=keep)
    skipped = tuple(text for task in tasks for text in task.left_out)
    every = tuple(scored[machine] for machine in machines)
    return ScoreResult(layout.result_directory, every, skipped)


def _trained_on(layout: Layout, machine: str) -> TrainedOn:
    """Require a usable model, and give the clips that it is of."""
    model = usable_model(layout, machine)
    none = np.empty((0, 3), np.uint64)
    return TrainedOn(layout.model(machine), model.tensors.get(TRAINING_CLIPS, none))


def _doubtful(layout: Layout, task: MachineTask, trained_on: TrainedOn) -> Iterator[str]:
    """Say where a model is of test clips, or of others than the training clips that are there."""
    machine, dataset = task.machine, layout.dataset
    for folder in dataset.missing_test_folders(machine):
        yield f"{machine}: there is no folder {folder}, so none of its clips is scored"
    here = dataset.clips(machine, Split.TRAIN) if dataset.has(machine, Split.TRAIN) else ()
    train = layout.command("train", machine)
    yield from other_recordings(machine, trained_on, here, train=train)
    names = names_by_hash(here)
    yield from trained_and_tested(machine, trained_on.clips, task.store(), names)


def _open_tasks(
    layout: Layout, request: RunRequest, events: Events, executor: Executor
) -> list[MachineTask]:
    """Extract what is missing of the test clips."""
    machines = layout.machines(request.machines)
    context = ExtractionContext(layout, executor, events, request.skip_bad)
    tasks: list[MachineTask] = []
    for machine in machines:
        stored, bad = context.require(machine, Split.TEST)
        tasks.append(MachineTask(machine, stored, threads_for(request, machines), left_out=bad))
    return tasks


def keep_record(layout: Layout, machine: str, record: MachineRecord) -> None:
    """List in the manifest what was scored, and remove files of sections that are gone."""

    def change(manifest: Manifest | None) -> Manifest:
        known: Mapping[str, MachineRecord] = {} if manifest is None else manifest.machines
        old = known.get(machine)
        for name in () if old is None else old.files:
            if name not in record.files:
                (layout.result_directory / Path(name).name).unlink(missing_ok=True)
        return Manifest(
            edition=layout.edition.name,
            mode=layout.mode.value,
            detector=layout.plan.name,
            machines={**known, machine: record},
        )

    update_manifest(layout.manifest, change)


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
    tasks = {task.machine: task for task in _open_tasks(layout, request, events, executor)}

    def keep(result: tuple[str, MachineRecord]) -> None:
        keep_record(layout, *result)

    return FollowUp(partial(_score_if_possible, request, tasks), keep)


def _score_if_possible(
    request: RunRequest, tasks: Mapping[str, MachineTask], machine: str, events: Events
) -> tuple[str, MachineRecord] | None:
    """Score one machine; None where it cannot be: `score`, which comes later, says why."""
    try:
        return score_machine(request, tasks[machine], events)
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
        for machine in layout.machines(request.machines)
        if not layout.model(machine).exists()
        and all(layout.member(n).model(machine).exists() for n in layout.plan.bases)
    ]
    if missing:
        members = replace(request, machines=tuple(missing), force=False)
        train(members, events, executor=executor)


def _up_to_date_record(
    layout: Layout, machine: str, inputs: Mapping[str, Any]
) -> MachineRecord | None:
    """Give the manifest's record of a machine while nothing it was made from or made changed."""
    manifest = read_manifest(layout.manifest)
    record = None if manifest is None else manifest.machines.get(machine)
    if record is None or record.inputs != dict(inputs):
        return None
    for name, digest in record.files.items():
        path = layout.result_directory / name
        if not path.is_file() or hash_file(path) != digest:
            return None
    return record
