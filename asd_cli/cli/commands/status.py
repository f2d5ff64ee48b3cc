"""`asd status`."""

from typing import Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import StatusCode, exits
from asd_cli.cli.options import ShortFormat
from asd_cli.cli.own import own_settings


@exits
def status(
    *,
    machine: options.Machines = None,
    acknowledge: Annotated[
        bool, typer.Option("--acknowledge", help="An alarm was seen: a latched one may end.")
    ] = False,
    shelve: Annotated[
        str | None,
        typer.Option("--shelve", metavar="TIME", help="Announce no alarm for so long: 8h, 0 ends."),
    ] = None,
    config: options.Config = None,
    set_: options.Set = None,
    format_: options.ShortFormatOption = ShortFormat.TEXT,
) -> None:
    """Show how monitored machines are.

    Ends with 0 when all is normal, 10 warning, 11 alarm, 12 sensor at fault, 13 stale: nobody
    listens, or no sound has come. Of several machines the worst counts.
    """
    import json

    from asd_cli.cli.output.monitoring import status_lines
    from asd_cli.services.status import StatusRequest, machine_status

    request = StatusRequest(
        settings=own_settings(config, set_, {}), machines=tuple(machine or ()),
        acknowledge=acknowledge, shelve=shelve,
    )  # fmt: skip
    found = machine_status(request)
    console = make_console()
    if format_ is ShortFormat.JSON:
        documents = [status.document() for status in found]
        console.data(json.dumps({"schema": "asd.status/1", "machines": documents}, indent=2))
    else:
        for one in found:
            for line in status_lines(one):
                console.out.print(console.safe(line), soft_wrap=True)
    code = max(StatusCode[str(one.overall).upper()] for one in found)
    if code:
        raise typer.Exit(code)
