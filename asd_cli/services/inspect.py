"""`asd inspect`: what recordings there are, what is wrong with them, and what they support."""

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from asd_cli.core.errors import DataError, ProblemsError
from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.types import Split
from asd_cli.execution.executor import Executor, in_order, make_executor
from asd_cli.pipeline.own.findings import Inspection, first_facts, with_model
from asd_cli.pipeline.own.gathering import Material, gather
from asd_cli.pipeline.own.groups import Groups
from asd_cli.pipeline.own.inspection import (
    RecordingQuality,
    look_at,
)
from asd_cli.pipeline.own.intake import CLIP_SECONDS, Channel, Intake, take_in
from asd_cli.pipeline.own.request import OwnTrainRequest
from asd_cli.pipeline.own.training import fit, own_identity
from asd_cli.settings.model import Settings

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
        known = first_facts(found, qualities)
        try:
            material = gather(_training(request), events, executor)
            model = fit(_training(request), material, _identity(request, material), events)
        except DataError as error:
            return replace(known, notes=(error.message,))
        return with_model(known, material, model)


def _look(found: Intake, events: Events, executor: Executor) -> tuple[RecordingQuality, ...]:
    with progress(events, "listen", total=len(found.recordings), unit="recordings") as advance:
        qualities = []
        with closing(in_order(executor.submit(look_at, found.recordings))) as looked:
            for quality in looked:
                qualities.append(quality)
                advance(1, quality.name)
    return tuple(qualities)


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
