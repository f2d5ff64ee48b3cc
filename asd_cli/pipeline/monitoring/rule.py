"""The alarm rule: from scores of clips to the state of a machine, one clip at a time.

Only the standard library is used, and everything that the rule needs is one small JSON document, so
that an exported model gives the same alarms. How the document is made is in
`asd_cli.pipeline.monitoring.rule_making`.

Each score has a p-value that is bounded from above for few normal clips. A bet on it,
``e = kappa * p ** (kappa - 1)``, has an expectation of 1 at most while the machine is normal (Vovk
and Wang 2021, "E-values: calibration, combination and applications", with kappa 0.5). The sum of
Shiryaev and Roberts, ``M = (M + 1) * e``, then has an expectation of at most the number of clips,
so the expected time to a false alarm at ``M >= A`` is at least A clips (Shin, Ramdas and Rinaldo
2024, "E-detectors: a nonparametric framework for sequential change detection"). Only each
`every`-th clip takes part, since bets on clips that resemble the one before are not independent.
"""

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

SCHEMA = "asd.alarm-rule/1"

_ALARM_BET, _DRIFT_BET = 0.5, 0.8
# Bets on p-values that are never below this cannot win, so such a rule has no alarm.
_CANNOT_WIN = 0.25
_NORMAL_P = 0.1


class Condition(StrEnum):
    """State of a machine."""

    LEARNING = "learning"
    OFF = "off"
    SENSOR = "sensor"
    NORMAL = "normal"
    WARNING = "warning"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """When a machine has an alarm.

    Attributes
    ----------
    scores : tuple of float
        Ascending.
    p_values : tuple of float
        One more than scores, descending, in (0, 1]: that of a score s is the one at the number of
        `scores` that are below s.
    every : int
        Each so many-th clip takes part in the sum.
    alarm_at, warning_at : float
        Values of the sum, in clips that take part.
    clear_after : int
        So many normal clips that take part end an alarm or a warning (off-delay).
    ring_after : int
        For so many clips that take part the sum must stay at the limit (on-delay).
    sensor_after : int
        So many unusable clips in a row are a fault of the sensor.
    latch : bool
        Whether an alarm stays until it is acknowledged.
    off_below : float or None
        Level in dB below which the machine is off; None where that is not known.
    count, window : int
        With ``3of5``: 3 and 5; an alarm is then so many clips with p at most `count_p` in the
        window. 0 for the sum.
    count_p : float
        See `count`.
    clip_seconds : float
        Time from one clip to the next.
    false_alarm_seconds : float
        Asked for: at most one false alarm in this time.
    promised : bool
        Whether the normal recordings show that the rate is kept.
    promise : str
        Why, in a sentence.

    Raises
    ------
    ValueError
        When the values contradict each other.

    Examples
    --------
    >>> rule = AlarmRule(
    ...     scores=(1.0, 2.0), p_values=(1.0, 0.5, 0.01), every=1, alarm_at=20.0, warning_at=5.0,
    ...     clip_seconds=10.0, false_alarm_seconds=200.0,
    ... )
    >>> state = AlarmState()
    >>> for time, score in enumerate([0.5, 3.0, 3.0]):
    ...     state = rule.step(state, Heard(time=10.0 * time, score=score))
    >>> state.condition, round(state.total, 1)
    (<Condition.ALARM: 'alarm'>, 20.0)
    """

    scores: tuple[float, ...]
    p_values: tuple[float, ...]
    every: int
    alarm_at: float
    warning_at: float
    clip_seconds: float
    false_alarm_seconds: float
    clear_after: int = 6
    ring_after: int = 1
    sensor_after: int = 1
    latch: bool = False
    off_below: float | None = None
    count: int = 0
    window: int = 0
    count_p: float = 0.01
    promised: bool = False
    promise: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be a rule."""
        ordered = all(a <= b for a, b in zip(self.scores, self.scores[1:], strict=False))
        falling = all(a >= b for a, b in zip(self.p_values, self.p_values[1:], strict=False))
        if len(self.p_values) != len(self.scores) + 1 or not ordered or not falling:
            raise ValueError("p-values must fall while scores rise, one more of them than scores")
        if self.p_values[-1] <= 0 or self.p_values[0] > 1:
            raise ValueError("p-values lie above 0 and up to 1")
        if min(self.every, self.clear_after, self.ring_after) < 1 or self.count > self.window:
            raise ValueError("clips are counted from 1, and no more of them than the window has")

    @property
    def can_ring(self) -> bool:
        """Whether there are enough normal clips for any alarm."""
        return self.p_values[-1] < _CANNOT_WIN or self.count > 0

    def p_value(self, score: float) -> float:
        """Bound the p-value of a score from above, in (0, 1]."""
        return self.p_values[bisect_left(self.scores, score)]

    def step(self, state: "AlarmState", clip: "Heard") -> "AlarmState":
        """Take one clip.

        Parameters
        ----------
        state : AlarmState
            Before it.
        clip : Heard
            The clip.

        Returns
        -------
        AlarmState
            After it. Its `condition` is the machine's.
        """
        shelved = state.shelved_until is not None and clip.time < state.shelved_until
        state = replace(
            state, clips=state.clips + 1, waited=state.waited + 1,
            shelved_until=state.shelved_until if shelved else None,
        )  # fmt: skip
        if clip.fault or clip.score is None:
            state = replace(state, sensor_clips=state.sensor_clips + 1, unusable=state.unusable + 1)
            bad = state.unusable >= self.sensor_after
            return self._settled(state, clip, Condition.SENSOR if bad else state.condition)
        state = replace(state, unusable=0)
        if self._is_off(clip):
            return self._settled(replace(state, off_clips=state.off_clips + 1), clip,
                                 Condition.OFF)  # fmt: skip
        p = self.p_value(clip.score)
        state = self._counted(replace(state, p_value=p), p) if self.window else state
        if state.taken == 0 or state.waited >= self.every:
            state = self._bet(replace(state, waited=0, taken=state.taken + 1, p_value=p), p)
        if not self.can_ring:
            return self._settled(state, clip, Condition.LEARNING)
        return self._settled(state, clip, Condition.NORMAL)

    def _is_off(self, clip: "Heard") -> bool:
        if self.off_below is None or clip.level is None:
            return False
        return clip.level < self.off_below

    def _bet(self, state: "AlarmState", p: float) -> "AlarmState":
        """Update the sums, and how long they stand where they do."""
        bet, slow = (kappa * p ** (kappa - 1.0) for kappa in (_ALARM_BET, _DRIFT_BET))
        # No further than the limit: a long fault would otherwise take as long to be forgotten.
        total = min((state.total + 1.0) * bet, self.alarm_at)
        drift = min((state.drift + 1.0) * slow, self.alarm_at)
        calm = state.calm + 1 if p > _NORMAL_P else 0
        if calm >= self.clear_after and (state.ringing or state.warned) and not self._held(state):
            total, calm = 0.0, 0
        at_limit = state.at_limit + 1 if total >= self.alarm_at else 0
        return replace(state, total=total, drift=drift, calm=calm, at_limit=at_limit)

    def _held(self, state: "AlarmState") -> bool:
        return state.ringing and self.latch and not state.acknowledged

    def _counted(self, state: "AlarmState", p: float) -> "AlarmState":
        """Remember which of the last clips were rare."""
        return replace(state, recent=(*state.recent, p <= self.count_p)[-self.window :])

    def _settled(self, state: "AlarmState", clip: "Heard", condition: Condition) -> "AlarmState":
        """Decide on alarm and warning; a clip that says nothing leaves them as they are."""
        ringing, warned = state.ringing, state.warned
        if condition is Condition.NORMAL:
            ringing, warned = self._ringing(state), self._warned(state)
        if ringing and not state.ringing:
            state = replace(state, acknowledged=False, alarms=state.alarms + 1)
        if ringing:
            condition = Condition.ALARM
        elif warned and condition is Condition.NORMAL:
            condition = Condition.WARNING
        since = (
            clip.time if condition is not state.condition or state.since is None else state.since
        )
        return replace(
            state, condition=condition, since=since, time=clip.time, ringing=ringing,
            warned=warned,
        )  # fmt: skip

    def _ringing(self, state: "AlarmState") -> bool:
        if self.window:
            rung = sum(state.recent) >= self.count
            ended = not any(state.recent) and not self._held(state)
        else:
            rung = state.at_limit >= self.ring_after
            ended = state.total == 0.0
        return rung or (state.ringing and not ended)

    def _warned(self, state: "AlarmState") -> bool:
        if self.window:
            return any(state.recent)
        return state.total >= self.warning_at or (state.warned and state.total > 0.0)

    def document(self) -> dict[str, Any]:
        """Give the rule as a JSON document."""
        plain = asdict(self)
        return {"schema": SCHEMA, **{k: list(v) if isinstance(v, tuple) else v
                                     for k, v in plain.items()}}  # fmt: skip

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "AlarmRule":
        """Make a rule of its document; ValueError when it is of another form."""
        if document.get("schema") != SCHEMA:
            raise ValueError(f"this is no {SCHEMA}")
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in document.items()
            if key != "schema"
        }
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One clip, as the rule takes it.

    Attributes
    ----------
    time : float
        When it began, in seconds (since 1970 where that is known); never falls.
    score : float or None
        Higher is more anomalous; None where it could not be scored.
    level : float or None
        In dB, as `AlarmRule.off_below`.
    fault : str
        What is wrong with the sound itself; empty for nothing.
    """

    time: float
    score: float | None = None
    level: float | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmState:
    """What the rule remembers; small, and the same after the same clips.

    Attributes
    ----------
    condition : Condition
        State of the machine.
    since, time : float or None
        When it came to it, and the time of the last clip.
    total, drift : float
        Sums of the alarm and of slow changes.
    p_value : float
        Of the last clip with a score.
    ringing, warned, acknowledged : bool
        Whether there is an alarm, a warning, and whether somebody has seen the alarm.
    shelved_until : float or None
        Until then alarms are not announced.
    clips, taken, off_clips, sensor_clips, alarms : int
        Counters.
    waited, calm, at_limit, unusable : int
        Clips since the last that took part; in a row: normal ones, ones at the limit, ones that
        cannot be used.
    recent : tuple of bool
        Which of the last clips were rare, for ``3of5``.
    """

    condition: Condition = Condition.NORMAL
    since: float | None = None
    time: float | None = None
    total: float = 0.0
    drift: float = 0.0
    p_value: float = 1.0
    ringing: bool = False
    warned: bool = False
    acknowledged: bool = False
    shelved_until: float | None = None
    clips: int = 0
    taken: int = 0
    off_clips: int = 0
    sensor_clips: int = 0
    alarms: int = 0
    waited: int = 0
    calm: int = 0
    at_limit: int = 0
    unusable: int = 0
    recent: tuple[bool, ...] = ()

    def acknowledge(self) -> "AlarmState":
        """Say that somebody has seen the alarm: a latched one may end."""
        return replace(self, acknowledged=True)

    def shelve(self, until: float | None) -> "AlarmState":
        """Announce no alarm until a time; None ends that."""
        return replace(self, shelved_until=until)

    @property
    def announced(self) -> Condition:
        """The state as it is announced: without alarm and warning while shelved."""
        loud = self.condition in {Condition.ALARM, Condition.WARNING}
        return Condition.NORMAL if loud and self.shelved_until is not None else self.condition

    def to_json(self) -> str:
        """Write the state; the same state gives the same text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "AlarmState":
        """Read what `to_json` wrote."""
        values = json.loads(text)
        return cls(**{**values, "condition": Condition(values["condition"]),
                      "recent": tuple(values["recent"])})  # fmt: skip
