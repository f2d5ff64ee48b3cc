"""`asd models`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import Console, make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.help import Command, Group
from asd_cli.cli.options import Format
from asd_cli.cli.output.records import show_records
from asd_cli.cli.output.tables import Cell, Table
from asd_cli.cli.own import length, own_settings

if TYPE_CHECKING:
    from asd_cli.services.models import ModelSummary

app = typer.Typer(
    name="models",
    help="List, show and remove models of own machines.",
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
_SHORT_REASON = 24
MachineName = Annotated[str, typer.Argument(metavar="MACHINE", help="Name of the machine.")]
VersionOption = Annotated[
    int | None, typer.Option("--version", min=1, metavar="N", help="Number of the version.")
]


@app.command("list", cls=Command)
@exits
def list_(
    *,
    config: options.Config = None,
    set_: options.Set = None,
    format_: options.FormatOption = Format.TEXT,
) -> None:
    """List the model in use of each machine."""
    from asd_cli.services.models import list_models

    console = make_console()
    found = list_models(own_settings(config, set_, {}))
    if not found and format_ is Format.TEXT:
        console.out.print("no models yet; train one: asd train --data RECORDINGS --machine NAME")
        return
    _show("Models in use", found, format_, console)


@app.command(cls=Command)
@exits
def show(
    machine: MachineName,
    *,
    config: options.Config = None,
    set_: options.Set = None,
    format_: options.FormatOption = Format.TEXT,
) -> None:
    """Show all versions of a machine's model."""
    from asd_cli.services.models import show_model

    found = show_model(own_settings(config, set_, {}), machine)
    _show(f"Versions of {machine}", found, format_, make_console())


@app.command(cls=Command)
@exits
def remove(
    machine: MachineName,
    *,
    version: VersionOption = None,
    all_: Annotated[bool, typer.Option("--all", help="All versions.")] = False,
    config: options.Config = None,
    set_: options.Set = None,
) -> None:
    """Remove a version, or everything of a machine."""
    from asd_cli.core.errors import UsageError
    from asd_cli.services.models import remove_model

    if all_ == (version is not None):
        raise UsageError(
            "say what to remove", hint=f"asd models remove '{machine}' --version 1, or --all"
        )
    removed = remove_model(own_settings(config, set_, {}), machine, version)
    console = make_console()
    for path in removed:
        console.err.print(f"removed: {console.safe(path)}")


@app.command(cls=Command)
@exits
def rollback(
    machine: MachineName,
    *,
    version: VersionOption = None,
    config: options.Config = None,
    set_: options.Set = None,
) -> None:
    """Use the version before, or one by its number."""
    from asd_cli.services.models import roll_back

    used = roll_back(own_settings(config, set_, {}), machine, version)
    console = make_console()
    console.err.print(console.safe(f"{machine}: version {used.number} is in use: {used.path}"))


def _reason(text: str) -> Cell:
    """Give a reason, which is cut where the terminal is narrow: JSON has all of it."""
    short = text if len(text) <= _SHORT_REASON else f"{text[: _SHORT_REASON - 1]}…"
    return Cell(text, short=short)


def _show(title: str, found: Sequence["ModelSummary"], format_: Format, console: Console) -> None:
    table = Table(
        title=title,
        columns=("machine", "version", "detector", "recordings", "clips", "length", "rate",
                 "at most", "reason"),
        rows=tuple(
            (
                console.safe(model.machine), f"{model.version}{' *' if model.current else ''}",
                model.detector or "unreadable", str(model.recordings), str(model.clips),
                length(model.seconds), f"{model.rate:.2g}", f"{model.bound:.2g}",
                _reason(console.safe(model.problem or model.reason)),
            )
            for model in found
        ),
        left=3,
        secondary=("clips", "length", "recordings", "at most", "rate"),
        notes=("* in use; rate: false alarms asked for; at most: the bound for it (95 %)",),
    )  # fmt: skip
    records = [{**asdict(model), "path": str(model.path)} for model in found]
    show_records(
        records, table, schema="asd.models/1", key="models", format_=format_, console=console
    )
