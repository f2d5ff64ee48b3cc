"""`asd alarms`."""

from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import alarm_options as rule_options
from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import ShortFormat
from asd_cli.cli.own import one_machine, own_settings


@exits
def alarms(
    *,
    machine: options.Machines = None,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", metavar="PATH", help="Recordings to replay; repeatable."),
    ] = None,
    by_time: Annotated[
        bool, typer.Option("--by-time", help="Order files by their times, not by their names.")
    ] = False,
    false_alarms: rule_options.FalseAlarms = "1/month",
    clear_after: rule_options.ClearAfter = 6,
    ring_after: rule_options.RingAfter = 1,
    latch: rule_options.Latch = False,
    rule: rule_options.Rule = "sum",
    spacing: rule_options.Spacing = None,
    config: options.Config = None,
    set_: options.Set = None,
    format_: options.ShortFormatOption = ShortFormat.TEXT,
    quiet: options.Quiet = False,
) -> None:
    """Show what would have rung, and what can be promised.

    Says which rate of false alarms the model can promise, and replays its own normal recordings as
    a check. Nothing is trained or written.
    """
    from asd_cli.cli.output.alarms import alarms_json, show_alarms
    from asd_cli.cli.progress import shown_events
    from asd_cli.services.alarms import AlarmsRequest, replay_alarms

    request = AlarmsRequest(
        machine=one_machine(machine),
        paths=tuple(data or ()),
        options=rule_options.alarm_options(
            false_alarms=false_alarms, clear_after=clear_after, ring_after=ring_after,
            latch=latch, rule=rule, spacing=spacing,
        ),
        by_time=by_time,
        settings=own_settings(config, set_, {}),
    )  # fmt: skip
    console = make_console()
    with shown_events(console, quiet=quiet) as events:
        found = replay_alarms(request, events)
    if format_ is ShortFormat.JSON:
        console.data(alarms_json(found))
    else:
        show_alarms(found, console)
