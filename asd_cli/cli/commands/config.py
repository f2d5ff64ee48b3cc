"""`asd config`: show, check and write settings."""

import json
from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.help import Command, Group
from asd_cli.cli.options import ShortFormat, load
from asd_cli.core.errors import UsageError
from asd_cli.core.files import write_text

app = typer.Typer(
    help="Show, check and write settings.",
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command(cls=Command)
@exits
def show(
    config: options.Config = None,
    set_: options.Set = None,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value is from.")] = False,
    format_: options.ShortFormatOption = ShortFormat.TEXT,
) -> None:
    """Print the settings in force."""
    from asd_cli.settings.layers import in_force

    loaded = load(config, set_)
    values = in_force(loaded.settings)
    origins = dict(loaded.origins)
    console = make_console()
    if format_ is ShortFormat.JSON:
        content = {"schema": "asd.config/1", "settings": values, "origins": origins}
        console.data(json.dumps(content, indent=2))
        return
    for key, value in values.items():
        text = f"{key}: {json.dumps(value) if not isinstance(value, str) else value}"
        where = origins.get(key, "default")
        console.data(console.safe(f"{text:<40}  # {where}" if origin else text))


@app.command(cls=Command)
@exits
def validate(
    file: Annotated[Path, typer.Argument(help="Settings file.")] = Path("baseline.yaml"),
) -> None:
    """Check a settings file."""
    load(file, [])
    console = make_console()
    console.data(f"{console.safe(file)}: valid")


@app.command(cls=Command)
@exits
def init(
    file: Annotated[Path, typer.Argument(help="Where to write.")] = Path("baseline.yaml"),
    stdout: Annotated[bool, typer.Option("--stdout", help="Print instead of writing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
) -> None:
    """Write a settings file that explains every setting."""
    from asd_cli.settings.render import render_yaml

    console = make_console()
    if stdout:
        console.data(render_yaml())
        return
    if file.exists() and not force:
        raise UsageError(
            f"{file} is there already", hint="write over it: --force; or print: --stdout"
        )
    write_text(file, render_yaml())
    console.tell_place("written:", file)
