"""One step of monitoring: a clip, its score, the state after it, and what there is to announce."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from asd_cli.core.errors import DataError
from asd_cli.pipeline.monitoring.clips import SoundClip
from asd_cli.pipeline.monitoring.rule import AlarmRule, AlarmState, Condition, Heard
from asd_cli.pipeline.monitoring.scorer import ClipScorer

_NAMESPACE = UUID("6f1a3c1e-3a55-4b1e-9a1d-3a3d1b6f8f2a")
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRow:
    """What is kept of a clip.

    Attributes
    ----------
    source : str
        File or stream.
    time : float
        When it began, in seconds since 1970.
    start, seconds : float
        Where in its source, and its length.
    score, p_value, level : float or None
        As `ClipReading`; None where it was not scored.
    condition : Condition
        State of the machine after it, as it is announced.
    total, drift : float
        Of the alarm rule after it.
    reason : str
        Where it differs from normal, or what is wrong with it.
    """

    source: str
    time: float
    start: float
    seconds: float
    score: float | None
    p_value: float | None
    level: float | None
    condition: Condition
    total: float
    drift: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change of state that is announced.

    Attributes
    ----------
    id : str
        The same for the same clip, model and change, however often it is delivered.
    machine, version : str
        Which machine and model.
    condition, before : str
        The new state and the one before; ``drift`` for a question about slow changes.
    row : ClipRow
        The clip that brought it.
    promise : str
        What is known about false alarms.
    """

    id: str
    machine: str
    version: str
    condition: str
    before: str
    row: ClipRow
    promise: str

    def document(self) -> dict[str, object]:
        """Give the event as a JSON document."""
        row = self.row
        return {
            "schema": "asd.event/1", "id": self.id, "machine": self.machine,
            "version": self.version, "state": self.condition, "before": self.before,
            "time": iso_time(row.time), "source": row.source, "start": row.start,
            "seconds": row.seconds, "score": row.score, "p_value": row.p_value,
            "reason": row.reason, "promise": self.promise,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a clip brought.

    Attributes
    ----------
    row : ClipRow
        To keep.
    state : AlarmState
        After it.
    event : Event or None
        To announce.
    clip : SoundClip
        The sound.
    """

    row: ClipRow
    state: AlarmState
    event: Event | None
    clip: SoundClip


@dataclass(frozen=True, slots=True)
class Monitor:
    """Scores clips and applies the alarm rule.

    Attributes
    ----------
    scorer : ClipScorer
        Scores.
    rule : AlarmRule
        Decides.
    """

    scorer: ClipScorer
    rule: AlarmRule

    def take(
        self,
        clips: Iterable[SoundClip],
        state: AlarmState,
        *,
        source: str,
        begin: float,
        identity: str,
    ) -> Iterator[Step]:
        """Take the clips of a file or stream.

        Parameters
        ----------
        clips : iterable of SoundClip
            In the order of time.
        state : AlarmState
            Before the first one.
        source : str
            Name of the file or stream.
        begin : float
            When it began, in seconds since 1970.
        identity : str
            Of its sound: events of the same sound have the same name.
        """  # fmt: skip
        for clip in clips:
            step = self._step(clip, state, source=source, begin=begin, identity=identity)
            state = step.state
            yield step

    def _step(
        self, clip: SoundClip, before: AlarmState, *, source: str, begin: float, identity: str
    ) -> Step:
        fault, score, p_value, level = clip.fault, None, None, None
        if clip.samples is not None and not fault:
            try:
                reading = self.scorer.score(clip.samples)
                score, p_value, level = reading.score, reading.p_value, reading.level
            except DataError as error:
                fault = error.message
        time = round(begin + clip.start, 3)
        # The times of files may fall when clocks are set; those of the state never do.
        heard = Heard(time=max(time, before.time or time), score=score, level=level, fault=fault)
        state = self.rule.step(before, heard)
        row = ClipRow(
            source=source, time=time, start=round(clip.start, 3), seconds=round(clip.seconds, 3),
            score=_rounded(score), p_value=_rounded(p_value), level=level,
            condition=state.announced, total=round(state.total, _DIGITS),
            drift=round(state.drift, _DIGITS), reason=fault,
        )  # fmt: skip
        announced = self._announced(before, state)
        if announced in {Condition.ALARM, Condition.WARNING} and clip.samples is not None:
            row = replace(row, reason=fault or self.scorer.reason(clip.samples))
        if announced == "drift":
            row = replace(row, reason=(
                "scores have risen slowly; has the machine or its surroundings changed for good? "
                "If it is normal: asd rebaseline or asd update; nothing adapts by itself"
            ))  # fmt: skip
        event = None
        if announced:
            name = f"{identity}:{clip.start:.3f}:{self.scorer.version}:{announced}"
            event = Event(
                id=str(uuid5(_NAMESPACE, name)), machine=self.scorer.machine,
                version=self.scorer.version, condition=announced, before=before.announced, row=row,
                promise=self.rule.promise,
            )  # fmt: skip
        return Step(row=row, state=state, event=event, clip=clip)

    def _announced(self, before: AlarmState, after: AlarmState) -> str:
        """Name what is to be announced; empty for nothing."""
        if after.announced is not before.announced:
            return str(after.announced)
        drifted = after.drift >= self.rule.alarm_at > before.drift
        return "drift" if drifted and not after.ringing and not self.rule.window else ""


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.9g}")


def iso_time(seconds: float) -> str:
    """Write a time, in seconds since 1970, as ISO 8601 in UTC.

    Examples
    --------
    >>> iso_time(0.5)
    '1970-01-01T00:00:00.500+00:00'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
