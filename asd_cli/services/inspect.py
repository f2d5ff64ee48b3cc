"""`asd inspect`: what recordings there are, what is wrong with them, and what they support."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from asd_cli.core.errors import DataError, ProblemsError
from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.files import write_text
from asd_cli.core.text import printable
from asd_cli.core.types import Clip, Split
from asd_cli.execution.executor import Executor, in_order, make_executor
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.own.gathering import Material, gather
from asd_cli.pipeline.own.groups import Groups
from asd_cli.pipeline.own.inspection import (
    RecordingQuality,
    States,
    copies_of,
    gain_step,
    look_at,
    operating_states,
)
from asd_cli.pipeline.own.intake import CLIP_SECONDS, Channel, Intake, common_rate, take_in
from asd_cli.pipeline.own.request import OwnTrainRequest
from asd_cli.pipeline.own.training import fit, limits_of, own_identity
from asd_cli.settings.model import Settings

__all__ = ["InspectRequest", "Inspection", "Outlier", "SupportedRate", "inspect"]

_RATES = (0.1, 0.05, 0.01, 0.001)
_OUTLIERS = 0.02
_MIN_OUTLIERS = 3
_NAME = "inspected"


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectRequest:
    """Recordings to look at.

    Attributes
    ----------
    paths : tuple of Path
        Folders, files and tables.
    settings : Settings
        Where features are kept.
    clip_seconds : float
        Length of clips.
    channel : int or "mean"
        Which channel to take of several.
    groups : str or None
        What belongs together: ``folders``, or a CSV file.
    jobs : int or None
        Worker processes.
    """

    paths: tuple[Path, ...]
    settings: Settings
    clip_seconds: float = CLIP_SECONDS
    channel: Channel = "mean"
    groups: str | None = None
    jobs: int | None = None


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


def inspect(request: InspectRequest, events: Events = SILENT) -> Inspection:
    """Look at recordings of a machine.

    Raises
    ------
    DataError
        When there is no such folder, or no recording in it.
    """
    with closing(make_executor(request.jobs)) as executor:
        found = take_in(request.paths, _NAME, split=Split.TRAIN, groups=Groups.read(request.groups))
        if not found.recordings:
            raise ProblemsError(
                f"none of {len(found.problems)} recordings can be read", found.problems
            )
        qualities = _look(found, events, executor)
        known = _facts(found, qualities)
        try:
            material = gather(_training(request), events, executor)
            model = fit(_training(request), material, _identity(request, material), events)
        except DataError as error:
            return replace(known, notes=(error.message,))
        return _learned(known, material, model)


def _look(found: Intake, events: Events, executor: Executor) -> tuple[RecordingQuality, ...]:
    with progress(events, "listen", total=len(found.recordings), unit="recordings") as advance:
        qualities = []
        with closing(in_order(executor.submit(look_at, found.recordings))) as looked:
            for quality in looked:
                qualities.append(quality)
                advance(1, quality.name)
    return tuple(qualities)


def _facts(found: Intake, qualities: tuple[RecordingQuality, ...]) -> Inspection:
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


def _training(request: InspectRequest) -> OwnTrainRequest:
    return OwnTrainRequest(
        sources=request.paths,
        machine=_NAME,
        settings=request.settings,
        clip_seconds=request.clip_seconds,
        channel=request.channel,
        groups=request.groups,
        skip_bad=True,
        jobs=request.jobs,
    )


def _identity(request: InspectRequest, material: Material) -> dict[str, object]:
    return own_identity(_training(request), material)


def _outlier(clip: Clip, score: float, p_value: float) -> Outlier:
    return Outlier(clip.name, clip.path, clip.start, clip.duration, score, p_value)


def write_page(found: Inspection, path: Path, command: str) -> None:
    """Write the page of an inspection; StorageError when it cannot be written."""
    # Pages load jinja2, which text does without.
    from asd_cli.pipeline.own.report import outlier_cards
    from asd_cli.reporting.inspection_page import InspectionPage
    from asd_cli.reporting.render import render_inspection

    wanted = [
        (
            Clip(path=o.path, machine=_NAME, start=o.start, duration=o.duration, recording=o.clip),
            o.score,
            o.p_value,
        )
        for o in found.outliers
    ]
    page = InspectionPage(
        recordings=len(found.recordings),
        seconds=found.seconds,
        containers=tuple(found.containers.items()),
        rates=tuple((f"{rate} Hz", count) for rate, count in found.rates.items()),
        channels=tuple((f"{n} channel(s)", count) for n, count in found.channels.items()),
        sample_rate=found.sample_rate,
        clips=found.clips,
        units=found.units,
        unreadable=tuple(printable(text) for text in found.unreadable),
        suspicious=tuple(
            (printable(r.name), r.problem or "; ".join(sign.text for sign in r.suspicions))
            for r in found.suspicious
        ),
        copies=tuple(printable(text) for text in found.copies),
        gain=printable(found.gain),
        states=None if found.states is None else printable(found.states.sentence),
        levels=tuple(r.level_db for r in found.recordings if not r.problem),
        cards=tuple(outlier_cards(wanted, found.sample_rate)),
        supported=tuple((rate.asked, rate.bound) for rate in found.supported),
        notes=(*found.limits, *found.notes),
        command=command,
    )
    write_text(path, render_inspection(page))


def _left_out(known: Inspection, material: Material) -> Iterator[str]:
    """Say which recordings could be read and would not be trained on."""
    said = {*known.unreadable, *(r.problem for r in known.recordings)}
    for reason in material.skipped:
        if not any(text and reason.startswith(text) for text in said):
            yield f"left out: {reason}"


def _learned(known: Inspection, material: Material, model: Model) -> Inspection:
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
