"""`asd update` and `asd rebaseline`: new versions of a model of a machine of one's own."""

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.types import Label, Split
from asd_cli.execution.executor import make_executor
from asd_cli.pipeline.monitoring.responses import normal_sounds
from asd_cli.pipeline.own.changes import (
    MIN_CLIPS_ALONE,
    MIN_RECORDINGS_ALONE,
    after_maintenance,
    clips_gone,
    current,
    require_own,
    with_more_normal,
)
from asd_cli.pipeline.own.intake import Intake, cut, take_in
from asd_cli.pipeline.own.request import OwnTrainRequest
from asd_cli.pipeline.own.training import OwnTrained, train_own
from asd_cli.settings.model import Settings

__all__ = ["UpdateRequest", "normal_sounds", "rebaseline", "update"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRequest:
    """A new version of a machine's model.

    Attributes
    ----------
    machine : str
        Which machine.
    paths : tuple of Path
        Recordings: of normal sound to add, or of after maintenance.
    settings : Settings
        Say where models and features are.
    reason : str
        Of a rebaseline: what was done to the machine.
    jobs : int or None
        Worker processes.
    skip_bad : bool
        Leave out recordings that cannot be used, and list them.
    """

    machine: str
    paths: tuple[Path, ...]
    settings: Settings
    reason: str = ""
    jobs: int | None = None
    skip_bad: bool = False


def update(request: UpdateRequest, events: Events = SILENT) -> OwnTrained:
    """Add recordings as normal: false alarms, or an operating state that was not known.

    The model is made from the recordings it was made from and the new ones. Features of the old
    ones are kept, so that a detector without a network takes seconds.

    Raises
    ------
    DataError, ProblemsError
        When there is no model, or recordings are gone or cannot be used.
    """
    model = current(request.settings, request.machine)
    asked = with_more_normal(model, request.paths, request.settings)
    _normal(request)
    trained = _train(asked, request, events)
    gone = clips_gone(model, trained.model)
    if gone:
        lost = f"{gone} of the clips that the version before was trained on are not there any more"
        trained = replace(trained, warnings=(*trained.warnings, lost))
    return trained


def rebaseline(request: UpdateRequest, events: Events = SILENT) -> OwnTrained:
    """Make a version of the machine as it is after maintenance; the version before is kept.

    From many recordings it is made of them alone. Of few, they give the centre and the recordings
    from before the spread (Guan et al. and others move a covariance likewise; 5 to 20 clips were
    enough for most of the gain).

    Raises
    ------
    UsageError
        When no reason is given.
    DataError, ProblemsError
        When there is no model, or recordings are gone or cannot be used.
    """
    if not request.reason.strip():
        raise UsageError(
            "a new baseline needs a reason, for the record",
            hint="say what was done: --reason 'bearing replaced'",
        )
    model = current(request.settings, request.machine)
    own = require_own(model)
    found = _normal(request)
    alone = _is_enough(found, own.clip_seconds)
    if not alone:
        events.note(
            f"{len(found.recordings)} recordings are few: they give the centre of normal sound, "
            "and recordings from before how it varies"
        )
    asked = after_maintenance(
        model, request.paths, request.settings, reason=request.reason, alone=alone
    )
    return _train(asked, request, events)


def _normal(request: UpdateRequest) -> Intake:
    """Find the new recordings; those of faults are not normal, whatever they are named for."""
    found = take_in(request.paths, request.machine, split=Split.TRAIN)
    normal = found.only(Label.NORMAL)
    if found.recordings and not normal.recordings:
        raise DataError(
            f"the {len(found.recordings)} recordings are of faults (folder or label anomaly), so "
            "there are no new normal ones",
            hint="move them out of the folder that is called so, if they are of normal sound",
        )
    return normal


def _is_enough(found: Intake, clip_seconds: float) -> bool:
    clips = len(cut(found, clip_seconds).clips)
    return clips >= MIN_CLIPS_ALONE and len(found.recordings) >= MIN_RECORDINGS_ALONE


def _train(asked: OwnTrainRequest, request: UpdateRequest, events: Events) -> OwnTrained:
    with closing(make_executor(request.jobs)) as executor:
        return train_own(replace(asked, skip_bad=request.skip_bad), events, executor)
