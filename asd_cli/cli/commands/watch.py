"""`asd watch`."""

from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import alarm_options as rule_options
from asd_cli.cli import monitoring_options as outputs
from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits


@exits
def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where recordings arrive.")],
    *,
    machine: options.Machines = None,
    model: outputs.ModelFile = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Watch sub-folders too.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Take what is there and end, as for cron.")
    ] = False,
    settle: Annotated[
        float,
        typer.Option(
            "--settle",
            min=0.0,
            metavar="SECONDS",
            help="A file is complete when it has not changed for so long.",
        ),
    ] = 1.0,
    poll: Annotated[
        float, typer.Option("--poll", min=0.05, metavar="SECONDS", help="How often to look.")
    ] = 1.0,
    move_to: Annotated[
        Path | None, typer.Option("--move-to", metavar="FOLDER", help="Move done files there.")
    ] = None,
    keep: Annotated[
        str, typer.Option("--keep", metavar="all|alarms", help="Which of them to keep.")
    ] = "all",
    keep_days: Annotated[
        float | None, typer.Option("--keep-days", help="Remove older ones.")
    ] = None,
    keep_gb: Annotated[
        float | None, typer.Option("--keep-gb", help="Remove the oldest beyond this.")
    ] = None,
    stale_after: Annotated[
        float,
        typer.Option(
            "--stale-after",
            min=1.0,
            metavar="SECONDS",
            help="Without a new file for so long, the sensor is at fault.",
        ),
    ] = 3600.0,
    false_alarms: rule_options.FalseAlarms = "1/month",
    clear_after: rule_options.ClearAfter = 6,
    ring_after: rule_options.RingAfter = 1,
    latch: rule_options.Latch = False,
    rule: rule_options.Rule = "sum",
    spacing: rule_options.Spacing = None,
    exec_: outputs.Exec = None,
    webhook: outputs.Webhook = None,
    mqtt: outputs.Mqtt = None,
    metrics: outputs.Metrics = None,
    page: outputs.Page = None,
    serve: outputs.Serve = None,
    format_: options.LineFormatOption = None,
    print_unit: outputs.PrintUnit = False,
    config: options.Config = None,
    set_: options.Set = None,
    quiet: options.Quiet = False,
) -> None:
    """Watch a folder: score each new file, raise alarms.

    Results, the state of the alarm and what is to be sent are kept in result/own/NAME, so that a
    restart loses and repeats nothing. Nothing leaves this machine unless asked for.
    """  # fmt: skip
    from asd_cli.cli.output.monitoring import RowPrinter
    from asd_cli.cli.progress import shown_events
    from asd_cli.services import watch as service

    request = service.WatchRequest(
        folder=folder,
        monitoring=outputs.monitoring_request(
            machine=machine, model=model, config=config, set_=set_,
            options=rule_options.alarm_options(
                false_alarms=false_alarms, clear_after=clear_after, ring_after=ring_after,
                latch=latch, rule=rule, spacing=spacing,
            ),
            exec_=exec_, webhook=webhook, mqtt=mqtt, metrics=metrics, page=page, serve=serve,
            stale_after=stale_after,
        ),
        recursive=recursive, once=once, settle_seconds=settle, poll_seconds=poll, move_to=move_to,
        retention=service.retention_of(keep, keep_days, keep_gb),
    )  # fmt: skip
    console = make_console()
    if print_unit:
        console.data(outputs.unit_text(request.monitoring, move_to, folder if move_to else None))
        return
    with shown_events(console, quiet=quiet) as events:
        service.watch(request, events, show=RowPrinter(console, format_))
