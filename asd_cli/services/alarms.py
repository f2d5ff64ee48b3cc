"""`asd alarms`: what would have rung, had the alarm rule listened to some recordings."""

from dataclasses import dataclass, replace
from pathlib import Path

from asd_cli.core.events import SILENT, Events, progress
from asd_cli.pipeline.monitoring.replaying import (
    CalibrationCheck,
    Replay,
    check_calibration,
    files_in_order,
    replay_files,
)
from asd_cli.pipeline.monitoring.rule import AlarmRule
from asd_cli.pipeline.monitoring.rule_making import AlarmOptions
from asd_cli.pipeline.monitoring.scorer import ModelScorer, rule_of
from asd_cli.pipeline.own.request import registry_of
from asd_cli.settings.model import Settings

__all__ = ["AlarmOptions", "AlarmsRequest", "AlarmsResult", "replay_alarms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmsRequest:
    """Recordings to replay.

    Attributes
    ----------
    machine : str
        Whose model and rule.
    paths : tuple of Path
        Files and folders; none to check the calibration only.
    options : AlarmOptions
        The rule.
    by_time : bool
        Order by the times of the files; by their names otherwise.
    settings : Settings
        Say where models are.
    device : str
        Where networks compute.
    """

    machine: str
    paths: tuple[Path, ...] = ()
    options: AlarmOptions = AlarmOptions()
    by_time: bool = False
    settings: Settings
    device: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmsResult:
    """What would have rung.

    Attributes
    ----------
    machine : str
        Which machine.
    rule : AlarmRule
        The rule.
    calibration : CalibrationCheck
        The normal clips of the model, replayed.
    replay : Replay or None
        The recordings, replayed.
    """

    machine: str
    rule: AlarmRule
    calibration: CalibrationCheck
    replay: Replay | None


def replay_alarms(request: AlarmsRequest, events: Events = SILENT) -> AlarmsResult:
    """Replay recordings in order of time.

    Raises
    ------
    DataError
        When there is no model, or no recording.
    UsageError
        When a rate or a rule cannot be read, or the model is of a challenge set.
    """
    model = registry_of(request.settings).load(request.machine, device=request.device)
    rule = rule_of(model, request.options)
    found = AlarmsResult(
        machine=model.machine, rule=rule, calibration=check_calibration(model, rule), replay=None
    )
    if not request.paths:
        return found
    files = files_in_order(request.paths, by_time=request.by_time)
    with progress(events, "replay", total=len(files), unit="files") as advance:
        replay = replay_files(files, ModelScorer(model), rule, advance)
    return replace(found, replay=replay)
