"""Training of one machine: from features to a model file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from asd_cli.artifacts.manifest import TrainingRecord, library_versions
from asd_cli.artifacts.model_file import ModelFacts
from asd_cli.artifacts.threshold import Threshold
from asd_cli.core.errors import DataError, IntegrityError, UsageError
from asd_cli.core.events import Events
from asd_cli.core.files import write_text
from asd_cli.detectors.base import Detector, DetectorState, FitContext, History
from asd_cli.detectors.options import DetectorOptions
from asd_cli.detectors.plans import AutoSelect, create_detector, options_to_plain
from asd_cli.detectors.spec import Runtime
from asd_cli.features.logmel import mel_basis
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.calibration import calibrate
from asd_cli.pipeline.identity import (
    calibration_settings,
    decisive_settings,
    for_scoring,
    model_identity,
)
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.model import MEL_FILTERS, WEIGHTS, Model
from asd_cli.pipeline.options import detector_options
from asd_cli.pipeline.per_machine import MachineTask
from asd_cli.pipeline.recording_checks import TRAINING_CLIPS, identities
from asd_cli.pipeline.references import normal_references
from asd_cli.pipeline.request import RunRequest
from asd_cli.pipeline.selection import parse_candidates, rank_candidates
from asd_cli.pipeline.shared_networks import fitted_bases
from asd_cli.reporting.history import history_csv, plot_history
from asd_cli.settings.model import Settings
from asd_cli.training.checkpoint import Checkpoint

TrainingState = Literal["trained", "threshold fitted", "up to date"]


@dataclass(frozen=True, slots=True)
class TrainedMachine:
    """One machine's model.

    Attributes
    ----------
    machine : str
        Machine type.
    state : str
        ``trained``, ``threshold fitted`` (only the threshold was new) or ``up to date``.
    model : str
        Path of the model file.
    sections : tuple of str
        Sections that it was trained on.
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


def up_to_date_model(layout: Layout, task: MachineTask) -> TrainedMachine | None:
    """Give the model that is there when nothing is to be done."""
    known = known_model(layout, task.machine, task_identity(layout, task), "cpu")
    calibration = None if known is None else known.facts.calibration
    if calibration is None or calibration.settings != calibration_settings(layout.settings):
        return None
    return _summary(layout, "up to date", known, [])


def task_identity(layout: Layout, task: MachineTask) -> dict[str, Any]:
    """Everything that decides the model of a task."""
    others = task.other_stores()
    stores = [task.store(), *(store for _, store in sorted(others.items()))]
    return model_identity(layout, task.machine, stores)


def known_model(
    layout: Layout, machine: str, identity: Mapping[str, Any], device: str
) -> Model | None:
    """Read the model that is there if it is the one asked for; a damaged one is trained again."""
    try:
        model = Model.load(layout.model(machine), device=device)
    except (DataError, IntegrityError):
        return None
    return model if model.facts.identity == dict(identity) else None


def train_machine(request: RunRequest, task: MachineTask, events: Events) -> TrainedMachine:
    """Train, or only find the threshold of, one machine's model; may run in a worker process."""
    layout, machine = Layout(request.settings, request.mode), task.machine
    store = task.store()
    identity = task_identity(layout, task)
    path = layout.model(machine)
    checkpoint = Checkpoint(layout.checkpoint(machine), identity)
    if request.force:
        checkpoint.discard()
    known = None if request.force else known_model(layout, machine, identity, request.device)
    history: History = []
    state: TrainingState = "threshold fitted"
    if known is None:
        state = "trained"
        known, detector, history = _fit(
            layout, task, request=request, identity=identity, checkpoint=checkpoint, events=events
        )
        # The model is on disk before its threshold is fitted: that may fail, this took long.
        write_history(layout, machine, history)
        known.save(path)
        checkpoint.discard()
    else:
        options = for_scoring(known.options, layout.settings, request.device)
        detector = known.restore(options)
    model = calibrate(known, layout.settings, detector, store, events)
    model.save(path)
    for note in model.threshold.notes:
        events.warning(f"{machine}: {note}")
    return _summary(layout, state, model, history)


def _fit(
    layout: Layout,
    task: MachineTask,
    *,
    request: RunRequest,
    identity: Mapping[str, Any],
    checkpoint: Checkpoint,
    events: Events,
) -> tuple[Model, Detector, History]:
    """Fit the detector, or what ``auto`` chooses."""
    store, others = task.store(), task.other_stores()
    chosen, selection = layout, dict[str, Any]()
    if isinstance(layout.plan, AutoSelect):
        chosen, selection = _choose(layout, store, others, request=request, events=events)
    options = detector_options(chosen.settings, features=layout.features(), device=request.device)
    detector = create_detector(chosen.plan, options)
    context = FitContext(
        checkpoint=checkpoint,
        events=events,
        task="train",
        bases=fitted_bases(chosen, task.machine, request.device) if chosen is layout else {},
        others=others,
    )
    history = detector.fit(store, context)
    model = new_model(
        chosen.settings,
        identity=identity,
        options=options,
        state=detector.state(),
        store=store,
        selection=selection,
    )
    return model, detector, history


def new_model(
    settings: Settings,
    *,
    identity: Mapping[str, Any],
    options: DetectorOptions,
    state: DetectorState,
    store: FeatureStore,
    selection: Mapping[str, Any],
) -> Model:
    """Make a model of a fitted detector; its threshold is still to be found.

    Parameters
    ----------
    settings : Settings
        Of the detector that was fitted.
    identity : mapping
        From `model_identity`.
    options : DetectorOptions
        What the detector was made with.
    state : DetectorState
        What was fitted.
    store : FeatureStore
        The training clips.
    selection : mapping
        What ``auto`` chose, and why.
    """
    torch = settings.plan.runtime is Runtime.TORCH
    features = options.features
    training = TrainingRecord(
        detector=settings.plan.name,
        seed=options.seed,
        threads=torch_threads() if torch else None,
        settings=decisive_settings(settings, features),
        features=features.fingerprint,
        data=store.fingerprint,
        versions=library_versions(torch=torch),
    )
    facts = ModelFacts(
        machine=identity["machine"],
        mode=identity.get("mode"),
        edition=identity.get("edition"),
        training=training,
        options={**options_to_plain(options), "device": "auto"},
        state=dict(state.facts),
        identity=dict(identity),
        sections=tuple(sorted({clip.section for clip in store.clips if clip.section})),
        selection=dict(selection),
    )
    tensors: dict[str, Any] = {f"{WEIGHTS}{name}": array for name, array in state.tensors.items()}
    tensors[MEL_FILTERS] = mel_basis(features).toarray().astype(np.float32)
    tensors.update(normal_references(store))
    tensors[TRAINING_CLIPS] = identities(store)
    return Model(tensors, facts, options.device)


def torch_threads() -> int:
    """Count the threads that torch computes with."""
    import torch

    return int(torch.get_num_threads())


def _choose(
    layout: Layout,
    store: FeatureStore,
    others: Mapping[str, FeatureStore],
    *,
    request: RunRequest,
    events: Events,
) -> tuple[Layout, dict[str, Any]]:
    """Let the candidates compete; gives the best one's settings and the table of all."""
    ranked = rank_candidates(layout, store, others, device=request.device, events=events)
    events.note(f"{ranked.machine}: {ranked.best} is chosen")
    best = next(c for c in parse_candidates(layout.settings) if c.name == ranked.best)
    ranks = [asdict(rank) | {"seconds": None} for rank in ranked.ranks]
    return Layout(best.settings, layout.mode), {"chosen": ranked.best, "ranks": ranks}


def write_history(layout: Layout, machine: str, history: History) -> None:
    """Write the losses of a training as a table and a picture, where there are any."""
    if history:
        write_text(layout.history(machine, ".csv"), history_csv(history))
        plot_history(history, layout.history(machine, ".png"), title=machine)


def _summary(
    layout: Layout, state: TrainingState, model: Model | None, history: History
) -> TrainedMachine:
    if model is None:
        raise RuntimeError("there is no model to summarise")
    return TrainedMachine(
        model.machine,
        state,
        str(layout.model(model.machine)),
        model.facts.sections,
        len(model.training_scores),
        model.threshold,
        history,
    )


def require_no_other_edition(layout: Layout, machine: str) -> None:
    """Refuse to train over a model of another edition, mode or detector.

    A damaged one may be trained over.

    Raises
    ------
    UsageError
        Names both.
    """
    try:
        model = Model.load(layout.model(machine))
    except (DataError, IntegrityError):
        return
    require_same_edition(model, layout)
    if model.facts.mode != layout.mode.value:
        raise UsageError(
            f"{layout.model(machine)} is a model of mode {model.facts.mode}, and the mode is "
            f"{layout.mode}",
            hint=f"take another folder: --set model_directory=model_{layout.mode}; or --force",
        )


def require_same_edition(model: Model, layout: Layout) -> None:
    """Refuse a model of another edition, or of another detector in a flat folder; UsageError."""
    detector = model.facts.identity["detector"]
    if layout.settings.layout == "flat" and detector != layout.plan.name:
        raise UsageError(
            f"{layout.model(model.machine)} is a model of {detector}, and the detector is "
            f"{layout.plan.name}",
            hint=f"choose that one: --detector {detector}; or another folder: "
            f"--set model_directory=model_{layout.plan.name}",
        )
    made_for, asked = model.facts.edition, layout.edition.name
    if made_for != asked:
        raise UsageError(
            f"{layout.model(model.machine)} is a model of {made_for}, and the edition is {asked}",
            hint=f"choose that edition: --edition {made_for}; or another folder for models of "
            f"this one: --set model_directory=model_{asked}",
        )
