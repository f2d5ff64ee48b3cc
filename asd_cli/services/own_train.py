"""`asd train --data`: a model of a machine of one's own."""

from contextlib import closing

from asd_cli.core.events import SILENT, Events
from asd_cli.execution.executor import Executor, make_executor
from asd_cli.pipeline.own.request import OwnTrainRequest
from asd_cli.pipeline.own.training import OwnTrained, train_own

__all__ = ["OwnTrainRequest", "OwnTrained", "train_machine"]


def train_machine(
    request: OwnTrainRequest, events: Events = SILENT, *, executor: Executor | None = None
) -> OwnTrained:
    """Train a model of normal sound from recordings in any folder.

    Parameters
    ----------
    request : OwnTrainRequest
        Recordings, machine, settings.
    events : Events
        Told of progress.
    executor : Executor, optional
        Where to compute features; processes of this machine by default.

    Raises
    ------
    DataError, ProblemsError
        When recordings are missing, unusable or too few.
    UsageError
        When the machine's name cannot be that of a folder, or the detector needs sections.
    StorageError
        When the model cannot be written.
    """
    if executor is not None:
        return train_own(request, events, executor)
    with closing(make_executor(request.jobs)) as made:
        return train_own(request, events, made)
