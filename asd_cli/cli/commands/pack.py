"""`asd pack`."""

from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import ShortFormat
from asd_cli.core.text import counted

_MEGABYTE = 1_000_000


@exits
def pack(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Folders, recordings or URLs.")
    ],
    *,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="NAMES",
            help="Shards, as 'shards/{000000..}.tar'.",
            rich_help_panel=options.WHAT,
        ),
    ],
    shard_mb: Annotated[
        int,
        typer.Option(
            "--shard-mb", min=1, metavar="MB", help="Size of a shard.", rich_help_panel=options.HOW
        ),
    ] = 512,
    flac: Annotated[
        bool,
        typer.Option("--flac", help="Pack 16-bit WAV as FLAC.", rich_help_panel=options.HOW),
    ] = False,
    jobs: options.Jobs = None,
    format_: options.ShortFormatOption = ShortFormat.TEXT,
    quiet: options.Quiet = False,
) -> None:
    """Pack recordings into tar shards.

    Shards are few large files that disks and object stores read fast. Training and scoring read a
    folder of shards as they read the folder that was packed. Shards that are there are kept.
    """
    from asd_cli.cli.progress import shown_events
    from asd_cli.services.pack import PackRequest
    from asd_cli.services.pack import pack as service

    request = PackRequest(
        sources=tuple(paths), output=output, shard_bytes=shard_mb * _MEGABYTE, flac=flac, jobs=jobs
    )
    console = make_console()
    with shown_events(console, quiet=quiet) as events:
        packed = service(request, events)
        events.note(
            f"{counted(packed.files, 'file')} in {counted(len(packed.shards), 'shard')}, "
            f"{len(packed.shards) - packed.written} of them up to date"
        )
    if format_ is ShortFormat.JSON:
        import json

        content = {
            "schema": "asd.pack/1", "files": packed.files, "written": packed.written,
            "shards": [str(path) for path in packed.shards],
        }  # fmt: skip
        console.data(json.dumps(content))
        return
    for path in packed.shards:
        console.data(console.safe(path))
