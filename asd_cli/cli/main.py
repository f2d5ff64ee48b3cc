"""The `asd` command."""

from typing import Annotated

import typer

from asd_cli.cli.registered import RootGroup
from asd_cli.core.version import package_version

app = typer.Typer(
    name="asd",
    cls=RootGroup,
    help="Detect anomalous machine sound when only normal recordings exist.\n\n"
    "Try it: asd demo. Own recordings: asd train --data FOLDER --machine NAME, then asd score "
    "FILES. More: asd help COMMAND.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"asd {package_version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-v", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass
