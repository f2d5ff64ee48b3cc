"""`asd fetch`."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import Console, make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import ShortFormat, load

if TYPE_CHECKING:
    from asd_cli.cli.progress import RichEvents
    from asd_cli.services.fetch import FetchResult
    from asd_cli.settings.model import Settings


class StageOption(StrEnum):
    """What can be fetched."""

    DEV = "dev"
    EVAL_TRAIN = "eval-train"
    EVAL_TEST = "eval-test"
    GROUND_TRUTH = "ground-truth"
    DEMO = "demo"
    ALL = "all"


@exits
def fetch(
    *,
    stage: Annotated[
        list[StageOption],
        typer.Option(
            "--stage",
            "-s",
            metavar="STAGE",
            help="dev, eval-train, eval-test, ground-truth, demo; repeatable.",
        ),
    ],
    machine: options.Machines = None,
    root: Annotated[
        Path, typer.Option("--root", metavar="DIR", help="Folder that holds the data folders.")
    ] = Path(),
    edition: options.Edition = None,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="DIR|URL",
            help="Folder of archives (works offline), or a mirror.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; write nothing.")
    ] = False,
    print_urls: Annotated[
        bool, typer.Option("--print-urls", help="Print the addresses, for aria2c or wget.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Verify installed files byte for byte, offline.")
    ] = False,
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Keep the archives after unpacking.")
    ] = False,
    config: options.Config = None,
    set_: options.Set = None,
    format_: options.ShortFormatOption = ShortFormat.TEXT,
    quiet: options.Quiet = False,
) -> None:
    """Download recordings and labels, verified, and unpack.

    Interrupted transfers are resumed; what is up to date is kept. Your own files are never
    overwritten. The stage demo makes a synthetic set, offline.
    """
    settings = load(config, set_, {"edition": edition}).settings
    console = make_console()
    from asd_cli.cli.progress import shown_events

    stages = tuple(dict.fromkeys(name.value for name in stage))
    with shown_events(console, quiet=quiet) as events:
        if StageOption.DEMO in stages:
            _make_demo_set(settings, root, tuple(machine or ()), events)
            stages = tuple(name for name in stages if name != StageOption.DEMO)
        if not stages:
            return
        from asd_cli.services import fetch as service

        result = service.fetch(
            service.FetchRequest(
                stages=stages,
                machines=tuple(machine or ()),
                root=root,
                dev_directory=settings.dev_directory,
                eval_directory=settings.eval_directory,
                edition=settings.edition,
                origin=origin,
                dry_run=dry_run or print_urls,
                check=check,
                keep_archives=keep_archives,
            ),
            events,
        )
    if print_urls:
        console.data("\n".join(result.urls))
        return
    if format_ is ShortFormat.JSON:
        console.data(json.dumps(_as_json(result), indent=2))
    elif not quiet:
        _show(result, console, dry_run=dry_run)
    if not (quiet or dry_run or check or result.nothing_to_do):
        _show_sources(result, console)


def _make_demo_set(
    settings: "Settings", root: Path, machines: tuple[str, ...], events: "RichEvents"
) -> None:
    from dataclasses import replace

    from asd_cli.core.types import Mode
    from asd_cli.execution.executor import make_executor
    from asd_cli.synthetic.generate import generate
    from asd_cli.synthetic.plan import DEMO_PLAN

    plan = replace(DEMO_PLAN, machines=machines) if machines else DEMO_PLAN
    folders = {Mode.DEV: settings.dev_directory, Mode.EVAL: settings.eval_directory}
    for mode, folder in folders.items():
        made = generate(root / folder, plan, mode=mode, executor=make_executor(None), events=events)
        done = "up to date, nothing to do" if made.up_to_date else f"{made.clips} synthetic clips"
        events.note(f"{made.root}: {done}")


def _as_json(result: "FetchResult") -> dict[str, object]:
    return {
        "schema": "asd.fetch/1",
        "edition": result.edition,
        "nothing_to_do": result.nothing_to_do,
        "total_bytes": result.total_bytes,
        "transfer_bytes": result.transfer_bytes,
        "disk_needed": result.disk_needed,
        "licence": result.licence,
        "citations": list(result.citations),
        "files": [
            {
                "stage": row.stage,
                "machine": row.machine,
                "name": row.name,
                "size": row.size,
                "md5": row.md5,
                "state": str(row.state),
                "verified": row.verified,
                "url": row.url,
                "folder": str(row.folder),
            }
            for row in result.rows
        ],
    }


def _show(result: "FetchResult", console: Console, *, dry_run: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in ("stage", "file", "MB", "state"):
        table.add_column(name, justify="right" if name == "MB" else "left")
    for row in result.rows:
        state = str(row.state) if row.verified else f"{row.state}, without record"
        cells = (row.stage, row.name, f"{row.size / 1e6:,.1f}", state)
        table.add_row(*(Text(console.safe(cell)) for cell in cells))
    console.out.print(table)
    if result.nothing_to_do:
        console.err.print("everything is up to date, nothing to do")
    elif dry_run:
        console.err.print(
            f"{result.transfer_bytes / 1e9:.2f} GB to transfer, {result.disk_needed / 1e9:.2f} GB "
            "of disk needed; nothing was written"
        )


def _show_sources(result: "FetchResult", console: Console) -> None:
    """Print the licence and, in full, what a publication that uses the data has to cite."""
    console.err.print(f"licence: {console.safe(result.licence)}")
    for citation in result.citations:
        console.err.print(f"cite: {console.safe(citation)}")
