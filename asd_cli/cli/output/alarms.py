"""What would have rung: lines for people, JSON for programs."""

import json
from typing import TYPE_CHECKING, Any

from asd_cli.cli.console import Console
from asd_cli.cli.own import length

if TYPE_CHECKING:
    from asd_cli.pipeline.monitoring.replaying import ReplayEvent
    from asd_cli.services.alarms import AlarmsResult

SCHEMA = "asd.alarms/1"
STYLES = {"alarm": "bold red", "warning": "yellow", "sensor": "magenta", "drift": "yellow"}


def show_alarms(found: "AlarmsResult", console: Console) -> None:
    """Print the promise, the check and the events."""
    rule, check = found.rule, found.calibration
    out = console.out

    def say(text: str, style: str = "default") -> None:
        out.print(console.safe(text), style=style, soft_wrap=True)

    say(f"{found.machine}: {rule.promise}")
    say(
        f"check: {check.clips} normal clips ({length(check.hours * 3600)}) replayed: "
        f"alarms: {check.alarms} ({check.expected:.2g} allowed), warnings: {check.warnings}"
    )
    replay = found.replay
    if replay is None:
        return
    for item in replay.events:
        say(_line(item), STYLES.get(item.event.condition, "green"))
        if item.event.row.reason:
            say(f"             {item.event.row.reason}")
    alarms = sum(item.event.condition == "alarm" for item in replay.events)
    say(
        f"{replay.files} files, {replay.clips} clips ({length(replay.hours * 3600)}): "
        f"alarms: {alarms}; {replay.state.off_clips} clips off, {replay.state.sensor_clips} not "
        f"usable; at the end: {replay.state.condition}"
    )


def _line(item: "ReplayEvent") -> str:
    event = item.event
    when = f"{length(item.elapsed_seconds)} into the recordings"
    late = (
        "" if item.delay_seconds is None else f", {length(item.delay_seconds)} after its first sign"
    )
    return f"  {event.condition.upper():<8} {event.row.source}  {when}{late}"


def alarms_json(found: "AlarmsResult") -> str:
    """Give the JSON document."""
    check, replay = found.calibration, found.replay
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "machine": found.machine,
        "promised": found.rule.promised,
        "promise": found.rule.promise,
        "every": found.rule.every,
        "alarm_at": found.rule.alarm_at,
        "calibration": {
            "clips": check.clips, "hours": check.hours, "alarms": check.alarms,
            "warnings": check.warnings, "allowed": check.expected,
        },
        "replay": None,
    }  # fmt: skip
    if replay is not None:
        document["replay"] = {
            "files": replay.files, "clips": replay.clips, "hours": replay.hours,
            "off_clips": replay.state.off_clips, "sensor_clips": replay.state.sensor_clips,
            "state": str(replay.state.condition),
            "events": [
                {
                    **item.event.document(), "time": None, "elapsed": item.elapsed_seconds,
                    "delay": item.delay_seconds,
                }
                for item in replay.events
            ],
        }  # fmt: skip
    return json.dumps(document, indent=2)
