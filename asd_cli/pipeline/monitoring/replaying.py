"""The alarm rule on recordings of the past, as if it had listened."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.errors import UsageError
from asd_cli.core.events import Advance
from asd_cli.core.places import is_ordinary
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.monitoring.clips import clips_of_file
from asd_cli.pipeline.monitoring.monitor import ClipRow, Event, Monitor
from asd_cli.pipeline.monitoring.rule import AlarmRule, AlarmState
from asd_cli.pipeline.monitoring.rule_making import replayed
from asd_cli.pipeline.monitoring.scorer import ClipScorer, recordings_of
from asd_cli.pipeline.own.scoring import find_files


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationCheck:
    """The left-out normal clips of a model, replayed recording by recording.

    Attributes
    ----------
    clips : int
        How many.
    hours : float
        Their length.
    alarms, warnings : int
        How often they rang; it should be never, or nearly.
    expected : float
        Alarms that were allowed in that time.
    """

    clips: int
    hours: float
    alarms: int
    warnings: int
    expected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayEvent:
    """A change of state, and how long it took.

    Attributes
    ----------
    event : Event
        What would have been announced.
    elapsed_seconds : float
        Length of the recordings up to the end of its clip.
    delay_seconds : float or None
        Of an alarm: since the scores began to be rare; None for others.
    """

    event: Event
    elapsed_seconds: float
    delay_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of recordings.

    Attributes
    ----------
    files, clips : int
        How many.
    hours : float
        Their length.
    events : tuple of ReplayEvent
        What would have been announced.
    state : AlarmState
        At the end.
    """

    files: int
    clips: int
    hours: float
    events: tuple[ReplayEvent, ...]
    state: AlarmState


def check_calibration(model: Model, rule: AlarmRule) -> CalibrationCheck:
    """Replay the left-out scores of a model; each recording begins with a new sum."""
    scores = model.normal_scores.scores
    alarms, warnings = replayed(rule, scores, recordings_of(model))
    seconds = len(scores) * rule.clip_seconds
    return CalibrationCheck(
        clips=len(scores), hours=seconds / 3600.0, alarms=alarms, warnings=warnings,
        expected=seconds / rule.false_alarm_seconds,
    )  # fmt: skip


def files_in_order(paths: Sequence[Path], *, by_time: bool) -> list[Path]:
    """List the recordings below some paths, in the order of their times or of how they are named.

    Raises
    ------
    DataError
        When there is none.
    UsageError
        When times are asked for of recordings in stores or shards, which have none.
    """
    files = list(dict.fromkeys(find_files(paths)))
    if not by_time:
        return files
    elsewhere = next((path for path in files if not is_ordinary(path)), None)
    if elsewhere is not None:
        raise UsageError(
            f"{elsewhere} is in a store or a shard, where recordings have no times",
            hint="leave out --by-time: the order is that of the names",
        )
    return sorted(files, key=lambda path: (path.stat().st_mtime_ns, str(path)))


def replay_files(
    files: Sequence[Path], scorer: ClipScorer, rule: AlarmRule, advance: Advance
) -> Replay:
    """Replay files, one after the other without gaps.

    Parameters
    ----------
    files : sequence of Path
        In the order of time.
    scorer : ClipScorer
        Scores.
    rule : AlarmRule
        Decides.
    advance : callable
        Told of each file.
    """
    monitor, state = Monitor(scorer, rule), AlarmState()
    found: list[ReplayEvent] = []
    elapsed, clips, calm_at = 0.0, 0, 0.0
    for path in files:
        length = 0.0
        for step in monitor.take(
            clips_of_file(path, scorer), state, source=str(path), begin=elapsed, identity=str(path)
        ):
            state, clips = step.state, clips + 1
            length = max(length, step.row.start + step.row.seconds)
            if _is_calm(step.row, rule):
                calm_at = elapsed + length
            if step.event is not None:
                delay = elapsed + length - calm_at if step.event.condition == "alarm" else None
                found.append(
                    ReplayEvent(
                        event=step.event, elapsed_seconds=elapsed + length, delay_seconds=delay
                    )
                )
        elapsed += length
        advance(1, path.name)
    return Replay(
        files=len(files), clips=clips, hours=elapsed / 3600.0, events=tuple(found), state=state
    )


def _is_calm(row: ClipRow, rule: AlarmRule) -> bool:
    """Whether a clip was no part of what led to an alarm: the sum is below one bet's start."""
    return row.score is not None and row.total < 1.0
