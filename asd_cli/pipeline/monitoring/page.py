"""The status page: from the database and the sounds of events to one file, each minute."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from asd_cli.core.errors import DataError
from asd_cli.core.files import write_text
from asd_cli.core.text import printable
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.monitoring.evidence import Evidence
from asd_cli.pipeline.monitoring.state_of import MonitorStatus
from asd_cli.pipeline.monitoring.store import Store
from asd_cli.pipeline.own.report import view_file
from asd_cli.pipeline.own.scoring import ScoredFile, ScoredPart, Status
from asd_cli.reporting.monitoring_page import (
    EventCard,
    MonitoringPage,
    TimedState,
    draw_days,
    draw_time,
)
from asd_cli.reporting.own_page import PartCard

_TIMELINE_SECONDS = 3 * 86400.0
_DAYS_SECONDS = 14 * 86400.0
_MAX_EVENTS = 12


class StatusPage:
    """Writes the page of a machine.

    Parameters
    ----------
    path : Path
        The page.
    store : Store
        What is known.
    model : Model
        For pictures, and the nearest normal clips.
    evidence : Evidence
        Has the sounds of events.
    """

    def __init__(self, path: Path, store: Store, model: Model, evidence: Evidence) -> None:
        self._path, self._store, self._model = path, store, model
        self._evidence = evidence
        self._cards: dict[str, PartCard | None] = {}

    def update(self, status: MonitorStatus) -> None:
        """Write the page, complete or not at all."""
        from asd_cli.reporting.render import render_monitoring

        write_text(self._path, render_monitoring(self._page(status)))

    def close(self) -> None:
        """Do nothing: the last page stays."""

    def _page(self, status: MonitorStatus) -> MonitoringPage:
        now = time.time()
        rows = self._store.rows(
            "SELECT time, p_value, condition FROM clips WHERE time >= ? ORDER BY id",
            now - _DAYS_SECONDS,
        )
        clips = [TimedState(row["time"], row["p_value"], row["condition"]) for row in rows]
        if not clips:  # recordings of long ago
            rows = self._store.rows(
                "SELECT time, p_value, condition FROM clips ORDER BY id DESC LIMIT 5000"
            )
            clips = [TimedState(row["time"], row["p_value"], row["condition"]) for row in rows]
        last = max((clip.time for clip in clips), default=0.0)
        return MonitoringPage(
            machine=printable(status.machine), version=printable(status.version),
            overall=str(status.overall), why=printable(status.why), written=_local(now),
            facts=tuple(_facts(status)),
            timeline=draw_time([clip for clip in clips if clip.time >= last - _TIMELINE_SECONDS]),
            days=draw_days(clips), events=tuple(self._events()),
        )  # fmt: skip

    def _events(self) -> Iterator[EventCard]:
        found = self._store.rows(
            "SELECT document FROM events ORDER BY number DESC LIMIT ?", _MAX_EVENTS
        )
        documents = [json.loads(row["document"]) for row in found]
        self._cards = {d["id"]: self._card(d) for d in documents}
        for document in documents:
            sound = self._evidence.path(document["id"])
            when = datetime.fromisoformat(document["time"]).timestamp()
            yield EventCard(
                id=document["id"], state=document["state"], when=_local(when),
                source=printable(document["source"]), reason=printable(document["reason"]),
                sound=str(sound.absolute()) if sound.is_file() else "",
                card=self._cards[document["id"]],
            )  # fmt: skip

    def _card(self, document: dict[str, Any]) -> PartCard | None:
        """Make the card of an event once: an old one stays as it is."""
        if document["id"] in self._cards:
            return self._cards[document["id"]]
        sound = self._evidence.path(document["id"])
        if not sound.is_file() or document["score"] is None:
            return None
        part = ScoredPart(
            start=0.0, end=document["seconds"], score=document["score"],
            p_value=document["p_value"], anomalous=True,
        )  # fmt: skip
        file = ScoredFile(
            path=sound, status=Status.ANOMALOUS, seconds=document["seconds"],
            score=document["score"], p_value=document["p_value"], parts=(part,),
            reason=document["reason"],
        )  # fmt: skip
        try:
            return view_file(self._model, file).card
        except DataError:
            return None


def _facts(status: MonitorStatus) -> Iterator[tuple[str, str]]:
    state = status.state
    if state.since is not None:
        yield "state since", _local(state.since)
    if state.shelved_until is not None:
        yield "shelved until", _local(state.shelved_until)
    if status.heard_at is not None:
        yield "last sound taken", _local(status.heard_at)
    if status.p_value is not None:
        yield "last p-value", f"{status.p_value:.2g}"
    yield "sum of the alarm rule", f"{state.total:.3g} of {status.alarm_at:.3g}"
    yield "slow changes", f"{status.drift:.2g} of 1"
    yield "clips", ", ".join(f"{number} {name}" for name, number in status.clips.items()) or "none"
    yield "false alarms", status.promise


def _local(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
