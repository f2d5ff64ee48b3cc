"""`asd listen`."""

from typing import Annotated

import typer

from asd_cli.cli import alarm_options as rule_options
from asd_cli.cli import monitoring_options as outputs
from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.core.errors import UsageError


@exits
def listen(
    *,
    machine: options.Machines = None,
    model: outputs.ModelFile = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="NAME", help="A sound card or ALSA device.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="ADDRESS", help="A stream, through ffmpeg.")
    ] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="A WAV file on stdin; with --rate raw samples.")
    ] = False,
    rate: Annotated[
        int | None, typer.Option("--rate", min=1, metavar="HZ", help="Rate of raw samples.")
    ] = None,
    channels: Annotated[
        int, typer.Option("--channels", min=1, help="Channels of raw samples.")
    ] = 1,
    encoding: Annotated[
        str, typer.Option("--encoding", metavar="s16|s24|s32|f32", help="Form of raw samples.")
    ] = "s16",
    hop: Annotated[
        float | None, typer.Option("--hop", metavar="SECONDS", help="Time between clips [length].")
    ] = None,
    backlog: Annotated[
        float,
        typer.Option(
            "--backlog",
            min=1.0,
            metavar="SECONDS",
            help="So much sound may wait; older is dropped, and said.",
        ),
    ] = 60.0,
    no_drop: Annotated[
        bool, typer.Option("--no-drop", help="Let the writer of stdin wait instead.")
    ] = False,
    stale_after: Annotated[
        float,
        typer.Option(
            "--stale-after",
            min=1.0,
            metavar="SECONDS",
            help="Without sound for so long, the sensor is at fault.",
        ),
    ] = 60.0,
    false_alarms: rule_options.FalseAlarms = "1/month",
    clear_after: rule_options.ClearAfter = 6,
    ring_after: rule_options.RingAfter = 1,
    latch: rule_options.Latch = False,
    rule: rule_options.Rule = "sum",
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
    """Score sound as it arrives, and raise alarms.

    Streams and devices are read again when they fail, after 1 to 60 s. Nothing leaves this machine
    unless asked for.

    Pipe sound into it (arecord -q -f S16_LE -r 16000), or name a stream or a device.
    """  # fmt: skip
    from asd_cli.cli.output.monitoring import RowPrinter
    from asd_cli.cli.progress import shown_events
    from asd_cli.services import listen as service

    if encoding not in set(service.Encoding):
        raise UsageError(f"{encoding!r} is no form of samples", hint="--encoding s16")
    raw = service.PcmFormat(
        sample_rate=rate, channels=channels, encoding=service.Encoding(encoding)
    ) if rate else None  # fmt: skip
    request = service.ListenRequest(
        monitoring=outputs.monitoring_request(
            machine=machine, model=model, config=config, set_=set_,
            options=rule_options.alarm_options(
                false_alarms=false_alarms, clear_after=clear_after, ring_after=ring_after,
                latch=latch, rule=rule, spacing=None,
            ),
            exec_=exec_, webhook=webhook, mqtt=mqtt, metrics=metrics, page=page, serve=serve,
            stale_after=stale_after,
        ),
        device=device, url=url, stdin=stdin, raw=raw, hop_seconds=hop, backlog_seconds=backlog,
        drop=not no_drop,
    )  # fmt: skip
    console = make_console()
    if print_unit:
        console.data(outputs.unit_text(request.monitoring))
        return
    with shown_events(console, quiet=quiet) as events:
        service.listen(request, events, show=RowPrinter(console, format_))
