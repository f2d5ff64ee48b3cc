"""Clips as they are taken: lines for a terminal, JSON lines for programs; and the state."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from asd_cli.cli.console import Console
from asd_cli.cli.options import LineFormat
from asd_cli.cli.output.alarms import STYLES
from asd_cli.cli.own import length

if TYPE_CHECKING:
    from asd_cli.pipeline.monitoring.monitor import ClipRow
    from asd_cli.pipeline.monitoring.state_of import MonitorStatus

SCHEMA = "asd.clip/1"


class RowPrinter:
    """Prints each clip.

    Parameters
    ----------
    console : Console
        Where to.
    format_ : LineFormat, optional
        Lines for people on a terminal by default, JSON lines otherwise.
    """

    def __init__(self, console: Console, format_: LineFormat | None) -> None:
        self._console = console
        default = LineFormat.TEXT if sys.stdout.isatty() else LineFormat.JSONL
        self._text = (format_ or default) is LineFormat.TEXT

    def __call__(self, row: "ClipRow") -> None:
        """Print one clip."""
        if self._text:
            style = STYLES.get(row.condition, "default")
            self._console.out.print(self._console.safe(_line(row)), style=style, soft_wrap=True)
        else:
            self._console.data(json.dumps(clip_document(row)))
        sys.stdout.flush()


def clip_document(row: "ClipRow") -> dict[str, object]:
    """Give the JSON document of a clip."""
    from asd_cli.pipeline.monitoring.monitor import iso_time

    return {
        "schema": SCHEMA, "time": iso_time(row.time), "source": row.source, "start": row.start,
        "seconds": row.seconds, "score": row.score, "p_value": row.p_value, "level": row.level,
        "state": str(row.condition), "total": row.total, "drift": row.drift, "reason": row.reason,
    }  # fmt: skip


def _line(row: "ClipRow") -> str:
    when = datetime.fromtimestamp(row.time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    numbers = "" if row.score is None else f"{row.score:8.2f}  p {row.p_value:<8.2g}"
    where = f"{row.source}{f' from {row.start:g} s' if row.start else ''}"
    reason = f"  {row.reason}" if row.reason else ""
    return f"{when}  {row.condition:<8} {numbers:<20} {where}{reason}"


def status_lines(status: "MonitorStatus") -> Iterator[str]:
    """Say in lines how a machine is."""
    state = status.state
    why = f": {status.why}" if status.why else ""
    yield f"{status.machine}: {str(status.overall).upper()}{why}"
    since = "" if state.since is None else f" since {_local(state.since)}"
    yield f"  state {state.condition}{since}; alarms so far: {state.alarms}"
    if state.shelved_until is not None:
        yield f"  shelved until {_local(state.shelved_until)}"
    if status.score is not None:
        yield f"  last score {status.score:.3g}, p {status.p_value:.2g} ({status.source})"
    yield f"  sum {state.total:.3g} of {status.alarm_at:.3g}; drift {status.drift:.2g} of 1"
    if status.drift >= 1:
        yield "  has the machine changed for good? if it is normal: asd rebaseline or asd update"
    if status.silent_seconds is not None and status.lag_seconds is not None:
        yield (
            f"  last sound {length(max(0.0, status.silent_seconds))} ago, taken "
            f"{length(max(0.0, status.lag_seconds))} after its end"
        )
    if status.dropped_seconds:
        yield f"  not scored in time: {length(status.dropped_seconds)} of sound"
    counted = ", ".join(f"{number} {name}" for name, number in status.clips.items())
    yield f"  clips: {counted or 'none'}; events to send: {status.waiting}"
    yield f"  disk: {status.disk_free / 1e9:.3g} GB free"
    yield f"  {status.promise}"


def _local(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
