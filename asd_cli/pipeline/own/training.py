"""Training of a machine of one's own: from recordings in any folder to a model."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log2
from pathlib import Path
from typing import Any

from asd_cli.artifacts.manifest import library_versions
from asd_cli.artifacts.model_file import OwnMachine
from asd_cli.artifacts.threshold import INTERVAL
from asd_cli.core.errors import DataError, IntegrityError, UsageError
from asd_cli.core.events import Events, progress
from asd_cli.core.files import remove_abandoned
from asd_cli.core.grouping import independent_units
from asd_cli.core.hashing import fingerprint
from asd_cli.core.types import BASELINE, NEW_BASELINE, Label, Split
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.normal_scores import BLOCKS, MIN_CLIPS
from asd_cli.detectors.plans import AutoSelect, create_detector
from asd_cli.detectors.spec import Runtime
from asd_cli.execution.executor import Executor
from asd_cli.features.extraction import extract_features, open_extraction
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.calibration import calibrate
from asd_cli.pipeline.identity import decisive_settings
from asd_cli.pipeline.model import Model, reference_indices
from asd_cli.pipeline.options import detector_options, feature_parameters
from asd_cli.pipeline.own.groups import Groups, absolute_groups
from asd_cli.pipeline.own.intake import (
    Cuts,
    Intake,
    common_rate,
    cut,
    require_usable,
    take_in,
    unfit,
)
from asd_cli.pipeline.own.request import OwnTrainRequest, default_rate, registry_of
from asd_cli.pipeline.per_machine import runtime_ready
from asd_cli.pipeline.recording_checks import odd_recordings
from asd_cli.pipeline.training import new_model
from asd_cli.settings.model import Settings
from asd_cli.training.devices import require_device_name

# The baseline's Fourier transform is 64 ms long at 16 kHz; so it is, nearly, at other rates.
_WINDOW_SECONDS = 0.064
_HOPS_PER_WINDOW = 2
_SOURCE_DIGITS = 8


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Training clips with their features.

    Attributes
    ----------
    settings : Settings
        With the rate, channel and decision of the machine.
    features : FeatureParameters
        How features were computed.
    store : FeatureStore
        Features of the clips that are used.
    intake : Intake
        Recordings.
    notes, skipped : tuple of str
        What was left out.
    warnings : tuple of str
        What is suspicious about recordings.
    """

    settings: Settings
    features: FeatureParameters
    store: FeatureStore
    intake: Intake
    notes: tuple[str, ...]
    skipped: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def recordings(self) -> int:
        """Files that clips are of."""
        return len({clip.path for clip in self.store.clips})

    @property
    def clip_lengths(self) -> list[float]:
        """Length of each clip, in seconds."""
        lengths = {r.whole.path: r.info.duration for r in self.intake.recordings}
        return [
            lengths[clip.path] - clip.start if clip.duration is None else clip.duration
            for clip in self.store.clips
        ]


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
    path = registry.publish(model)
    return _summary(Model.load(path, device=request.device), path, material, up_to_date=False)


def make_model(request: OwnTrainRequest, events: Events, executor: Executor) -> Model:
    """Train a model and keep it in memory; errors as `train_own`."""
    material = gather(request, events, executor)
    return fit(request, material, own_identity(request, material), events)


def gather(request: OwnTrainRequest, events: Events, executor: Executor) -> Material:
    """Find and check recordings, cut them and compute their features."""
    groups = Groups.read(request.groups)
    with progress(events, "find recordings", total=None, unit="files"):
        found = _take_in(request, groups)
    groups.require_used(recording.whole for recording in found.recordings)
    normal = found.only(Label.NORMAL)
    if not normal.recordings:
        require_usable(normal, (), skip_bad=request.skip_bad)
    settings = own_settings(request, normal)
    rate = settings.value("feature.sample_rate")
    reasons = [unfit(recording, rate, request.channel) for recording in normal.recordings]
    skipped = require_usable(normal, list(filter(None, reasons)), skip_bad=request.skip_bad)
    usable = replace(
        normal,
        recordings=tuple(
            r for r, reason in zip(normal.recordings, reasons, strict=True) if not reason
        ),
    )
    cuts = cut(usable, request.clip_seconds)
    features = feature_parameters(settings)
    name = _store_name(request, settings, features)
    with progress(events, "extract features", total=len(cuts.clips), unit="clips") as advance:
        extraction = extract_features(
            cuts.clips, name, recipe=features, executor=executor, skip_bad=request.skip_bad,
            advance=advance,
        )  # fmt: skip
    remove_abandoned(name.parent)
    store, copies = _without_copies(open_extraction(extraction, cuts.clips))
    return Material(
        settings=_with_rate(settings, asked_rate(request, store)),
        features=features,
        store=store,
        intake=usable,
        notes=(*_left_out(found, normal, cuts, copies), *_other_rates(usable, rate)),
        skipped=(*skipped, *extraction.skipped),
        warnings=tuple(
            odd_recordings(request.machine, extraction.suspicions, len(cuts.clips), "clips")
        ),
    )


def _take_in(request: OwnTrainRequest, groups: Groups) -> Intake:
    """Find the recordings; where some are of after a maintenance, all clips say of which time."""
    if not request.baseline:
        return take_in(request.sources, request.machine, split=Split.TRAIN, groups=groups)
    old, new = (
        take_in(paths, request.machine, split=Split.TRAIN, groups=groups)
        for paths in (request.sources, request.baseline)
    )
    marked = tuple(
        replace(r, whole=replace(
            r.whole.with_attributes(**{BASELINE: NEW_BASELINE}),
            recording=f"{NEW_BASELINE}/{r.whole.recording}",
        ))
        for r in new.recordings
    )  # fmt: skip
    return Intake(
        recordings=(*old.recordings, *marked),
        problems=(*old.problems, *new.problems),
        notes=(*old.notes, *new.notes),
    )


def own_settings(request: OwnTrainRequest, intake: Intake) -> Settings:
    """Complete settings by what recordings and request say; what is set explicitly stays."""
    if not intake.recordings:
        raise DataError(
            "there are no normal recordings to train on", hint="give some: --data recordings/"
        )
    given = request.settings.parameters
    rate = given.get("feature.sample_rate") or common_rate([r.info for r in intake.recordings])
    n_fft = 2 ** round(log2(rate * _WINDOW_SECONDS))
    parameters: dict[str, Any] = {
        "feature.sample_rate": rate,
        "feature.n_fft": n_fft,
        "feature.hop_length": (given.get("feature.n_fft") or n_fft) // _HOPS_PER_WINDOW,
        "threshold_groups": "machine",
        **given,
        "feature.channel": request.channel,
        "feature.resample": True,
        "threshold": INTERVAL,
    }
    run = {**request.settings.run_values(), "detector": request.detector}
    settings = Settings.model_validate({**run, "parameters": parameters})
    _require_no_sections(settings)
    return settings


def _require_no_sections(settings: Settings) -> None:
    """Refuse detectors that learn to distinguish sections, which only challenge sets have."""
    plan = settings.plan
    if isinstance(plan, AutoSelect):
        return
    for member in plan.members:
        if member.needs_sections:
            raise UsageError(
                f"{member.name} learns to distinguish sections, and own recordings have none",
                hint="use another detector: --detector robust; or see what each needs: "
                "asd detectors",
            )


def _with_rate(settings: Settings, rate: float) -> Settings:
    parameters = {**settings.parameters, "decision_threshold": 1.0 - rate}
    return Settings.model_validate({**settings.run_values(), "parameters": parameters})


def _store_name(request: OwnTrainRequest, settings: Settings, features: FeatureParameters) -> Path:
    sources = [str(path.absolute()) for path in (*request.sources, *request.baseline)]
    digits = hashlib.sha256("\0".join(sources).encode("utf-8", "surrogateescape")).hexdigest()
    folder = settings.cache_directory / features.fingerprint[:12]
    # Not of the machine: whoever inspected the recordings has their features already.
    return folder / f"own_train.{digits[:_SOURCE_DIGITS]}"


def _without_copies(store: FeatureStore) -> tuple[FeatureStore, list[str]]:
    """Keep one of clips that hold the same audio; gives what was left out as well.

    One of after a maintenance is kept rather than its copy among the older ones: it says where
    normal sound is now.
    """
    newest_first = sorted(
        range(len(store)), key=lambda i: BASELINE not in store.clips[i].attributes
    )
    first: dict[str, str] = {}
    kept: list[int] = []
    copies: list[str] = []
    for index in newest_first:
        name, digest = store.clips[index].name, store.hashes[index]
        if digest in first:
            copies.append(f"{name} is the same as {first[digest]}")
        else:
            first[digest] = name
            kept.append(index)
    return (store.select(sorted(kept)) if copies else store), copies


def _left_out(found: Intake, normal: Intake, cuts: Cuts, copies: Sequence[str]) -> Sequence[str]:
    notes = list(found.notes)
    faults = len(found.recordings) - len(normal.recordings)
    if faults:
        notes.append(f"{faults} recordings of faults (folder or label anomaly) are not trained on")
    if cuts.ends:
        notes.append(
            f"{cuts.ends} ends of recordings, shorter than half a clip, are left out "
            f"({cuts.left_out_seconds:.1f} s in all)"
        )
    if copies:
        notes.append(f"{len(copies)} clips are copies and are left out; first: {copies[0]}")
    return notes


def _other_rates(usable: Intake, rate: int) -> Iterator[str]:
    """Say that sound of higher frequencies is not used, where some recordings have it."""
    higher = sorted({r.info.sample_rate for r in usable.recordings} - {rate})
    count = sum(r.info.sample_rate != rate for r in usable.recordings)
    if count:
        yield (
            f"{count} of {len(usable.recordings)} recordings have {higher[-1]} Hz and are used at "
            f"{rate} Hz, so what lies above {rate // 2} Hz is not used"
        )


def asked_rate(request: OwnTrainRequest, store: FeatureStore) -> float:
    """Give the false-alarm rate that is asked for, or what the recordings can show."""
    if request.false_alarm_rate is not None:
        return request.false_alarm_rate
    return default_rate(len(set(independent_units(store.clips, BLOCKS).tolist())))


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
    complete = model.facts.calibration is not None and model.facts.own is not None
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
    )


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
