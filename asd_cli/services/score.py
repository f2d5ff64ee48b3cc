"""`asd score`: anomaly scores and decisions of the test clips, as CSV files."""

from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from asd_cli.artifacts.manifest import read_manifest, write_manifest
from asd_cli.core.errors import AsdError, DataError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.files import remove_abandoned
from asd_cli.core.hashing import hash_file
from asd_cli.core.types import Mode
from asd_cli.detectors.thresholds import Threshold
from asd_cli.execution.executor import make_executor
from asd_cli.pipeline.layout import RunRequest, Workspace
from asd_cli.pipeline.per_machine import MachineTask, for_each_machine, threads_for
from asd_cli.pipeline.score_machine import (
    MachineRecord,
    score_machine,
    scoring_inputs,
    usable_bundle,
)
from asd_cli.pipeline.systems import require_edition
from asd_cli.services.extract import require_features
from asd_cli.services.train import train
from asd_cli.settings.render import flatten
from asd_cli.training.devices import require_device_name


@dataclass(frozen=True, slots=True)
class ScoredMachine:
    """One machine's scores.

    Attributes
    ----------
    machine : str
        Machine type.
    fresh : bool
        Whether there was nothing to do.
    clips, flagged : int
        Test clips, and those whose score is above the threshold.
    threshold : Threshold
        What decided.
    files : tuple of str
        Names of the CSV files.
    """

    machine: str
    fresh: bool
    clips: int
    flagged: int
    threshold: Threshold
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """Scores of all machines, where they lie, and the recordings that were left out."""

    directory: Path
    machines: tuple[ScoredMachine, ...]
    skipped: tuple[str, ...]


def score(request: RunRequest, events: Events = SILENT) -> ScoreResult:
    """Score the test clips of each machine with its model.

    Raises
    ------
    DataError, ProblemsError
        When models or recordings are missing or unusable.
    UsageError
        When a model was trained with other feature settings, or never saw a section.
    IntegrityError
        When a model is damaged.
    """
    workspace = Workspace(request.settings, request.mode)
    require_device_name(request.device)
    machines = workspace.machines(request.machines)
    _combine_members(workspace, request, events)
    require_edition(read_manifest(workspace.manifest) or {}, workspace.result_directory, workspace)
    for machine in machines:
        usable_bundle(workspace, machine)
    tasks, skipped = _open_tasks(workspace, request, events)
    scored: dict[str, ScoredMachine] = {}
    stale: list[MachineTask] = []
    for task in tasks:
        inputs = scoring_inputs(workspace, task.machine, task.stores(workspace))
        fresh = None if request.force else _fresh_record(workspace, task.machine, inputs)
        if fresh is not None:
            scored[task.machine] = _summary(task.machine, fresh, fresh=True)
        else:
            stale.append(task)
    remove_abandoned(workspace.result_directory)

    def keep(result: MachineRecord) -> None:
        _keep(workspace, result)
        scored[result[0]] = _summary(*result, fresh=False)

    work = partial(score_machine, request)
    for_each_machine(work, stale, request=request, events=events, done=keep)
    every = tuple(scored[machine] for machine in machines)
    return ScoreResult(workspace.result_directory, every, skipped)


def _open_tasks(
    workspace: Workspace, request: RunRequest, events: Events
) -> tuple[list[MachineTask], tuple[str, ...]]:
    """Extract what is missing of the test clips; gives the tasks and why clips were left out."""
    machines = workspace.machines(request.machines)
    tasks: list[MachineTask] = []
    skipped: list[str] = []
    with closing(make_executor(request.jobs)) as executor:
        for machine in machines:
            clips = []
            for role in _required_roles(workspace, machine):
                store, bad = require_features(
                    workspace,
                    machine,
                    role,
                    executor=executor,
                    skip_bad=request.skip_bad,
                    events=events,
                )
                clips.append((role, store.clips))
                skipped.extend(bad)
            tasks.append(MachineTask(machine, tuple(clips), threads_for(request, machines)))
    return tasks, tuple(skipped)


def _keep(workspace: Workspace, result: MachineRecord) -> None:
    machine, record = result
    _remove_stale_files(workspace, machine, record["files"])
    _update_manifest(workspace, machine, record)


class ScoreOnceTrained:
    """Scores each machine in the process that trained it, while others are still in training.

    Parameters
    ----------
    request : RunRequest
        Of the scoring; missing features of its test clips are extracted now.
    events : Events
        Told of that.

    Raises
    ------
    DataError, ProblemsError, UsageError
        As `score`, but for models, which need not be there yet.
    """

    def __init__(self, request: RunRequest, events: Events) -> None:
        self._request = request
        workspace = Workspace(request.settings, request.mode)
        manifest = read_manifest(workspace.manifest) or {}
        require_edition(manifest, workspace.result_directory, workspace)
        tasks, _ = _open_tasks(workspace, request, events)
        self._tasks = {task.machine: task for task in tasks}

    def work(self, machine: str, events: Events) -> MachineRecord | None:
        """Score one machine; None where it cannot be: `score`, which comes later, says why."""
        try:
            return score_machine(self._request, self._tasks[machine], events)
        except AsdError:
            return None

    def keep(self, result: MachineRecord) -> None:
        """Note in the manifest what was scored."""
        _keep(Workspace(self._request.settings, self._request.mode), result)


def _summary(machine: str, record: dict[str, Any], *, fresh: bool) -> ScoredMachine:
    return ScoredMachine(
        machine,
        fresh,
        record["clips"],
        record["flagged"],
        Threshold(**record["threshold"]),
        tuple(record["files"]),
    )


def _combine_members(workspace: Workspace, request: RunRequest, events: Events) -> None:
    """Make the model of an ensemble whose members are trained; nothing is trained for it."""
    missing = [
        machine
        for machine in workspace.machines(request.machines)
        if not workspace.model(machine).exists()
        and all(workspace.member(n).model(machine).exists() for n in workspace.detector.bases)
    ]
    if workspace.detector.is_ensemble and missing:
        train(replace(request, machines=tuple(missing), force=False), events)


def _required_roles(workspace: Workspace, machine: str) -> tuple[str, ...]:
    roles = workspace.test_roles(machine)
    if not roles:
        stage = "dev" if workspace.mode is Mode.DEV else "eval-test"
        raise DataError(
            f"{workspace.data_directory / machine} has no test folder",
            hint=f"fetch the test clips: {workspace.edition.fetch_command(stage, machine)}",
        )
    return roles


def _fresh_record(
    workspace: Workspace, machine: str, inputs: dict[str, Any]
) -> dict[str, Any] | None:
    """Give the manifest's record of a machine while nothing it was made from or made changed."""
    manifest = read_manifest(workspace.manifest) or {}
    record = manifest.get("machines", {}).get(machine)
    if not isinstance(record, dict) or record.get("inputs") != inputs:
        return None
    for name, digest in record["files"].items():
        path = workspace.result_directory / name
        if not path.is_file() or hash_file(path) != digest:
            return None
    return record


def _remove_stale_files(workspace: Workspace, machine: str, files: Collection[str]) -> None:
    """Remove score files of sections that the machine no longer has."""
    manifest = read_manifest(workspace.manifest) or {}
    for name in manifest.get("machines", {}).get(machine, {}).get("files", {}):
        if name not in files:
            (workspace.result_directory / Path(name).name).unlink(missing_ok=True)


def _update_manifest(workspace: Workspace, machine: str, record: dict[str, Any]) -> None:
    manifest = read_manifest(workspace.manifest) or {}
    write_manifest(
        workspace.manifest,
        command="score",
        facts={
            "edition": workspace.edition.name,
            "mode": workspace.mode.value,
            "detector": workspace.detector.name,
            "seed": workspace.settings.seed,
            "recipe": workspace.recipe().fingerprint,
            "settings": flatten(workspace.settings),
            "machines": {**manifest.get("machines", {}), machine: record},
        },
    )
