"""What decides a model or scores, and so what makes them out of date."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from asd_cli.artifacts.manifest import library_versions
from asd_cli.core.hashing import combine, hash_file
from asd_cli.core.structures import to_plain
from asd_cli.detectors.ensemble_options import EnsembleDetectorOptions
from asd_cli.detectors.options import DetectorOptions
from asd_cli.detectors.plans import AutoSelect, Ensemble, Single, parse_detector
from asd_cli.detectors.spec import Runtime
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.layout import Layout
from asd_cli.settings.keys import DECISION_KEYS
from asd_cli.settings.model import Settings

# Parameters that matter to scoring and change no weight.
_SCORING_ONLY = frozenset({"feature.score_hop_frames", "score"})
# The content of the encoder's file counts, not its path.
_ENCODER = "encoder.checkpoint"


def decisive_settings(settings: Settings, features: FeatureParameters) -> dict[str, Any]:
    """Give the settings that decide a model's weights, by dotted key.

    Of an ensemble the members' settings stand below their names: ``{"texture": {...}}``.

    Parameters
    ----------
    settings : Settings
        Name the detector.
    features : FeatureParameters
        As they are used: an edition or a machine may say what settings leave open.
    """
    plan = settings.plan
    if isinstance(plan, Ensemble):
        values = settings.for_detector().values
        own = {key: values[key] for key in values if key.startswith("ensemble.")}
        members = {
            n: decisive_settings(settings.with_detector(n), features) for n in plan.member_names
        }
        return {**_plain(own), **members}
    found: dict[str, Any] = {"seed": settings.seed, **_features(features)}
    if isinstance(plan, AutoSelect):
        values = settings.for_detector().values
        found["select.candidates"] = values["select.candidates"]
        for text in plan.candidates:
            name = text.partition(":")[0]
            found[text] = decisive_settings(settings.with_detector(name), features)
    if isinstance(plan, Single):
        values = settings.for_detector().values
        keys = [key.key for key in plan.spec.keys if key.key not in _SCORING_ONLY]
        found |= {key: values[key] for key in keys}
        if _ENCODER in found:
            found[_ENCODER] = _encoder_fingerprint(found[_ENCODER])
    return _plain(found)


def _features(features: FeatureParameters) -> dict[str, Any]:
    """Feature parameters by dotted key, without what only says how the rate is reached."""
    plain = to_plain(features)
    return {f"feature.{name}": value for name, value in plain.items() if name != "resample"}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def _encoder_fingerprint(path: str) -> str:
    # Loads torch, as whatever uses an encoder does.
    from asd_cli.detectors.pretrained.encoders import encoder_fingerprint

    return encoder_fingerprint(Path(path))


def calibration_settings(settings: Settings) -> dict[str, Any]:
    """Give the settings that decide a model's threshold, by dotted key."""
    values = settings.for_detector().values
    return {key: values[key] for key in (*(k.key for k in DECISION_KEYS), "score")}


def model_identity(layout: Layout, machine: str, stores: Sequence[FeatureStore]) -> dict[str, Any]:
    """Everything that decides a model: settings, versions and the clips that are learnt from."""
    torch = layout.plan.runtime is Runtime.TORCH
    versions = library_versions(torch=torch)
    return {
        "detector": layout.plan.name,
        "edition": layout.edition.name,
        "machine": machine,
        "mode": layout.mode.value,
        "data": stores[0].fingerprint
        if len(stores) == 1
        else combine((str(number), store.fingerprint) for number, store in enumerate(stores)),
        "versions": {n: versions[n] for n in ("asd-cli", *(("torch",) if torch else ()))},
        "settings": decisive_settings(layout.settings, layout.features()),
    }


def scoring_inputs(layout: Layout, machine: str, store: FeatureStore) -> dict[str, Any]:
    """Everything that decides the scores of a machine."""
    hop = layout.settings.value("feature.score_hop_frames")
    return {
        "model": hash_file(layout.model(machine)),
        "data": store.fingerprint,
        "score_hop_frames": hop,
        **calibration_settings(layout.settings),
    }


def for_scoring(made_with: DetectorOptions, now: Settings, device: str) -> DetectorOptions:
    """Give the options a model was made with, with what the present settings say of scoring."""
    return _for_scoring(made_with, now, device, None)


def _for_scoring(
    made_with: DetectorOptions, now: Settings, device: str, name: str | None
) -> DetectorOptions:
    options = replace(made_with, device=device)
    if isinstance(options, EnsembleDetectorOptions):
        members = tuple((n, _for_scoring(own, now, device, n)) for n, own in options.members)
        return replace(options, members=members)
    values = now.for_detector(name).values
    windows: Any = getattr(options, "windows", None)
    if windows is not None:
        windows = replace(windows, score_hop_frames=values["feature.score_hop_frames"])
        options = _changed(options, windows=windows)
    if hasattr(options, "score"):
        options = _changed(options, score=values["score"])
    encoder: Any = getattr(options, "encoder", None)
    if encoder is not None and values[_ENCODER]:
        options = _changed(options, encoder=replace(encoder, checkpoint=values[_ENCODER]))
    return options


def _changed(options: DetectorOptions, **changes: Any) -> DetectorOptions:
    return replace(options, **changes)


def plan_of(name: str) -> Single | Ensemble:
    """Give the plan of a fitted detector; it is never ``auto``."""
    plan = parse_detector(name)
    if isinstance(plan, AutoSelect):
        raise TypeError("a fitted detector is never auto")
    return plan
