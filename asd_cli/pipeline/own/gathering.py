"""Training clips of a machine of one's own: found, checked, cut, with their features."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log2
from pathlib import Path
from typing import Any

from asd_cli.artifacts.threshold import INTERVAL
from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.events import Events, progress
from asd_cli.core.files import remove_abandoned
from asd_cli.core.grouping import independent_units
from asd_cli.core.types import BASELINE, NEW_BASELINE, Label, Split
from asd_cli.detectors.normal_scores import BLOCKS
from asd_cli.detectors.plans import AutoSelect
from asd_cli.execution.executor import Executor
from asd_cli.features.extraction import extract_features, open_extraction
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.options import feature_parameters
from asd_cli.pipeline.own.groups import Groups
from asd_cli.pipeline.own.intake import (
    Cuts,
    Intake,
    common_rate,
    cut,
    require_usable,
    take_in,
    unfit,
)
from asd_cli.pipeline.own.request import OwnTrainRequest, default_rate
from asd_cli.pipeline.recording_checks import odd_recordings
from asd_cli.settings.model import Settings

# The baseline's Fourier transform is 64 ms long at 16 kHz; so it is, nearly, at other rates.
_WINDOW_SECONDS = 0.064
_HOPS_PER_WINDOW = 2
_SOURCE_DIGITS = 8


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
        notes=(
            *_left_out(found, normal, cuts, copies),
            *_other_rates(usable, rate),
            *_settings_not_used(request),
        ),
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


def _settings_not_used(request: OwnTrainRequest) -> Iterator[str]:
    """Say which settings mean something for challenge sets alone."""
    used = {
        "decision_threshold": None,
        "threshold": INTERVAL,
        "feature.channel": request.channel,
        "feature.resample": True,
    }
    given = request.settings.parameters
    ignored = [key for key, value in used.items() if key in given and given[key] != value]
    if ignored:
        yield (
            f"settings that own machines do not use: {', '.join(ignored)} (they have "
            "--false-alarm-rate and --channel; recordings are always resampled)"
        )


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
