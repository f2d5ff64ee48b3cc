"""What stands in an exported file next to the graph: how to use it, and what it is of."""

import json
from dataclasses import dataclass, field
from typing import Any

from asd_cli.artifacts.model_file import ModelFile, content_digest
from asd_cli.artifacts.threshold import INTERVAL
from asd_cli.core.version import package_version
from asd_cli.detectors.plans import Ensemble, parse_detector
from asd_cli.features.mel import band_edge_hz
from asd_cli.pipeline.exporting.assemble import ModelGraph, default_alpha, normal_bands
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.monitoring.rule_making import AlarmOptions
from asd_cli.pipeline.monitoring.scorer import rule_of

SCHEMA = "asd.onnx/1"
_DCASE_LICENCE = "CC-BY-NC-SA-4.0"
_UNSTATED = "unstated"
_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a model file does not hold and its maker may say.

    Attributes
    ----------
    licence : str
        Of the model; empty for what follows from the data.
    microphone : str
        Which, and where it was.
    alarms : AlarmOptions
        Of the alarm rule that the file holds.
    """

    licence: str = ""
    microphone: str = ""
    alarms: AlarmOptions = field(default_factory=AlarmOptions)


def licence_of(model: Model, description: Description) -> str:
    """Give the licence of a model: that of its maker, or of the challenge's recordings."""
    if description.licence:
        return description.licence
    # Recordings of the challenge are for research; weights that were trained on them as well.
    return _DCASE_LICENCE if model.facts.edition else _UNSTATED


def metadata(model: Model, made: ModelGraph, description: Description) -> dict[str, str]:
    """Give the properties of an ONNX file, by name; each is a JSON value.

    Those that a program needs have names of their own; ``asd.card`` is for people.
    """
    own, features = model.facts.own, model.features
    values: dict[str, Any] = {
        "schema": SCHEMA,
        "machine": model.machine,
        "detector": model.facts.training.detector,
        "sample_rate": features.sample_rate,
        "channel": own.channel if own else features.channel,
        "min_samples": made.min_samples,
        "n_fft": features.n_fft,
        "hop_length": features.hop_length,
        "alpha": default_alpha(model),
        "threshold": model.threshold.value,
        "calibration_clips": len(model.training_scores),
        "smallest_rate": 1.0 / (len(model.training_scores) + 1.0),
        "sections": [section for section in model.facts.sections if section is not None],
        "licence": licence_of(model, description),
        "model_sha256": content_digest(ModelFile(model.tensors, model.facts)),
        "card": card(model, description),
    }
    if model.threshold.kind == INTERVAL:
        values["rate_bound"] = model.threshold.bound
        values["part_correlation"] = model.normal_scores.part_correlation
    if own is not None:
        values["clip_seconds"] = own.clip_seconds
        values["alarm_rule"] = rule_of(model, description.alarms).document()
        values["min_seconds"], values["max_seconds"] = own.min_seconds, own.max_seconds
    bands = normal_bands(model)
    if bands is not None:
        values["band_edges_hz"] = band_edges(model)
        values["band_spread_db"] = [round(float(value), _DIGITS) for value in bands.spread]
    return {f"asd.{key}": json.dumps(value, ensure_ascii=False) for key, value in values.items()}


def band_edges(model: Model) -> list[float]:
    """Give the borders of the model's bands in Hz, one more than bands."""
    features = model.features
    if features.scale == "linear":
        width = features.sample_rate / 2 / (features.n_mels + 1)
        edges = [(number + 0.5) * width for number in range(features.n_mels + 1)]
    else:
        edges = [
            band_edge_hz(number, n_mels=features.n_mels, sample_rate=features.sample_rate)
            for number in range(features.n_mels + 1)
        ]
    return [round(float(edge), 1) for edge in edges]


def card(model: Model, description: Description) -> dict[str, Any]:
    """Describe a model for people: what it is of, what it promises, what it cannot detect."""
    own, threshold = model.facts.own, model.threshold
    found: dict[str, Any] = {
        "machine": model.machine,
        "detector": model.facts.training.detector,
        "made_by": f"asd {package_version()}",
        "sample_rate_hz": model.features.sample_rate,
        "microphone": description.microphone or "not recorded",
        "licence": licence_of(model, description),
        "normal_clips": len(model.training_scores),
        "false_alarm_rate": {
            "asked_for": round(1.0 - threshold.quantile, 12),
            "at_most": threshold.bound,
            "smallest_shown": 1.0 / (len(model.training_scores) + 1.0),
        },
        "cannot_detect": limits(model),
    }
    if own is not None:
        found["recordings"] = own.recordings
        found["hours"] = round(own.seconds / 3600.0, 3)
        found["clip_seconds"] = own.clip_seconds
        found["version"] = own.version
    else:
        found["edition"], found["mode"] = model.facts.edition, model.facts.mode
        found["sections"] = list(model.facts.sections)
    return found


def limits(model: Model) -> list[str]:
    """Say what a model cannot detect, or takes for a fault."""
    plan = parse_detector(model.facts.training.detector)
    members = {spec.family_name: spec for spec in plan.members}
    half = model.features.sample_rate / 2000.0
    found = [
        f"sound above {half:g} kHz is not used",
        "another microphone, position or gain sounds like a fault; train again after a change",
        "operating states that are in no normal recording are called anomalous",
    ]
    names = plan.member_names if isinstance(plan, Ensemble) else (plan.name,)
    if {"pooled-speed", "texture"} & {*names, *members}:
        found.append(
            "a change of speed by up to 5 % is taken for normal by some of its members, and faults "
            "that only shift frequencies so far"
        )
    if not {"texture"} & set(members):
        found.append("the rhythm of a sound is not used: events at other times go unnoticed")
    return found
