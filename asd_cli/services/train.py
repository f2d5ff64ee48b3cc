"""`asd train`: learn what each machine sounds like when it is well."""

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from asd_cli.artifacts.bundle import ModelBundle, read_bundle, write_bundle
from asd_cli.artifacts.manifest import library_versions
from asd_cli.core.errors import DataError, IntegrityError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.files import remove_abandoned, write_text
from asd_cli.data.folders import TRAIN_ROLE
from asd_cli.detectors.base import Detector, DetectorState, FitContext, History
from asd_cli.detectors.registry import create_detector, restore_detector
from asd_cli.detectors.thresholds import Threshold, fit_threshold
from asd_cli.execution.executor import make_executor
from asd_cli.features.store import FeatureStore
from asd_cli.reporting.history import history_csv, plot_history
from asd_cli.services.extract import require_features
from asd_cli.services.machines import MachineTask, for_each_machine, threads_for
from asd_cli.services.workspace import RunRequest, Workspace
from asd_cli.training.checkpoint import Checkpoint
from asd_cli.training.devices import require_device_name

TRAINING_SCORES = "training_scores"
_WEIGHTS = "detector."

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


def train(request: RunRequest, events: Events = SILENT) -> TrainResult:
    """Train a model for each machine, unless a fresh one is there.

    A model is fresh while settings, recordings and versions are those it was made with. A run that
    was broken off is gone on with. Of several machines as many are trained at once as
    `RunRequest.jobs` says, each with one thread; the models do not depend on how many.

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
    machines = workspace.machines(request.machines)
    trained: dict[str, TrainedMachine] = {}
    skipped: list[str] = []
    stale: list[MachineTask] = []
    with closing(make_executor(request.jobs)) as executor:
        for machine in machines:
            store, bad = require_features(
                workspace,
                machine,
                TRAIN_ROLE,
                executor=executor,
                skip_bad=request.skip_bad,
                events=events,
            )
            skipped.extend(bad)
            fresh = None if request.force else _fresh_model(workspace, machine, store)
            if fresh is not None:
                trained[machine] = fresh
            else:
                threads = threads_for(request, machines)
                stale.append(MachineTask(machine, ((TRAIN_ROLE, store.clips),), threads))
    remove_abandoned(workspace.model_directory)
    work = partial(_train_machine, request)
    for result in for_each_machine(work, stale, request=request, events=events):
        trained[result.machine] = result
    return TrainResult(tuple(trained[machine] for machine in machines), tuple(skipped))


def _fresh_model(workspace: Workspace, machine: str, store: FeatureStore) -> TrainedMachine | None:
    """Give the model that is there when nothing is to be done."""
    known = _known_bundle(workspace, machine, _identity(workspace, machine, store))
    if known is None or known.facts["calibration"] != workspace.calibration_settings():
        return None
    return _summary(workspace, machine, "fresh", bundle=known, history=[])


def _train_machine(request: RunRequest, task: MachineTask, events: Events) -> TrainedMachine:
    """Train, or only fit the threshold of, one machine's model; may run in a worker process."""
    workspace, machine = Workspace(request.settings, request.mode), task.machine
    (store,) = task.stores(workspace)
    identity = _identity(workspace, machine, store)
    path = workspace.model(machine)
    if request.force:
        workspace.checkpoint(machine).unlink(missing_ok=True)
    known = None if request.force else _known_bundle(workspace, machine, identity)
    fitted = known is None
    history: History = []
    if known is None:
        detector = create_detector(
            workspace.detector.name, workspace.detector_options(request.device)
        )
        checkpoint = Checkpoint(workspace.checkpoint(machine), identity)
        context = FitContext(checkpoint=checkpoint, events=events, task="train")
        history = detector.fit(store, context)
        # The model is on disk before its threshold is fitted: that may fail, this took long.
        known = _bundle(workspace, machine, identity, detector.state())
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


def detector_of(bundle: ModelBundle, workspace: Workspace, device: str) -> Detector:
    """Make the fitted detector that a bundle holds."""
    tensors = {
        name.removeprefix(_WEIGHTS): array
        for name, array in bundle.tensors.items()
        if name.startswith(_WEIGHTS)
    }
    state = DetectorState(tensors, bundle.facts["detector_facts"])
    return restore_detector(bundle.facts["detector"], state, workspace.detector_options(device))


def _identity(workspace: Workspace, machine: str, store: FeatureStore) -> dict[str, Any]:
    """Everything that decides the weights."""
    versions = library_versions()
    return {
        "detector": workspace.detector.name,
        "edition": workspace.edition.name,
        "machine": machine,
        "mode": workspace.mode.value,
        "data": store.fingerprint,
        "asd-cli": versions["asd-cli"],
        "torch": versions["torch"],
        **workspace.training_settings(),
    }


def _known_bundle(
    workspace: Workspace, machine: str, identity: dict[str, Any]
) -> ModelBundle | None:
    """Read the model that is there if it is the one wanted; a damaged one is made anew."""
    try:
        bundle = read_bundle(workspace.model(machine))
    except (DataError, IntegrityError):
        return None
    return bundle if bundle.facts.get("identity") == identity else None


def _bundle(
    workspace: Workspace, machine: str, identity: dict[str, Any], state: DetectorState
) -> ModelBundle:
    import torch

    return ModelBundle(
        {f"{_WEIGHTS}{name}": array for name, array in state.tensors.items()},
        {
            "detector": workspace.detector.name,
            "detector_facts": dict(state.facts),
            "machine": machine,
            "mode": workspace.mode.value,
            "identity": identity,
            "recipe": workspace.recipe().fingerprint,
            "threads": torch.get_num_threads(),
            "versions": library_versions(),
            "calibration": None,
            "threshold": None,
        },
    )


def _calibrate(
    workspace: Workspace,
    bundle: ModelBundle,
    detector: Detector,
    store: FeatureStore,
    events: Events,
) -> ModelBundle:
    scores = detector.score_training_clips(store, events)
    threshold = fit_threshold(
        scores,
        kind=workspace.settings.threshold,
        quantile=workspace.settings.decision_threshold,
        highest_score=detector.highest_score,
    )
    return ModelBundle(
        {**bundle.tensors, TRAINING_SCORES: np.asarray(scores, np.float32)},
        {
            **bundle.facts,
            "calibration": workspace.calibration_settings(),
            "threshold": threshold.as_dict(),
        },
    )


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
