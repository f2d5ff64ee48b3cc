"""`asd inspect`."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import ShortFormat
from asd_cli.cli.own import own_settings
from asd_cli.cli.session import end


@exits
def inspect(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Folders, recordings, CSV tables.")
    ],
    *,
    clip: Annotated[
        float, typer.Option("--clip", metavar="SECONDS", help="Length of clips.")
    ] = 10.0,
    groups: Annotated[
        str | None,
        typer.Option("--groups", metavar="folders|FILE", help="What belongs together (a day)."),
    ] = None,
    channel: options.ChannelOrMean = None,
    config: options.Config = None,
    set_: options.Set = None,
    jobs: options.Jobs = None,
    format_: options.ShortFormatOption = ShortFormat.TEXT,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="PAGE.html", help="Write a page with sounds."),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Look at recordings: what is there and what is wrong.

    Finds silence, clipping, offsets, unreadable files, copies, changes of gain, operating states,
    and recordings that sound unlike the others. Nothing is written but the cache of features.
    """
    from asd_cli.cli.output.inspection import inspection_json, show_inspection
    from asd_cli.cli.progress import shown_events
    from asd_cli.services import inspect as service

    chosen = options.read_channel(channel)
    request = service.InspectRequest(
        paths=tuple(paths), clip_seconds=clip, groups=groups, jobs=jobs,
        channel="mean" if chosen is None else chosen,
        settings=own_settings(config, set_, {}),
    )  # fmt: skip
    console = make_console()
    with shown_events(console, quiet=quiet) as events:
        found = service.inspect(request, events)
        if report is not None:
            from asd_cli.pipeline.own.inspection_report import write_page

            write_page(found, report, shlex.join(["asd", "inspect", *map(str, paths)]))
            events.note(f"written: {report}")
    if format_ is ShortFormat.JSON:
        console.data(inspection_json(found))
    else:
        show_inspection(found, console)
    end([*found.unreadable, *(r.problem for r in found.recordings if r.problem)])
