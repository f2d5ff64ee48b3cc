"""What is found of recordings of a machine: facts first, then what a first model tells of them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from asd_cli.core.types import Clip
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.own.gathering import Material
from asd_cli.pipeline.own.inspection import (
    RecordingQuality,
    States,
    copies_of,
    gain_step,
    operating_states,
)
from asd_cli.pipeline.own.intake import Intake, common_rate
from asd_cli.pipeline.own.training import limits_of

_RATES = (0.1, 0.05, 0.01, 0.001)
_OUTLIERS = 0.02
_MIN_OUTLIERS = 3


@dataclass(frozen=True, slots=True)
class Outlier:
    """A clip that sounds unlike the others: somebody should listen to it.

    Attributes
    ----------
    clip : str
        Its name.
    path : Path
        The file.
    start : float
        Where it begins, in seconds.
    duration : float or None
        Its length; None to the end.
    score, p_value : float
        Of the clip when its recording is left out.
    """

    clip: str
    path: Path
    start: float
    duration: float | None
    score: float
    p_value: float


@dataclass(frozen=True, slots=True)
class SupportedRate:
    """A false-alarm rate that could be asked for, and its bound for 95 % of clean streams."""

    asked: float
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was found.

    Attributes
    ----------
    recordings : tuple of RecordingQuality
        In the order of their names.
    unreadable : tuple of str
        Why each other file cannot be read.
    seconds : float
        Length of all recordings.
    containers, rates, channels : mapping
        How many recordings there are of each.
    sample_rate : int
        What a model of them would use, in Hz.
    clips : int
        How many clips they give.
    units : int
        Independent recordings, or groups of them.
    gain : str
        A step of the level, in words.
    copies : tuple of str
        Recordings that hold the same sound.
    states : States or None
        Two operating states, where there are.
    outliers : tuple of Outlier
        The least usual clips, the worst first.
    supported : tuple of SupportedRate
        What could be promised.
    limits : tuple of str
        What limits that.
    notes : tuple of str
        What was left out, and why nothing more could be said.
    """

    recordings: tuple[RecordingQuality, ...]
    unreadable: tuple[str, ...]
    seconds: float
    containers: Mapping[str, int] = field(default_factory=dict)
    rates: Mapping[int, int] = field(default_factory=dict)
    channels: Mapping[int, int] = field(default_factory=dict)
    sample_rate: int = 0
    clips: int = 0
    units: int = 0
    gain: str = ""
    copies: tuple[str, ...] = ()
    states: States | None = None
    outliers: tuple[Outlier, ...] = ()
    supported: tuple[SupportedRate, ...] = ()
    limits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def suspicious(self) -> tuple[RecordingQuality, ...]:
        """Recordings with something wrong."""
        return tuple(r for r in self.recordings if r.suspicions or r.problem)


def first_facts(found: Intake, qualities: tuple[RecordingQuality, ...]) -> Inspection:
    """Gather what recordings tell before anything is trained."""
    infos = [recording.info for recording in found.recordings]
    return Inspection(
        recordings=qualities,
        unreadable=found.problems,
        seconds=found.seconds,
        containers=dict(Counter(f"{i.container} {i.subtype}" for i in infos).most_common()),
        rates=dict(Counter(i.sample_rate for i in infos).most_common()),
        channels=dict(Counter(i.channels for i in infos).most_common()),
        sample_rate=common_rate(infos),
        gain=gain_step(qualities),
    )


def _outlier(clip: Clip, score: float, p_value: float) -> Outlier:
    return Outlier(clip.name, clip.path, clip.start, clip.duration, score, p_value)


def _left_out(known: Inspection, material: Material) -> Iterator[str]:
    """Say which recordings could be read and would not be trained on."""
    said = {*known.unreadable, *(r.problem for r in known.recordings)}
    for reason in material.skipped:
        if not any(text and reason.startswith(text) for text in said):
            yield f"left out: {reason}"


def with_model(known: Inspection, material: Material, model: Model) -> Inspection:
    """Add what left-out scores tell."""
    scores, normal = model.training_scores, model.normal_scores
    order = np.argsort(-scores, kind="stable")
    count = min(len(scores), max(_MIN_OUTLIERS, round(_OUTLIERS * len(scores))))
    p_values = normal.p_values(scores)
    calibration = model.facts.calibration
    return replace(
        known,
        clips=len(material.store),
        units=len(set(calibration.units)) if calibration else 0,
        copies=tuple(copies_of(material.store)),
        states=operating_states(material.store),
        outliers=tuple(
            _outlier(material.store.clips[i], float(scores[i]), float(p_values[i]))
            for i in order[:count]
        ),
        supported=tuple(SupportedRate(rate, normal.bound(rate)) for rate in _RATES),
        limits=tuple(limits_of(model)),
        notes=(*material.notes, *_left_out(known, material)),
    )
