"""Training of a machine of one's own: from recordings in any folder to a model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asd_cli.artifacts.manifest import library_versions
from asd_cli.artifacts.model_file import OwnMachine
from asd_cli.core.errors import DataError, IntegrityError, UsageError
from asd_cli.core.events import Events
from asd_cli.core.grouping import independent_units
from asd_cli.core.hashing import fingerprint
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.normal_scores import BLOCKS, MIN_CLIPS
from asd_cli.detectors.plans import AutoSelect, create_detector
from asd_cli.detectors.spec import Runtime
from asd_cli.execution.executor import Executor
from asd_cli.pipeline.calibration import calibrate
from asd_cli.pipeline.identity import decisive_settings
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.monitoring.levels import level_db
from asd_cli.pipeline.options import detector_options
from asd_cli.pipeline.own.gathering import Material, asked_rate, gather
from asd_cli.pipeline.own.groups import absolute_groups
from asd_cli.pipeline.own.request import TRAINED, OwnTrainRequest, registry_of
from asd_cli.pipeline.per_machine import runtime_ready
from asd_cli.pipeline.references import reference_indices
from asd_cli.pipeline.training import new_model
from asd_cli.training.devices import require_device_name


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTrained:
    """A model of a machine of one's own.

    Attributes
    ----------
    model : Model
        Ready to score.
    path : Path
        Its file.
    up_to_date : bool
        Whether there was nothing to do.
    recordings, clips : int
        What it was trained on.
    seconds : float
        Length of all clips.
    notes : tuple of str
        What was left out on purpose: ends, duplicates, recordings of faults.
    warnings : tuple of str
        What limits the model.
    skipped : tuple of str
        Why recordings were left out.
    """

    model: Model
    path: Path
    up_to_date: bool
    recordings: int
    clips: int
    seconds: float
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    skipped: tuple[str, ...]


def train_own(request: OwnTrainRequest, events: Events, executor: Executor) -> OwnTrained:
    """Train a model and make it the machine's current one, unless that is up to date.

    Raises
    ------
    DataError, ProblemsError
        When recordings are missing, unusable or too few.
    UsageError
        When the detector cannot be trained on one machine without sections.
    StorageError
        When the model cannot be written.
    """
    require_device_name(request.device)
    registry = registry_of(request.settings)
    registry.folder(request.machine)
    material = gather(request, events, executor)
    identity = own_identity(request, material)
    known = None if request.force else _current(request, identity)
    if known is not None:
        return _summary(known, registry.path(request.machine), material, up_to_date=True)
    model = fit(request, material, identity, events)
    forgotten = tuple(_forgotten(request))
    path = registry.publish(model)
    done = _summary(Model.load(path, device=request.device), path, material, up_to_date=False)
    return replace(done, warnings=(*forgotten, *done.warnings))


def _forgotten(request: OwnTrainRequest) -> Iterator[str]:
    """Say what the version in use has learned and a new training leaves out."""
    try:
        before = registry_of(request.settings).load(request.machine).facts.own
    except (DataError, IntegrityError):
        return
    if before is None or request.reason != TRAINED:
        return
    now = [path.absolute() for path in request.sources]
    gone = [s for s in before.sources if not any(Path(s).is_relative_to(p) for p in now)]
    if gone:
        yield (
            f"version {before.version} also knew {gone[0]}"
            + (f" and {len(gone) - 1} more" if gone[1:] else "")
            + "; this one does not: name it with --data, or go back: asd models rollback "
            f"'{request.machine}'"
        )


def make_model(request: OwnTrainRequest, events: Events, executor: Executor) -> Model:
    """Train a model and keep it in memory; errors as `train_own`."""
    material = gather(request, events, executor)
    return fit(request, material, own_identity(request, material), events)


def own_identity(request: OwnTrainRequest, material: Material) -> dict[str, Any]:
    """Everything that decides the model."""
    torch = material.settings.plan.runtime is Runtime.TORCH
    versions = library_versions(torch=torch)
    return {
        "detector": material.settings.plan.name,
        "machine": request.machine,
        "data": material.store.fingerprint,
        "versions": {n: versions[n] for n in ("asd-cli", *(("torch",) if torch else ()))},
        "settings": decisive_settings(material.settings, material.features),
        "clip_seconds": request.clip_seconds,
        "false_alarm_rate": asked_rate(request, material.store),
        "baseline": [str(path.absolute()) for path in request.baseline],
        "units": fingerprint(independent_units(material.store.clips, BLOCKS).tolist()),
    }


def _current(request: OwnTrainRequest, identity: dict[str, Any]) -> Model | None:
    try:
        model = registry_of(request.settings).load(request.machine, device=request.device)
    except (DataError, IntegrityError):
        return None
    own = model.facts.own
    # Models of before recordings of clips were kept can promise no rate of alarms.
    complete = model.facts.calibration is not None and own is not None and own.clip_recordings
    return model if complete and model.facts.identity == identity else None


def fit(
    request: OwnTrainRequest, material: Material, identity: dict[str, Any], events: Events
) -> Model:
    """Fit the detector and find its threshold."""
    settings, store = material.settings, material.store
    plan = settings.plan
    if isinstance(plan, AutoSelect):
        raise UsageError("auto cannot be a member", hint="name a detector: asd detectors")
    if len(store) < MIN_CLIPS:
        raise DataError(
            f"{len(store)} clip is too little to train on",
            hint="record more, about 5 recordings of a minute; or use shorter clips: --clip 2",
        )
    options = detector_options(settings, features=material.features, device=request.device)
    detector = create_detector(plan, options)
    with runtime_ready(plan.runtime, None):
        detector.fit(store, FitContext(events=events, task=f"train {request.machine}"))
        model = new_model(
            settings,
            identity=identity,
            options=options,
            state=detector.state(),
            store=store,
            selection={},
        )
        model = calibrate(model, settings, detector, store, events)
    return replace(model, facts=replace(model.facts, own=_own_facts(request, material)))


def _own_facts(request: OwnTrainRequest, material: Material) -> OwnMachine:
    lengths = material.clip_lengths
    return OwnMachine(
        sources=tuple(str(path.absolute()) for path in request.sources),
        recordings=material.recordings,
        seconds=round(sum(lengths), 3),
        clip_seconds=request.clip_seconds,
        min_seconds=round(min(lengths), 3),
        max_seconds=round(max(lengths), 3),
        parameters={
            **request.settings.parameters,
            "detector": request.settings.detector,
            "seed": request.settings.seed,
        },
        channel=request.channel,
        false_alarm_rate=request.false_alarm_rate,
        baseline=tuple(str(path.absolute()) for path in request.baseline),
        references=tuple(material.store.clips[i].name for i in reference_indices(material.store)),
        groups=absolute_groups(request.groups),
        reason=request.reason,
        clip_recordings=_numbered([clip.path for clip in material.store.clips]),
        clip_levels=tuple(level_db(material.store[n]) for n in range(len(material.store))),
    )


def _numbered(paths: Sequence[Path]) -> tuple[int, ...]:
    numbers = {path: number for number, path in enumerate(dict.fromkeys(paths))}
    return tuple(numbers[path] for path in paths)


def _summary(model: Model, path: Path, material: Material, *, up_to_date: bool) -> OwnTrained:
    return OwnTrained(
        model=model,
        path=path,
        up_to_date=up_to_date,
        recordings=material.recordings,
        clips=len(material.store),
        seconds=sum(material.clip_lengths),
        notes=material.notes,
        warnings=(*material.warnings, *limits_of(model)),
        skipped=material.skipped,
    )


def limits_of(model: Model) -> Sequence[str]:
    """Say what limits the decisions of a model."""
    calibration = model.facts.calibration
    if calibration is None:
        return []
    units, clips = len(set(calibration.units)), len(calibration.units)
    found = []
    if units == 1:
        found.append(
            "1 recording: how another one differs is not known; record about 5, on other days"
        )
    elif units < BLOCKS:
        found.append(f"{units} recordings: a threshold needs about {BLOCKS}; record more")
    rate = round(1.0 - calibration.threshold.quantile, 12)
    if model.normal_scores.smallest_rate > rate:
        found.append(
            f"{clips} normal clips: a false-alarm rate of {rate:.2g} needs {round(1 / rate) - 1} "
            "to be counted; it is extrapolated from how much recordings differ"
        )
    return found
