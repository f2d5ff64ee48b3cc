"""Functions of the Python surface that mean two things: challenge sets and own machines."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

from asd_cli.core.errors import UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.detectors.plans import AUTO
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.own.intake import CLIP_SECONDS, Channel
from asd_cli.pipeline.own.request import OwnTrainRequest
from asd_cli.pipeline.request import RunRequest
from asd_cli.services.own_train import train_machine
from asd_cli.services.train import TrainResult
from asd_cli.services.train import train as train_run
from asd_cli.settings.model import Settings

Recordings = str | Path | Sequence[str | Path]


@overload
def train(recordings: RunRequest, events: Events = SILENT) -> TrainResult: ...
@overload
def train(
    recordings: Recordings,
    events: Events = SILENT,
    *,
    machine: str,
    detector: str = AUTO,
    clip_seconds: float = CLIP_SECONDS,
    channel: Channel = "mean",
    groups: str | None = None,
    false_alarm_rate: float | None = None,
    settings: Settings | None = None,
) -> Model: ...
def train(
    recordings: RunRequest | Recordings,
    events: Events = SILENT,
    *,
    machine: str = "",
    detector: str = AUTO,
    clip_seconds: float = CLIP_SECONDS,
    channel: Channel = "mean",
    groups: str | None = None,
    false_alarm_rate: float | None = None,
    settings: Settings | None = None,
) -> TrainResult | Model:
    """Train a model of normal sound.

    ``train("recordings/", machine="fan-3")`` trains the model of a machine of one's own, makes it
    the current one of that name below ``model/own/``, and gives it. ``train(RunRequest(...))``
    trains the machines of a challenge set.

    Parameters
    ----------
    recordings : path, sequence of path, or RunRequest
        Folders, files or CSV tables of normal sound.
    events : Events
        Told of progress.
    machine : str
        Name of the machine.
    detector : str
        A name, ``a+b``, or ``auto`` for the default of own machines.
    clip_seconds : float
        Longer recordings are cut into clips of this length.
    channel : int or "mean"
        Which channel to take of several.
    groups : str, optional
        What belongs together: ``folders``, or a CSV file with the columns path and group.
    false_alarm_rate : float, optional
        Fraction of normal clips that may be called anomalous; by default what the recordings can
        show: one in each of them, from 1 in 100 to 1 in 10.
    settings : Settings, optional
        Everything else; its `detector` counts where `detector` is ``auto`` and it is given.

    Returns
    -------
    Model or TrainResult
        The model of the machine; of a challenge set what was trained.

    Raises
    ------
    UsageError
        When own recordings have no machine's name.
    DataError, ProblemsError
        When recordings are missing, unusable or too few.
    """
    if isinstance(recordings, RunRequest):
        return train_run(recordings, events)
    if not machine:
        raise UsageError("own recordings are of a machine, which needs a name", hint="machine=...")
    paths = [recordings] if isinstance(recordings, str | Path) else recordings
    base = settings or Settings(detector=AUTO)
    if detector != AUTO:
        base = base.with_detector(detector)
    request = OwnTrainRequest(
        sources=tuple(Path(path) for path in paths),
        machine=machine,
        settings=base,
        clip_seconds=clip_seconds,
        channel=channel,
        groups=groups,
        false_alarm_rate=false_alarm_rate,
    )
    return train_machine(request, events).model
