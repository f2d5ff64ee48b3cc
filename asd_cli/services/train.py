"""`asd train`: learn what each machine sounds like when it is well."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np

from asd_cli.artifacts.bundle import ModelBundle, write_bundle
from asd_cli.core.events import SILENT, Events
from asd_cli.core.files import remove_abandoned, write_text
from asd_cli.datasets.dcase.folders import TRAIN_ROLE
from asd_cli.detectors.base import Detector, FitContext, History
from asd_cli.detectors.registry import create_detector
from asd_cli.detectors.thresholds import Threshold
from asd_cli.execution.executor import make_executor
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.bundles import (
    TRAINING_CLIPS,
    TRAINING_SCORES,
    calibrate,
    detector_of,
    known_bundle,
    model_identity,
    new_bundle,
    require_no_other_edition,
)
from asd_cli.pipeline.layout import RunRequest, Workspace
from asd_cli.pipeline.per_machine import MachineTask, for_each_machine, threads_for
from asd_cli.pipeline.shared_networks import fitted_bases, learn_network
from asd_cli.reporting.history import history_csv, plot_history
from asd_cli.services.extract import require_features
from asd_cli.services.select import candidates, rank_candidates
from asd_cli.training.checkpoint import Checkpoint
from asd_cli.training.devices import require_device_name

TrainingState = Literal["trained", "calibrated", "fresh"]


@dataclass(frozen=True, slots=True)
class TrainedMachine:
    """One machine's model.

    Attributes
    ----------
    machine : str
        Machine type.
    state : str
        ``trained``, ``calibrated`` (only the threshold was new) or ``fresh`` (nothing to do).
    model : str
        Path of the bundle.
    sections : tuple of str
        Sections it knows.
    clips : int
        Training clips.
    threshold : Threshold
        Decision threshold.
    history : list of dict
        One row an epoch; empty when nothing was trained.
    """

    machine: str
    state: TrainingState
    model: str
    sections: tuple[str, ...]
    clips: int
    threshold: Threshold
    history: History


@dataclass(frozen=True, slots=True)
class TrainResult:
    """Models of all machines, and the recordings that were left out."""

    machines: tuple[TrainedMachine, ...]
    skipped: tuple[str, ...]


class Sequel(Protocol):
    """What is done with each machine as soon as it is trained, while others still are."""

    def work(self, machine: str, events: Events) -> Any:
        """Do it, in the process that trained the machine; None where it cannot be done."""

    def keep(self, result: Any) -> None:
        """Take the result up, in the process that began it all."""


def train(
    request: RunRequest, events: Events = SILENT, *, sequel: Sequel | None = None
) -> TrainResult:
    """Train a model for each machine, unless a fresh one is there.

    A model is fresh while settings, recordings and versions are those it was made with. A run that
    was broken off is gone on with. Of several machines as many are trained at once as
    `RunRequest.jobs` says, each with one thread; the models do not depend on how many. A `sequel`
    follows on each training, but not on a model that was fresh.

    Raises
    ------
    DataError, ProblemsError
        When recordings are missing or unusable, or a detector cannot do with them.
    UsageError
        When a broken-off run had other settings.
    StorageError
        When a model cannot be written.
    """
    workspace = Workspace(request.settings, request.mode)
    require_device_name(request.device)
    skipped = list(_train_bases(workspace, request, events))
    machines = workspace.machines(request.machines)
    if not request.force:
        for machine in machines:
            require_no_other_edition(workspace, machine)
    heard = workspace.machines(()) if workspace.detector.joint else machines
    stores: dict[str, FeatureStore] = {}
    with closing(make_executor(request.jobs)) as executor:
        for machine in heard:
            stores[machine], bad = require_features(
                workspace,
                machine,
                TRAIN_ROLE,
                executor=executor,
                skip_bad=request.skip_bad,
                events=events,
            )
            skipped.extend(bad)
    trained: dict[str, TrainedMachine] = {}
    stale: list[MachineTask] = []
    for machine in machines:
        task = _task(machine, stores, request, machines, joint=workspace.detector.joint)
        fresh = None if request.force else _fresh_model(workspace, task)
        if fresh is not None:
            trained[machine] = fresh
        else:
            stale.append(task)
    remove_abandoned(workspace.model_directory)
    if stale and workspace.detector.learns_jointly:
        learn_network(workspace, stores, request=request, events=events)

    def keep(result: tuple[TrainedMachine, Any]) -> None:
        machine, followed = result
        trained[machine.machine] = machine
        if sequel is not None and followed is not None:
            sequel.keep(followed)

    work = partial(_train_and_follow, request, sequel)
    for_each_machine(work, stale, request=request, events=events, done=keep)
    kept = tuple(dict.fromkeys(skipped))
    return TrainResult(tuple(trained[machine] for machine in machines), kept)


def _train_bases(workspace: Workspace, request: RunRequest, events: Events) -> Iterator[str]:
    """Train what the detector builds on, unless it is fresh; gives the recordings left out."""
    for name in workspace.detector.bases:
        settings = workspace.member(name).settings
        yield from train(replace(request, settings=settings, force=False), events).skipped


def _task(
    machine: str,
    stores: Mapping[str, FeatureStore],
    request: RunRequest,
    machines: Sequence[str],
    *,
    joint: bool,
) -> MachineTask:
    others = tuple((name, stores[name].clips) for name in sorted(stores) if name != machine)
    return MachineTask(
        machine,
        ((TRAIN_ROLE, stores[machine].clips),),
        threads_for(request, machines),
        others if joint else (),
    )


def _fresh_model(workspace: Workspace, task: MachineTask) -> TrainedMachine | None:
    """Give the model that is there when nothing is to be done."""
    known = known_bundle(workspace.model(task.machine), _identity(workspace, task))
    if known is None or known.facts["calibration"] != workspace.calibration_settings():
        return None
    return _summary(workspace, task.machine, "fresh", bundle=known, history=[])


def _identity(workspace: Workspace, task: MachineTask) -> dict[str, Any]:
    others = task.other_stores(workspace, TRAIN_ROLE)
    stores = [*task.stores(workspace), *(store for _, store in sorted(others.items()))]
    return model_identity(workspace, task.machine, stores)


def _train_and_follow(
    request: RunRequest, sequel: Sequel | None, task: MachineTask, events: Events
) -> tuple[TrainedMachine, Any]:
    trained = _train_machine(request, task, events)
    return trained, sequel.work(task.machine, events) if sequel is not None else None


def _train_machine(request: RunRequest, task: MachineTask, events: Events) -> TrainedMachine:
    """Train, or only fit the threshold of, one machine's model; may run in a worker process."""
    workspace, machine = Workspace(request.settings, request.mode), task.machine
    (store,) = task.stores(workspace)
    identity = _identity(workspace, task)
    path = workspace.model(machine)
    checkpoint = Checkpoint(workspace.checkpoint(machine), identity)
    if request.force:
        checkpoint.discard()
    known = None if request.force else known_bundle(path, identity)
    fitted = known is None
    history: History = []
    if known is None:
        others = task.other_stores(workspace, TRAIN_ROLE)
        chosen, facts = workspace, dict[str, Any]()
        if workspace.detector.is_choice:
            chosen, facts = _choose(workspace, store, others, request=request, events=events)
        options = chosen.detector_options(request.device)
        detector = create_detector(chosen.detector.name, options)
        context = FitContext(
            checkpoint=checkpoint,
            events=events,
            task="train",
            bases=fitted_bases(chosen, machine, request.device) if chosen is workspace else {},
            others=others,
        )
        history = detector.fit(store, context)
        # The model is on disk before its threshold is fitted: that may fail, this took long.
        known = new_bundle(identity, chosen.detector.name, options, detector.state(), facts)
        _write_history(workspace, machine, history)
        write_bundle(path, known)
        checkpoint.discard()
    else:
        detector = detector_of(known, workspace, request.device)
    bundle = _calibrate(workspace, known, detector, store, events)
    write_bundle(path, bundle)
    for note in bundle.facts["threshold"]["notes"]:
        events.warning(f"{machine}: {note}")
    state: TrainingState = "trained" if fitted else "calibrated"
    return _summary(workspace, machine, state, bundle=bundle, history=history)


def _choose(
    workspace: Workspace,
    store: FeatureStore,
    others: Mapping[str, FeatureStore],
    *,
    request: RunRequest,
    events: Events,
) -> tuple[Workspace, dict[str, Any]]:
    """Let the candidates compete; gives the best one's settings and the table of all."""
    selection = rank_candidates(workspace, store, others, device=request.device, events=events)
    events.note(f"{selection.machine}: {selection.best} is chosen")
    best = next(c for c in candidates(workspace) if c.name == selection.best)
    ranks = [asdict(rank) | {"seconds": None} for rank in selection.ranks]
    return best.workspace, {"chosen": selection.best, "selection": ranks}


def _calibrate(
    workspace: Workspace,
    bundle: ModelBundle,
    detector: Detector,
    store: FeatureStore,
    events: Events,
) -> ModelBundle:
    scores = detector.score_training_clips(store, events)
    scored = ModelBundle(
        {**bundle.tensors, TRAINING_SCORES: np.asarray(scores, np.float32)},
        {
            **bundle.facts,
            "calibration": workspace.calibration_settings(),
            TRAINING_CLIPS: [
                [clip.section, clip.domain and str(clip.domain)] for clip in store.clips
            ],
        },
    )
    threshold = calibrate(scored, workspace, highest_score=detector.highest_score)
    return ModelBundle(scored.tensors, {**scored.facts, "threshold": threshold.as_dict()})


def _write_history(workspace: Workspace, machine: str, history: History) -> None:
    if history:
        write_text(workspace.history(machine, ".csv"), history_csv(history))
        plot_history(history, workspace.history(machine, ".png"), title=machine)


def _summary(
    workspace: Workspace,
    machine: str,
    state: TrainingState,
    *,
    bundle: ModelBundle,
    history: History,
) -> TrainedMachine:
    return TrainedMachine(
        machine,
        state,
        str(workspace.model(machine)),
        tuple(sorted(set(bundle.facts["detector_facts"]["sections"]))),
        len(bundle.tensors[TRAINING_SCORES]),
        Threshold(**bundle.facts["threshold"]),
        history,
    )
