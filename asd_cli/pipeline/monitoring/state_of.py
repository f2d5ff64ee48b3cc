"""State of a machine for people and programs: how it is, and whether anybody listens."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from asd_cli.pipeline.monitoring.monitor import iso_time
from asd_cli.pipeline.monitoring.rule import AlarmState
from asd_cli.pipeline.monitoring.store import Store

# A process that monitors says so every ten seconds.
_DEAD_SECONDS = 120.0


class Overall(StrEnum):
    """What `asd status` ends with."""

    OK = "ok"
    WARNING = "warning"
    ALARM = "alarm"
    SENSOR = "sensor"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorStatus:
    """State of a machine.

    Attributes
    ----------
    machine, version : str
        Which one, and its model.
    state : AlarmState
        Of the rule.
    overall : Overall
        In a word.
    why : str
        Where it is stale: why.
    alarm_at : float
        Limit of the sum.
    promise : str
        What is known about false alarms.
    score, p_value, level : float or None
        Of the last clip that was scored.
    source, reason : str
        Of the last clip.
    heard_at : float or None
        When the last sound was taken, in seconds since 1970.
    lag_seconds : float or None
        From the end of the last clip to when it was taken.
    silent_seconds : float or None
        Since the last sound was taken.
    clips : mapping of str to int
        How many there are of each state.
    files : mapping of str to int
        How many there are of each outcome.
    waiting : int
        Events that are not delivered yet.
    dropped_seconds : float
        Sound of a stream that was not scored in time.
    disk_free : int
        Bytes.
    """

    machine: str
    version: str
    state: AlarmState
    overall: Overall
    why: str
    alarm_at: float
    promise: str
    score: float | None
    p_value: float | None
    level: float | None
    source: str
    reason: str
    heard_at: float | None
    lag_seconds: float | None
    silent_seconds: float | None
    clips: Mapping[str, int]
    files: Mapping[str, int]
    waiting: int
    dropped_seconds: float
    disk_free: int

    @property
    def drift(self) -> float:
        """How far slow changes have come, from 0 to 1: at 1 there is a question."""
        return min(1.0, self.state.drift / self.alarm_at) if self.alarm_at else 0.0

    def document(self) -> dict[str, Any]:
        """Give the JSON document."""
        state = self.state
        return {
            "schema": "asd.status/1", "machine": self.machine, "version": self.version,
            "overall": str(self.overall), "why": self.why, "state": str(state.announced),
            "since": _iso(state.since), "acknowledged": state.acknowledged,
            "shelved_until": _iso(state.shelved_until), "alarms": state.alarms,
            "total": state.total, "alarm_at": self.alarm_at, "drift": self.drift,
            "promise": self.promise, "score": self.score, "p_value": self.p_value,
            "level": self.level, "source": self.source, "reason": self.reason,
            "heard_at": _iso(self.heard_at), "lag_seconds": self.lag_seconds,
            "silent_seconds": self.silent_seconds, "clips": dict(self.clips),
            "files": dict(self.files), "waiting": self.waiting,
            "dropped_seconds": self.dropped_seconds, "disk_free": self.disk_free,
        }  # fmt: skip


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else iso_time(seconds)


def read_status(store: Store, now: float) -> MonitorStatus:
    """Read the state of a machine.

    Parameters
    ----------
    store : Store
        Its database.
    now : float
        In seconds since 1970.
    """
    import shutil

    state, rule = store.state(), store.rule()
    last = store.rows("SELECT * FROM clips ORDER BY id DESC LIMIT 1")
    scored = store.rows("SELECT * FROM clips WHERE score IS NOT NULL ORDER BY id DESC LIMIT 1")
    heard = store.fact("heard_at")
    heard_at = None if heard is None else float(heard)
    why = _stale(store, heard_at, now)
    end = scored[0]["time"] + scored[0]["seconds"] if scored else None
    return MonitorStatus(
        machine=store.fact("machine") or "", version=store.fact("version") or "", state=state,
        overall=Overall.STALE if why else _overall(state), why=why,
        alarm_at=rule.alarm_at if rule else 0.0, promise=rule.promise if rule else "",
        score=scored[0]["score"] if scored else None,
        p_value=scored[0]["p_value"] if scored else None,
        level=scored[0]["level"] if scored else None,
        source=(scored or last)[0]["source"] if last else "",
        reason=last[0]["reason"] if last else "",
        heard_at=heard_at,
        lag_seconds=None if heard_at is None or end is None else round(heard_at - end, 3),
        silent_seconds=None if heard_at is None else round(now - heard_at, 3),
        clips=store.count("clips"), files=store.count("files"),
        waiting=int(store.rows("SELECT COUNT(*) FROM outbox")[0][0]),
        dropped_seconds=float(store.fact("dropped") or 0.0),
        disk_free=shutil.disk_usage(store.path.parent).free,
    )  # fmt: skip


def _overall(state: AlarmState) -> Overall:
    return {"warning": Overall.WARNING, "alarm": Overall.ALARM, "sensor": Overall.SENSOR}.get(
        state.announced, Overall.OK
    )


def _stale(store: Store, heard_at: float | None, now: float) -> str:
    """Say why nothing is known of the machine now; empty where something is."""
    limit = float(store.fact("stale_seconds") or 3600.0)
    if heard_at is None:
        return "no sound has been taken yet"
    if now - heard_at > limit:
        return f"no sound for {now - heard_at:.0f} s"
    alive = float(store.fact("alive_at") or 0.0)
    if store.fact("mode") != "once" and now - alive > _DEAD_SECONDS:
        return f"nobody has listened for {now - alive:.0f} s"
    return ""
